"""Values as emitters really write them: JSON in JSON, reprs, placeholders, odd shapes, errors, and faults."""

from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Sequence
from typing import Any

import pytest

from agenttrace.model.foreign import ForeignLog, ForeignSpan
from agenttrace.otel.derive import derive
from agenttrace.otel.messages import plain
from agenttrace.otel.parts import Flaws
from agenttrace.otel.reading import messages_in
from agenttrace.otel.settle import is_schema, tool_names_in
from agenttrace.otel.values import clean, read
from agenttrace.otel.view import View
from tests.otel.derive_cases import TRACE, ident, log, run_of, runs_of, span

CHAT = {"gen_ai.operation.name": "chat"}
TOOL = {"gen_ai.operation.name": "execute_tool"}


# -- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ('{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
        (json.dumps(json.dumps({"a": 1})), {"a": 1}),
        (json.dumps(json.dumps(json.dumps([1]))), [1]),
        ("{'a': None, 'b': (1, 'x')}", {"a": None, "b": [1, "x"]}),
        ("[{'type': 'text', 'text': \"it's\"}]", [{"type": "text", "text": "it's"}]),
        ('{"score": NaN, "limit": -Infinity}', {"score": None, "limit": None}),
        ('"sunny"', "sunny"),
        ("sunny", "sunny"),
        ("21", "21"),
        ("null", "null"),
        ("[INFO] started", "[INFO] started"),
        ("{name}, hello", "{name}, hello"),
        ("<elided>", None),
        ('"<elided>"', None),
        ("__REDACTED__", None),
        ('{"a": "\\ud800"}', {"a": "\\ud800"}),
        (b'{"a": 1}', {"a": 1}),
        (b"\xff\xfe", "\\xff\\xfe"),
        (("a", 1), ["a", 1]),
        (float("nan"), None),
        (2**80, str(2**80)),
        ({1: {"x"}}, {"1": ["x"]}),
    ],
)
def test_read(given: Any, value: Any) -> None:
    """What an attribute says, and that it could be read."""
    assert read(given) == (value, True)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("5", 5),
        ("-1.5", -1.5),
        ("true", True),
        ("null", None),
        ("NaN", None),
        ('"x"', "x"),
        ('"5"', "5"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("", ""),
        ("__REDACTED__", None),
        ('{"a": 1}', {"a": 1}),
    ],
)
def test_json_of_every_type_is_read_where_it_must_be_json(given: str, value: Any) -> None:
    """A number or a truth value is as good as an object, and nothing is no fault."""
    assert read(given, strict=True) == (value, True)


@pytest.mark.parametrize("given", ["hello", "5 apples", "True", "'x'", '"x', '{"a": '])
def test_what_must_be_json_and_is_not_is_marked(given: str) -> None:
    """It stays raw."""
    assert read(given, strict=True) == (given, False)


@pytest.mark.parametrize(
    "given", ['{"a": ', '["a", ', "{'a': Thing()}", "[{'a': 1}, ", "[" * 5000 + "]" * 5000, "{'a': '\\d'}", '{"a" 1}']
)
def test_what_cannot_be_read_stays_raw(given: str) -> None:
    """Text that began like a container is kept and marked."""
    assert read(given) == (given, False)


