"""The protobuf encoding of OTLP, read into foreign spans and log records, and the answers to it.

Bodies that protobuf refuses raise Malformed; what it reads is taken as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agenttrace.model.foreign import ForeignLog, ForeignSpan
from agenttrace.otel.otlp_json import IS_REMOTE, KINDS, STATUSES
from agenttrace.otel.places import order_of
from agenttrace.otel.received import Malformed, Received, Unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["read"]


def read(body: bytes, logs: bool) -> Received:
    """Return what an export request holds. Raises Malformed, and Unsupported where protobuf is not installed."""
    received, (request, refusals) = Received(), _request(logs)
    try:
        request.ParseFromString(body)
    except refusals as error:
        raise Malformed(f"body: no protobuf message of this kind ({error})") from error
    if logs:
        _read_logs(request.resource_logs, received)
    else:
        _read_spans(request.resource_spans, received)
    return received


def _request(logs: bool) -> tuple[Any, tuple[type[Exception], ...]]:
    """Return an empty message, and what reading one may raise."""
    try:
        from google.protobuf.message import DecodeError
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    except ImportError as error:
        raise Unsupported("protobuf: install it with `pip install 'agenttrace-otel[otlp]'`, or send JSON") from error
    return ExportLogsServiceRequest() if logs else ExportTraceServiceRequest(), (DecodeError, ValueError)


def _read_spans(groups: Iterable[Any], received: Received) -> None:
    for group in groups:
        resource = _attributes(group.resource.attributes)
        for library in group.scope_spans:
            for span in library.spans:
                if _is_id(span.trace_id, 16) and _is_id(span.span_id, 8):
                    received.spans.append(_span(resource, library, span))
                else:
                    received.rejected += 1


def _read_logs(groups: Iterable[Any], received: Received) -> None:
    for group in groups:
        for library in group.scope_logs:
            for record in library.log_records:
                log = _log(record)
                if log is not None:
                    received.take_log(log)


def _span(resource: dict[str, Any], library: Any, span: Any) -> ForeignSpan:
    return ForeignSpan(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=span.parent_span_id if _is_id(span.parent_span_id, 8) else None,
        remote_parent=span.flags & IS_REMOTE == IS_REMOTE,
        name=span.name,
        kind=_named(span.kind, KINDS),
        start=span.start_time_unix_nano // 1000,
        end=None if span.end_time_unix_nano == 0 else span.end_time_unix_nano // 1000,
        status=_named(span.status.code, STATUSES),
        status_message=span.status.message or None,
        attributes=_attributes(span.attributes),
        events=[_event(event) for event in span.events],
        links=[_link(link) for link in span.links],
        scope_name=library.scope.name,
        scope_version=library.scope.version or None,
        schema_url=library.schema_url or None,
        resource=resource,
        dropped_attributes=span.dropped_attributes_count,
        dropped_events=span.dropped_events_count,
        dropped_links=span.dropped_links_count,
    )


def _log(record: Any) -> ForeignLog | None:
    attributes = _attributes(record.attributes)
    name = record.event_name or attributes.get("event.name")
    if not name or not _is_id(record.trace_id, 16) or not _is_id(record.span_id, 8):
        return None
    time = record.time_unix_nano or record.observed_time_unix_nano
    return ForeignLog(
        trace_id=record.trace_id,
        span_id=record.span_id,
        time=time // 1000,
        order=order_of(time),
        name=str(name),
        body=_value(record.body),
        attributes=attributes,
        severity=record.severity_text or None,
    )


def _event(event: Any) -> dict[str, Any]:
    return {"name": event.name, "time": event.time_unix_nano // 1000, "attributes": _attributes(event.attributes)}


def _link(link: Any) -> dict[str, Any]:
    return {
        "trace_id": link.trace_id.hex(),
        "span_id": link.span_id.hex(),
        "attributes": _attributes(link.attributes),
    }


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs if pair.key}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    held = getattr(value, kind)
    if kind == "array_value":
        return [_value(item) for item in held.values]
    return _attributes(held.values) if kind == "kvlist_value" else held


def _named(number: int, names: tuple[str, ...]) -> str:
    return names[number] if 0 <= number < len(names) else names[0]


def _is_id(value: bytes, size: int) -> bool:
    return len(value) == size and any(value)
