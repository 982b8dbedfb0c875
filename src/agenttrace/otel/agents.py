"""AgentsProcessor: what the OpenAI Agents SDK traces of its own, which is no OpenTelemetry, becomes runs as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opentelemetry import trace as otel

from agenttrace.model.wire import SPAN
from agenttrace.otel.opened import scope_in
from agenttrace.otel.raw import RawWriter
from agenttrace.otel.target import Target, target_of
from agenttrace.otel.translate import from_agents
from agenttrace.record.context import Scope

__all__ = ["AgentsProcessor"]

_MOST = 4096  # traces that are remembered; older ones never ended


@dataclass(slots=True)
class _Trace:
    """What was known where a trace of the SDK began: its export, our scope, and the span that it is to stand below."""

    export: dict[str, Any]
    scope: Scope
    trace_id: bytes | None
    parent_id: bytes | None


class AgentsProcessor:
    """A TracingProcessor of the OpenAI Agents SDK; give it to `agents.add_trace_processor`.

    Needs nothing of that SDK: it takes whatever exports traces and spans as it does. A trace that begins inside a span,
    ours or any other OpenTelemetry one, goes below it. Nothing here raises, waits or blocks.

    Args:
        trace: the AgentTrace to record into; the default one if left out.
    """

    def __init__(self, trace: Target | None = None) -> None:
        self._target = target_of(trace)
        self._recorder = self._target.recorder
        self._raw = RawWriter(self._recorder)
        self._traces: dict[str, _Trace] = {}

    def on_trace_start(self, trace: Any) -> None:
        """Remember where a trace begins."""
        try:
            self._begin(str(trace.trace_id), trace)
        except Exception as error:  # noqa: BLE001 - never into the traced program
            self._recorder.failed(error, "agents trace")

    def on_trace_end(self, trace: Any) -> None:
        """Forget a trace."""
        self._traces.pop(str(getattr(trace, "trace_id", "")), None)

    def on_span_start(self, span: Any) -> None:
        """Record that a span has begun, so that its run shows while it is running."""
        self._record(span, "agents span start")

    def on_span_end(self, span: Any) -> None:
        """Record a span, whole."""
        self._record(span, "agents span end")

    def shutdown(self) -> None:
        """Do nothing: what was recorded is in the journal, and the AgentTrace lives on."""

    def force_flush(self) -> None:
        """Wait until what was recorded is in the store."""
        try:
            self._target.flush()
        except Exception as error:  # noqa: BLE001
            self._recorder.failed(error, "agents flush")

    def _begin(self, key: str, trace: Any) -> _Trace:
        context = otel.get_current_span().get_span_context()
        inside = context.is_valid
        known = _Trace(
            export=(trace.export() if trace is not None else None) or {},
            scope=scope_in(None, self._recorder),
            trace_id=context.trace_id.to_bytes(16, "big") if inside else None,
            parent_id=context.span_id.to_bytes(8, "big") if inside else None,
        )
        if len(self._traces) >= _MOST:
            self._traces.pop(next(iter(self._traces)), None)
        self._traces[key] = known
        return known

    def _record(self, span: Any, where: str) -> None:
        recorder = self._recorder
        if not recorder.enabled:
            return
        try:
            export = span.export()
            if export is None:
                return
            key = str(export.get("trace_id"))
            known = self._traces.get(key) or self._begin(key, None)
            foreign = from_agents(
                export, known.export, _extra(span), trace_id=known.trace_id, parent_id=known.parent_id
            )
            recorder.append(SPAN, self._raw.span(foreign, known.scope))
        except Exception as error:  # noqa: BLE001 - never into the traced program
            recorder.failed(error, where)


def _extra(span: Any) -> dict[str, Any]:
    """Return what a model call's data has beyond its export: what went in, and the response."""
    data = getattr(span, "span_data", None)
    response = getattr(data, "response", None)
    found: dict[str, Any] = {"input": getattr(data, "input", None)}
    if response is not None:
        dump = getattr(response, "model_dump", None)
        found["response"] = dump() if callable(dump) else response
    return {name: value for name, value in found.items() if value is not None}