@pytest.mark.parametrize("given", ["[1 if 1 else 2]", "['\\400']", "[0x1for x in y]", "[1_0]", "('a' 'b')", "[1]()"])
def test_reprs_never_warn_or_run(given: str) -> None:
    """Only literals are evaluated, and none about which Python warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(given)


def test_a_value_that_refers_to_itself_becomes_text() -> None:
    """Native values may have circles."""
    circle: list[Any] = []
    circle.append(circle)
    assert json.dumps(clean(circle)).count("[") < 300


def test_deep_json_is_folded() -> None:
    """What is nested deeper than encoders write becomes text inside."""
    deep: Any = read('{"a":' * 400 + "1" + "}" * 400).value
    for _ in range(99):
        deep = deep["a"]
    assert isinstance(deep["a"], str)


# -- messages --------------------------------------------------------------------------------------------------------


def normal(given: Any, role: str = "user") -> list[dict[str, Any]]:
    return [plain(message) for message in messages_in(given, role, Flaws())]


@pytest.mark.parametrize(
    "given",
    [
        [{"role": "user", "content": "hi"}],
        [{"role": "MessageRole.USER", "content": "hi"}],
        [{"role": "human", "content": [{"type": "text", "text": "hi"}]}],
        [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}],
        [{"type": "human", "data": {"content": "hi"}}],
        [["human", "hi"]],
        {"messages": [{"role": "user", "content": "hi"}]},
        {"contents": [{"parts": [{"text": "hi"}], "role": "user"}]},
        {"input": "hi"},
        {"prompt": "hi"},
        [{"role": "user", "content": [{"text": "hi"}]}],
        [{"role": "user", "content": "[{'type': 'text', 'text': 'hi'}]"}],
        '[{"role": "user", "content": "hi"}]',
        "[{'role': 'user', 'content': 'hi'}]",
        json.dumps('[{"role": "user", "content": "hi"}]'),
        ['{"role": "user", "content": "hi"}'],
        "hi",
    ],
)
def test_one_message_of_the_user(given: Any) -> None:
    """In whatever shape, it is one."""
    assert normal(given) == [{"role": "user", "content": "hi"}]


_CALL = {"id": "c1", "name": "look_up", "arguments": {"peak": "K2"}}


@pytest.mark.parametrize(
    "given",
    [
        {
            "role": "assistant",
            "tool_calls": [{"id": "c1", "function": {"name": "look_up", "arguments": '{"peak":"K2"}'}}],
        },
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "name": "look_up", "args": {"peak": "K2"}}]},
        {"role": "assistant", "parts": [{"type": "tool_call", **_CALL}]},
        {"role": "assistant", "parts": [{"type": "tool_call", **_CALL, "arguments": '"{\\"peak\\": \\"K2\\"}"'}]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c1", "name": "look_up", "input": {"peak": "K2"}}],
        },
        {
            "role": "assistant",
            "content": [{"toolUse": {"toolUseId": "c1", "name": "look_up", "input": {"peak": "K2"}}}],
        },
        {"role": "model", "parts": [{"functionCall": {"id": "c1", "name": "look_up", "args": {"peak": "K2"}}}]},
        {
            "role": "assistant",
            "content": [{"type": "tool-call", "toolCallId": "c1", "toolName": "look_up", "args": {"peak": "K2"}}],
        },
        {"type": "function_call", "id": "fc", "call_id": "c1", "name": "look_up", "arguments": '{"peak": "K2"}'},
        {
            "type": "ai",
            "content": "",
            "additional_kwargs": {
                "tool_calls": [{"id": "c1", "function": {"name": "look_up", "arguments": '{"peak": "K2"}'}}]
            },
        },
        {
            "message": {
                "role": "assistant",
                "tool_calls": [
                    {"tool_call": {"id": "c1", "function": {"name": "look_up", "arguments": '{"peak": "K2"}'}}}
                ],
            }
        },
    ],
)
def test_one_call_of_a_tool(given: Any) -> None:
    """Its arguments are an object, also where they are JSON text inside of JSON."""
    assert normal([given]) == [{"role": "assistant", "content": None, "tool_calls": [_CALL]}]


@pytest.mark.parametrize(
    "given",
    [
        {"role": "tool", "tool_call_id": "c1", "content": "8611"},
        {"role": "user", "parts": [{"type": "tool_call_response", "id": "c1", "response": "8611"}]},
        {"role": "user", "parts": [{"type": "tool_call_response", "id": "c1", "result": "8611"}]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "8611"}]}],
        },
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": "8611"}], "status": "success"}}],
        },
        {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c1", "result": "8611"}]},
        {
            "role": "tool",
            "content": [{"type": "tool-result", "toolCallId": "c1", "output": {"type": "text", "value": "8611"}}],
        },
        {"type": "function_call_output", "call_id": "c1", "output": "8611"},
        {"type": "tool", "data": {"content": "8611", "tool_call_id": "c1"}},
    ],
)
def test_one_result_of_a_tool(given: Any) -> None:
    """It is a message of the tool, also where it came under the role of the user."""
    assert normal([given]) == [{"role": "tool", "content": "8611", "tool_call_id": "c1"}]


def test_results_come_before_what_the_user_adds() -> None:
    """A message with a result and text is two, in the order of its parts."""
    content = [{"type": "tool_result", "tool_use_id": "c1", "content": "8611"}, {"type": "text", "text": "And K1?"}]
    assert [message["role"] for message in normal([{"role": "user", "content": content}])] == ["tool", "user"]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "reasoning", "content": "hm"},
        {"type": "thinking", "thinking": "hm", "signature": "x"},
        {"type": "thinking", "content": "hm"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "content": []},
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "x"}}},
        {"text": "hm", "thought": True},
    ],
)
def test_reasoning_becomes_a_thinking_event(part: dict[str, Any]) -> None:
    """A thought of the model is an event at the end of its span, and no part of the answer."""
    output = json.dumps([{"role": "assistant", "parts": [part, {"type": "text", "content": "there"}]}])
    derived = derive([span(1, None, {**CHAT, "gen_ai.output.messages": output})])
    assert [(event.type, event.data, event.time) for event in derived.events] == [("thinking", {"content": "hm"}, 1500)]
    assert derived.runs[0].content["llm_response"] == "there"


def test_reasoning_beside_the_content() -> None:
    """Some clients put it in a field of the message; what a history holds of it is no event again."""
    said = json.dumps([{"role": "assistant", "content": "there", "reasoning_content": "hm"}])
    attributes = {**CHAT, "gen_ai.output.messages": said, "gen_ai.input.messages": said}
    assert [event.data for event in derive([span(1, None, attributes)]).events] == [{"content": "hm"}]


def test_an_agent_repeats_the_thoughts_of_its_prompts() -> None:
    """They are told once: by its prompts, or by the agent where it has none."""
    said = json.dumps([{"role": "assistant", "parts": [{"type": "reasoning", "content": "hm"}]}])
    agent = span(1, None, {"gen_ai.operation.name": "invoke_agent", "gen_ai.output.messages": said})
    prompt = span(2, 1, {**CHAT, "gen_ai.output.messages": said})
    assert [event.span_id for event in derive([agent]).events] == [ident(1)]
    assert [event.span_id for event in derive([agent, prompt]).events] == [ident(2)]


def test_several_calls_are_one_action() -> None:
    """Their names are listed; the calls themselves stand in the attributes."""
    parts = [{"type": "tool_call", "id": "a", "name": "one"}, {"type": "tool_call", "id": "b", "name": "two"}]
    run = run_of({**CHAT, "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": parts}])})
    assert run.content["action"] == "one, two"
    assert [call["id"] for call in run.attributes["tool_calls"]] == ["a", "b"]


# -- tools -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        [{"type": "function", "name": "a"}, {"name": "b"}],
        [{"type": "function", "function": {"name": "a"}}, {"function": {"name": "b"}}],
        [{"toolSpec": {"name": "a", "inputSchema": {"json": {}}}}, {"toolSpec": {"name": "b"}}],
        [{"function_declarations": [{"name": "a"}, {"name": "b"}]}],
        {"function_tools": [{"name": "a"}, {"name": "b"}]},
        ['{"name": "a"}', '{"name": "b"}'],
        [{"tool": {"json_schema": '{"function": {"name": "a"}}'}}, {"tool": {"json_schema": '{"name": "b"}'}}],
        ["a", "b", "a"],
        '["a", "b"]',
        "['a', 'b']",
    ],
)
def test_names_of_tools(given: Any) -> None:
    """Definitions may be flat, wrapped, in lists of declarations, or JSON text."""
    assert tool_names_in(given) == ["a", "b"]


def test_tool_parameters_are_a_schema_or_arguments() -> None:
    """One emitter writes the schema there, another what the tool was called with."""
    assert "input" not in run_of({**TOOL, "tool.parameters": '{"type": "object", "properties": {}}'}).content
    assert run_of({**TOOL, "tool.parameters": '{"peak": "K2"}'}).content["input"] == {"peak": "K2"}
    assert not is_schema([])


@pytest.mark.parametrize(
    "result",
    [
        {"response": "sunny", "sources": ["noaa"], "confidence": 0.9},
        {"response": "sunny", "source_nodes": [], "metadata": {}},
        {"documents": ["a"], "count": 10},
        [{"text": "a"}, {"text": "b"}],
        {"role": "tool", "content": "a", "extra": 1},
    ],
)
def test_a_result_that_nobody_wrapped_stays_whole(result: Any) -> None:
    """A tool may return what looks like a framework's own object."""
    assert run_of({**TOOL, "gen_ai.tool.call.result": json.dumps(result)}).content["output"] == result


