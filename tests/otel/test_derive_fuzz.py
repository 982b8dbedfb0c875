"""Whatever stands in attributes, events and logs: derive never raises, and never depends on order."""

from __future__ import annotations

import random
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrace.model.foreign import ForeignLog, ForeignSpan, NativeRun
from agenttrace.model.jsontext import compact_json
from agenttrace.otel import semconv
from agenttrace.otel.classify import kind_of
from agenttrace.otel.content import captured
from agenttrace.otel.derive import derive
from agenttrace.otel.values import clean
from agenttrace.otel.view import view_of
from tests.otel.derive_cases import TRACE, ident

NAMES = sorted(semconv.KNOWN | {f"{prefix}.{n}.role" for prefix in semconv.FLAT for n in (0, 1)} | {"metadata", "x"})
EVENTS = sorted({*semconv.MESSAGES, *semconv.DETAILS, *semconv.VALUE_EVENTS, "exception", "agenttrace.thinking", ""})
KINDS = sorted({value for evidence in semconv.EVIDENCE for value in evidence.kinds} | {"odd", ""})
WORDS = ["role", "user", "content", "parts", "type", "text", "tool_call", "tool_calls", "function", "arguments", "id"]
WORDS += ["name", "message", "messages", "reasoning", "kwargs", "data", "lc", "toolResult", "toolUse", "json", "output"]


def as_json(value: Any) -> str:
    return compact_json(clean(value))


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(WORDS)
values = st.recursive(
    scalars | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=4)
        | inner.map(repr)
        | inner.map(as_json)
    ),
    max_leaves=8,
)
attributes = st.dictionaries(st.sampled_from(NAMES), values | st.sampled_from(KINDS), max_size=6)
events = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from(EVENTS), "time": st.integers(0, 9), "attributes": attributes}),
    max_size=2,
)
KINDED = [evidence.attribute for evidence in semconv.EVIDENCE if evidence.kinds]
responses = st.sampled_from([{}, {"gen_ai.response.id": "r"}, {"gen_ai.tool.call.id": "r"}])


@st.composite
def spans(draw: st.DrawFn) -> ForeignSpan:
    kinds = draw(st.dictionaries(st.sampled_from(KINDED), st.sampled_from(KINDS), max_size=2))
    start = draw(st.integers(0, 9))
    return ForeignSpan(
        trace_id=TRACE,
        span_id=ident(draw(st.integers(1, 5))),
        parent_id=draw(st.none() | st.integers(1, 7).map(ident)),
        name=draw(st.text(max_size=3)),
        start=start,
        end=draw(st.none() | st.integers(start, 20)),
        status=draw(st.sampled_from(["unset", "ok", "error"])),
        status_message=draw(st.none() | st.text(max_size=3)),
        attributes={**draw(attributes), **kinds, **draw(responses)},
        start_attributes=draw(st.none() | attributes),
        events=draw(events),
        scope_name=draw(st.sampled_from(["a", "b"])),
    )


logs = st.builds(
    ForeignLog,
    trace_id=st.just(TRACE),
    span_id=st.integers(1, 5).map(ident),
    time=st.integers(0, 9),
    name=st.sampled_from(EVENTS),
    body=values,
    attributes=attributes,
)
natives = st.builds(
    NativeRun,
    span_id=st.integers(6, 8).map(ident),
    parent_id=st.none() | st.integers(1, 9).map(ident),
    via=st.none() | st.integers(1, 9).map(ident),
    run_type=st.sampled_from(["master", "prompt", "tool_call"]),
    start=st.integers(0, 9),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(spans(), max_size=6), st.lists(logs, max_size=3), st.lists(natives, max_size=2), st.integers())
def test_any_trace_has_a_meaning(given_spans: Any, given_logs: Any, given_natives: Any, seed: int) -> None:
    """It is JSON, its parents are known, and the order of what arrives does not matter."""
    natives_by_id = list({run.span_id: run for run in given_natives}.values())
    derived = derive(given_spans, given_logs, natives_by_id)
    known = {run.span_id for run in derived.runs} | {run.span_id for run in natives_by_id}
    assert {run.parent_id for run in derived.runs} <= known | {None}
    for run in derived.runs:
        orjson.dumps([run.content, run.attributes, run.error, run.scope_ids, run.name, run.run_type])
        assert run.run_type
        assert None not in run.content.values()
    orjson.dumps([event.data for event in derived.events])
    chance = random.Random(seed)
    for listed in (given_spans, given_logs, natives_by_id):
        listed += listed[:1]
        chance.shuffle(listed)
    assert derive(given_spans, given_logs, natives_by_id) == derived


@settings(max_examples=80, deadline=None)
@given(spans(), st.lists(logs, max_size=2))
def test_reading_a_span_raises_nothing(one: ForeignSpan, its_logs: list[ForeignLog]) -> None:
    """Not even what `derive` would guard against."""
    view = view_of(one, its_logs)
    kind = kind_of(view)
    if kind is not None:
        captured(view, kind)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(NAMES), st.text() | st.binary())
def test_any_text_in_any_attribute(name: str, value: str | bytes) -> None:
    """Of any text or bytes in any known attribute something is made, or it is kept."""
    for kind in ("chat", "invoke_agent", "execute_tool", "retrieval", "plan"):
        one = ForeignSpan(
            trace_id=TRACE, span_id=ident(1), end=1, attributes={"gen_ai.operation.name": kind, name: value}
        )
        for run in derive([one]).runs:
            orjson.dumps([run.content, run.attributes])
