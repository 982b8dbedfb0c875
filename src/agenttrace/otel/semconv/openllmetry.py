"""OpenLLMetry 0.62 (Traceloop), and its legacy forms up to 0.61 with numbered prompts and completions."""

from __future__ import annotations

from typing import Final

from agenttrace.otel.semconv.convention import (
    AGENT,
    EMBEDDINGS,
    PROMPT,
    RERANK,
    RETRIEVE,
    TOOL,
    Convention,
    Evidence,
    Source,
    named,
    table,
)

__all__ = ["OPENLLMETRY"]

_SPAN_KINDS: Final = {"workflow": AGENT, "agent": AGENT, "tool": TOOL, "task": named("task")}
_REQUEST_TYPES: Final = {"chat": PROMPT, "completion": PROMPT, "embedding": EMBEDDINGS, "rerank": RERANK}

OPENLLMETRY: Final = Convention(
    name="OpenLLMetry",
    evidence=(
        Evidence(4, "gen_ai.operation.name", {"vector_db_retrieve": RETRIEVE}),
        Evidence(5, "traceloop.span.kind", _SPAN_KINDS, keeps_name=True),
        Evidence(6, "llm.request.type", _REQUEST_TYPES, keeps_name=True),
        Evidence(9, "gen_ai.prompt", {}, present=PROMPT, flat=True),
        Evidence(9, "gen_ai.completion", {}, present=PROMPT, flat=True),
    ),
    fields=table(
        tool_name="traceloop.entity.name",
        tool_input=("traceloop.entity.input", "mcp.request.argument"),
        tool_output=("traceloop.entity.output", "mcp.response.value"),
        query=("traceloop.entity.input", "gen_ai.task.input"),
        documents=("traceloop.entity.output", "gen_ai.task.output"),
        input_messages=Source("gen_ai.prompt", "flat"),
        output_messages=Source("gen_ai.completion", "flat"),
        tools=Source("llm.request.functions", "flat"),
        entity_name="traceloop.entity.name",
        finish_reasons=("llm.response.finish_reason", "llm.response.stop_reason", "gen_ai.response.stop_reason"),
        input=("traceloop.entity.input", "gen_ai.task.input"),
        output=("traceloop.entity.output", "gen_ai.task.output"),
    ),
    usage=table(
        input_tokens="llm.usage.prompt_tokens",
        output_tokens="llm.usage.completion_tokens",
        total_tokens="llm.usage.total_tokens",
        reasoning_tokens="llm.usage.reasoning_tokens",
    ),
    ids=table(user_id=("gen_ai.user", "llm.user")),
    metadata=("traceloop.association.properties.",),
    chunks=frozenset({"gen_ai.content.completion.chunk", "llm.content.completion.chunk"}),
    value_events={
        "db.query.result": ("documents", "db.query.result."),
        "db.search.result": ("documents", "db.search.result."),
    },
    noise=("llm.headers", "gen_ai.headers"),
)
