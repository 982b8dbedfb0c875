"""OpenTelemetry: our spans and those of any SDK nest in each other, in one trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, Status, StatusCode, TraceFlags

from agenttrace.record.makers import Makers
from agenttrace.record.propagate import wrap
from agenttrace.record.span import NOOP, current
from tests.record.recording import Recording

FOREIGN = SpanContext(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, is_remote=True, trace_flags=TraceFlags(0))


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """Keeps what the SDK ends."""
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> Iterator[TracerProvider]:
    """A tracer provider of the test's own."""
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(exporter))
    yield made
    made.shutdown()


@pytest.fixture
def tracer(provider: TracerProvider) -> otel.Tracer:
    """A tracer of the SDK."""
    return provider.get_tracer("tests")


def ids(span: ReadableSpan) -> tuple[str, str, str | None]:
    """Return trace, span and parent as hex."""
    parent = None if span.parent is None else f"{span.parent.span_id:016x}"
    assert span.context is not None
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}", parent


# -- nesting -------------------------------------------------------------------------------------------------


def test_an_sdk_span_inside_ours_has_ours_as_parent(
    make: Makers, tracer: otel.Tracer, exporter: InMemorySpanExporter
) -> None:
    """A span of the SDK in one of our blocks is in its trace, below it, and sampled."""
    with make.tool_call("ours") as ours, tracer.start_as_current_span("theirs"):
        pass
    (theirs,) = exporter.get_finished_spans()
    assert ids(theirs)[0] == ours.trace_id
    assert ids(theirs)[2] == ours.span_id


def test_ours_inside_an_sdk_span_has_it_as_parent(
    make: Makers, recording: Recording, tracer: otel.Tracer, exporter: InMemorySpanExporter
) -> None:
    """Our span in a span of the SDK is in its trace, below it, and says that the parent is not recorded here."""
    with tracer.start_as_current_span("theirs"), make.tool_call("ours"), make.context("below"):
        pass
    trace, span, _ = ids(exporter.get_finished_spans()[0])
    ours, below = recording.runs()
    assert (ours.trace_id, ours.parent_id, ours.remote) == (trace, span, True)
    assert (below.trace_id, below.parent_id, below.remote) == (trace, ours.span_id, False)


def test_ours_theirs_ours_holds_together(
    make: Makers, recording: Recording, tracer: otel.Tracer, exporter: InMemorySpanExporter
) -> None:
    """Between two of ours a foreign span is skipped, so the tree is whole; the record names it."""
    with make.master("outer") as outer:
        with (
            tracer.start_as_current_span("theirs"),
            tracer.start_as_current_span("theirs too"),
            make.tool_call("inner"),
        ):
            pass
        with make.tool_call("beside"):
            pass
    inner_foreign, _ = exporter.get_finished_spans()
    inner, beside = recording.run("inner"), recording.run("beside")
    assert recording.tree() == [("outer", [("inner", []), ("beside", [])])]
    assert (inner.parent_id, inner.remote) == (outer.span_id, False)
    assert inner.envelope["via"] == ids(inner_foreign)[1]
    assert "via" not in beside.envelope


def test_a_span_below_a_bridge_is_part_of_the_turn(make: Makers, recording: Recording, tracer: otel.Tracer) -> None:
    """Ids and the turn's time reach across a foreign span, both ways."""
    with make.master("outer", user_id="u") as outer:
        recording.clock.advance(1)
        with tracer.start_as_current_span("theirs"), make.scope(session_id="s"), make.tool_call("inner"):
            pass
    assert recording.run("outer").scope == recording.run("inner").scope == {"user_id": "u", "session_id": "s"}
    assert recording.run("inner").record.turn == outer.turn


def test_a_foreign_trace_inside_ours_is_its_own(make: Makers, recording: Recording, tracer: otel.Tracer) -> None:
    """A span of the SDK that starts a trace of its own is not bridged: what is inside belongs to that trace."""
    foreign = tracer.start_as_current_span("theirs", context=Context())
    with make.master("outer") as outer, foreign as theirs, make.tool_call("inner"):
        pass
    inner = recording.run("inner")
    assert inner.trace_id == f"{theirs.get_span_context().trace_id:032x}" != outer.trace_id
    assert inner.remote


def test_another_workspace_is_not_bridged(make: Makers, recording: Recording, tracer: otel.Tracer) -> None:
    """Across workspaces the foreign span stays the parent, and nothing is learnt."""
    with (
        make.master("outer", workspace_id="one"),
        tracer.start_as_current_span("theirs") as theirs,
        make.scope(workspace_id="two", session_id="s"),
        make.tool_call("inner"),
    ):
        pass
    inner = recording.run("inner")
    assert (inner.parent_id, inner.remote) == (f"{theirs.get_span_context().span_id:016x}", True)
    assert recording.run("outer").scope == {"workspace_id": "one"}


