"""The Vercel AI SDK up to 6, over OTLP. Version 7 follows OpenTelemetry's conventions."""

from __future__ import annotations

from typing import Final

from agenttrace.otel.semconv.convention import (
    AGENT,
    EMBEDDINGS,
    PROMPT,
    RERANK,
    TOOL,
    Convention,
    Evidence,
    Source,
    table,
)

__all__ = ["VERCEL"]

#: ai.operationId, behind its last dot: "ai.generateText", and within it "ai.generateText.doGenerate".
_OPERATIONS: Final = {
    "generatetext": AGENT,
    "streamtext": AGENT,
    "generateobject": AGENT,
    "streamobject": AGENT,
    "dogenerate": PROMPT,
    "dostream": PROMPT,
    "toolcall": TOOL,
    "embed": EMBEDDINGS,
    "embedmany": EMBEDDINGS,
    "doembed": EMBEDDINGS,
    "rerank": RERANK,
    "dorerank": RERANK,
}

VERCEL: Final = Convention(
    name="Vercel AI SDK",
    evidence=(Evidence(7, "ai.operationId", _OPERATIONS, last=True, keeps_name=True),),
    fields=table(
        tool_name="ai.toolCall.name",
        tool_call_id="ai.toolCall.id",
        tool_input=("ai.toolCall.args", "ai.toolCall.input"),
        tool_result=("ai.toolCall.result", "ai.toolCall.output"),
        input_messages=("ai.prompt.messages", "ai.prompt"),
        output_text=(
            Source("ai.response.text", "text"),
            Source("ai.result.text", "text"),
            Source("ai.response.object", "text"),
            Source("ai.result.object", "text"),
        ),
        output_reasoning=(Source("ai.response.reasoning", "text"), Source("ai.result.reasoning", "text")),
        output_calls=("ai.response.toolCalls", "ai.result.toolCalls"),
        tools="ai.prompt.tools",
        model=("ai.response.model", "ai.model.id"),
        provider="ai.model.provider",
        response_id="ai.response.id",
        finish_reasons=("ai.response.finishReason", "ai.finishReason"),
        agent_name="ai.telemetry.functionId",
        time_to_first_token=(
            Source("ai.response.msToFirstChunk", scale=0.001),
            Source("ai.stream.msToFirstChunk", scale=0.001),
        ),
        input=("ai.prompt", "ai.value", "ai.values"),
        output=("ai.embedding", "ai.embeddings"),
    ),
    usage=table(
        input_tokens=("ai.usage.inputTokens", "ai.usage.promptTokens"),
        output_tokens=("ai.usage.outputTokens", "ai.usage.completionTokens"),
        total_tokens="ai.usage.totalTokens",
        cache_read_tokens="ai.usage.cachedInputTokens",
        reasoning_tokens="ai.usage.reasoningTokens",
    ),
    metadata=("ai.telemetry.metadata.",),
)
