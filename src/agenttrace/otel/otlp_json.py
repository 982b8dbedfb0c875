"""The JSON encoding of OTLP, read into foreign spans and log records. Pure; never raises on any document."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from agenttrace.model.foreign import ForeignLog, ForeignSpan
from agenttrace.model.jsontext import compact_json
from agenttrace.otel.places import order_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agenttrace.otel.received import Received

__all__ = ["KINDS", "STATUSES", "logs", "spans"]

#: By number in the protocol; 0 is unspecified.
KINDS = ("internal", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")
#: Span flags: whether it is known that the parent is remote, and whether it is.
IS_REMOTE = 0x300

_KIND_NAMES = {f"SPAN_KIND_{name.upper()}": name for name in KINDS[1:]}
_STATUS_NAMES = {f"STATUS_CODE_{name.upper()}": name for name in STATUSES}
_DEEPEST = 64
_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def spans(document: dict[str, Any], sink: Received) -> None:
    """Read an export request of spans."""
    for resource, scope, schema, item in _items(document, "resourceSpans", "scopeSpans", "spans"):
        try:
            sink.spans.append(_span(resource, scope, schema, _object(item)))
        except (ValueError, TypeError, OverflowError):
            sink.rejected += 1


def logs(document: dict[str, Any], sink: Received) -> None:
    """Read an export request of log records; those outside spans, and those that are no events, are left alone."""
    for _, _, _, item in _items(document, "resourceLogs", "scopeLogs", "logRecords"):
        try:
            log = _log(_object(item))
        except (ValueError, TypeError, OverflowError):
            sink.rejected += 1
        else:
            if log is not None:
                sink.take_log(log)


def _items(document: Any, outer: str, middle: str, inner: str) -> Iterator[tuple[dict[str, Any], Any, Any, Any]]:
    for group in _list(_get(document, outer)):
        resource = _attributes(_get(_get(group, "resource"), "attributes"))
        for library in _list(_get(group, middle)):
            scope, schema = _get(library, "scope"), _get(library, "schemaUrl")
            for item in _list(_get(library, inner)):
                yield resource, scope, schema, item


def _span(resource: dict[str, Any], scope: Any, schema: Any, span: dict[str, Any]) -> ForeignSpan:
    start, end = _time(span.get("startTimeUnixNano")), _time(span.get("endTimeUnixNano"))
    parent = span.get("parentSpanId")
    status = _get(span, "status")
    return ForeignSpan(
        trace_id=_id(span.get("traceId"), 16),
        span_id=_id(span.get("spanId"), 8),
        parent_id=_id(parent, 8) if parent and str(parent).strip("0") else None,
        remote_parent=_integer(span.get("flags") or 0) & IS_REMOTE == IS_REMOTE,
        name=_text(span.get("name")),
        kind=_named(span.get("kind"), KINDS, _KIND_NAMES),
        start=start // 1000,
        end=None if end == 0 else end // 1000,
        status=_named(_get(status, "code"), STATUSES, _STATUS_NAMES),
        status_message=_text(_get(status, "message")) or None,
        attributes=_attributes(span.get("attributes")),
        events=[_event(event) for event in _list(span.get("events"))],
        links=[_link(link) for link in _list(span.get("links"))],
        scope_name=_text(_get(scope, "name")),
        scope_version=_text(_get(scope, "version")) or None,
        schema_url=_text(schema) or None,
        resource=resource,
        dropped_attributes=_integer(span.get("droppedAttributesCount") or 0),
        dropped_events=_integer(span.get("droppedEventsCount") or 0),
        dropped_links=_integer(span.get("droppedLinksCount") or 0),
    )


def _log(record: dict[str, Any]) -> ForeignLog | None:
    attributes = _attributes(record.get("attributes"))
    name = _text(record.get("eventName")) or attributes.get("event.name")
    trace, span = _text(record.get("traceId")), _text(record.get("spanId"))
    if not name or not trace.strip("0") or not span.strip("0"):
        return None
    time = _time(record.get("timeUnixNano")) or _time(record.get("observedTimeUnixNano"))
    return ForeignLog(
        trace_id=_id(trace, 16),
        span_id=_id(span, 8),
        time=time // 1000,
        order=order_of(time),
        name=_text(name),
        body=_value(record.get("body"), 0),
        attributes=attributes,
        severity=_text(record.get("severityText")) or None,
    )


def _event(event: Any) -> dict[str, Any]:
    return {
        "name": _text(_get(event, "name")),
        "time": _time(_get(event, "timeUnixNano")) // 1000,
        "attributes": _attributes(_get(event, "attributes")),
    }


def _link(link: Any) -> dict[str, Any]:
    return {
        "trace_id": _text(_get(link, "traceId")).lower(),
        "span_id": _text(_get(link, "spanId")).lower(),
        "attributes": _attributes(_get(link, "attributes")),
    }


def _attributes(pairs: Any, depth: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in _list(pairs):
        key = _get(pair, "key")
        if isinstance(key, str) and key:
            found[key] = _value(_get(pair, "value"), depth)
    return found


def _value(value: Any, depth: int) -> Any:
    """Return what an AnyValue holds; one of no known kind is kept as it came, one too deep inside becomes JSON text."""
    if not isinstance(value, dict) or not value:
        return None if value == {} else cast("object", value)
    if depth >= _DEEPEST:
        return compact_json(cast("object", value))
    (kind, held), *_ = cast("dict[str, Any]", value).items()
    if held is None:
        return None
    read = _VALUES.get(kind)
    try:
        return cast("object", value) if read is None else read(held, depth)
    except (ValueError, TypeError, OverflowError, binascii.Error):
        return cast("object", held)


def _string(held: Any, depth: int) -> str:  # noqa: ARG001
    return held if isinstance(held, str) else compact_json(held)


def _bool(held: Any, depth: int) -> bool:  # noqa: ARG001
    return held if isinstance(held, bool) else str(held).lower() == "true"


def _int(held: Any, depth: int) -> int:  # noqa: ARG001
    return int(held)


def _array(held: Any, depth: int) -> list[Any]:
    return [_value(item, depth + 1) for item in _list(_get(held, "values"))]


def _kvlist(held: Any, depth: int) -> dict[str, Any]:
    return _attributes(_get(held, "values"), depth + 1)


def _float(held: Any, depth: int) -> float:  # noqa: ARG001
    return _NUMBERS[held] if held in _NUMBERS else float(held)


def _bytes(held: Any, depth: int) -> bytes:  # noqa: ARG001
    return base64.b64decode(held, validate=True)


_VALUES: dict[str, Callable[[Any, int], Any]] = {
    "stringValue": _string,
    "boolValue": _bool,
    "intValue": _int,
    "doubleValue": _float,
    "arrayValue": _array,
    "kvlistValue": _kvlist,
    "bytesValue": _bytes,
}


def _named(value: Any, names: tuple[str, ...], by_name: dict[str, str]) -> str:
    if isinstance(value, str) and not value.isdecimal():
        return by_name.get(value, names[0])
    number = _integer(value or 0)
    return names[number] if 0 <= number < len(names) else names[0]


def _id(value: Any, size: int) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"id: must be hex digits, got {value!r}")
    found = bytes.fromhex(value)
    if len(found) != size or not any(found):
        raise ValueError(f"id: must be {2 * size} hex digits, not all zero, got {value!r}")
    return found


def _time(value: Any) -> int:
    """Return nanoseconds since the epoch; 0 for nothing."""
    time = 0 if value is None or value == "" else _integer(value)
    if not 0 <= time < 1 << 64:
        raise ValueError(f"time: must fit into 64 bits, got {value!r}")
    return time


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str | float):
        raise TypeError(f"expected an integer, got {value!r}")
    return int(value)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("expected a JSON object")
    return cast("dict[str, Any]", value)


def _get(value: Any, key: str) -> Any:
    return cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else compact_json(value)