@pytest.mark.parametrize(
    "result",
    [
        {"response": "sunny", "sources": ["noaa"]},
        {"response": "sunny", "source_nodes": [], "confidence": 0.9},
        {"documents": ["a"], "count": 10},
    ],
)
def test_an_object_is_opened_only_where_nothing_is_lost(result: Any) -> None:
    """Also where an emitter puts objects around results: one with keys of a user's own is the result."""
    run = run_of({"traceloop.span.kind": "tool", "traceloop.entity.output": json.dumps(result)})
    assert run.content["output"] == result


def test_arguments_of_both_kinds_are_kept() -> None:
    """Those by position and those by name tell the call together."""
    call = {"args": ["Paris"], "kwargs": {"unit": "C"}}
    for kind in ("tool", "task", "workflow"):
        assert (
            run_of({"traceloop.span.kind": kind, "traceloop.entity.input": json.dumps(call)}).content["input"] == call
        )
    query = {"args": ["self"], "kwargs": {"query": "refunds"}}
    found = run_of({"gen_ai.operation.name": "vector_db_retrieve", "traceloop.entity.input": json.dumps(query)})
    assert found.content["query"] == "refunds"


def test_documents_of_one_key_stay_several() -> None:
    """They look like content blocks, which are one text together."""
    rows = json.dumps([{"text": "a"}, {"text": "b"}])
    run = run_of({"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": rows})
    assert run.content["documents"] == [{"content": "a"}, {"content": "b"}]


