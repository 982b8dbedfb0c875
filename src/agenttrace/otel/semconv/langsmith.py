"""LangSmith's OpenTelemetry mode 0.15: inputs and outputs of any run as one JSON text each."""

from __future__ import annotations

from typing import Final

from agenttrace.otel.semconv.convention import (
    AGENT,
    CHAIN,
    EMBEDDINGS,
    PROMPT,
    RETRIEVE,
    TOOL,
    Convention,
    Evidence,
    Source,
    named,
    table,
)

__all__ = ["LANGSMITH"]

#: langsmith.span.kind; the operation name beside it calls retrievers embeddings and templates chats.
_SPAN_KINDS: Final = {
    "llm": PROMPT,
    "tool": TOOL,
    "retriever": RETRIEVE,
    "chain": CHAIN,
    "agent": AGENT,
    "embedding": EMBEDDINGS._replace(run_type="embedding"),
    "parser": named("parser"),
    "prompt": named("prompt_template"),
}

_INPUT = Source("gen_ai.prompt", "wrapped")
_OUTPUT = Source("gen_ai.completion", "wrapped")

LANGSMITH: Final = Convention(
    name="LangSmith",
    evidence=(Evidence(2, "langsmith.span.kind", _SPAN_KINDS, keeps_name=True),),
    fields=table(
        tool_name="langsmith.trace.name",
        tool_input=_INPUT,
        tool_output=_OUTPUT,
        query=_INPUT,
        documents=_OUTPUT,
        input_messages="gen_ai.prompt",
        output_messages="gen_ai.completion",
        tools="gen_ai.prompt",
        input=_INPUT,
        output=_OUTPUT,
        # The name of a run, as everything has one.
        entity_name="langsmith.trace.name",
    ),
    usage=table(
        cache_read_tokens=Source("gen_ai.usage.input_token_details", path="cache_read"),
        cache_write_tokens=Source("gen_ai.usage.input_token_details", path="cache_creation"),
        reasoning_tokens=Source("gen_ai.usage.output_token_details", path="reasoning"),
    ),
    chunks=frozenset({"new_token"}),
    metadata=("langsmith.metadata.",),
)
