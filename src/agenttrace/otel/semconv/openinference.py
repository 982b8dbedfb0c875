"""OpenInference (openinference-semantic-conventions 0.1.42): Arize's instrumentations of clients and frameworks."""

from __future__ import annotations

from typing import Final

from agenttrace.otel.semconv.convention import (
    AGENT,
    CHAIN,
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

__all__ = ["OPENINFERENCE", "SPAN_KINDS"]

#: openinference.span.kind. A PROMPT is the rendering of a template and calls no model.
SPAN_KINDS: Final = {
    "llm": PROMPT,
    "agent": AGENT,
    "tool": TOOL,
    "retriever": RETRIEVE,
    "reranker": RERANK,
    "chain": CHAIN,
    "embedding": EMBEDDINGS._replace(run_type="embedding"),
    "guardrail": named("guardrail"),
    "evaluator": named("evaluator"),
    "prompt": named("prompt_template"),
}

_INPUT = Source("input.value", mime="input.mime_type")
_OUTPUT = Source("output.value", mime="output.mime_type")

OPENINFERENCE: Final = Convention(
    name="OpenInference",
    evidence=(Evidence(3, "openinference.span.kind", SPAN_KINDS, last=True, keeps_name=True),),
    fields=table(
        tool_name=("tool.name", "tool_call.function.name"),
        tool_call_id=("tool_call.id", "tool.id"),
        tool_input="tool_call.function.arguments",
        #: A schema in one emitter and arguments in another: used where nothing better is known and it is no schema.
        tool_parameters="tool.parameters",
        query=(Source("reranker.query", "text"), _INPUT),
        documents=(
            Source("retrieval.documents", "flat"),
            Source("reranker.output_documents", "flat"),
            "retrieval.documents",
            _OUTPUT,
        ),
        input_messages=(Source("llm.input_messages", "flat"), Source("llm.prompts", "flat"), "llm.prompts"),
        output_messages=(Source("llm.output_messages", "flat"), Source("llm.choices", "flat")),
        tools=(Source("llm.tools", "flat"), "llm.invocation_parameters"),
        model=(
            "llm.response.model_name",
            "llm.model_name",
            "embedding.model_name",
            "reranker.model_name",
            "llm.request.model_name",
            Source("llm.invocation_parameters", path="model"),
        ),
        provider=("llm.provider", "llm.system"),
        response_id=Source("output.value", path="id"),
        finish_reasons="llm.finish_reason",
        agent_name="agent.name",
        input=_INPUT,
        output=_OUTPUT,
    ),
    usage=table(
        input_tokens="llm.token_count.prompt",
        output_tokens="llm.token_count.completion",
        total_tokens="llm.token_count.total",
        cache_read_tokens="llm.token_count.prompt_details.cache_read",
        cache_write_tokens="llm.token_count.prompt_details.cache_write",
        reasoning_tokens="llm.token_count.completion_details.reasoning",
    ),
    ids=table(session_id="session.id", user_id=("user.id", "enduser.id")),
    metadata_objects=("metadata",),
    chunks=frozenset({"First Token Stream Event"}),
    kept=frozenset({"llm.invocation_parameters"}),
    noise=("embedding.embeddings.",),
)
