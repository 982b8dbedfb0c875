"""Retention by the partition: what is old in every workspace goes at once, and is counted and fingerprinted before.

A partition all of whose rows are old is walked through, a page a step: first its runs, then its events. Traces that go
on after the instant of the purge, with runs, events, foreign spans or logs, are deleted as `store.purge_traces` does;
what is left has nothing elsewhere that no later phase of the purge would find. Then it is dropped, in one transaction,
unless rows came meanwhile. A partition with events of runs that stay is left to the other phases, row by row.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from agenttrace.model import ids
from agenttrace.store.postgres_partitions import old_days
from agenttrace.store.postgres_text import for_keys
from agenttrace.store.protocol import PurgeCounts, PurgeStep
from agenttrace.store.purge_digest import row_digest, sum_digests
from agenttrace.store.purge_match import first_event_id
from agenttrace.store.purge_traces import erase, gather
from agenttrace.store.purge_work import Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agenttrace.store.postgres_connection import PostgresConnection
    from agenttrace.store.protocol import PurgeFilter
    from agenttrace.store.sql_purge import SQLPurgeTables

__all__ = ["OVER", "SIGN", "after_failure", "concerns", "step"]

#: What the place of such a step begins with; no phase of `store.purge` has this number.
SIGN = b"\xff"
#: The place after the last of them.
OVER = SIGN

_PAGE = 1000
_TRIES = 3
_NIL = bytes(16)
_number = Struct(">Q")
_figures = Struct(">BBQQ")

_RUNS = """SELECT workspace_id, start_time, id, trace_id, session_id FROM run_{day}
WHERE (workspace_id, start_time, id) > (?, ?, ?) ORDER BY workspace_id, start_time, id LIMIT ?"""
_EVENTS = """SELECT workspace_id, id, run_id FROM event_{day}
WHERE (workspace_id, id) > (?, ?) ORDER BY workspace_id, id LIMIT ?"""
# OFFSET keeps the database from reading a whole table once instead of looking some rows up.
_GO_ON = """SELECT wanted.trace FROM unnest(?::bytea[], ?::uuid[], ?::uuid[]) AS wanted (trace, low, high)
WHERE EXISTS (SELECT 1 FROM run WHERE workspace_id = ? AND id >= wanted.low AND id <= wanted.high
  AND trace_id = wanted.trace AND start_time >= ? OFFSET 0)
