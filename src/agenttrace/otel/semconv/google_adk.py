"""Google ADK 2.13: its legacy schema, in which whole requests and responses are JSON in attributes of its own."""

from __future__ import annotations

from typing import Final

from agenttrace.otel.semconv.convention import PROMPT, Convention, Evidence, table

__all__ = ["GOOGLE_ADK"]

_REQUEST = "gcp.vertex.agent.llm_request"
_RESPONSE = "gcp.vertex.agent.llm_response"

GOOGLE_ADK: Final = Convention(
    name="Google ADK",
    # Without content the request is "{}", and still it is one. Tools have it too, after a known operation.
    evidence=(Evidence(8, _REQUEST, {}, present=PROMPT),),
    fields=table(
        tool_input="gcp.vertex.agent.tool_call_args",
        tool_result="gcp.vertex.agent.tool_response",
        input_messages=_REQUEST,
        output_messages=_RESPONSE,
        tools=_REQUEST,
    ),
    ids=table(session_id="gcp.vertex.agent.session_id"),
)
