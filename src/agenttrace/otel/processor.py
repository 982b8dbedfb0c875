"""SpanProcessor: what other libraries record with the OpenTelemetry SDK in this process becomes runs."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk import trace as sdk
from opentelemetry.trace import TraceFlags

from agenttrace.model.wire import SPAN
from agenttrace.otel.opened import open_spans, scope_in
from agenttrace.otel.sdk_spans import SdkSpans
from agenttrace.otel.target import Target, target_of

__all__ = ["SpanProcessor"]


class SpanProcessor(sdk.SpanProcessor):
    """Takes the spans of the TracerProvider that it is added to. Add one to a provider, beside any others.

    In the traced thread a span is serialised, redacted and appended to the journal, when it begins and when it ends;
    what it means is worked out by whoever drains the journal. Nothing here raises, waits or blocks. The ids of the
    `agenttrace.scope` in which a span begins are its run's.

    Args:
        trace: the AgentTrace to record into; the default one if left out.

    >>> import agenttrace
    >>> from opentelemetry.sdk.trace import TracerProvider
    >>> provider = TracerProvider(shutdown_on_exit=False)
    >>> with agenttrace.AgentTrace(store="memory://") as trace:
    ...     provider.add_span_processor(SpanProcessor(trace))
    ...     with provider.get_tracer("doc").start_as_current_span("chat x") as span:
    ...         span.set_attribute("gen_ai.operation.name", "chat")
    ...     [run.run_type for run in trace.query.runs()]
    ['prompt']
    """

    def __init__(self, trace: Target | None = None) -> None:
        self._target = target_of(trace)
        self._recorder = recorder = self._target.recorder
        self._spans = SdkSpans(recorder)
        self._open = open_spans(recorder)

    def on_start(self, span: sdk.Span, parent_context: Context | None = None) -> None:
        """Record that a span has begun, so that its run shows while it is running."""
        recorder = self._recorder
        if not recorder.enabled:
            return
        try:
            context, scope = span.get_span_context(), scope_in(parent_context, recorder)
            if not context.trace_flags & TraceFlags.SAMPLED:  # recorded, though it leaves for nowhere
                recorder.unsampled(context.trace_id.to_bytes(16, "big"))
            if scope is not recorder.scope:
                self._open.begin(context.span_id, scope)
            recorder.append(SPAN, self._spans.begin(span, context, scope))
        except Exception as error:  # noqa: BLE001 - never into the traced program
            recorder.failed(error, "span start")

    def on_end(self, span: sdk.ReadableSpan) -> None:
        """Record a span, whole."""
        recorder, context = self._recorder, span.context
        if not recorder.enabled or context is None:
            return
        try:
            begun = self._spans.begun(context)
            scope = recorder.scope if begun is None else begun.scope
            if begun is None or scope is not recorder.scope:
                scope = self._open.end(context.span_id)
            recorder.append(SPAN, self._spans.end(span, context, begun, scope))
        except Exception as error:  # noqa: BLE001 - never into the traced program
            recorder.failed(error, "span end")

    def shutdown(self) -> None:
        """Do nothing: what was recorded is in the journal, and the AgentTrace lives on."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Wait until what was recorded is in the store; return False if that took longer."""
        try:
            return self._target.flush(timeout_millis / 1000)
        except Exception as error:  # noqa: BLE001
            self._recorder.failed(error, "span flush")
            return False
