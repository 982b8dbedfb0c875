"""LogRecordProcessor: events that are emitted as log records inside spans."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider

from agenttrace import AgentTrace
from agenttrace.otel import LogRecordProcessor, SpanProcessor
from tests.otel.otel_records import Collected

KEY = "sk-proj-" + "Zq8Rt3Lm" * 4


@pytest.fixture
def trace() -> Iterator[AgentTrace]:
    made = AgentTrace(store="memory://")
    yield made
    assert made.shutdown(20)
    assert made.stats().internal_errors == 0


def providers(trace: AgentTrace | Collected) -> tuple[TracerProvider, LoggerProvider]:
    spans, logs = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    spans.add_span_processor(SpanProcessor(trace))
    logs.add_log_record_processor(LogRecordProcessor(trace))
    return spans, logs


def user_message(text: str) -> LogRecord:
    return LogRecord(event_name="gen_ai.user.message", body={"content": text}, severity_number=SeverityNumber.INFO)


def test_events_are_content_of_their_spans(trace: AgentTrace) -> None:
    """What a span does not say, the events inside it do."""
    spans, logs = providers(trace)
    with spans.get_tracer("lib").start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}):
        logs.get_logger("lib").emit(user_message("weather in Paris?"))
    (run,) = trace.query.runs()
    assert run.content is not None
    assert "weather in Paris?" in str(run.content["history"])


def test_the_spans_scope_is_the_events(trace: AgentTrace) -> None:
    """An event is kept in the workspace of its span, whatever scope it is emitted in."""
    other = "22222222-2222-4222-8222-222222222222"
    spans, logs = providers(trace)
    with trace.scope(workspace_id=other):
        span = spans.get_tracer("lib").start_span("chat", attributes={"gen_ai.operation.name": "chat"})
    record = user_message("hello")
    record.trace_id, record.span_id = span.get_span_context().trace_id, span.get_span_context().span_id
    logs.get_logger("lib").emit(record)
    span.end()
    (run,) = trace.query.runs(workspace_id=other)
    assert "hello" in str(run.content)


def test_log_lines_and_events_outside_spans_are_left_alone() -> None:
    target = Collected()
    spans, logs = providers(target)
    logs.get_logger("lib").emit(user_message("outside"))
    with spans.get_tracer("lib").start_as_current_span("work"):
        logs.get_logger("lib").emit(LogRecord(body="just a line", severity_text="INFO"))
    assert len(target.records) == 2  # the span's start and end


def test_secrets_in_events_are_redacted() -> None:
    target = Collected()
    spans, logs = providers(target)
    with spans.get_tracer("lib").start_as_current_span("work"):
        logs.get_logger("lib").emit(user_message(f"my key is {KEY}"))
    written = b"".join(payload for _, payload in target.records)
    assert KEY.encode() not in written
    assert b"my key is" in written


def test_nothing_is_raised_into_the_program() -> None:
    target = Collected()
    target.recorder.strict = False
    target.recorder.append = lambda kind, payload: 1 / 0  # type: ignore[assignment,return-value]
    processor = LogRecordProcessor(target)
    spans, logs = providers(target)
    with spans.get_tracer("lib").start_as_current_span("work"):
        logs.get_logger("lib").emit(user_message("x"))
    assert target.recorder.internal_errors == 3
    assert processor.force_flush()


def test_an_event_that_comes_before_its_span(trace: AgentTrace) -> None:
    """The join does not mind the order: the span's end brings the event along."""
    spans, logs = providers(trace)
    span = spans.get_tracer("lib").start_span("chat", attributes={"gen_ai.operation.name": "chat"})
    record = user_message("first")
    record.trace_id, record.span_id = span.get_span_context().trace_id, span.get_span_context().span_id
    logs.get_logger("lib").emit(record)
    assert trace.flush(20)
    span.end()
    (run,) = trace.query.runs()
    assert "first" in str(run.content)