def test_current_is_ours_below_a_foreign_span(make: Makers, tracer: otel.Tracer) -> None:
    """A foreign span does not hide our innermost one."""
    with make.master("outer") as outer, tracer.start_as_current_span("theirs"):
        assert current() is outer
    with tracer.start_as_current_span("theirs"):
        assert current() is NOOP


@pytest.mark.parametrize("context", [FOREIGN, otel.INVALID_SPAN_CONTEXT], ids=["unsampled", "invalid"])
def test_other_kinds_of_parents(make: Makers, recording: Recording, context: SpanContext) -> None:
    """An unsampled parent is a parent; an invalid one is none."""
    with otel.use_span(NonRecordingSpan(context)), make.tool_call("ours"):
        pass
    run = recording.run()
    if context.is_valid:
        assert (run.trace_id, run.parent_id) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
        assert run.remote
    else:
        assert (run.parent_id, run.remote) == (None, False)
        assert run.trace_id != "0" * 32


def test_a_sampler_that_drops_all_drops_none_of_ours(make: Makers, recording: Recording) -> None:
    """Below an SDK span that is not sampled, ours is recorded."""
    provider = TracerProvider(sampler=ALWAYS_OFF)
    with provider.get_tracer("tests").start_as_current_span("theirs"), make.tool_call("ours"):
        pass
    provider.shutdown()
    assert recording.run().status == "success"
    assert recording.run().remote


def test_wrap_carries_foreign_spans_too(make: Makers, recording: Recording, tracer: otel.Tracer) -> None:
    """`wrap` binds the whole OpenTelemetry context."""
    with tracer.start_as_current_span("theirs") as theirs:
        wrapped = wrap(otel.get_current_span)
    assert wrapped() is theirs


# -- our span as an OpenTelemetry span -----------------------------------------------------------------------


def test_our_span_is_an_opentelemetry_span(make: Makers) -> None:
    """Its span context has its ids, is valid, sampled and not remote; it records while it is open."""
    span = make.tool_call("ours")
    assert isinstance(span, Span)
    assert not span.is_recording()
    with span:
        context = span.get_span_context()
        assert span.is_recording()
        assert (f"{context.trace_id:032x}", f"{context.span_id:016x}") == (span.trace_id, span.span_id)
        assert context.is_valid
        assert not context.is_remote
        assert context.trace_flags.sampled
        assert span.get_span_context() is context
    assert not span.is_recording()


def test_attributes_events_and_links(make: Makers, recording: Recording) -> None:
    """OpenTelemetry's calls write attributes and `log` events."""
    with make.tool_call("ours") as span:
        span.set_attribute("a", 1)
        span.set_attributes({"b": [True], "c": "x"})
        span.add_event("seen", {"k": "v"}, timestamp=1_700_000_000_000_000_000)
        span.add_event("bare")
        span.add_link(FOREIGN, {"why": "because"})
        span.update_name("renamed")
    assert recording.run().attributes == {"a": 1, "b": [True], "c": "x"}
    assert recording.run().name == "renamed"
    seen, bare, link = recording.events("log")
    assert seen["data"] == {"name": "seen", "attributes": {"k": "v"}}
    assert seen["time"] == 1_700_000_000_000_000
    assert bare["data"] == {"name": "bare", "attributes": {}}
    assert link["data"]["attributes"] == {
        "trace_id": f"{FOREIGN.trace_id:032x}",
        "span_id": f"{FOREIGN.span_id:016x}",
        "why": "because",
    }


@pytest.mark.parametrize(
    ("calls", "status", "message"),
    [
        ([(Status(StatusCode.ERROR, "broken"),)], "failed", "broken"),
        ([(StatusCode.ERROR, "broken")], "failed", "broken"),
        ([(StatusCode.ERROR,)], "failed", None),
        ([(StatusCode.ERROR, "broken"), (StatusCode.OK,)], "success", None),
        ([(StatusCode.UNSET,)], "success", None),
        ([(Status(StatusCode.OK),)], "success", None),
    ],
)
def test_the_status_decides(make: Makers, recording: Recording, calls: Any, status: str, message: str | None) -> None:
    """A run whose status was set to ERROR is failed, with the description as message."""
    with make.tool_call("ours") as span:
        for call in calls:
            span.set_status(*call)
    run = recording.run()
    assert run.status == status
    assert run.error == ({"type": "Error", "message": message, "stack": None} if status == "failed" else None)


