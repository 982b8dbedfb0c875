"""Emitters of which no capture is at hand, as their source writes spans: each row of docs/semconv.md, old forms too."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.otel.derive_cases import log, parents, run_of, runs_of, span, types

ASKED = [{"role": "user", "parts": [{"type": "text", "content": "height of K2?"}]}]
CALL = {"type": "tool_call", "id": "c1", "name": "look_up", "arguments": {"peak": "K2"}}
SAID = [
    {"role": "assistant", "parts": [{"type": "reasoning", "content": "A fact."}, CALL], "finish_reason": "tool_call"}
]


def text(value: Any) -> str:
    return json.dumps(value)


# -- OpenTelemetry ---------------------------------------------------------------------------------------------------


def test_current_opentelemetry_prompt() -> None:
    """A chat of the GenAI utilities fills the whole prompt log."""
    run = run_of(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "acme",
            "gen_ai.request.model": "m-small",
            "gen_ai.response.model": "m-small-0926",
            "gen_ai.response.id": "r-1",
            "gen_ai.response.finish_reasons": ["tool_call"],
            "gen_ai.conversation.id": "conv-1",
            "gen_ai.system_instructions": text([{"type": "text", "content": "Be brief."}]),
            "gen_ai.input.messages": text(ASKED),
            "gen_ai.output.messages": text(SAID),
            "gen_ai.tool.definitions": text([{"type": "function", "name": "look_up", "parameters": {}}]),
            "gen_ai.usage.input_tokens": 9,
            "gen_ai.usage.output_tokens": 4,
            "gen_ai.usage.cache_read.input_tokens": 2,
            "gen_ai.usage.reasoning.output_tokens": 3,
            "gen_ai.response.time_to_first_chunk": 0.25,
        }
    )
    assert run.run_type == "prompt"
    assert run.content == {
        "system_prompt": "Be brief.",
        "history": [{"role": "user", "content": "height of K2?"}],
        "full_prompt": "system: Be brief.\n\nuser: height of K2?",
        "llm_model": "m-small-0926",
        "action": "look_up",
        "tool_names": ["look_up"],
        "usage": {"input_tokens": 9, "output_tokens": 4, "cache_read_tokens": 2, "reasoning_tokens": 3},
        "time_to_first_token": 0.25,
    }
    assert run.provider == "acme"
    assert run.scope_ids == {"conversation_id": "conv-1", "session_id": "conv-1"}
    assert run.attributes["finish_reasons"] == ["tool_call"]


def test_current_opentelemetry_content_in_an_event() -> None:
    """Content that is captured in the operation's details, as an event or a log record, is read like attributes."""
    details = {
        "gen_ai.system_instructions": text([{"type": "text", "content": "Be brief."}]),
        "gen_ai.input.messages": text(ASKED),
        "gen_ai.output.messages": text([{"role": "assistant", "parts": [{"type": "text", "content": "8,611 m"}]}]),
    }
    name = "gen_ai.client.inference.operation.details"
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    by_event = run_of(attributes, events=[{"name": name, "time": 1, "attributes": details}])
    by_log = run_of(attributes, logs=[log(1, name, None, **details)])
    assert by_event.content == by_log.content
    assert by_log.content["system_prompt"] == "Be brief."
    assert by_log.content["llm_response"] == "8,611 m"


def test_current_opentelemetry_log_with_native_values() -> None:
    """The details of a log record may be lists and objects instead of JSON."""
    run = run_of(
        {"gen_ai.operation.name": "generate_content"},
        logs=[log(1, "gen_ai.client.inference.operation.details", None, **{"gen_ai.input.messages": ASKED})],
    )
    assert run.content["history"] == [{"role": "user", "content": "height of K2?"}]


