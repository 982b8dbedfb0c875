"""Foreign spans as an export request in OTLP's JSON encoding. Pure: the counterpart of `otlp_json`."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any, cast

import orjson

from agenttrace.otel.otlp_json import KINDS, STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agenttrace.model.foreign import ForeignSpan

__all__ = ["request_of"]


def request_of(spans: Iterable[ForeignSpan]) -> bytes:
    """Return one ExportTraceServiceRequest, on one line, its spans by resource and instrumentation.

    >>> request_of([])
    b'{"resourceSpans":[]}'
    """
    groups: dict[bytes, dict[bytes, list[ForeignSpan]]] = {}
    for span in spans:
        library = orjson.dumps([span.scope_name, span.scope_version, span.schema_url])
        resource = orjson.dumps(_attributes(span.resource), option=orjson.OPT_SORT_KEYS)
        groups.setdefault(resource, {}).setdefault(library, []).append(span)
    return orjson.dumps(
        {
            "resourceSpans": [
                {
                    "resource": {"attributes": orjson.loads(resource)},
                    "scopeSpans": [_scope_spans(library) for library in libraries.values()],
                }
                for resource, libraries in groups.items()
            ]
        }
    )


def _scope_spans(spans: list[ForeignSpan]) -> dict[str, Any]:
    scope = {"name": spans[0].scope_name, "version": spans[0].scope_version}
    return _told(scope=_told(**scope), spans=[_span(span) for span in spans], schemaUrl=spans[0].schema_url)


def _span(span: ForeignSpan) -> dict[str, Any]:
    return _told(
        traceId=span.trace_id.hex(),
        spanId=span.span_id.hex(),
        parentSpanId=None if span.parent_id is None else span.parent_id.hex(),
        flags=0x301 if span.remote_parent else 0x101,
        name=span.name,
        kind=KINDS.index(span.kind, 1) if span.kind in KINDS else 1,
        startTimeUnixNano=str(span.start * 1000),
        endTimeUnixNano=None if span.end is None else str(span.end * 1000),
        attributes=_attributes(span.attributes),
        events=[
            {
                "timeUnixNano": str(event["time"] * 1000),
                "name": event["name"],
                "attributes": _attributes(event["attributes"]),
            }
            for event in span.events
        ],
        status=_told(code=STATUSES.index(span.status) if span.status in STATUSES else 0, message=span.status_message),
    )


def _told(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None and value != []}


def _attributes(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in attributes.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)} if -(1 << 63) <= value < 1 << 63 else {"stringValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value if math.isfinite(value) else str(value)}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _attributes(cast("dict[str, Any]", value))}}
    if isinstance(value, list | tuple):
        return {"arrayValue": {"values": [_value(item) for item in cast("list[Any]", value)]}}
    return {} if value is None else {"stringValue": str(value)}
