"""Raw spans and log records of other libraries: from SPAN and LOG records (`model.wire`) to rows, and back to values.

Pure: no store, no clock. What they mean is decided elsewhere (`otel.derive`), from the values that are made here.
"""

from __future__ import annotations

import hashlib
from operator import attrgetter
from typing import Any, NamedTuple, cast
from zlib import crc32

import orjson

from agenttrace.model.foreign import ForeignLog, ForeignSpan
from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.model.jsontext import compact_json
from agenttrace.model.rows import LogRow, SpanRow
from agenttrace.model.versions import RANK_ABANDONED, RANK_END, RANK_START, rank_of, version
from agenttrace.store.runs import in_time
from agenttrace.store.scope import resolve

__all__ = [
    "ABANDONED",
    "abandoned_span",
    "foreign_log",
    "foreign_spans",
    "is_abandoned",
    "log_row",
    "present",
    "span_row",
]

#: The error of a run whose process ended before it did.
ABANDONED = orjson.dumps(
    {"type": "abandoned", "message": "the recording process ended before this run did", "stack": None}
).decode()

_ABANDONED_VERSION = version(RANK_ABANDONED, 0, 0)


def span_row(payload: bytes, process: bytes) -> SpanRow:
    """Return the row of a SPAN record; raises ValueError, TypeError or KeyError where it is not understood."""
    head_text, _, rest = payload.partition(b"\n")
    attributes, _, events = rest.partition(b"\n")
    head = _object(head_text)
    trace, span = _id(head["trace"], 16), _id(head["span"], 8)
    start, end = in_time(_integer(head["start"])), head.get("end")
    if end is not None:
        end = max(in_time(_integer(end)), start)
    return SpanRow(
        workspace_id=resolve(_scope(head)).workspace_id,
        trace_id=trace,
        span_id=span,
        version=version(RANK_START if end is None else RANK_END, 0, crc32(payload)),
        process_id=process if end is None else None,
        start_time=start,
        end_time=end,
        data=_joined(head_text, head, attributes, events),
    )


def log_row(payload: bytes) -> LogRow:
    """Return the row of a LOG record; raises ValueError, TypeError or KeyError where it is not understood."""
    head_text, _, body = payload.partition(b"\n")
    head = _object(head_text)
    members = _object(body) if body else {}
    digest = hashlib.blake2b(payload, digest_size=16).digest()
    return LogRow(
        workspace_id=resolve(_scope(head)).workspace_id,
        trace_id=_id(head["trace"], 16),
        id=digest,
        span_id=_id(head["span"], 8),
        time=in_time(_integer(head["time"])),
        data=compact_json(_without(head, "trace", "span", "time", "scope") | members),
    )


def abandoned_span(row: SpanRow, at: int) -> SpanRow:
    """Return the version of an open span that says that its process ended before it did."""
    return SpanRow(
        row.workspace_id,
        row.trace_id,
        row.span_id,
        _ABANDONED_VERSION,
        None,
        row.start_time,
        max(in_time(at), row.start_time),
        row.data,
    )


def is_abandoned(row: SpanRow) -> bool:
    """Return whether this version says that the span's process ended before it did."""
    return row.version == _ABANDONED_VERSION


def present(rows: list[SpanRow]) -> dict[bytes, SpanRow]:
    """Return the greatest version of each span of a trace, by span id."""
    greatest: dict[bytes, SpanRow] = {}
    for row in rows:
        known = greatest.get(row.span_id)
        if known is None or row.version > known.version:
            greatest[row.span_id] = row
    return greatest


def foreign_spans(rows: list[SpanRow]) -> list[ForeignSpan]:
    """Return what the versions of a trace's spans say, each span once, by span id; never raises.

    Of ends that differ the fullest counts. The ids that any version has are the span's: one that this process recorded
    may come over OTLP as well, without them.
    """
    versions: dict[bytes, list[SpanRow]] = {}
    for row in sorted(rows, key=attrgetter("version")):
        versions.setdefault(row.span_id, []).append(row)
    return [_foreign([_Read(row, _loaded(row.data)) for row in found]) for _, found in sorted(versions.items())]


def foreign_log(row: LogRow) -> ForeignLog:
    """Return a log record as it was received; never raises."""
    data = _loaded(row.data)
    return ForeignLog(
        trace_id=row.trace_id,
        span_id=row.span_id,
        time=row.time,
        order=_count(data.get("order")),
        name=str(data.get("name") or ""),
        body=data.get("body"),
        attributes=_dict(data.get("attributes")),
        severity=_text(data.get("severity")),
    )


