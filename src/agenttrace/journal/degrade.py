"""Cut records down when room is short: whole, then a preview, then a skeleton. Pure, and never raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson

from agenttrace.model.wire import AUDIT, RUN, read_note, read_run, write_note, write_run

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DROPPED", "PREVIEW", "SKELETON", "WHOLE", "degrade", "lacking"]

WHOLE = 0
PREVIEW = 1
SKELETON = 2
DROPPED = 3

_KEPT_WHOLE = 256  # bytes of JSON that a preview leaves as they are
_KEPT_EVENTS = 2048
_PREVIEW = 200  # characters that stay of a longer value


def degrade(kind: int, payload: bytes, level: int) -> bytes:
    """Return the record cut to a level.

    At `PREVIEW` each long value of the content becomes `{"truncated": true, "bytes": n, "preview": "..."}`. At
    `SKELETON` the content and the attributes go, and a long error is cut. Either way the attribute `degraded` says so.
    A payload that is no record stays as it is, and so does one that would not become smaller.
    """
    if level == WHOLE:
        return payload
    try:
        smaller = _BY_KIND.get(kind, _degrade_lines)(payload, level)
    except (ValueError, TypeError, RecursionError):
        return payload
    return smaller if len(smaller) < len(payload) else payload


def lacking(kind: int, payload: bytes) -> bytes:
    """Return a run of whose content a part was damaged and is not there: the attribute `degraded` says "damaged"."""
    if kind != RUN:
        return payload
    try:
        record = read_run(payload)
        envelope = _object(record.envelope)
    except (ValueError, TypeError, RecursionError):
        return payload
    envelope["attributes"] = {**(envelope.get("attributes") or {}), "degraded": "damaged"}
    return write_run(record.replaced(envelope=orjson.dumps(envelope)))


def _degrade_run(payload: bytes, level: int) -> bytes:
    record = read_run(payload)
    envelope, content = _cut(record.envelope, record.content, level)
    return write_run(record.replaced(envelope=envelope, content=content))


def _degrade_note(payload: bytes, level: int) -> bytes:
    """Cut an audit note: who did what, and when, stays whole."""
    time, rest, rows, status, caller, request, filters = read_note(payload)
    return write_note((time, rest, rows, status, caller, request, b"{}" if level >= SKELETON else _preview(filters)))


def _degrade_lines(payload: bytes, level: int) -> bytes:
    """Cut a record of another kind: its envelope, and perhaps a newline and its data.

    A foreign span has a third line, its events: it stays where it is short, and only above the skeleton.
    """
    head, _, rest = payload.partition(b"\n")
    data, _, events = rest.partition(b"\n")
    head, data = _cut(head, data, level)
    if level < SKELETON and 0 < len(events) <= _KEPT_EVENTS:
        return b"\n".join((head, data, events))
    return head + b"\n" + data if data else head


def _cut(head: bytes, content: bytes, level: int) -> tuple[bytes, bytes]:
    envelope = _object(head)
    if level >= SKELETON:
        return orjson.dumps(_skeleton(envelope)), b""
    envelope["attributes"] = {**(envelope.get("attributes") or {}), "degraded": "preview"}
    return orjson.dumps(envelope), _preview(content) if content else b""


def _object(text: bytes) -> dict[str, Any]:
    value: Any = orjson.loads(text)
    if not isinstance(value, dict):
        raise TypeError("record: no JSON object")
    return cast("dict[str, Any]", value)


def _preview(content: bytes) -> bytes:
    return orjson.dumps({key: _preview_of(value) for key, value in _object(content).items()})


def _preview_of(value: Any) -> Any:
    text = orjson.dumps(value)
    if len(text) <= _KEPT_WHOLE:
        return value
    shown = value if isinstance(value, str) else text.decode("utf-8", "replace")
    return {"truncated": True, "bytes": len(text), "preview": shown[:_PREVIEW]}


def _skeleton(envelope: dict[str, Any]) -> dict[str, Any]:
    envelope["attributes"] = {"degraded": "skeleton"}
    error = envelope.get("error")
    if isinstance(error, dict):
        fields = cast("dict[str, Any]", error)
        envelope["error"] = {
            key: value[:_PREVIEW] if isinstance(value, str) else value for key, value in fields.items()
        }
    return envelope


_BY_KIND: dict[int, Callable[[bytes, int], bytes]] = {RUN: _degrade_run, AUDIT: _degrade_note}