def test_current_opentelemetry_agent_tool_and_retrieval() -> None:
    """Agent, tool and retrieval spans become a master, a tool call and a context with their content."""
    runs = runs_of(
        span(
            1,
            None,
            {
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.agent.name": "guide",
                "gen_ai.input.messages": text(ASKED),
                "gen_ai.output.messages": text(
                    [{"role": "assistant", "parts": [{"type": "text", "content": "8,611"}]}]
                ),
            },
        ),
        span(
            2,
            1,
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "look_up",
                "gen_ai.tool.call.id": "c1",
                "gen_ai.tool.call.arguments": text({"peak": "K2"}),
                "gen_ai.tool.call.result": text({"m": 8611}),
                "gen_ai.agent.name": "guide",
            },
        ),
        span(
            3,
            1,
            {
                "gen_ai.operation.name": "retrieval",
                "gen_ai.retrieval.query.text": "K2",
                "gen_ai.retrieval.documents": text([{"id": "d1", "score": 0.5}]),
            },
        ),
    )
    assert types(runs) == {1: "master", 2: "tool_call", 3: "context"}
    assert runs[1].content == {"input": "height of K2?", "output": "8,611"}
    assert runs[2].content == {
        "tool_name": "look_up",
        "tool_call_id": "c1",
        "input": {"peak": "K2"},
        "output": {"m": 8611},
    }
    assert runs[3].content == {"query": "K2", "documents": [{"id": "d1", "score": 0.5}]}
    assert (runs[1].name, runs[2].name) == ("guide", "look_up")


@pytest.mark.parametrize(
    ("operation", "run_type"),
    [
        ("text_completion", "prompt"),
        ("invoke_workflow", "master"),
        ("search_memory", "context"),
        ("embeddings", "embeddings"),
        ("plan", "plan"),
        ("create_agent", "create_agent"),
        ("upsert_memory", "upsert_memory"),
        ("brew_coffee", "brew_coffee"),
        ("memory.forget", "memory_forget"),
        ("CHAT", "prompt"),
    ],
)
def test_operations(operation: str, run_type: str) -> None:
    """Known operations have their run type, others keep their own name as a word."""
    assert run_of({"gen_ai.operation.name": operation}).run_type == run_type


def test_older_opentelemetry_logs() -> None:
    """Messages in log records are joined by the span's id; the system is the provider."""
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"peak": "K2"}'}}
    run = run_of(
        {"gen_ai.operation.name": "chat", "gen_ai.system": "acme", "gen_ai.request.model": "m"},
        logs=[
            log(1, "gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"content": "8,611 m"}}, 1009),
            log(1, "gen_ai.system.message", {"content": "Be brief."}, 1001),
            log(1, "gen_ai.user.message", {"content": "height of K2?"}, 1002),
            log(1, "gen_ai.assistant.message", {"tool_calls": [call]}, 1003),
            log(1, "gen_ai.tool.message", {"id": "c1", "content": "8611"}, 1004),
            log(2, "gen_ai.user.message", {"content": "of another span"}, 1002),
        ],
    )
    assert run.content["system_prompt"] == "Be brief."
    assert run.content["history"] == [
        {"role": "user", "content": "height of K2?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "name": "look_up", "arguments": {"peak": "K2"}}],
        },
        {"role": "tool", "content": "8611", "tool_call_id": "c1"},
    ]
    assert run.content["llm_response"] == "8,611 m"
    assert run.provider == "acme"


def test_older_opentelemetry_log_whose_name_is_an_attribute() -> None:
    """Before events had names of their own, `event.name` was an attribute; a body may be JSON text."""
    record = log(1, "", text({"content": "hi"}))
    record.attributes["event.name"] = "gen_ai.user.message"
    assert run_of({"gen_ai.operation.name": "chat"}, logs=[record]).content["full_prompt"] == "hi"


# -- Strands ---------------------------------------------------------------------------------------------------------


def test_strands_with_the_latest_conventions() -> None:
    """With its opt-in, messages stand in events of the operation's details, the tool's result in Bedrock blocks."""
    name = "gen_ai.client.inference.operation.details"
    blocks = [{"json": {"m": 8611}}]
    arguments = {"type": "tool_call", "name": "look_up", "id": "c1", "arguments": {"peak": "K2"}}
    response = {"type": "tool_call_response", "id": "c1", "response": blocks}
    run = run_of(
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look_up", "session.id": "s-1", "user.id": "u-1"},
        events=[
            {
                "name": name,
                "time": 1,
                "attributes": {"gen_ai.input.messages": text([{"role": "tool", "parts": [arguments]}])},
            },
            {
                "name": name,
                "time": 2,
                "attributes": {"gen_ai.output.messages": text([{"role": "tool", "parts": [response]}])},
            },
        ],
    )
    assert (run.content["input"], run.content["output"]) == ({"peak": "K2"}, {"m": 8611})
    assert run.scope_ids == {"session_id": "s-1", "user_id": "u-1"}


def test_strands_memory_search() -> None:
    """A search of its memory is a retrieval, whose query and results are events."""
    run = run_of(
        {"gen_ai.operation.name": "memory.search"},
        events=[
            {"name": "memory.query", "time": 1, "attributes": {"content": "tea or coffee"}},
            {"name": "memory.results", "time": 2, "attributes": {"content": text([{"content": "Likes tea."}])}},
        ],
    )
    assert run.run_type == "context"
    assert run.content == {"query": "tea or coffee", "documents": [{"content": "Likes tea."}]}


# -- OpenInference ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "run_type"),
    [
        ("LLM", "prompt"),
        ("AGENT", "master"),
        ("TOOL", "tool_call"),
        ("RETRIEVER", "context"),
        ("RERANKER", "context"),
        ("CHAIN", "chain"),
        ("EMBEDDING", "embedding"),
        ("GUARDRAIL", "guardrail"),
        ("EVALUATOR", "evaluator"),
        ("PROMPT", "prompt_template"),
        ("NEW_THING", "new_thing"),
        ("OpenInferenceSpanKindValues.TOOL", "tool_call"),
    ],
)
def test_openinference_kinds(kind: str, run_type: str) -> None:
    """Each span kind has its run type; a template is no prompt."""
    assert run_of({"openinference.span.kind": kind}).run_type == run_type


