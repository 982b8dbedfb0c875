"""A run that leaves as a span and is derived again is the same run, under OpenTelemetry's names and OpenInference's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrace.model.content import CONTENT_KEYS
from agenttrace.model.foreign import DerivedRun
from agenttrace.model.wire import SCOPE_IDS
from agenttrace.otel.derive import derive
from agenttrace.otel.names import NameSet, attributes_of, span_of
from agenttrace.otel.values import PLACEHOLDERS
from tests.otel.derive_cases import AGENTS, EMITTERS, TRACE, captured, ident

SETS: list[NameSet] = ["gen_ai", "openinference"]
SAME = ("run_type", "name", "status", "start", "end", "content", "error", "attributes", "scope_ids", "parent_id")

# What stands for a withheld value would not come back; Hypothesis finds such words in the source.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(lambda text: text not in PLACEHOLDERS)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "tool", "system"]), "content": st.none() | texts},
        optional={
            "tool_calls": st.lists(
                st.fixed_dictionaries({"id": texts, "name": texts, "arguments": values}), max_size=2
            ),
            "tool_call_id": texts,
        },
    ),
    max_size=3,
)
counts = st.dictionaries(st.sampled_from(["input_tokens", "output_tokens", "total_tokens", "own"]), st.integers(0, 99))
TYPED: dict[str, st.SearchStrategy[Any]] = {
    "history": messages | values,
    "system_prompt": texts | values,
    "llm_response": texts | values,
    "tool_names": st.lists(texts, max_size=3) | values,
    "usage": counts | values,
    "time_to_first_token": st.floats(0, 9) | values,
    "documents": st.lists(st.fixed_dictionaries({"content": texts}, optional={"metadata": values}), max_size=2)
    | values,
}


@st.composite
def runs(draw: st.DrawFn) -> DerivedRun:
    run_type = draw(st.sampled_from([*CONTENT_KEYS, "agent", "chain", "embeddings", "cook_dinner"]))
    keys = CONTENT_KEYS.get(run_type, ("input", "output"))
    chosen = draw(st.lists(st.sampled_from(keys), unique=True))
    content = {key: draw(TYPED.get(key, values)) for key in keys if key in chosen}
    failed = draw(st.booleans())
    error = st.fixed_dictionaries({"type": st.none() | texts, "message": st.none() | texts, "stack": st.none() | texts})
    ids = st.dictionaries(st.sampled_from(SCOPE_IDS[1:]), texts.filter(bool), max_size=3)
    return DerivedRun(
        trace_id=TRACE,
        span_id=ident(1),
        parent_id=None,
        run_type=run_type,
        name=draw(texts.filter(bool)),
        status="failed" if failed else "success",
        start=5,
        end=9,
        content={key: value for key, value in content.items() if value is not None},
        error=draw(st.none() | error) if failed else None,
        attributes=draw(st.dictionaries(texts, values, max_size=3)),
        scope_ids=draw(ids),
    )


@pytest.mark.parametrize("names", SETS)
@settings(max_examples=120, deadline=None)
@given(runs())
def test_a_run_comes_back(names: NameSet, run: DerivedRun) -> None:
    """Type, name, status, times, content, error, free attributes and ids are those that left."""
    derived = derive([span_of(run, names=names)])
    assert len(derived.runs) == 1
    assert derived.events == []
    back = derived.runs[0]
    assert not back.data_parse_error
    for name in SAME:
        assert same(getattr(back, name), getattr(run, name)), name


def same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True, default=bytes.hex) == json.dumps(other, sort_keys=True, default=bytes.hex)


@pytest.mark.parametrize("names", SETS)
@pytest.mark.parametrize("emitter", [*EMITTERS, AGENTS])
def test_captured_traces_come_back(emitter: str, names: NameSet) -> None:
    """What was derived of real traces leaves and comes back as the same tree."""
    for trace in captured(emitter):
        ended = [each for each in derive(trace.spans, trace.logs).runs if each.end is not None]
        back = derive([span_of(run, names=names) for run in ended]).runs
        assert [[getattr(run, name) for name in SAME] for run in back] == [
            [getattr(run, name) for name in SAME] for run in ended
        ]


def test_what_others_read() -> None:
    """Prompts, tools, retrievals and agents leave under the current names of OpenTelemetry."""
    prompt = attributes_of(
        DerivedRun(
            trace_id=TRACE,
            span_id=ident(1),
            parent_id=None,
            run_type="prompt",
            name="engage_user",
            status="success",
            start=1,
            end=2,
            provider="acme",
            content={
                "system_prompt": "Be brief.",
                "history": [{"role": "user", "content": "hi"}],
                "full_prompt": "system: Be brief.\n\nuser: hi",
                "llm_model": "m-1",
                "llm_response": "there",
                "tool_names": ["look_up"],
                "usage": {"input_tokens": 3, "output_tokens": 1},
            },
            scope_ids={"session_id": "s-1", "conversation_id": "c-1", "user_id": "u-1"},
        )
    )
    assert prompt == {
        "agenttrace.run_type": "prompt",
        "agenttrace.name": "engage_user",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "acme",
        "gen_ai.system_instructions": '[{"type":"text","content":"Be brief."}]',
        "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]',
        "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"there"}]}]',
        "gen_ai.request.model": "m-1",
        "gen_ai.response.model": "m-1",
        "gen_ai.tool.definitions": '[{"type":"function","name":"look_up"}]',
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 1,
        "gen_ai.conversation.id": "c-1",
        "session.id": "s-1",
        "user.id": "u-1",
        "agenttrace.session_id": "s-1",
        "agenttrace.conversation_id": "c-1",
        "agenttrace.user_id": "u-1",
    }


def test_what_leaves_is_what_exporters_take() -> None:
    """Attributes are text, numbers and truth values; the parent, the times and the error stand where they belong."""
    run = DerivedRun(
        trace_id=TRACE,
        span_id=ident(2),
        parent_id=ident(1),
        run_type="tool_call",
        name="look_up",
        status="failed",
        start=1,
        end=2,
        content={"tool_name": "look_up", "input": {"peak": "K2"}, "payload": [1]},
        error={"type": "ValueError", "message": "no such peak", "stack": None},
        attributes={"widget_id": "w"},
    )
    for names in SETS:
        span = span_of(run, names=names)
        assert all(isinstance(value, str | int | float | bool) for value in span.attributes.values())
        assert (span.status, span.status_message, span.parent_id) == ("error", "no such peak", ident(1))
        assert span.events == [
            {
                "name": "exception",
                "time": 2,
                "attributes": {"exception.type": "ValueError", "exception.message": "no such peak"},
            }
        ]


def test_the_workspace_never_leaves() -> None:
    """Who receives a span decides whose it is."""
    run = DerivedRun(
        trace_id=TRACE,
        span_id=ident(1),
        parent_id=None,
        run_type="master",
        name="a",
        status="success",
        start=1,
        end=2,
        scope_ids={"workspace_id": "secret tenant"},
    )
    assert "secret tenant" not in str(attributes_of(run))
