"""What agenttrace itself writes into spans that leave, beyond OpenTelemetry's names, so that they come back whole."""

from __future__ import annotations

from typing import Final

from agenttrace.model.wire import SCOPE_IDS
from agenttrace.otel.semconv.convention import AGENT, CHAIN, PROMPT, RETRIEVE, TOOL, Convention, Evidence, table

__all__ = ["ATTRIBUTES", "CONTENT", "ERROR", "FIXED", "NAME", "OWN", "OWN_TYPES", "PREFIX", "RUN_TYPE", "THINKING"]

PREFIX: Final = "agenttrace."
RUN_TYPE: Final = PREFIX + "run_type"
NAME: Final = PREFIX + "name"
#: Begins a content key; the value is JSON.
CONTENT: Final = PREFIX + "content."
#: The free attributes of a run, as one JSON object.
ATTRIBUTES: Final = PREFIX + "attributes"
#: The error of a run as one JSON object, where OpenTelemetry's names cannot say it.
ERROR: Final = PREFIX + "error"
#: The name of the span event of a thought.
THINKING: Final = PREFIX + "thinking"

#: Marks kinds that are what they are, whatever stands above and below them.
FIXED: Final = "fixed"

#: Run types that a user may give, and what they mean in a tree; any other is a name of its own.
OWN_TYPES: Final = {
    "prompt": PROMPT,
    "tool_call": TOOL,
    "context": RETRIEVE,
    "agent": AGENT._replace(sub=FIXED),
    "chain": CHAIN._replace(sub=FIXED),
    "master": AGENT._replace(run_type="master", sub=FIXED),
}

OWN: Final = Convention(
    name="agenttrace",
    evidence=(Evidence(0, RUN_TYPE, OWN_TYPES, keeps_name=True),),
    fields=table(name=NAME, prompt_type=PREFIX + "prompt_type", state_name=PREFIX + "state_name"),
    ids=table(**{name: PREFIX + name for name in SCOPE_IDS if name != "workspace_id"}),
)