def test_openinference_retriever_and_reranker() -> None:
    """Numbered documents are put together, with their text, score and metadata."""
    documents = {
        "retrieval.documents.1.document.content": "Second.",
        "retrieval.documents.0.document.content": "First.",
        "retrieval.documents.0.document.id": "d0",
        "retrieval.documents.0.document.score": 0.75,
        "retrieval.documents.0.document.metadata": '{"page": 3}',
    }
    retriever = run_of({"openinference.span.kind": "RETRIEVER", "input.value": "peaks", **documents})
    assert retriever.content == {
        "query": "peaks",
        "documents": [
            {"content": "First.", "id": "d0", "score": 0.75, "metadata": {"page": 3}},
            {"content": "Second."},
        ],
    }
    reranker = run_of(
        {
            "openinference.span.kind": "RERANKER",
            "reranker.query": "peaks",
            "reranker.model_name": "rr",
            "reranker.output_documents.0.document.content": "First.",
        }
    )
    assert reranker.content == {"query": "peaks", "documents": [{"content": "First."}]}


def test_openinference_query_bundle() -> None:
    """A query inside the objects of a framework is its text."""
    bundle = text({"query_str": "peaks", "custom_embedding_strs": ["x"]})
    run = run_of({"openinference.span.kind": "RETRIEVER", "input.value": bundle, "input.mime_type": "application/json"})
    assert run.content["query"] == "peaks"


def test_openinference_of_a_small_agent_framework() -> None:
    """A tool's schema is not its arguments; the task of an agent is its input; roles have a prefix."""
    tool = run_of(
        {
            "openinference.span.kind": "TOOL",
            "tool.name": "look_up",
            "tool.parameters": text({"peak": {"type": "string", "description": "Which."}}),
            "input.value": text({"args": [], "sanitize_inputs_outputs": True, "kwargs": {"peak": "K2"}}),
            "input.mime_type": "application/json",
            "output.value": "8611",
        }
    )
    assert (tool.content["input"], tool.content["output"]) == ({"peak": "K2"}, "8611")
    agent = run_of(
        {
            "openinference.span.kind": "AGENT",
            "input.value": text({"task": "height of K2?", "stream": False, "max_steps": None}),
            "output.value": "8,611 m",
        }
    )
    assert agent.content == {"input": "height of K2?", "output": "8,611 m"}
    prompt = run_of(
        {
            "openinference.span.kind": "LLM",
            "llm.input_messages.0.message.role": "MessageRole.USER",
            "llm.input_messages.0.message.contents.0.message_content.type": "text",
            "llm.input_messages.0.message.contents.0.message_content.text": "hi",
            "llm.input_messages.1.message.role": "tool-response",
            "llm.input_messages.1.message.content": "Observation: 3",
            "llm.output_messages.0.message.role": "MessageRole.ASSISTANT",
            "llm.output_messages.0.message.content": "there",
        }
    )
    assert [message["role"] for message in prompt.content["history"]] == ["user", "tool"]
    assert prompt.content["llm_response"] == "there"


