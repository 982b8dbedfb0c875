"""instrument: add our processors to the providers that the program uses."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from opentelemetry import _logs as logs_api
from opentelemetry import trace as trace_api
from opentelemetry._logs._internal import ProxyLoggerProvider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider

from agenttrace.otel.logs import LogRecordProcessor
from agenttrace.otel.processor import SpanProcessor
from agenttrace.otel.target import Target, target_of

__all__ = ["instrument"]

_done: WeakSet[Any] = WeakSet()


def instrument(
    trace: Target | None = None,
    *,
    tracer_provider: TracerProvider | None = None,
    logger_provider: LoggerProvider | None = None,
) -> None:
    """Take the spans and events of the global OpenTelemetry providers, or of those that are given.

    Where the program has not set a global provider yet, one is made and set. Calling it again does nothing.

    Args:
        trace: the AgentTrace to record into; the default one if left out.
        tracer_provider: whose spans to take.
        logger_provider: whose events to take.

    Raises:
        TypeError: the global provider is another library's, to which no processor can be added.
    """
    target = target_of(trace)
    spans = tracer_provider or _global_tracer_provider()
    logs = logger_provider or _global_logger_provider()
    if spans not in _done:
        _done.add(spans)
        spans.add_span_processor(SpanProcessor(target))
    if logs not in _done:
        _done.add(logs)
        logs.add_log_record_processor(LogRecordProcessor(target))


def _global_tracer_provider() -> TracerProvider:
    known: Any = trace_api.get_tracer_provider()
    if isinstance(known, trace_api.ProxyTracerProvider):
        known = TracerProvider()
        trace_api.set_tracer_provider(known)
    if not hasattr(known, "add_span_processor"):
        raise TypeError(f"tracer_provider: {type(known).__name__} takes no span processors; give an SDK TracerProvider")
    return known


def _global_logger_provider() -> LoggerProvider:
    known: Any = logs_api.get_logger_provider()
    if isinstance(known, ProxyLoggerProvider):
        known = LoggerProvider()
        logs_api.set_logger_provider(known)
    if not hasattr(known, "add_log_record_processor"):
        raise TypeError(f"logger_provider: {type(known).__name__} takes no processors; give an SDK LoggerProvider")
    return known