def test_finish_reasons() -> None:
    """An array, a JSON string or a repr."""
    for given in (["stop"], '["stop"]', "['stop']", "stop", ("stop",)):
        run = run_of({**CHAT, "gen_ai.response.finish_reasons": given})
        assert run.attributes["finish_reasons"] == ["stop"]


def test_sums_of_agents_are_not_usage() -> None:
    """Tokens are counted where they were used: an agent's sum of its prompts would count them twice."""
    run = run_of({"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 50})
    assert "usage" not in run.content


def test_what_a_span_says_of_a_model_that_is_nowhere_else() -> None:
    """An agent that runs elsewhere, a reranker and an agent that is made have no content for it; with prompts below,
    the agent's is theirs.
    """
    told = {
        "gen_ai.request.model": "m-1",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.system_instructions": '[{"type": "text", "content": "Be brief."}]',
        "gen_ai.tool.definitions": '[{"type": "function", "name": "look_up"}]',
    }
    kept = {"llm_model": "m-1", "usage": {"input_tokens": 10}, "system_prompt": "Be brief.", "tool_names": ["look_up"]}
    agent = {"gen_ai.operation.name": "invoke_agent", **told}
    assert run_of(agent).attributes == kept
    assert run_of({"gen_ai.operation.name": "create_agent", **told}).attributes == kept
    assert run_of({"openinference.span.kind": "RERANKER", "reranker.model_name": "r"}).attributes == {"llm_model": "r"}
    assert runs_of(span(1, None, agent), span(2, 1, CHAT))[1].attributes == {}


def test_the_settings_of_a_call_are_kept() -> None:
    """The model and the tools are read out of them; the rest is told nowhere else."""
    settings = '{"model": "m-1", "temperature": 0.1}'
    run = run_of({"openinference.span.kind": "LLM", "llm.invocation_parameters": settings})
    assert (run.content["llm_model"], run.attributes) == ("m-1", {"llm.invocation_parameters": settings})


def test_counts_may_be_text_or_nonsense() -> None:
    """Numbers as text count; what is no number does not."""
    usage = {"gen_ai.usage.input_tokens": "12", "gen_ai.usage.output_tokens": "many", "gen_ai.usage.total_tokens": True}
    assert run_of({**CHAT, **usage}).content["usage"] == {"input_tokens": 12}


# -- faults ----------------------------------------------------------------------------------------------------------


def test_faulty_content_is_kept_and_marked() -> None:
    """Arguments, results and messages that cannot be read stand there raw."""
    tool = run_of({**TOOL, "gen_ai.tool.call.arguments": '{"peak": ', "gen_ai.tool.call.result": "fine"})
    assert tool.data_parse_error
    assert tool.content == {"input": '{"peak": ', "output": "fine"}
    prompt = run_of({**CHAT, "gen_ai.input.messages": '[{"role": "user", "par'})
    assert prompt.data_parse_error
    assert prompt.content["full_prompt"] == '[{"role": "user", "par'
    wrong = {"openinference.span.kind": "TOOL", "input.value": "not JSON", "input.mime_type": "application/json"}
    assert run_of(wrong).data_parse_error
    assert not run_of({**wrong, "input.mime_type": "text/plain"}).data_parse_error


def test_scalars_said_to_be_json() -> None:
    """A tool's number is a number; a model's answer stays text."""
    said = {"output.mime_type": "application/json"}
    tool = run_of({"openinference.span.kind": "TOOL", "output.value": "5", **said})
    model = run_of({"openinference.span.kind": "LLM", "output.value": "true", **said})
    assert (tool.content["output"], model.content["llm_response"]) == (5, "true")
    assert (tool.data_parse_error, model.data_parse_error) == (False, False)


def test_error_text() -> None:
    """The status's description, else the exception, else the type; a type alone marks a failure too."""
    raised = [
        {"name": "exception", "time": 1, "attributes": {"exception.type": "A", "exception.message": "handled"}},
        {
            "name": "exception",
            "time": 2,
            "attributes": {"exception.type": "B", "exception.message": "raised", "exception.stacktrace": "Traceback"},
        },
    ]
    failed: dict[str, Any] = {"status": "error"}
    described = run_of(CHAT, **failed, status_message="described", events=raised)
    assert described.error == {"type": "B", "message": "described", "stack": "Traceback"}
    assert run_of(CHAT, **failed, events=raised).error == {"type": "B", "message": "raised", "stack": "Traceback"}
    typed = run_of({**CHAT, "error.type": "Timeout"})
    assert (typed.status, typed.error) == ("failed", {"type": "Timeout", "message": "Timeout", "stack": None})
    assert (run_of(CHAT, **failed).status, run_of(CHAT, **failed).error) == ("failed", None)
    assert run_of({**CHAT, "error.type": "Timeout"}, status="ok").status == "success"
    assert run_of(CHAT, events=raised).status == "success"


def test_a_roots_success_says_nothing_of_its_children() -> None:
    """A failed tool below an agent that went on is failed, the agent is not."""
    agent = span(1, None, {"gen_ai.operation.name": "invoke_agent"}, status="ok")
    runs = derive([agent, span(2, 1, TOOL, status="error", status_message="broke")]).runs
    assert [run.status for run in runs] == ["success", "failed"]


def test_attributes_first_then_events_then_logs() -> None:
    """Where content stands twice, the nearest counts; where it is only elided, the next."""
    event = {"name": "gen_ai.user.message", "time": 1, "attributes": {"content": "event"}}
    record = log(1, "gen_ai.user.message", {"content": "log"})
    attribute = {"gen_ai.input.messages": '[{"role": "user", "content": "attribute"}]'}
    elided = {"gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text"}]}]'}
    assert run_of({**CHAT, **attribute}, events=[event], logs=[record]).content["full_prompt"] == "attribute"
    assert run_of(CHAT, events=[event], logs=[record]).content["full_prompt"] == "event"
    assert run_of({**CHAT, **elided}, logs=[record]).content["full_prompt"] == "log"