def test_a_recorded_exception_is_an_event(make: Makers, recording: Recording) -> None:
    """Recording an exception does not fail the run by itself; with the status ERROR it is the run's error."""
    with make.tool_call("handled") as span:
        span.record_exception(ValueError("x"), {"retry": 1})
    with make.tool_call("failed") as span:
        span.record_exception(ValueError("x"))
        span.set_status(StatusCode.ERROR, "gave up")
    handled, failed = recording.runs()
    assert (handled.status, failed.status) == ("success", "failed")
    assert failed.error is not None
    assert (failed.error["type"], failed.error["message"]) == ("ValueError", "x")
    data = recording.events("log")[0]["data"]
    assert data["name"] == "exception"
    assert data["attributes"] == {"exception.type": "ValueError", "exception.message": "x", "retry": 1}


def test_a_hostile_exception_can_be_recorded(make: Makers, recording: Recording) -> None:
    """An exception that cannot be printed does not raise into the program."""
    recording.recorder.strict = False

    class HostileError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    with make.tool_call("ours") as span:
        span.record_exception(HostileError())
    assert recording.run().status == "success"


def test_links_and_attributes_of_any_kind_do_not_raise(make: Makers, recording: Recording) -> None:
    """None for attributes, links of one's own, and values that OpenTelemetry would refuse are taken."""
    with make.tool_call("ours") as span:
        span.add_event("e", None)
        span.add_link(Link(FOREIGN).context, None)
        span.set_attributes({"object": object()})  # type: ignore[dict-item]
    assert recording.run().status == "success"


# -- use_span ------------------------------------------------------------------------------------------------


def test_use_span_makes_ours_the_parent(make: Makers, recording: Recording, tracer: otel.Tracer) -> None:
    """OpenTelemetry's own way to make a span current works with ours."""
    span = make.master("manual", session_id="s").start()
    with otel.use_span(span), make.tool_call("inside"):
        pass
    span.end()
    assert recording.tree() == [("manual", [("inside", [])])]
    assert recording.run("inside").scope == {"session_id": "s"}


def test_current_inside_use_span_is_that_span(make: Makers) -> None:
    """What OpenTelemetry has as its current span, and is ours, is ours too."""
    with make.master("outer") as outer:
        span = make.tool_call("manual").start()
        with otel.use_span(span, end_on_exit=True):
            assert current() is span
        assert current() is outer


def test_use_span_takes_a_span_that_has_not_begun(make: Makers, recording: Recording) -> None:
    """A span of ours that is current before it started is the parent, of blocks and of decorated calls."""
    span = make.master("manual")
    with otel.use_span(span, end_on_exit=True):
        with make.tool_call("block"):
            pass
        make.tool_call("call")(lambda: None)()
    assert span.span_id == recording.run("manual").span_id
    for run in (recording.run("block"), recording.run("call")):
        assert (run.parent_id, run.trace_id, run.remote) == (span.span_id, span.trace_id, False)


def test_use_span_is_bridged_as_a_block_is(make: Makers, recording: Recording, tracer: otel.Tracer) -> None:
    """A foreign span between a span in use and ours does not break the tree."""
    span = make.master("manual").start()
    with otel.use_span(span, end_on_exit=True), tracer.start_as_current_span("theirs"), make.tool_call("inside"):
        pass
    assert recording.tree() == [("manual", [("inside", [])])]


def test_use_span_ends_and_fails_ours(make: Makers, recording: Recording) -> None:
    """`use_span` records the exception that leaves it, sets the status and ends the span."""
    with pytest.raises(ValueError), otel.use_span(make.tool_call("ours").start(), end_on_exit=True):
        raise ValueError("broken")
    run = recording.run()
    assert run.status == "failed"
    assert run.error is not None
    assert (run.error["type"], run.error["message"]) == ("ValueError", "broken")
    assert "test_otel.py" in run.error["stack"]
    assert recording.events("log")[0]["data"]["name"] == "exception"


@pytest.mark.parametrize(("record", "status"), [(True, False), (False, True), (False, False)])
def test_use_span_does_what_it_is_told(make: Makers, recording: Recording, record: bool, status: bool) -> None:
    """Without `record_exception` there is no event, without `set_status_on_exception` no failure."""
    span = make.tool_call("ours").start()
    with (
        pytest.raises(ValueError),
        otel.use_span(span, end_on_exit=True, record_exception=record, set_status_on_exception=status),
    ):
        raise ValueError("broken")
    assert len(recording.events("log")) == record
    assert recording.run().status == ("failed" if status else "success")
    if status:
        assert "broken" in str((recording.run().error or {})["message"])