def test_openinference_prompt_with_values_only() -> None:
    """Without messages in attributes of their own, the request and the response of the client are read."""
    request = {"model": "m", "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "hi"}]}
    response = {"id": "r-1", "choices": [{"message": {"role": "assistant", "content": "there"}}]}
    run = run_of(
        {"openinference.span.kind": "LLM", "input.value": text(request), "output.value": text(response)},
    )
    assert (run.content["system_prompt"], run.content["llm_response"]) == ("S", "there")
    assert run.attributes["response_id"] == "r-1"


# -- OpenLLMetry -----------------------------------------------------------------------------------------------------


def test_openllmetry_workflow() -> None:
    """Decorated functions: a workflow is the master, tasks keep their name, arguments are taken out of their object."""
    scope = {
        "traceloop.association.properties.session_id": "s-1",
        "traceloop.association.properties.user_id": "u-1",
        "traceloop.association.properties.plan": "pro",
    }
    runs = runs_of(
        span(
            1,
            None,
            {
                "traceloop.span.kind": "workflow",
                "traceloop.entity.name": "guide",
                "traceloop.entity.input": text({"args": ["height of K2?"], "kwargs": {}}),
                "traceloop.entity.output": text("8,611 m"),
                **scope,
            },
        ),
        span(2, 1, {"traceloop.span.kind": "task", "traceloop.entity.name": "step"}),
        span(
            3,
            2,
            {
                "traceloop.span.kind": "tool",
                "traceloop.entity.name": "look_up",
                "traceloop.entity.input": text({"args": [], "kwargs": {"peak": "K2"}}),
                "traceloop.entity.output": text({"m": 8611}),
            },
        ),
        span(4, 2, {"traceloop.span.kind": "agent", "traceloop.entity.name": "helper"}),
    )
    assert types(runs) == {1: "master", 2: "task", 3: "tool_call", 4: "agent"}
    assert runs[1].content == {"input": "height of K2?", "output": "8,611 m"}
    assert runs[3].content == {"tool_name": "look_up", "input": {"peak": "K2"}, "output": {"m": 8611}}
    assert runs[3].scope_ids["session_id"] == "s-1"
    assert runs[1].attributes["plan"] == "pro"


def test_openllmetry_langchain_tool() -> None:
    """Arguments and results keep the callback's object around them, in OpenTelemetry's own attributes too."""
    given = {
        "input_str": "{'peak': 'K2'}",
        "tags": ["seq:step:1"],
        "metadata": {"thread_id": "t"},
        "inputs": {"peak": "K2"},
        "kwargs": {"color": "green"},
    }
    result = {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "ToolMessage"]}
    result["kwargs"] = {"content": '{"m": 8611}', "type": "tool", "name": "look_up", "tool_call_id": "c1"}
    run = run_of(
        {
            "gen_ai.operation.name": "execute_tool",
            "traceloop.span.kind": "tool",
            "gen_ai.tool.name": "look_up",
            "gen_ai.tool.call.arguments": text(given),
            "traceloop.entity.input": text(given),
            "gen_ai.tool.call.result": text({"output": result, "kwargs": {}}),
        }
    )
    assert run.content == {
        "tool_name": "look_up",
        "tool_call_id": "c1",
        "input": {"peak": "K2"},
        "output": {"m": 8611},
    }


def test_openllmetry_operation_comes_before_its_kind() -> None:
    """A retriever is a task by its kind and a retrieval by its operation; a task of an unknown operation is a task."""
    retriever = run_of(
        {
            "gen_ai.operation.name": "vector_db_retrieve",
            "traceloop.span.kind": "task",
            "traceloop.entity.input": text({"query": "peaks", "tags": None, "metadata": None, "kwargs": {}}),
            "traceloop.entity.output": text({"documents": [{"page_content": "K2.", "metadata": {"p": 1}}], "count": 1}),
        }
    )
    assert retriever.run_type == "context"
    assert retriever.content == {"query": "peaks", "documents": [{"content": "K2.", "metadata": {"p": 1}}]}
    assert run_of({"gen_ai.operation.name": "execute_task", "traceloop.span.kind": "task"}).run_type == "task"


def test_openllmetry_vector_database() -> None:
    """The rows that a vector database found are events, one each."""
    found = [
        {"name": "db.query.result", "time": 1, "attributes": {"db.query.result.id": "a", "db.query.result.score": 0.5}},
        {"name": "db.query.result", "time": 2, "attributes": {"db.query.result.document": "K2."}},
    ]
    run = run_of({"gen_ai.operation.name": "vector_db_retrieve"}, events=found)
    assert run.content["documents"] == [{"id": "a", "score": 0.5}, {"content": "K2."}]