OR EXISTS (SELECT 1 FROM span WHERE workspace_id = ? AND trace_id = wanted.trace AND start_time >= ? OFFSET 0)
OR EXISTS (SELECT 1 FROM log WHERE workspace_id = ? AND trace_id = wanted.trace AND time >= ? OFFSET 0)"""
_LATE_EVENTS = """SELECT DISTINCT found.run_id FROM unnest(?::uuid[]) AS wanted (session) CROSS JOIN LATERAL (
  SELECT run_id FROM event WHERE workspace_id = ? AND session_id = wanted.session AND {hidden} AND id >= ?
  AND run_id = ANY (?::uuid[]) OFFSET 0) AS found"""
_LATE_SESSIONLESS = "SELECT run_id FROM event WHERE workspace_id = ? AND id >= ? AND session_id IS NULL"
_STAYING = "SELECT id FROM run WHERE workspace_id = ? AND start_time >= ?"


class _Place(NamedTuple):
    """Where a step goes on: which partition, which phase of it, what was counted in it, and how far that came."""

    day: str
    phase: int = 0
    tries: int = 0
    runs: int = 0
    events: int = 0
    digest: int = 0
    position: bytes = b""

    def pack(self) -> bytes:
        figures = _figures.pack(self.phase, self.tries, self.runs, self.events)
        return SIGN + self.day.encode() + figures + self.digest.to_bytes(32, "big") + self.position

    @classmethod
    def unpack(cls, text: bytes) -> _Place:
        rest = text[9 + _figures.size :]
        phase, tries, runs, events = _figures.unpack_from(text, 9)
        return cls(text[1:9].decode(), phase, tries, runs, events, int.from_bytes(rest[:32], "big"), rest[32:])

    def counted(self, digests: Sequence[int], position: bytes, *, table: str) -> _Place:
        """Return the place after a page of rows."""
        counts = {table: getattr(self, table) + len(digests)}
        return self._replace(digest=sum_digests(self.digest, *digests), position=position, **counts)


def concerns(where: PurgeFilter) -> bool:
    """Return whether a purge is of everything that is old."""
    named = (where.workspace_id, where.user_id, where.ai_contact_id, where.session_id)
    return where.before is not None and all(name is None for name in named)


def step(
    connection: PostgresConnection, tables: SQLPurgeTables, where: PurgeFilter, *, limit: int, after: bytes
) -> PurgeStep | None:
    """Do some of it, inside a transaction that excludes other writers; None where no partition is old.

    Raises ServerError where the partition cannot be dropped now; `after_failure` says where to go on.
    """
    before = where.before or 0
    place = _Place.unpack(after) if after else _next(connection, before, "")
    if place is None:
        return None
    work = Work(tables, where, limit=max(limit, 1), is_dry=False)
    if place.phase == 2:
        return _drop(connection, before, place)
    following = (_runs if place.phase == 0 else _events)(work, place, before)
    if following is None:
        following = _next(connection, before, place.day)
    work.flush()
    return PurgeStep(work.counts, OVER if following is None else following.pack())


def after_failure(after: bytes) -> bytes:
    """Return the place after the partition of this place, which stays."""
    return _Place.unpack(after)._replace(phase=1, tries=_TRIES, position=b"").pack()


def _next(connection: PostgresConnection, before: int, day: str) -> _Place | None:
    return next((_Place(found) for found in old_days(connection, before) if found > day), None)


def _runs(work: Work, place: _Place, before: int) -> _Place:
    """Count a page of runs; where a trace goes on later, delete that first, and look at the page again."""
    position = place.position or bytes(40)
    key = (position[:16], _number.unpack(position[16:24])[0], position[24:])
    rows = _rows(work, _RUNS.format(day=place.day), *key, _PAGE)
    for workspace, group in groupby(rows, itemgetter(0)):
        late = _going_on(work, workspace, list(group), before)
        if late:
            erase(work, workspace, gather(work, workspace, late))
            return place
    digests = [row_digest("run", row[0], row[2]) for row in rows]
    last = rows[-1][0] + _number.pack(rows[-1][1]) + rows[-1][2] if rows else b""
    found = place.counted(digests, last, table="runs")
    return found if len(rows) == _PAGE else found._replace(phase=1, position=b"")


def _going_on(work: Work, workspace: bytes, rows: Sequence[Any], before: int) -> list[bytes]:
    """Return the traces of these runs of which something happened later."""
    traces = list(dict.fromkeys(row[3] for row in rows))
    lows, highs = zip(*(ids.trace_range(int.from_bytes(trace, "big")) for trace in traces), strict=True)
    later = (workspace, before)
    found = {row[0] for row in _rows(work, _GO_ON, traces, list(lows), list(highs), *later, *later, *later)}
    runs = _with_late_events(work, workspace, rows, first_event_id(before))
    found |= {row[3] for row in rows if row[2] in runs}
    return [trace for trace in traces if trace in found]


def _with_late_events(work: Work, workspace: bytes, rows: Sequence[Any], below: str) -> set[bytes]:
    runs = [row[2] for row in rows]
    sessions = list({row[4] for row in rows if row[4] is not None})
    found: set[bytes] = set()
    for hidden in ("NOT hidden", "hidden") if sessions else ():
        sql = _LATE_EVENTS.format(hidden=hidden)
        found |= {row[0] for row in _rows(work, sql, sessions, workspace, below, runs)}
    # Nearly always there is none at all, which costs one look.
    if _rows(work, f"{_LATE_SESSIONLESS} LIMIT 1", workspace, below):
        found |= _with_runs(work, _LATE_SESSIONLESS, (workspace, below), "run_id", runs)
    return found


def _events(work: Work, place: _Place, before: int) -> _Place | None:
    """Count a page of events; None where the partition has one of a run that stays."""
    if place.tries >= _TRIES:
        return None
    position = place.position or _NIL
    rows = _rows(
        work, _EVENTS.format(day=place.day), position[:16], position[16:].decode("utf-8", "surrogatepass"), _PAGE
    )
    for workspace, group in groupby(rows, itemgetter(0)):
        runs = list({row[2] for row in group})
        if _with_runs(work, _STAYING, (workspace, before), "id", runs):
            return None
    digests = [row_digest("event", row[0], row[1]) for row in rows]
    last = rows[-1][0] + rows[-1][1].encode("utf-8", "surrogatepass") if rows else b""
    found = place.counted(digests, last, table="events")
    return found if len(rows) == _PAGE else found._replace(phase=2, position=b"")


def _drop(connection: PostgresConnection, before: int, place: _Place) -> PurgeStep:
    """Drop a partition, unless other rows are in it than were counted: then it is counted again, a few times."""
    names = [f"{table}_{place.day}" for table in ("run", "event")]
    counted = [connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in names]  # noqa: S608
    following = _next(connection, before, place.day)
    if counted == [place.runs, place.events]:
        connection.script(f"DROP TABLE {', '.join(names)}")
        counts = PurgeCounts(runs=place.runs, events=place.events, digest=place.digest)
    else:
        counts = PurgeCounts()
        following = _Place(place.day, tries=place.tries + 1) if place.tries + 1 < _TRIES else following
    return PurgeStep(counts, OVER if following is None else following.pack())


def _with_runs(work: Work, select: str, values: tuple[Any, ...], column: str, runs: Iterable[bytes]) -> set[bytes]:
    return {row[0] for row in _rows(work, for_keys(select, column), list(runs), *values)}


def _rows(work: Work, sql: str, *values: Any) -> list[Any]:
    return cast("SQLPurgeTables", work.tables).rows(sql, *values)