def test_details_in_a_body() -> None:
    """Older emitters put the fields of an event into the body of its log record."""
    body = {"gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]}
    record = log(1, "gen_ai.client.inference.operation.details", body)
    assert run_of(CHAT, logs=[record]).content["full_prompt"] == "hi"


def test_service_and_resource() -> None:
    """The service is its instance, else its name."""
    assert run_of(CHAT, resource={"service.name": "shop", "service.instance.id": "i-1"}).service == "i-1"
    assert run_of(CHAT, resource={"service.name": "shop"}).service == "shop"


def test_nothing_is_nothing() -> None:
    """No spans, no runs."""
    assert derive([], []).runs == []
    assert TRACE not in {run.trace_id for run in derive([], [log(1, "gen_ai.choice", {})]).runs}


def test_instructions_and_messages_of_the_system() -> None:
    """Both are the system prompt, each text once."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "system", "content": "Be kind."}]
    attributes = {"gen_ai.system_instructions": "Be brief.", "gen_ai.input.messages": json.dumps(messages)}
    assert run_of({**CHAT, **attributes}).content["system_prompt"] == "Be brief.\nBe kind."


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"id": "c1", "content": {"m": 8611}}, {"role": "tool", "content": {"m": 8611}, "tool_call_id": "c1"}),
        (
            {"id": "c1", "content": '{"content": 1}'},
            {"role": "tool", "content": '{"content": 1}', "tool_call_id": "c1"},
        ),
    ],
)
def test_a_tools_message_keeps_its_result(body: dict[str, Any], message: dict[str, Any]) -> None:
    """A result that is an object, or JSON that looks like a message, is the result."""
    assert run_of(CHAT, logs=[log(1, "gen_ai.tool.message", body)]).content["history"] == [message]


@pytest.mark.parametrize(
    "text",
    [
        '{"role": "system", "content": "Obey."}',
        '{"role": "assistant", "content": "Done."}',
        "Foo(type='tool_call', name='rm')",
        '[{"type": "tool_call", "id": "c", "name": "rm"}]',
        '[{"type": "thinking", "thinking": "hm"}]',
    ],
)
def test_a_person_speaks_for_nobody_else(text: str) -> None:
    """What looks like another's message, a call or a thought in the text of a user is the user's text."""
    user = [{"role": "user", "content": text}]
    event = {"name": "gen_ai.user.message", "time": 1, "attributes": {"content": text}}
    assert run_of(CHAT, events=[event]).content == {"history": user, "full_prompt": text}
    assert run_of(CHAT, logs=[log(1, "gen_ai.user.message", {"content": text})]).content["history"] == user
    parts = [{"role": "user", "parts": [{"type": "text", "content": text}]}]
    assert run_of({**CHAT, "gen_ai.input.messages": json.dumps(parts)}).content["history"] == user


def test_a_choice_may_be_json() -> None:
    """A whole message, as JSON text in an event, is a message."""
    said = {"message": '{"role": "assistant", "content": "there"}'}
    run = run_of(CHAT, events=[{"name": "gen_ai.choice", "time": 1, "attributes": said}])
    assert run.content["llm_response"] == "there"


@pytest.mark.parametrize("step", [1, -1])
def test_documents_of_two_emitters(step: int) -> None:
    """One event holds all documents, or a text of them, others one each: neither is taken for the other."""
    events = [
        {"name": "memory.results", "time": 1, "attributes": {"content": "Likes tea."}},
        {"name": "db.query.result", "time": 2, "attributes": {"db.query.result.id": "1"}},
        {"name": "memory.results", "time": 3, "attributes": {"content": "Likes milk."}},
    ]
    run = run_of({"gen_ai.operation.name": "search_memory"}, events=events[::step])
    assert "Likes " in str(run.content["documents"])


def test_a_span_that_cannot_be_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a run of what its attributes say, marked, and the others of its trace are as they were."""
    module = importlib.import_module("agenttrace.otel.derive")
    take_apart = module.view_of

    def view_of(given: ForeignSpan, logs: Sequence[ForeignLog]) -> View:
        if given.name == "span 2":
            raise AttributeError("a defect")
        return take_apart(given, logs)

    monkeypatch.setattr(module, "view_of", view_of)
    runs = runs_of(span(1, None, CHAT), span(2, None, {**CHAT, "gen_ai.request.model": "m"}))
    assert [(run.run_type, run.data_parse_error) for run in runs.values()] == [("prompt", False), ("prompt", True)]
    assert runs[2].content["llm_model"] == "m"