def test_openllmetry_user() -> None:
    """The user is that of the association, else the request's."""
    assert run_of({"gen_ai.operation.name": "chat", "gen_ai.user": "u-2"}).scope_ids == {"user_id": "u-2"}


@pytest.mark.parametrize(
    ("attributes", "run_type"),
    [
        ({"llm.request.type": "chat"}, "prompt"),
        ({"llm.request.type": "completion"}, "prompt"),
        ({"llm.request.type": "embedding"}, "embeddings"),
        ({"llm.request.type": "rerank"}, "context"),
        ({"llm.request.type": "unknown", "gen_ai.prompt.0.content": "hi"}, "prompt"),
        ({"gen_ai.completion.0.content": "hi"}, "prompt"),
    ],
)
def test_openllmetry_legacy_kinds(attributes: dict[str, Any], run_type: str) -> None:
    """The type of a request decides, else that there are numbered prompts at all."""
    assert run_of(attributes).run_type == run_type


def test_openllmetry_legacy_prompt() -> None:
    """Numbered prompts, completions and functions are put together, old names of counts too."""
    run = run_of(
        {
            "llm.request.type": "chat",
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "Be brief.",
            "gen_ai.prompt.1.role": "user",
            "gen_ai.prompt.1.content": text([{"type": "text", "text": "height of K2?"}]),
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.tool_calls.0.id": "c1",
            "gen_ai.completion.0.tool_calls.0.name": "look_up",
            "gen_ai.completion.0.tool_calls.0.arguments": '{"peak": "K2"}',
            "llm.request.functions.0.name": "look_up",
            "llm.usage.total_tokens": 18,
            "gen_ai.usage.prompt_tokens": 11,
            "gen_ai.usage.completion_tokens": 7,
            "llm.user": "u-1",
        }
    )
    assert run.content == {
        "system_prompt": "Be brief.",
        "history": [{"role": "user", "content": "height of K2?"}],
        "full_prompt": "system: Be brief.\n\nuser: height of K2?",
        "action": "look_up",
        "tool_names": ["look_up"],
        "usage": {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18},
    }
    assert run.scope_ids == {"user_id": "u-1"}


# -- pydantic-ai and Logfire -----------------------------------------------------------------------------------------


def test_pydantic_ai_lists_of_events() -> None:
    """Its first data format keeps the messages' events as one JSON list."""
    events = [
        {"event.name": "gen_ai.system.message", "role": "system", "content": "Be brief."},
        {"event.name": "gen_ai.user.message", "role": "user", "content": "hi"},
        {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "content": "there"}},
    ]
    prompt = run_of({"gen_ai.operation.name": "chat", "events": text(events)})
    assert (prompt.content["system_prompt"], prompt.content["llm_response"]) == ("Be brief.", "there")
    agent = run_of({"gen_ai.operation.name": "invoke_agent", "all_messages_events": text(events)})
    assert agent.content == {"input": "hi", "output": "there"}


def test_pydantic_ai_turn_begins_at_the_new_message() -> None:
    """With a history, the input is the first message of the user in this turn, the output the final result."""
    messages = [
        {"role": "user", "parts": [{"type": "text", "content": "old"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "older"}]},
        {"role": "user", "parts": [{"type": "text", "content": "new"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "newer"}]},
        {"role": "user", "parts": [{"type": "text", "content": "Please try again."}]},
    ]
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "pydantic_ai.all_messages": text(messages),
        "pydantic_ai.new_message_index": 2,
    }
    assert run_of(attributes).content == {"input": "new", "output": "newer"}
    assert run_of({**attributes, "final_result": text({"m": 8611})}).content["output"] == {"m": 8611}


def test_logfire_request_and_response() -> None:
    """Logfire's client spans hold the request and the response as JSON."""
    run = run_of(
        {
            "gen_ai.operation.name": "chat",
            "request_data": text({"model": "m", "messages": [{"role": "user", "content": "hi"}]}),
            "response_data": text({"message": {"role": "assistant", "content": "there"}, "usage": {}}),
        }
    )
    assert (run.content["full_prompt"], run.content["llm_response"]) == ("hi", "there")


# -- Google ADK ------------------------------------------------------------------------------------------------------

_ADK = "gcp.vertex.agent."


