"""OpenTelemetry's conventions for generative AI (semantic-conventions-genai, schema 1.37 and later), and the older
forms up to 1.36, which kept messages in log records or span events. Instrumentations with nothing of their own beyond
these need no table: the opentelemetry-instrumentation-genai-* packages, openai-v2, Microsoft's agent framework, the
Vercel AI SDK 7 and MCP.
"""

from __future__ import annotations

from typing import Final

from agenttrace.otel.semconv.convention import (
    AGENT,
    EMBEDDINGS,
    MEMORY,
    PROMPT,
    RETRIEVE,
    TOOL,
    Convention,
    Evidence,
    Source,
    named,
    table,
)

__all__ = ["GEN_AI", "OPERATIONS"]

#: gen_ai.operation.name.
OPERATIONS: Final = {
    "chat": PROMPT,
    "generate_content": PROMPT,
    "text_completion": PROMPT,
    "invoke_agent": AGENT,
    "invoke_workflow": AGENT,
    "execute_tool": TOOL,
    "retrieval": RETRIEVE,
    "search_memory": MEMORY,
    "embeddings": EMBEDDINGS,
    **{
        name: named(name)
        for name in (
            "create_agent",
            "create_memory",
            "create_memory_store",
            "delete_memory",
            "delete_memory_store",
            "fetch_response",
            "plan",
            "update_memory",
            "upsert_memory",
        )
    },
}

GEN_AI: Final = Convention(
    name="OpenTelemetry GenAI",
    evidence=(Evidence(4, "gen_ai.operation.name", OPERATIONS, keeps_name=True),),
    fields=table(
        tool_name="gen_ai.tool.name",
        tool_call_id="gen_ai.tool.call.id",
        tool_input="gen_ai.tool.call.arguments",
        tool_result="gen_ai.tool.call.result",
        query=("gen_ai.retrieval.query.text", "gen_ai.memory.query.text", "gen_ai.memory.query"),
        documents=("gen_ai.retrieval.documents", "gen_ai.memory.records"),
        system="gen_ai.system_instructions",
        input_messages=Source("gen_ai.input.messages", "strict"),
        output_messages=Source("gen_ai.output.messages", "strict"),
        tools="gen_ai.tool.definitions",
        model=("gen_ai.response.model", "gen_ai.request.model"),
        provider=("gen_ai.provider.name", "gen_ai.system"),
        response_id="gen_ai.response.id",
        finish_reasons=(
            "gen_ai.response.finish_reasons",
            "gen_ai.response.finish_reason",
            "anthropic.message.stop_reason",  # of the client's own instrumentation
        ),
        agent_name=("gen_ai.agent.name", "gen_ai.workflow.name"),
        prompt_type="gen_ai.prompt.name",
        time_to_first_token=("gen_ai.response.time_to_first_chunk", "gen_ai.client.operation.time_to_first_chunk"),
        error_type="error.type",
        mcp_method="mcp.method.name",
    ),
    usage=table(
        input_tokens=("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        output_tokens=("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        total_tokens="gen_ai.usage.total_tokens",
        cache_read_tokens=("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"),
        cache_write_tokens=(
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
            "gen_ai.usage.cache_write_input_tokens",
            "gen_ai.usage.cache_write.input_tokens",
        ),
        reasoning_tokens=("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
    ),
    ids=table(conversation_id="gen_ai.conversation.id", session_id="gen_ai.conversation.id"),
    messages={
        "gen_ai.system.message": "system",
        "gen_ai.user.message": "user",
        "gen_ai.assistant.message": "assistant",
        "gen_ai.tool.message": "tool",
        "gen_ai.choice": "output",
    },
    bodies=("gen_ai.event.content",),
    details=frozenset(
        {
            "gen_ai.client.inference.operation.details",
            "gen_ai.content.prompt",
            "gen_ai.content.completion",
        }
    ),
)
