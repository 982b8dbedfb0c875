"""What becomes of records when room is short: whole, then a preview, then a skeleton, and then one gap for many.

Cutting is pure, and never raises. Gaps are what is known of records that found no room at all, until it can be written
as runs of type `gap`; in bounded memory.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

import orjson

from agenttrace.model.wire import AUDIT, RANK_END, RUN, RunRecord, read_note, read_run, write_note, write_run

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DROPPED", "PREVIEW", "SKELETON", "WHOLE", "Gap", "GapBook", "degrade", "lacking"]

WHOLE = 0
PREVIEW = 1
SKELETON = 2
DROPPED = 3

_KEPT_WHOLE = 256  # bytes of JSON that a preview leaves as they are
_KEPT_EVENTS = 2048
_PREVIEW = 200  # characters that stay of a longer value
_MOST_REVISIONS = (1 << 23) - 1  # as many as a version tells apart
_ONE_MORE = 1024  # bytes that a gap without a place takes at most


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


def _ids() -> bytes:
    return os.urandom(24)


class _Place:  # no dataclass, as of what follows: every importing program would wait until they are made
    """Where in its trace a dropped record belonged, as far as that can be read."""

    def __init__(
        self,
        trace: bytes | None = None,
        parent: bytes | None = None,
        scope: dict[str, Any] | None = None,
        turn: int | None = None,
        seq: int = 0,
    ) -> None:
        self.trace = trace
        self.parent = parent
        self.scope = scope or {}
        self.turn = turn
        self.seq = seq


class Gap:
    """Records of one trace that were dropped, one after the other."""

    def __init__(
        self, place: _Place, reason: str, since: int, until: int, dropped: int = 1, ids: bytes | None = None
    ) -> None:
        self.place = place
        self.reason = reason
        self.since = since
        self.until = until
        self.dropped = dropped
        self.ids = ids or _ids()

    def payload(self) -> bytes:
        """Return the gap as a RUN record: a child of what the first dropped record belonged to.

        It is the same run each time, and a later version of it the more records it stands for.
        """
        place = self.place
        content = {"dropped": self.dropped, "reason": self.reason, "since": self.since, "until": self.until}
        return write_run(
            RunRecord(
                trace=place.trace or self.ids[8:],
                span=self.ids[:8],
                parent=place.parent,
                start=self.since,
                end=self.until,
                turn=self.since if place.turn is None else place.turn,
                seq=place.seq,
                end_seq=place.seq,
                revision=min(self.dropped, _MOST_REVISIONS),
                rank=RANK_END,
                status="success",
                flags=0,
                envelope=orjson.dumps({"type": "gap", "name": "gap", "scope": place.scope}),
                content=orjson.dumps(content),
            )
        )


class GapBook:
    """The gaps that wait for room: one a trace up to `most`, one for all further traces together."""

    __slots__ = ("_gaps", "_ids", "_most", "changes")

    def __init__(self, most: int) -> None:
        self.changes = 0  # how often something was added or taken out
        self._most = most
        self._ids = _ids()  # of the gap that stands for those that find no room in `payloads`
        self._gaps: dict[bytes | None, Gap] = {}

    def __len__(self) -> int:
        return len(self._gaps)

    def add(self, kind: int, payload: bytes, *, reason: str, now: int) -> None:
        """Note that this record was dropped."""
        self.changes += 1
        place = _place(kind, payload)
        if place.trace not in self._gaps and len(self._gaps) >= self._most:
            place = _Place(scope=place.scope, seq=place.seq)
        known = self._gaps.get(place.trace)
        if known is None:
            self._gaps[place.trace] = Gap(place, reason, now, now)
        else:
            known.dropped += 1
            known.until = max(known.until, now)

    def peek(self) -> Gap | None:
        """Return the oldest gap."""
        return next(iter(self._gaps.values()), None)

    def payloads(self, room: int, length: Callable[[int], int]) -> list[bytes]:
        """Return all gaps as RUN records, the oldest first; those for which there is no room become one together.

        A payload of n bytes takes `length(n)` of the room. Safe while another thread adds gaps.
        """
        found: list[bytes] = []
        others: Gap | None = None
        room -= _ONE_MORE
        for gap in list(self._gaps.values()):
            payload = gap.payload()
            room -= length(len(payload))
            if room >= 0:
                found.append(payload)
            elif others is None:
                others = Gap(_Place(), gap.reason, gap.since, gap.until, gap.dropped, self._ids)
            else:
                others.dropped += gap.dropped
                others.until = max(others.until, gap.until)
        return found if others is None else [*found, others.payload()]

    def pop(self) -> None:
        """Forget the oldest gap: it was written."""
        self.changes += 1
        self._gaps.pop(next(iter(self._gaps)))


def _place(kind: int, payload: bytes) -> _Place:
    """Return where the record belonged. A gap's parent is the record's, or the record's own span at a root."""
    try:
        if kind == RUN:
            run = read_run(payload)
            return _Place(run.trace, run.parent or run.span, _scope(run.envelope), run.turn, run.seq)
        return _event_place(payload.partition(b"\n")[0])
    except (ValueError, TypeError, KeyError, AttributeError):
        return _Place()


def _event_place(head: bytes) -> _Place:
    envelope: dict[str, Any] = orjson.loads(head)
    trace, span = bytes.fromhex(envelope["trace"]), bytes.fromhex(envelope["span"])
    if len(trace) != 16 or len(span) != 8:
        return _Place()
    return _Place(trace, span, _scope(head), int(envelope["turn"]), int(envelope["seq"]))


def _scope(head: bytes) -> dict[str, Any]:
    scope: Any = orjson.loads(head).get("scope")
    return cast("dict[str, Any]", scope) if isinstance(scope, dict) else {}
