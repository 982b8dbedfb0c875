"""What further instrumentations were seen to send, trimmed: each quirk of theirs is read as it was meant."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from agenttrace.model.foreign import DerivedEvent
from agenttrace.otel.derive import derive
from tests.otel.derive_cases import parents, run_of, runs_of, span, types

CHAT = {"gen_ai.operation.name": "chat"}
AGENT = {"gen_ai.operation.name": "invoke_agent"}
TOOL = {"gen_ai.operation.name": "execute_tool"}
LLM = {"openinference.span.kind": "LLM"}


def text(value: Any) -> str:
    return orjson.dumps(value).decode()


def said(*parts: dict[str, Any]) -> str:
    return text([{"role": "assistant", "parts": list(parts)}])


def thoughts(attributes: dict[str, Any]) -> list[str]:
    events: list[DerivedEvent] = derive([span(1, attributes=attributes)]).events
    return [event.data["content"] for event in events if event.type == "thinking"]


# -- messages --------------------------------------------------------------------------------------------------------

SUMMARY = text([{"text": "Let me ponder.", "type": "summary_text"}])
ANSWERS = [
    {**CHAT, "gen_ai.output.messages": said({"type": "reasoning", "content": SUMMARY})},
    {"gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.reasoning": SUMMARY},
    {"gen_ai.completion.0.role": "thinking", "gen_ai.completion.0.content": "Let me ponder."},
    {
        **LLM,
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "Clear.",
        "output.value": text(
            {
                "choices": [
                    {"message": {"role": "assistant", "content": "Clear.", "reasoning_content": "Let me ponder."}}
                ]
            }
        ),
    },
]


@pytest.mark.parametrize("attributes", ANSWERS)
def test_reasoning_in_odd_places(attributes: dict[str, Any]) -> None:
    """Reasoning is a list of summaries as text, a message of its own role, or only in the whole answer."""
    assert thoughts(attributes) == ["Let me ponder."]
    assert "ponder" not in str(run_of(attributes).content.get("llm_response"))


def test_calls_as_the_repr_of_an_object() -> None:
    """A text that is the repr of a call is that call."""
    call = "ToolCall(arguments='{\"city\": \"Oslo\"}', call_id='c1', name='peek', type='function_call', x=None)"
    run = run_of({**CHAT, "gen_ai.output.messages": said({"type": "text", "content": call})})
    assert run.content == {"action": "peek"}
    assert run.attributes["tool_calls"] == [{"id": "c1", "name": "peek", "arguments": {"city": "Oslo"}}]


@pytest.mark.parametrize(
    "spoken", ["Call(name='x')", "print(a=1)", "f(type='text', text=g(1))", "Part(type='text', text='a')"]
)
def test_other_reprs_stay_text(spoken: str) -> None:
    """A text that only looks like the repr of an object is what was said."""
    run = run_of({**CHAT, "gen_ai.output.messages": said({"type": "text", "content": spoken})})
    assert run.content["llm_response"] == spoken


def test_blocks_with_the_call_beside_them() -> None:
    """A block that only says that it is a call, with the call beside it, is that call once."""
    call = {"id": "t1", "function": {"name": "peek", "arguments": "{}"}}
    message = {
        "role": "assistant",
        "contents": [{"message_content": {"type": "tool_use"}, "tool_call": call}],
        "tool_calls": [{"tool_call": call}],
    }
    run = run_of({**LLM, "input.value": text({"messages": [message]})})
    assert run.content["history"] == [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "t1", "name": "peek", "arguments": {}}]}
    ]


@pytest.mark.parametrize(
    "result",
    [
        [{"message_content": {"type": "text", "text": "clear"}}],
        '[{"text": "clear"}]',
        [{"type": "text", "text": "clear"}],
    ],
)
def test_results_in_blocks(result: Any) -> None:
    """A tool's result in content blocks is what they hold, also where they are JSON in JSON."""
    message = {"role": "tool", "tool_call_id": "c1", "content": result}
    run = run_of({**CHAT, "gen_ai.input.messages": text([message])})
    assert run.content["history"] == [{"role": "tool", "content": "clear", "tool_call_id": "c1"}]


def test_instructions_in_an_answer_are_not_said() -> None:
    """Some answers repeat the instructions; the model did not say them."""
    answer = {"instructions": "Be.", "output": [{"type": "message", "role": "assistant", "content": "Clear."}]}
    run = run_of({"langsmith.span.kind": "llm", "gen_ai.completion": text(answer)})
    assert run.content["llm_response"] == "Clear."


