"""instrument: one call takes what the program's providers make, once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace as api
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider

import agenttrace
from agenttrace import AgentTrace
from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.otel import LogRecordProcessor, SpanProcessor, instrument
from agenttrace.testing import capture


@pytest.fixture
def trace() -> Iterator[AgentTrace]:
    made = AgentTrace(store="memory://")
    yield made
    assert made.shutdown(20)


def providers() -> tuple[TracerProvider, LoggerProvider]:
    return TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)


def test_spans_and_events_are_taken_once(trace: AgentTrace) -> None:
    """Calling it again adds nothing."""
    spans, logs = providers()
    for _ in range(2):
        instrument(trace, tracer_provider=spans, logger_provider=logs)
    with spans.get_tracer("lib").start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}):
        logs.get_logger("lib").emit(LogRecord(event_name="gen_ai.user.message", body={"content": "hello"}))
    assert trace.flush(20)
    assert trace.stats().recorded == 3
    (run,) = trace.query.runs()
    assert "hello" in str(run.content)


def test_what_takes_no_processors_is_refused(trace: AgentTrace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another library's global provider is named in the error."""
    monkeypatch.setattr(api, "get_tracer_provider", api.NoOpTracerProvider)
    with pytest.raises(TypeError, match="NoOpTracerProvider"):
        instrument(trace, logger_provider=providers()[1])


def test_the_default_is_the_modules_own() -> None:
    """Processors that are given no AgentTrace record where `agenttrace.master` does."""
    spans, logs = providers()
    with capture():
        spans.add_span_processor(SpanProcessor())
        logs.add_log_record_processor(LogRecordProcessor())
        spans.get_tracer("lib").start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
        assert [run.name for run in agenttrace.query.runs()] == ["chat"]


@pytest.mark.parametrize("name", agenttrace.otel.__all__)
def test_names_are_there(name: str) -> None:
    """Each is what its module has under this name, not the module."""
    assert callable(getattr(agenttrace.otel, name))
    assert name in dir(agenttrace.otel)


def test_unknown_names_are_none() -> None:
    missing: Any = "nothing"
    with pytest.raises(AttributeError, match="nothing"):
        getattr(agenttrace.otel, missing)


def test_what_cannot_be_read_is_marked_in_prompt_logs(trace: AgentTrace) -> None:
    """The raw value stays, and the prompt log says so."""
    spans, logs = providers()
    instrument(trace, tracer_provider=spans, logger_provider=logs)
    given = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": '[{"role": "user", "par'}
    spans.get_tracer("lib").start_span("chat", attributes=given).end()
    (entry,) = trace.query.prompt_logs(str(DEFAULT_WORKSPACE)).items
    assert entry.data_parse_error
    assert "par" in str(entry.history)
