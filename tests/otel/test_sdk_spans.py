"""SdkSpans: the record of a span's end is the same whether or not its beginning is remembered."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from agenttrace import scope
from agenttrace.otel import SpanProcessor, sdk_spans
from agenttrace.otel.sdk_spans import SdkSpans
from agenttrace.record.context import Scope
from tests.otel.otel_records import Collected

ELSEWHERE = SpanContext(trace_id=7, span_id=8, is_remote=True)


class Ended(SpanProcessor):
    """Writes every end a second time, as if nothing were known of its beginning."""

    def __init__(self, target: Any) -> None:
        super().__init__(target)
        self.again: list[bytes] = []

    def on_end(self, span: Any) -> None:
        super().on_end(span)
        self.again.append(SdkSpans(self._recorder).end(span, span.context, None, self._scope))

    _scope = Scope({"user_id": "ann"}, {})


@pytest.mark.parametrize(
    "change",
    [
        lambda span: None,
        lambda span: span.update_name("another"),
        lambda span: span.set_status(StatusCode.OK),
        lambda span: span.set_status(Status(StatusCode.ERROR, "too small")),
        lambda span: span.set_attribute("more", 1),
        lambda span: span.add_event("happened", {"n": 1}),
        lambda span: span.add_link(ELSEWHERE, {"why": "so"}),
        lambda span: [span.set_attribute(f"n{number}", number) for number in range(200)],
    ],
)
def test_an_end_is_whole_whatever_is_known_of_its_beginning(change: Any) -> None:
    """Ids, name, kind, times, library, resource and scope are in both alike."""
    target = Collected()
    processor = Ended(target)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("lib", "1.0")
    with scope(user_id="ann"):
        span = tracer.start_span("chat", kind=SpanKind.CLIENT, attributes={"a": 1}, links=[Link(ELSEWHERE)])
    change(span)
    span.end()
    assert [target.records[-1][1]] == processor.again
    head = orjson.loads(target.records[-1][1].partition(b"\n")[0])
    assert head["name"] == span.name  # type: ignore[attr-defined]
    assert (head["kind"], head["lib"]["name"], head["scope"]) == ("client", "lib", {"user_id": "ann"})


def test_rules_that_change_while_a_span_is_open_count_for_its_end() -> None:
    """What was written at the beginning is not written again."""
    target = Collected()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor(target))
    span = provider.get_tracer("lib").start_span("ask mauve", attributes={"color": "mauve"})
    target.recorder.redact_with(lambda _, text: text.replace("mauve", "***"), enabled=True, limit=1 << 20)
    span.end()
    begun, ended = (payload for _, payload in target.records)
    assert b"mauve" in begun
    assert b"mauve" not in ended


def test_of_many_open_spans_the_ends_are_written_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many beginnings are remembered."""
    monkeypatch.setattr(sdk_spans, "_MOST", 3)
    target = Collected()
    processor = SpanProcessor(target)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    spans = [provider.get_tracer("lib").start_span(f"span {number}") for number in range(10)]
    assert len(processor._spans._open) <= 3
    for span in spans:
        span.end()
    ends = [orjson.loads(payload.partition(b"\n")[0]) for _, payload in target.records[10:]]
    assert [end["name"] for end in ends] == [f"span {number}" for number in range(10)]
    assert all("end" in end for end in ends)
    assert processor._spans._open == {}