# -- usage, times and names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "usage"),
    [
        ({"gen_ai.usage.cache_write.input_tokens": 3}, {"cache_write_tokens": 3}),
        ({"gen_ai.usage.input_token_details": "{'cache_read': 2}"}, {"cache_read_tokens": 2}),
        ({"gen_ai.usage.output_token_details": "{'reasoning': 1}"}, {"reasoning_tokens": 1}),
        (
            {"gen_ai.usage.raw": text({"total_tokens": 9, "prompt_tokens_details": {"cached_tokens": 2}})},
            {"total_tokens": 9, "cache_read_tokens": 2},
        ),
        ({"gen_ai.usage.raw": "[1, 2]"}, None),
    ],
)
def test_usage_inside_of_objects(attributes: dict[str, Any], usage: dict[str, int] | None) -> None:
    """Counts are read out of details, whether these are JSON or a Python repr."""
    assert run_of({**CHAT, **attributes}).content.get("usage") == usage


@pytest.mark.parametrize("name", ["First Token Stream Event", "new_token", "gen_ai.content.completion.chunk"])
def test_the_first_chunk_tells_the_time_to_the_first_token(name: str) -> None:
    """Where no attribute tells it, the first event of a part of the answer does; others do not."""
    events = [
        {"name": each, "time": time, "attributes": {}} for each, time in ((name, 9000), (name, 3500), ("x", 2000))
    ]
    assert run_of(LLM, events=events).content == {"time_to_first_token": 0.0025}
    told = run_of({**LLM, "gen_ai.response.time_to_first_chunk": 0.5}, events=events)
    assert told.content["time_to_first_token"] == 0.5


@pytest.mark.parametrize(
    "attributes",
    [
        {"llm.response.model_name": "m", "llm.model_name": "alias"},
        {"llm.request.model_name": "m"},
        {"llm.invocation_parameters": text({"model": "m"})},
    ],
)
def test_the_model_that_answered_or_was_asked(attributes: dict[str, Any]) -> None:
    """The model is known in failed calls too, from what was asked for."""
    assert run_of({**LLM, **attributes}).content == {"llm_model": "m"}


def test_embeddings_keep_their_model_and_usage() -> None:
    """What has no key in the content of an embedding is a free attribute of it."""
    run = run_of({"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 3})
    assert (run.attributes["llm_model"], run.attributes["usage"]) == ("m", {"input_tokens": 3})


def test_a_template_for_a_name() -> None:
    """The message of a span names its run, as its own name is a template for it; agents and tools have names."""
    message = {"logfire.msg": "Chat with 'm'", "gen_ai.tool.name": "peek", "gen_ai.agent.name": "guide"}
    assert run_of({**CHAT, **message}, name="Chat with {model!r}").name == "Chat with 'm'"
    assert run_of({**TOOL, **message}).name == "peek"
    assert run_of({**AGENT, **message}).name == "guide"


def test_spans_that_announce_another_are_no_runs() -> None:
    """A pending span repeats the span that it stands below."""
    runs = runs_of(span(1, None, AGENT), span(2, 1, {**AGENT, "logfire.span_type": "pending_span"}))
    assert types(runs) == {1: "master"}


# -- inputs and outputs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"input": "sky?"}, "sky?"),
        ({"messages": [["user", "sky?"]]}, "sky?"),
        ({"messages": [["system", "Be."], ["human", "sky?"]]}, "sky?"),
        ({"input": ""}, None),
        ({"q": "sky?"}, {"q": "sky?"}),
    ],
)
def test_what_an_agent_was_asked(given: Any, expected: Any) -> None:
    """An object with nothing but the input is the input; messages may be pairs; one that says nothing is none."""
    assert (
        run_of({"traceloop.span.kind": "workflow", "traceloop.entity.input": text(given)}).content.get("input")
        == expected
    )


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"raw": "Clear.", "tasks_output": [], "token_usage": None}, "Clear."),
        ({"response": "Clear.", "sources": [], "metadata": {}}, "Clear."),
        ({"output": "Clear."}, "Clear."),
        ({"response": "Clear."}, {"response": "Clear."}),
    ],
)
def test_what_an_agent_answered(output: Any, expected: Any) -> None:
    """Objects that describe a result besides holding it are that result."""
    run = run_of({"openinference.span.kind": "AGENT", "output.value": text(output)})
    assert run.content["output"] == expected


