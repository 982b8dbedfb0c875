"""How a purge goes about: the one algorithm of all stores with tables, over the statements that each of them brings.

In each workspace one phase follows another. By age: traces (runs, their events, spans and logs), events without runs,
spans and logs without runs, sessions. By name: see `store.purge_named`. Last comes the audit log. A step does what fits
into its budget and says where the next one goes on. No SQL here, no clock, no transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agenttrace.model import ids
from agenttrace.store import purge_aged, purge_named
from agenttrace.store.protocol import PurgeCounts, PurgeFilter, PurgeStep
from agenttrace.store.purge_digest import row_digest, sum_digests
from agenttrace.store.purge_work import PAGE, Progress, Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agenttrace.store.purge_tables import Note, PurgeTables

__all__ = ["RECEIPT", "added", "count", "step"]

#: The action of the notes that tell of purges: no purge deletes them.
RECEIPT = "data.purged"

_NO_LIMIT = 1 << 62


def step(tables: PurgeTables, where: PurgeFilter, *, limit: int, after: bytes) -> PurgeStep:
    """Delete some of what matches, inside the caller's transaction."""
    work = Work(tables, where, limit=max(limit, 1), is_dry=False)
    place = _Place.unpack(after) if after else _workspace(work, None)
    while place is not None and work.budget > 0:
        place = _go_on(work, place)
    return PurgeStep(work.counts, None if place is None else place.pack())


def count(tables: PurgeTables, where: PurgeFilter) -> PurgeCounts:
    """Return what all steps would delete now."""
    work = Work(tables, where, limit=_NO_LIMIT, is_dry=True)
    place = _workspace(work, None)
    while place is not None:
        place = _go_on(work, place)
    return work.counts


def added(one: PurgeCounts, other: PurgeCounts) -> PurgeCounts:
    """Return the counts of two steps together."""
    sums = [a + b for a, b in zip(one, other, strict=True)]
    return PurgeCounts(*sums)._replace(digest=sum_digests(one.digest, other.digest))


class _Place(NamedTuple):
    """Where a step goes on."""

    phase: int
    workspace: bytes
    rest: bytes = b""

    def pack(self) -> bytes:
        return bytes([self.phase]) + self.workspace + self.rest

    @classmethod
    def unpack(cls, text: bytes) -> _Place:
        return cls(text[0], text[1:17], text[17:])


def _go_on(work: Work, place: _Place) -> _Place | None:
    phases = _BY_NAME if work.names else _BY_AGE
    progress = phases[place.phase](work, place.workspace, place.rest)
    work.flush()
    work.budget -= 1
    if not progress.is_over:
        return place._replace(rest=progress.rest)
    if place.phase + 1 < len(phases):
        is_walk = work.names and place.phase + 2 < len(phases)
        return _Place(place.phase + 1, place.workspace, progress.rest if is_walk else b"")
    return _workspace(work, place.workspace)


def _workspace(work: Work, after: bytes | None) -> _Place | None:
    where = work.where
    if where.workspace_id is not None:
        return None if after is not None else _Place(0, where.workspace_id)
    found = work.tables.next_workspace(after, audit=where.audit)
    return None if found is None else _Place(0, found)


def _old_notes(work: Work, workspace: bytes, rest: bytes) -> Progress:
    """Delete old notes of the audit log."""
    if not work.where.audit:
        return Progress(is_over=True)
    page = work.tables.old_notes(workspace, _below(work.where), after=rest, limit=PAGE)
    _drop(work, workspace, page)
    return _page(page)


def _notes_of_a_user(work: Work, workspace: bytes, rest: bytes) -> Progress:
    """Delete, or clear, the notes of what a user did."""
    if list(work.names) != ["user_id"]:
        return Progress(is_over=True)
    page = work.tables.notes_of(workspace, work.where.user_id or "", _below(work.where), after=rest, limit=PAGE)
    if work.where.audit:
        _drop(work, workspace, page)
    else:
        _clear(work, workspace, page)
    return _page(page)


def _below(where: PurgeFilter) -> bytes:
    return b"\xff" * 16 if where.before is None else ids.time_id(where.before, 0)


def _drop(work: Work, workspace: bytes, page: Sequence[Note]) -> None:
    found = [note.id for note in page if note.action != RECEIPT]
    if not work.is_dry:
        work.tables.delete_notes(workspace, found)
    work.count("audit", [row_digest("audit", workspace, note) for note in found])


def _clear(work: Work, workspace: bytes, page: Sequence[Note]) -> None:
    found = [note.id for note in page if note.action != RECEIPT]
    if not work.is_dry:
        work.tables.clear_notes(workspace, found)
    work.count_cleared("notes_cleared", len(found))


def _page(page: Sequence[Note]) -> Progress:
    return Progress(len(page) < PAGE, page[-1].id if page else b"")


_BY_AGE = (
    purge_aged.traces,
    purge_aged.events,
    purge_aged.spans,
    purge_aged.logs,
    purge_aged.sessions,
    _old_notes,
)
_BY_NAME = (
    purge_named.find,
    purge_named.judge,
    purge_named.entities,
    purge_named.traces,
    purge_named.recheck,
    purge_named.judge,
    purge_named.entities,
    _notes_of_a_user,
)