def test_adk_legacy() -> None:
    """A request of its own kind is a prompt, also beside an unknown span name; the client's span below it is the same
    call; tools have an empty request too, and are tools by their operation.
    """
    request = {
        "model": "gem",
        "config": {
            "system_instruction": "Be brief.",
            "tools": [{"function_declarations": [{"name": "look_up", "parameters": {}}]}],
        },
        "contents": [{"parts": [{"text": "height of K2?"}], "role": "user"}],
    }
    response = {"content": {"parts": [{"function_call": {"id": "c1", "args": {"p": 1}, "name": "look_up"}}]}}
    response["content"]["role"] = "model"
    runs = runs_of(
        span(1, None, {}, name="invocation"),
        span(2, 1, {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "s-1"}),
        span(
            3,
            2,
            {
                "gen_ai.system": "gcp.vertex.agent",
                "gen_ai.request.model": "gem",
                _ADK + "session_id": "s-1",
                _ADK + "llm_request": text(request),
                _ADK + "llm_response": text(response),
            },
            end=3900,
        ),
        span(
            4,
            3,
            {"gen_ai.operation.name": "generate_content", "gen_ai.usage.input_tokens": 5, "gen_ai.response.id": "r"},
            start=3100,
            end=3800,
        ),
        span(
            5,
            2,
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "look_up",
                "gen_ai.tool.call.id": "<not specified>",
                _ADK + "llm_request": "{}",
                _ADK + "llm_response": "{}",
                _ADK + "tool_call_args": text({"p": 1}),
                _ADK + "tool_response": text({"result": 8611}),
            },
        ),
    )
    assert types(runs) == {2: "master", 3: "prompt", 5: "tool_call"}
    assert parents(runs) == {2: None, 3: 2, 5: 2}
    assert runs[3].content == {
        "system_prompt": "Be brief.",
        "history": [{"role": "user", "content": "height of K2?"}],
        "full_prompt": "system: Be brief.\n\nuser: height of K2?",
        "llm_model": "gem",
        "action": "look_up",
        "tool_names": ["look_up"],
        "usage": {"input_tokens": 5},
    }
    assert runs[5].content == {"tool_name": "look_up", "input": {"p": 1}, "output": {"result": 8611}}


def test_adk_without_content() -> None:
    """An empty request is a request, and elided messages are no messages."""
    assert run_of({_ADK + "llm_request": "{}", _ADK + "llm_response": "{}"}).run_type == "prompt"
    run = run_of(
        {"gen_ai.operation.name": "generate_content"},
        logs=[
            log(1, "gen_ai.system.message", {"content": "<elided>"}, 1),
            log(1, "gen_ai.user.message", {"content": "<elided>"}, 2),
            log(1, "gen_ai.choice", {"content": "<elided>", "index": 0}, 3),
        ],
    )
    assert "elided" not in text(run.content)
    assert "llm_response" not in run.content


def test_adk_logs_hold_contents() -> None:
    """The content of its messages is an object with parts and a role of its own."""
    run = run_of(
        {"gen_ai.operation.name": "generate_content"},
        logs=[
            log(1, "gen_ai.user.message", {"content": {"parts": [{"text": "hi"}], "role": "user"}}, 1),
            log(1, "gen_ai.user.message", {"content": {"parts": [{"text": "there"}], "role": "model"}}, 2),
            log(1, "gen_ai.choice", {"content": {"parts": [{"text": "again"}], "role": "model"}, "index": 0}, 3),
        ],
    )
    assert run.content["history"] == [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "there"}]
    assert run.content["llm_response"] == "again"


# -- LangSmith -------------------------------------------------------------------------------------------------------


def _langchain(kind: str, content: Any, **more: Any) -> dict[str, Any]:
    return {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "messages", f"{kind}Message"],
        "kwargs": {"content": content, **more},
    }


