"""LogRecordProcessor: events that instrumentations emit as log records inside spans, where prompts used to live."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk import _logs as sdk

from agenttrace.model.foreign import ForeignLog
from agenttrace.model.wire import LOG
from agenttrace.otel.opened import open_spans
from agenttrace.otel.places import Places, order_of
from agenttrace.otel.raw import RawWriter
from agenttrace.otel.target import Target, target_of

__all__ = ["LogRecordProcessor"]


class LogRecordProcessor(sdk.LogRecordProcessor):
    """Takes the events of the LoggerProvider that it is added to, for the spans inside which they are emitted.

    An event is a log record with an event name; other log lines, and those outside any span, are left alone. A
    SpanProcessor never sees these: instrumentations that put prompts and answers there need both. Nothing here raises,
    waits or blocks.

    Args:
        trace: the AgentTrace to record into; the default one if left out.
    """

    def __init__(self, trace: Target | None = None) -> None:
        self._target = target_of(trace)
        self._recorder = recorder = self._target.recorder
        self._raw = RawWriter(recorder)
        self._open = open_spans(recorder)
        self._places = Places()

    def on_emit(self, log_record: sdk.ReadWriteLogRecord) -> None:
        """Record an event."""
        recorder = self._recorder
        if not recorder.enabled:
            return
        try:
            log = _foreign(log_record.log_record)
            if log is not None:
                self._places.give(log)
                scope = self._open.scope(int.from_bytes(log.span_id, "big"))
                recorder.append(LOG, self._raw.log(log, scope))
        except Exception as error:  # noqa: BLE001 - never into the traced program
            recorder.failed(error, "log record")

    def shutdown(self) -> None:
        """Do nothing: what was recorded is in the journal, and the AgentTrace lives on."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Wait until what was recorded is in the store; return False if that took longer."""
        try:
            return self._target.flush(timeout_millis / 1000)
        except Exception as error:  # noqa: BLE001
            self._recorder.failed(error, "log flush")
            return False


def _foreign(record: Any) -> ForeignLog | None:
    """Return an event as a value; None for what is no event, or stands in no span."""
    attributes = dict(record.attributes or {})
    name = record.event_name or attributes.get("event.name")
    if not name or not record.trace_id or not record.span_id:
        return None
    time = record.timestamp or record.observed_timestamp or 0
    return ForeignLog(
        trace_id=record.trace_id.to_bytes(16, "big"),
        span_id=record.span_id.to_bytes(8, "big"),
        time=time // 1000,
        order=order_of(time),
        name=str(name),
        body=record.body,
        attributes=attributes,
        severity=record.severity_text,
    )
