"""pydantic-ai 2.68 and Logfire 5: what they say beyond OpenTelemetry's conventions, older data formats included."""

from __future__ import annotations

from typing import Final

from agenttrace.otel.semconv.convention import Convention, Source, table

__all__ = ["PYDANTIC_AI"]

PYDANTIC_AI: Final = Convention(
    name="pydantic-ai, Logfire",
    fields=table(
        tool_input="tool_arguments",
        tool_result="tool_response",
        all_messages=Source("pydantic_ai.all_messages", "strict"),
        new_message_index="pydantic_ai.new_message_index",
        final_output="final_result",
        input_messages="request_data",
        output_messages="response_data",
        tools="model_request_parameters",
        model="model_name",
        agent_name="agent_name",
        # The name of a span is a template for it.
        title="logfire.msg",
    ),
    usage=table(
        total_tokens=Source("gen_ai.usage.raw", path="total_tokens"),
        cache_read_tokens=(
            Source("gen_ai.usage.raw", path="prompt_tokens_details.cached_tokens"),
            Source("gen_ai.usage.raw", path="input_tokens_details.cached_tokens"),
            Source("gen_ai.usage.raw", path="cache_read_input_tokens"),
        ),
        cache_write_tokens=Source("gen_ai.usage.raw", path="cache_creation_input_tokens"),
        reasoning_tokens=(
            "gen_ai.usage.details.reasoning_tokens",
            Source("gen_ai.usage.raw", path="completion_tokens_details.reasoning_tokens"),
            Source("gen_ai.usage.raw", path="output_tokens_details.reasoning_tokens"),
        ),
    ),
    repeats={"logfire.span_type": "pending_span"},
    message_lists=("events", "all_messages_events"),
    noise=("logfire.",),
)