def test_langsmith() -> None:
    """The kind counts and not the operation; inputs and outputs are LangChain's JSON; parents may end first."""
    call = {"name": "look_up", "args": {"peak": "K2"}, "id": "c1", "type": "tool_call"}
    messages = [[_langchain("System", "Be brief."), _langchain("Human", "height of K2?")]]
    answer = {"generations": [[{"text": "", "message": _langchain("AI", "", tool_calls=[call])}]]}
    runs = runs_of(
        span(1, None, {"langsmith.span.kind": "chain", "gen_ai.operation.name": "chain"}, end=1001),
        span(
            2,
            1,
            {
                "langsmith.span.kind": "llm",
                "gen_ai.operation.name": "chat",
                "gen_ai.prompt": text({"messages": messages}),
                "gen_ai.completion": text(answer),
                "langsmith.metadata.thread_id": "t-1",
                "langsmith.metadata.user_id": "u-1",
                "langsmith.metadata.ls_provider": "acme",
                "langsmith.trace.session_id": "a project",
            },
        ),
        span(
            3,
            1,
            {
                "langsmith.span.kind": "tool",
                "langsmith.trace.name": "look_up",
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.prompt": text({"input": "{'peak': 'K2'}"}),
                "gen_ai.completion": text(
                    {"output": _langchain("Tool", '{"m": 8611}', type="tool", tool_call_id="c1")}
                ),
            },
        ),
        span(
            4,
            1,
            {
                "langsmith.span.kind": "retriever",
                "gen_ai.operation.name": "embeddings",
                "gen_ai.prompt": text({"query": "peaks"}),
                "gen_ai.completion": text({"documents": [{"page_content": "K2.", "type": "Document"}]}),
            },
        ),
        span(5, 1, {"langsmith.span.kind": "prompt", "gen_ai.operation.name": "chat"}),
    )
    assert types(runs) == {1: "master", 2: "prompt", 3: "tool_call", 4: "context", 5: "prompt_template"}
    assert runs[2].content["system_prompt"] == "Be brief."
    assert runs[2].content["history"] == [{"role": "user", "content": "height of K2?"}]
    assert runs[2].content["action"] == "look_up"
    assert runs[3].content == {
        "tool_name": "look_up",
        "tool_call_id": "c1",
        "input": {"peak": "K2"},
        "output": {"m": 8611},
    }
    assert runs[4].content == {"query": "peaks", "documents": [{"content": "K2."}]}
    assert {run.scope_ids["session_id"] for run in runs.values()} == {"t-1"}
    assert runs[1].content == {"input": "height of K2?"}


# -- Vercel ----------------------------------------------------------------------------------------------------------


def test_vercel_6() -> None:
    """The operation's id says what a span is; prompts, calls, reasoning and times have names of its own."""
    runs = runs_of(
        span(
            1,
            None,
            {
                "ai.operationId": "ai.streamText",
                "ai.prompt": text({"system": "Be brief.", "prompt": "height of K2?"}),
                "ai.response.text": "8,611 m",
                "ai.telemetry.metadata.sessionId": "s-1",
                "ai.telemetry.metadata.userId": "u-1",
                "ai.telemetry.functionId": "guide",
            },
        ),
        span(
            2,
            1,
            {
                "ai.operationId": "ai.streamText.doStream",
                "ai.prompt.messages": text(
                    [
                        {"role": "system", "content": "Be brief."},
                        {"role": "user", "content": [{"type": "text", "text": "height of K2?"}]},
                        {
                            "role": "assistant",
                            "content": [{"type": "tool-call", "toolCallId": "c0", "toolName": "look_up", "input": {}}],
                        },
                        {
                            "role": "tool",
                            "content": [
                                {
                                    "type": "tool-result",
                                    "toolCallId": "c0",
                                    "toolName": "look_up",
                                    "output": {"type": "json", "value": {"m": 1}},
                                }
                            ],
                        },
                    ]
                ),
                "ai.prompt.tools": [text({"type": "function", "name": "look_up", "inputSchema": {}})],
                "ai.response.toolCalls": text([{"toolCallId": "c1", "toolName": "look_up", "input": {"peak": "K2"}}]),
                "ai.response.reasoning": "A fact.",
                "ai.response.model": "m-1",
                "ai.response.msToFirstChunk": 250,
                "ai.usage.promptTokens": 9,
                "ai.usage.completionTokens": 4,
            },
        ),
        span(
            3,
            1,
            {
                "ai.operationId": "ai.toolCall",
                "ai.toolCall.name": "look_up",
                "ai.toolCall.id": "c1",
                "ai.toolCall.args": text({"peak": "K2"}),
                "ai.toolCall.result": text({"m": 8611}),
            },
        ),
    )
    assert types(runs) == {1: "master", 2: "prompt", 3: "tool_call"}
    assert runs[1].content == {"input": "height of K2?", "output": "8,611 m"}
    assert runs[2].content["history"][2] == {
        "role": "tool",
        "content": {"m": 1},
        "tool_call_id": "c0",
        "name": "look_up",
    }
    assert runs[2].content["tool_names"] == ["look_up"]
    assert runs[2].content["action"] == "look_up"
    assert runs[2].content["time_to_first_token"] == 0.25
    assert runs[2].content["usage"] == {"input_tokens": 9, "output_tokens": 4}
    assert runs[3].content["output"] == {"m": 8611}
    assert runs[3].scope_ids == {"session_id": "s-1", "user_id": "u-1", "agent_key": "guide"}


