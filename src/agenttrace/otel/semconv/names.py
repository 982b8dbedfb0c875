"""The way back: content of runs -> attributes of spans that leave, as OpenTelemetry's current names or OpenInference's.

Data, read by `otel.names`. What has no name in either goes under `agenttrace.`.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

__all__ = ["GEN_AI_NAMES", "OPENINFERENCE_NAMES", "Name", "Names"]


class Name(NamedTuple):
    """The attribute of a content key, and how the value is written.

    how:  text      only text, as it is
          number    only a number
          json      as JSON text
          parts     text as a list of one text part
          given     messages or text, as messages that a model or an agent was given
          said      text, as a message that it said
          tools     names as definitions of tools
          flat      messages as numbered attributes; `flat_said`, `flat_documents`, `flat_tools` likewise
    """

    key: str
    attribute: str
    how: Literal[
        "text",
        "number",
        "json",
        "parts",
        "given",
        "said",
        "tools",
        "flat",
        "flat_said",
        "flat_documents",
        "flat_tools",
    ]


class Names(NamedTuple):
    """The names of one convention. `kind_values` has run type -> value of the attribute `kind`."""

    kind: str
    kind_values: dict[str, str]
    content: dict[str, tuple[Name, ...]]
    usage: dict[str, str]
    ids: dict[str, str]
    agent: str
    provider: str
    #: Attributes that say that an input or an output is JSON.
    mime: dict[str, str]


_TURN = (Name("input", "gen_ai.input.messages", "given"), Name("output", "gen_ai.output.messages", "said"))

GEN_AI_NAMES: Final = Names(
    kind="gen_ai.operation.name",
    kind_values={
        "prompt": "chat",
        "tool_call": "execute_tool",
        "context": "retrieval",
        "master": "invoke_agent",
        "agent": "invoke_agent",
    },
    content={
        "prompt": (
            Name("system_prompt", "gen_ai.system_instructions", "parts"),
            Name("history", "gen_ai.input.messages", "given"),
            Name("llm_response", "gen_ai.output.messages", "said"),
            Name("llm_model", "gen_ai.request.model", "text"),
            Name("llm_model", "gen_ai.response.model", "text"),
            Name("tool_names", "gen_ai.tool.definitions", "tools"),
            Name("time_to_first_token", "gen_ai.response.time_to_first_chunk", "number"),
        ),
        "tool_call": (
            Name("tool_name", "gen_ai.tool.name", "text"),
            Name("tool_call_id", "gen_ai.tool.call.id", "text"),
            Name("input", "gen_ai.tool.call.arguments", "json"),
            Name("output", "gen_ai.tool.call.result", "json"),
        ),
        "context": (
            Name("query", "gen_ai.retrieval.query.text", "text"),
            Name("documents", "gen_ai.retrieval.documents", "json"),
        ),
        "master": _TURN,
        "agent": _TURN,
    },
    usage={
        "input_tokens": "gen_ai.usage.input_tokens",
        "output_tokens": "gen_ai.usage.output_tokens",
        "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
        "cache_write_tokens": "gen_ai.usage.cache_creation.input_tokens",
        "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
    },
    ids={"conversation_id": "gen_ai.conversation.id", "session_id": "session.id", "user_id": "user.id"},
    agent="gen_ai.agent.name",
    provider="gen_ai.provider.name",
    mime={},
)

_VALUES = (Name("input", "input.value", "json"), Name("output", "output.value", "json"))

OPENINFERENCE_NAMES: Final = Names(
    kind="openinference.span.kind",
    kind_values={
        "prompt": "LLM",
        "tool_call": "TOOL",
        "context": "RETRIEVER",
        "master": "AGENT",
        "agent": "AGENT",
        "embeddings": "EMBEDDING",
    },
    content={
        "prompt": (
            Name("history", "llm.input_messages", "flat"),
            Name("llm_response", "llm.output_messages", "flat_said"),
            Name("llm_model", "llm.model_name", "text"),
            Name("tool_names", "llm.tools", "flat_tools"),
        ),
        "tool_call": (Name("tool_name", "tool.name", "text"), Name("tool_call_id", "tool.id", "text"), *_VALUES),
        "context": (
            Name("query", "input.value", "json"),
            Name("documents", "retrieval.documents", "flat_documents"),
        ),
        "": _VALUES,
    },
    usage={
        "input_tokens": "llm.token_count.prompt",
        "output_tokens": "llm.token_count.completion",
        "total_tokens": "llm.token_count.total",
        "cache_read_tokens": "llm.token_count.prompt_details.cache_read",
        "cache_write_tokens": "llm.token_count.prompt_details.cache_write",
        "reasoning_tokens": "llm.token_count.completion_details.reasoning",
    },
    ids={"session_id": "session.id", "user_id": "user.id"},
    agent="agent.name",
    provider="llm.provider",
    mime={"input.value": "input.mime_type", "output.value": "output.mime_type"},
)