def test_nothing_came_back_from_a_failure() -> None:
    """An empty object in place of the output of what failed is none; of what succeeded it is the output."""
    empty = {"langsmith.span.kind": "tool", "gen_ai.completion": "{}"}
    assert run_of(empty, status="error").content == {}
    assert run_of(empty).content == {"output": {}}


def test_text_that_begins_like_a_list() -> None:
    """Markers in brackets are text, and no fault."""
    run = run_of({**LLM, "output.value": "[[ ## answer ## ]]\nclear"})
    assert (run.content["llm_response"], run.data_parse_error) == ("[[ ## answer ## ]]\nclear", False)


# -- one call seen twice ---------------------------------------------------------------------------------------------


def test_prompts_with_one_response_id_join_across_the_trace() -> None:
    """A client's span that stands beside the framework's tree, not in it, joins the framework's; runs below it too."""
    call = {**CHAT, "gen_ai.response.id": "r1"}
    runs = runs_of(
        span(1, None, {}),
        span(2, 1, AGENT, end=9000),
        span(3, 2, call, end=9000),
        span(4, 1, {**call, "gen_ai.usage.input_tokens": 5}, scope_name="a.client"),
        span(5, 4, TOOL),
    )
    assert parents(runs) == {2: None, 3: 2, 5: 3}
    assert runs[3].content == {"usage": {"input_tokens": 5}}


def test_a_span_never_joins_what_stands_below_it() -> None:
    """Clocks that differ make no circle: an outer call that seems to begin later stays where it is."""
    call = {**CHAT, "gen_ai.response.id": "r1"}
    runs = runs_of(
        span(1, None, call, start=9000, end=9900, scope_name="a.client"),
        span(2, 1, AGENT, start=100, end=9900),
        span(3, 2, call, start=200, end=9900),
    )
    assert parents(runs) == {1: None, 2: 1, 3: 2}


def test_what_follows_from_an_answer_may_stand_below_the_call() -> None:
    """Prompts of one instrumentation with a span of its own between them and other messages are two; else one."""

    def asked(content: str) -> dict[str, str]:
        request = {"contents": [{"role": "user", "parts": [{"text": content}]}]}
        return {"gcp.vertex.agent.llm_request": text(request)}

    two = runs_of(span(1, None, asked("sky?")), span(2, 1), span(3, 2, asked("tide?")))
    assert parents(two) == {1: None, 3: 1}
    one = runs_of(span(1, None, asked("sky?")), span(2, 1), span(3, 2, asked("sky?")))
    assert parents(one) == {1: None}


def test_a_template_gives_way_to_the_messages() -> None:
    """What an outer call has as its input only gives way to the messages that the inner one was given."""
    runs = runs_of(
        span(1, None, {**LLM, "input.value": "Template(vars=['q'])"}),
        span(2, 1, {**LLM, "llm.prompts": text(["sky?"])}),
    )
    assert runs[1].content == {"history": [{"role": "user", "content": "sky?"}], "full_prompt": "sky?"}


def test_a_tool_that_calls_another_over_mcp() -> None:
    """A call over MCP is that of the tool around it, whose name may tell the server too, unless it names another."""
    mcp = {**TOOL, "mcp.method.name": "tools/call", "gen_ai.tool.name": "peek"}
    for name, numbers in (("peek", {1}), ("skies__peek", {1}), ("weigh", {1, 2})):
        assert set(runs_of(span(1, None, {**TOOL, "gen_ai.tool.name": name}), span(2, 1, mcp))) == numbers


def test_results_that_are_listed_under_their_role() -> None:
    """A tool's message without content may list its results as JSON under the name of its role."""
    listed = '{"name": "peek", "content": "sunny in Oslo", "call_id": "c3"}'
    run = run_of(
        {
            **LLM,
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "weather?",
            "llm.input_messages.1.message.role": "function",
            "llm.input_messages.1.function.0": listed,
        }
    )
    assert run.content["history"][1] == {
        "role": "tool",
        "content": "sunny in Oslo",
        "tool_call_id": "c3",
        "name": "peek",
    }


def test_the_repr_of_a_tool_is_no_name() -> None:
    """Parameters that hold objects' reprs name no tools."""
    parameters = text({"tools": ["<lib.FunctionTool object at 0x7f00>", {"function": {"name": "peek"}}]})
    run = run_of({**LLM, "llm.invocation_parameters": parameters, "llm.model_name": "m"})
    assert run.content.get("tool_names") in (["peek"], None)
    assert "FunctionTool" not in str(run.content)