class _Read(NamedTuple):
    """A version of a span, and its data."""

    row: SpanRow
    data: dict[str, Any]

    def fullness(self) -> int:
        """Return how much it says of what happened."""
        return len(compact_json([self.data.get("attributes"), self.data.get("events")]))


def _fullest(versions: list[_Read]) -> _Read:
    """Return the version that counts: the fullest of the greatest rank, of equal ones the greatest."""
    rank = rank_of(versions[-1].row.version)
    if len(versions) == 1 or rank_of(versions[-2].row.version) != rank:  # as nearly all
        return versions[-1]
    same = (version for version in reversed(versions) if rank_of(version.row.version) == rank)
    return max(same, key=_Read.fullness)


def _united(versions: list[_Read], name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in versions:
        found.update(_dict(each.data.get(name)))
    return found


def _foreign(versions: list[_Read]) -> ForeignSpan:
    """Return what the versions of a span say, the greatest last."""
    best = _fullest(versions)
    row, data = best
    everything = [*versions, best]  # where two say otherwise, the best is right
    library = _dict(data.get("lib"))
    dropped = [*_list(data.get("dropped")), 0, 0, 0]
    # Attributes that a span began with can only be missing from its end where some were evicted.
    evicted = bool(dropped[0]) and row.end_time is not None
    starts = [version for version in versions if version.row.end_time is None] if evicted else []
    return ForeignSpan(
        trace_id=row.trace_id,
        span_id=row.span_id,
        parent_id=_parent(data.get("parent")),
        remote_parent=bool(data.get("remote")),
        name=str(data.get("name") or ""),
        kind=str(data.get("kind") or "internal"),
        start=row.start_time,
        end=row.end_time,
        status=str(data.get("status") or "unset"),
        status_message=_text(data.get("message")),
        attributes=_dict(data.get("attributes")),
        start_attributes=_united(starts, "attributes") or None,
        events=[_event(event, row.start_time) for event in _list(data.get("events"))],
        links=[_dict(link) for link in _list(data.get("links"))],
        scope_name=str(library.get("name") or ""),
        scope_version=_text(library.get("version")),
        schema_url=_text(library.get("schema")),
        resource=_dict(data.get("resource")),
        dropped_attributes=_count(dropped[0]),
        dropped_events=_count(dropped[1]),
        dropped_links=_count(dropped[2]),
        scope_ids={name: str(value) for name, value in _united(everything, "scope").items() if value is not None},
        inherited=_united(everything, "inherited"),
        run_type_override=_text(data.get("run_type")),
    )


def _event(event: Any, start: int) -> dict[str, Any]:
    known = _dict(event)
    time = known.get("time")
    return {
        "name": str(known.get("name") or ""),
        "time": time if type(time) is int else start,
        "attributes": _dict(known.get("attributes")),
    }


def _joined(head_text: bytes, head: dict[str, Any], attributes: bytes, events: bytes) -> str:
    """Return the three lines as one object. What the journal cut from the attributes is told among them."""
    noted = head.get("attributes")
    if noted is None:
        members = b',"attributes":' + (attributes or b"{}") + (b',"events":' + events if events else b"")
        return (head_text[:-1] + members + b"}").decode("utf-8", "replace")
    members = {"attributes": {**_dict(orjson.loads(attributes or b"{}")), **_dict(noted)}}
    more = {"events": orjson.loads(events)} if events else {}
    return compact_json(_without(head, "attributes") | members | more)


def _object(text: bytes) -> dict[str, Any]:
    value: Any = orjson.loads(text)
    if not isinstance(value, dict):
        raise TypeError("record: no JSON object")
    return cast("dict[str, Any]", value)


def _loaded(text: str) -> dict[str, Any]:
    try:
        return _dict(orjson.loads(text))
    except (ValueError, TypeError, RecursionError):  # only others can have written that
        return {}


def _without(members: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in names}


def _scope(head: dict[str, Any]) -> dict[str, Any] | None:
    """Return the ids that say whose span this is: the workspace decides where it is stored, the others stay raw."""
    workspace = _dict(head.get("scope")).get("workspace_id")
    return {"workspace_id": workspace if workspace is not None else str(DEFAULT_WORKSPACE)}


def _id(value: Any, size: int) -> bytes:
    found = bytes.fromhex(value)
    if len(found) != size:
        raise ValueError(f"id: expected {2 * size} hex digits, got {value!r}")
    return found


def _parent(value: Any) -> bytes | None:
    try:
        return _id(value, 8)
    except (ValueError, TypeError):
        return None


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"expected an integer, got {value!r}")
    return value


def _count(value: Any) -> int:
    return value if type(value) is int else 0


def _dict(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
