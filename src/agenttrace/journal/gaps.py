"""Gaps: what is known of records that found no room, until it can be written as runs of type `gap`. Bounded memory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

import orjson

from agenttrace.model.wire import RANK_END, RUN, RunRecord, read_run, write_run

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Gap", "GapBook"]

_MOST_REVISIONS = (1 << 23) - 1  # as many as a version tells apart
_ONE_MORE = 1024  # bytes that a gap without a place takes at most


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