def test_vercel_7_follows_opentelemetry() -> None:
    """Its newest version has OpenTelemetry's names, which count before its older id beside them."""
    attributes = {"gen_ai.operation.name": "invoke_agent", "ai.operationId": "ai.generateText"}
    assert run_of(attributes).run_type == "master"


# -- MCP -------------------------------------------------------------------------------------------------------------


def test_mcp_call_within_a_tool_is_the_tool() -> None:
    """Client and server of one call of a tool are that call; another session's id is no conversation."""
    mcp = {
        "gen_ai.operation.name": "execute_tool",
        "mcp.method.name": "tools/call",
        "gen_ai.tool.name": "look_up",
        "mcp.session.id": "m-1",
    }
    runs = runs_of(
        span(1, None, {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "weather__look_up"}),
        span(2, 1, {**mcp, "gen_ai.tool.call.arguments": text({"peak": "K2"})}, kind="client"),
        span(3, 2, {**mcp, "gen_ai.tool.call.result": text({"m": 1})}, kind="server", remote_parent=True),
        span(4, 3, {"gen_ai.operation.name": "chat"}),
    )
    assert types(runs) == {1: "tool_call", 4: "prompt"}
    assert runs[1].content["input"] == {"peak": "K2"}
    assert runs[1].content["output"] == {"m": 1}
    assert parents(runs) == {1: None, 4: 1}
    assert runs[1].scope_ids == {}


def test_mcp_without_a_tool() -> None:
    """A call of a tool by MCP alone is a tool call; its other methods are plain."""
    attributes = {"mcp.method.name": "tools/call", "gen_ai.operation.name": "execute_tool"}
    assert run_of(attributes).run_type == "tool_call"
    assert runs_of(span(1, None, {"mcp.method.name": "tools/list"})) == {}


# -- openai-agents ---------------------------------------------------------------------------------------------------


def test_openai_agents_response_object() -> None:
    """What a response says of itself fills what the SDK's export leaves out."""
    from_sdk = {
        "openai_agents.type": "response",
        "openai_agents.input": [{"role": "user", "content": "hi"}],
        "openai_agents.response.instructions": "Be brief.",
        "openai_agents.response.model": "m-1",
        "openai_agents.response.tools": [{"type": "function", "name": "look_up"}, {"type": "web_search"}],
        "openai_agents.response.output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "A fact."}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "there"}]},
        ],
    }
    run = run_of(from_sdk)
    assert run.content["system_prompt"] == "Be brief."
    assert run.content["tool_names"] == ["look_up", "web_search"]
    assert run.content["llm_response"] == "there"


def test_openinference_of_an_index_framework() -> None:
    """Arguments and the result stand in objects of the framework, beside a schema of the parameters."""
    run = run_of(
        {
            "openinference.span.kind": "TOOL",
            "tool.name": "look_up",
            "tool.parameters": text({"type": "object", "properties": {"peak": {"type": "string"}}}),
            "input.value": text({"kwargs": {"peak": "K2"}}),
            "input.mime_type": "application/json",
            "output.value": text(
                {"tool_name": "look_up", "raw_input": {"args": []}, "raw_output": 8611, "is_error": False}
            ),
            "output.mime_type": "application/json",
        }
    )
    assert (run.content["input"], run.content["output"]) == ({"peak": "K2"}, 8611)


def test_an_agent_that_was_shown_a_picture() -> None:
    """Messages without text are the input as they are."""
    picture = [{"role": "user", "parts": [{"type": "uri", "modality": "image", "uri": "https://example.org/k2.jpg"}]}]
    run = run_of({"gen_ai.operation.name": "invoke_agent", "gen_ai.input.messages": text(picture)})
    assert run.content["input"] == [{"role": "user", "content": None, "parts": picture[0]["parts"]}]


def test_langsmith_functions() -> None:
    """A traced function's only output is taken out of the object around it."""
    runs = runs_of(
        span(
            1,
            None,
            {
                "langsmith.span.kind": "chain",
                "gen_ai.prompt": text({"question": "height of K2?"}),
                "gen_ai.completion": text({"output": "8,611 m"}),
            },
        ),
        span(2, 1, {"langsmith.span.kind": "llm"}),
    )
    assert runs[1].run_type == "master"
    assert runs[1].content == {"input": {"question": "height of K2?"}, "output": "8,611 m"}
