"""The openai-agents SDK 0.24 as its own tracing describes itself: attributes that `otel.translate` writes."""

from __future__ import annotations

from typing import Final

from agenttrace.otel.semconv.convention import AGENT, PROMPT, TOOL, Convention, Evidence, table

__all__ = ["ID_PREFIXES", "OPENAI_AGENTS", "PREFIX", "SCOPE"]

#: The name of the instrumentation scope that its spans get.
SCOPE: Final = "openai_agents"

#: What its ids begin with, before their hexadecimal digits.
ID_PREFIXES: Final = ("trace_", "span_")

#: Begins the attributes that stand for the fields of a span's data.
PREFIX: Final = "openai_agents."

_TYPES: Final = {"agent": AGENT, "function": TOOL, "generation": PROMPT, "response": PROMPT}

OPENAI_AGENTS: Final = Convention(
    name="openai-agents",
    evidence=(Evidence(1, PREFIX + "type", _TYPES, keeps_name=True),),
    fields=table(
        tool_name=PREFIX + "name",
        tool_input=PREFIX + "input",
        tool_result=PREFIX + "output",
        system=(PREFIX + "response.instructions", PREFIX + "instructions"),
        input_messages=PREFIX + "input",
        output_messages=(PREFIX + "response.output", PREFIX + "output"),
        tools=(PREFIX + "response.tools", PREFIX + "tools"),
        model=(PREFIX + "response.model", PREFIX + "model"),
        response_id=(PREFIX + "response_id", PREFIX + "response.id"),
        entity_name=PREFIX + "name",
        input=PREFIX + "input",
        output=PREFIX + "output",
    ),
    usage=table(
        input_tokens=(PREFIX + "usage.input_tokens", PREFIX + "usage.prompt_tokens"),
        output_tokens=(PREFIX + "usage.output_tokens", PREFIX + "usage.completion_tokens"),
        total_tokens=PREFIX + "usage.total_tokens",
        cache_read_tokens=PREFIX + "usage.input_tokens_details.cached_tokens",
        cache_write_tokens=PREFIX + "usage.input_tokens_details.cache_write_tokens",
        reasoning_tokens=PREFIX + "usage.output_tokens_details.reasoning_tokens",
    ),
    ids=table(session_id=PREFIX + "group_id"),
    metadata=(PREFIX + "metadata.",),
    noise=(PREFIX + "response.",),
)
