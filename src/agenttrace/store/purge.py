"""How a purge goes about: the one algorithm of all stores with tables, over the statements that each of them brings.

In each workspace one phase follows another: traces (runs, their events, spans and logs), then what age alone finds
(events without runs, spans and logs without runs), sessions, the audit log. A step does what fits into its budget and
says where the next one goes on. No SQL here, no clock, no transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agenttrace.model import ids
from agenttrace.store.protocol import PurgeCounts, PurgeFilter, PurgeStep
from agenttrace.store.purge_digest import row_digest, sum_digests
from agenttrace.store.purge_ends import Ended, Ends, all_subjects
from agenttrace.store.purge_match import anchor, first_event_id, is_old_session, names, raw_of, runs_of
from agenttrace.store.purge_tables import Note, OldRun, RawKey, StoredEvent
from agenttrace.store.subjects import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agenttrace.model.rows import RunRow
    from agenttrace.store.purge_tables import PurgeTables

__all__ = ["RECEIPT", "count", "step"]

#: The action of the notes that tell of purges: no purge deletes them.
RECEIPT = "data.purged"

_PAGE = 200
_NO_LIMIT = 1 << 62
_FIRST_RAW = RawKey(-1, b"", b"")


def step(tables: PurgeTables, where: PurgeFilter, *, limit: int, after: bytes) -> PurgeStep:
    """Delete some of what matches, inside the caller's transaction."""
    return _Step(tables, where, limit=max(limit, 1), counting=None).run(after)


def count(tables: PurgeTables, where: PurgeFilter) -> PurgeCounts:
    """Return what all steps would delete now."""
    ends = Ends(tables, where, is_dry=True)
    total, after = PurgeCounts(), b""
    while after is not None:
        counts, after = _Step(tables, where, limit=_NO_LIMIT, counting=ends).run(after)
        total = added(total, counts)
    return total


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


class _Step:
    """One step. With `counting` nothing is deleted, and what would be is counted."""

    def __init__(self, tables: PurgeTables, where: PurgeFilter, *, limit: int, counting: Ends | None) -> None:
        self.tables = tables
        self.where = where
        self.limit = limit
        self.budget = limit
        self.is_dry = counting is not None
        self.ends = counting or Ends(tables, where, is_dry=False)
        self.counts = dict.fromkeys(PurgeCounts._fields, 0)
        self.names = names(where)
        self.age = None if self.names else where.before
        self.gone_runs: list[tuple[bytes, bytes]] = []
        self.gone_events: list[tuple[bytes, str]] = []

    def run(self, after: bytes) -> PurgeStep:
        place = _Place.unpack(after) if after else self._workspace(None)
        while place is not None and self.budget > 0:
            phase = _PHASES[place.phase]
            rest = phase(self, place.workspace, place.rest)
            self._flush()
            self.budget -= 1
            place = self._following(place) if rest is None else place._replace(rest=rest)
        return PurgeStep(PurgeCounts(**self.counts), None if place is None else place.pack())

    def _flush(self) -> None:
        """Delete at once what several traces have brought: few statements."""
        if not self.is_dry:
            self.tables.delete_runs(self.gone_runs)
            self.tables.delete_events(self.gone_events)
        self.gone_runs.clear()
        self.gone_events.clear()

    def _workspace(self, after: bytes | None) -> _Place | None:
        if self.where.workspace_id is not None:
            return None if after is not None else _Place(0, self.where.workspace_id)
        found = self.tables.next_workspace(after, audit=self.where.audit)
        return None if found is None else _Place(0, found)

    def _following(self, place: _Place) -> _Place | None:
        if place.phase + 1 < len(_PHASES):
            return _Place(place.phase + 1, place.workspace)
        return self._workspace(place.workspace)

    def _count(self, name: str, digests: list[int], cost: int = 1) -> None:
        self.counts[name] += len(digests)
        self.counts["digest"] = sum_digests(self.counts["digest"], *digests)
        self.budget -= cost * len(digests)

    # -- traces ------------------------------------------------------------------------------------

    def traces(self, workspace: bytes, rest: bytes) -> bytes | None:
        """Delete the runs that match, trace by trace."""
        found = anchor(self.where)
        if found is not None:
            return self._named_traces(workspace, rest, *found)
        return None if self.where.before is None else self._old_traces(workspace, rest, self.where.before)

    def _named_traces(self, workspace: bytes, rest: bytes, kind: int, key: str) -> bytes | None:
        traces = self.tables.traces_of(workspace, kind, key, after=rest, limit=_PAGE)
        for trace in traces:
            if self.budget <= 0 or not self._trace(workspace, trace, kind, key):
                return rest
            self.budget -= 1
            rest = trace
        return rest if len(traces) == _PAGE else None

    def _old_traces(self, workspace: bytes, rest: bytes, before: int) -> bytes | None:
        after = (int.from_bytes(rest[:8], "big"), rest[8:]) if rest else (-1, b"")
        page = self.tables.old_runs(workspace, before, after=after, limit=_PAGE)
        for trace in dict.fromkeys(run.trace_id for run in page):
            if self.budget <= 0:
                return rest
            if not self._trace(workspace, trace, since=after):
                return rest
        if len(page) < _PAGE:
            return None
        # Deleted rows are found no more; counted ones have to be passed.
        return rest if not self.is_dry else _packed(page[-1])

    def _trace(
        self, workspace: bytes, trace: bytes, kind: int = 0, key: str = "", *, since: tuple[int, bytes] | None = None
    ) -> bool:
        """Delete what matches of a trace, and return whether that was all of it."""
        runs = self.tables.outline(workspace, trace)
        goes = runs_of(runs, self.where)
        if kind and not self.is_dry:
            self._drop_stale(runs, workspace, trace, kind, key)
        if not goes or (self.is_dry and since is not None and self._was_counted(goes, since)):
            return True
        part = goes if self.is_dry else goes[: max(self.budget, 1)]
        is_whole = len(part) == len(goes)
        if is_whole and not self._raw(workspace, trace, goes, runs):
            return False
        if not self._events(workspace, part):
            return False
        self._runs(workspace, part, runs)
        return is_whole

    def _was_counted(self, goes: Sequence[RunRow], since: tuple[int, bytes]) -> bool:
        first = min((run.start_time, run.id) for run in goes if run.start_time < (self.where.before or 0))
        return first <= since

    def _drop_stale(self, runs: Sequence[RunRow], workspace: bytes, trace: bytes, kind: int, key: str) -> None:
        """Forget that a trace names somebody whom none of its runs names any more."""
        subject = Subject(workspace, kind, key, trace)
        if subject not in all_subjects(runs):
            self.tables.delete_subjects([subject])

    def _raw(self, workspace: bytes, trace: bytes, goes: Sequence[RunRow], runs: Sequence[RunRow]) -> bool:
        spans, logs = self.tables.spans(workspace, trace), self.tables.logs(workspace, trace)
        if not spans and not logs:
            return True
        going = {run.id for run in goes}
        old_spans, old_logs = raw_of(spans, logs, goes, [run for run in runs if run.id not in going])
        if not self.is_dry and len(old_spans) + len(old_logs) > max(self.budget, 1):
            cut = max(self.budget, 1)
            self._drop_raw(workspace, old_spans[:cut], old_logs[: max(cut - len(old_spans), 0)])
            return False
        self._drop_raw(workspace, old_spans, old_logs)
        return True

    def _drop_raw(self, workspace: bytes, spans: Sequence[RawKey], logs: Sequence[RawKey]) -> None:
        if not self.is_dry:
            self.tables.delete_spans(workspace, spans)
            self.tables.delete_logs(workspace, logs)
        self._count("spans", [row_digest("span", workspace, *one[1:]) for one in spans])
        self._count("logs", [row_digest("log", workspace, *one[1:3]) for one in logs])

    def _events(self, workspace: bytes, runs: Sequence[RunRow]) -> bool:
        limit = max(self.budget, 1) + len(runs) if not self.is_dry else _NO_LIMIT
        events = self.tables.run_events(workspace, [run.id for run in runs], limit=limit)
        self._drop_events(workspace, events)
        return len(events) < limit

    def _drop_events(self, workspace: bytes, events: Sequence[StoredEvent]) -> None:
        self.gone_events += [(workspace, event.id) for event in events]
        self._count("events", [row_digest("event", workspace, event.id) for event in events])

    def _runs(self, workspace: bytes, part: Sequence[RunRow], runs: Sequence[RunRow]) -> None:
        going = {run.id for run in part}
        left = [run for run in runs if run.id not in going]
        self.gone_runs += [(workspace, run) for run in going]
        if not self.is_dry:
            roots = [run.id for run in left if not run.is_root and run.parent_id in going]
            if roots:
                self.tables.set_root(workspace, roots, is_root=True)
        self._count("runs", [row_digest("run", workspace, run) for run in going])
        gone = all_subjects(part) - all_subjects(left)
        if not self.is_dry:
            self.tables.delete_subjects(gone)
        self._count_ended(self.ends.after(gone, part))

    def _count_ended(self, ended: Ended) -> None:
        for name, digests in ended.items():
            self._count(name, digests)

    # -- what age alone finds ----------------------------------------------------------------------

    def events(self, workspace: bytes, rest: bytes) -> bytes | None:
        """Delete old events whose run is not stored."""
        if self.age is None:
            return None
        below = first_event_id(self.age)
        page = self.tables.old_events(workspace, below, after=rest.decode(), limit=_PAGE)
        stored = self.tables.stored_runs(workspace, [event.run_id for event in page])
        self._drop_events(workspace, [event for event in page if event.run_id not in stored])
        self.budget -= len(stored)
        return page[-1].id.encode() if len(page) == _PAGE else None

    def spans(self, workspace: bytes, rest: bytes) -> bytes | None:
        """Delete old foreign spans of traces without runs."""
        return self._old_raw(workspace, rest, self.tables.old_spans, lambda found: self._drop_raw(workspace, found, []))

    def logs(self, workspace: bytes, rest: bytes) -> bytes | None:
        """Delete old logs of traces without runs."""
        return self._old_raw(workspace, rest, self.tables.old_logs, lambda found: self._drop_raw(workspace, [], found))

    def _old_raw(
        self,
        workspace: bytes,
        rest: bytes,
        find: Callable[..., list[RawKey]],
        drop: Callable[[list[RawKey]], None],
    ) -> bytes | None:
        if self.age is None:
            return None
        page = find(workspace, self.age, after=_unpacked(rest), limit=_PAGE)
        with_runs = {trace for trace in {key.trace_id for key in page} if self.tables.outline(workspace, trace)}
        drop([key for key in page if key.trace_id not in with_runs])
        self.budget -= len(with_runs)
        return _packed_raw(page[-1]) if len(page) == _PAGE else None

    # -- sessions, contacts ------------------------------------------------------------------------

    def entities(self, workspace: bytes, rest: bytes) -> bytes | None:
        """Delete what is named itself; by age, the old sessions in which nothing is left."""
        if self.age is not None:
            return self._old_sessions(workspace, rest, self.age)
        if list(self.names) == ["user_id"]:
            return self._user_sessions(workspace, rest)
        if list(self.names) == ["session_id"] and self.where.session_id is not None:
            self._count_ended(self.ends.session(workspace, self.where.session_id))
        if list(self.names) == ["ai_contact_id"] and self.where.before is None and self.where.ai_contact_id is not None:
            self._count_ended(self.ends.contact(workspace, self.where.ai_contact_id))
        return None

    def _old_sessions(self, workspace: bytes, rest: bytes, before: int) -> bytes | None:
        after = (int.from_bytes(rest[:8], "big"), rest[8:]) if rest else (-1, b"")
        page = self.tables.old_sessions(workspace, before, after=after, limit=_PAGE)
        for created, session in page:
            if self.budget <= 0:
                return rest
            self._count_ended(self.ends.session(workspace, session))
            self.budget -= 1
            rest = created.to_bytes(8, "big") + session
        return rest if len(page) == _PAGE else None

    def _user_sessions(self, workspace: bytes, rest: bytes) -> bytes | None:
        page = self.tables.sessions_of(workspace, self.where.user_id or "", after=rest, limit=_PAGE)
        for session in page:
            if self.budget <= 0:
                return rest
            self._count_ended(self.ends.session(workspace, session))
            if not self.ends.has_ended(workspace, session):
                self._clear_session(workspace, session)
            self.budget -= 1
            rest = session
        return rest if len(page) == _PAGE else None

    def _clear_session(self, workspace: bytes, session: bytes) -> None:
        row = self.tables.session(workspace, session)
        if row is not None and is_old_session(row, self.where.before):
            self.counts["sessions_cleared"] += 1
            if not self.is_dry:
                self.tables.clear_session(workspace, session)

    # -- the audit log -----------------------------------------------------------------------------

    def notes(self, workspace: bytes, rest: bytes) -> bytes | None:
        """Delete, or clear, notes of the audit log."""
        before, user = self.where.before, self.where.user_id
        below = b"\xff" * 16 if before is None else ids.time_id(before, 0)
        if self.age is not None and self.where.audit:
            page = self.tables.old_notes(workspace, below, after=rest, limit=_PAGE)
            self._drop_notes(workspace, page)
        elif list(self.names) == ["user_id"] and user is not None:
            page = self.tables.notes_of(workspace, user, below, after=rest, limit=_PAGE)
            self._clear_notes(workspace, page)
        else:
            return None
        return page[-1].id if len(page) == _PAGE else None

    def _drop_notes(self, workspace: bytes, page: Sequence[Note]) -> None:
        found = [note.id for note in page if note.action != RECEIPT]
        if not self.is_dry:
            self.tables.delete_notes(workspace, found)
        self._count("audit", [row_digest("audit", workspace, note) for note in found])

    def _clear_notes(self, workspace: bytes, page: Sequence[Note]) -> None:
        if self.where.audit:
            self._drop_notes(workspace, page)
            return
        found = [note.id for note in page if note.action != RECEIPT]
        if not self.is_dry:
            self.tables.clear_notes(workspace, found)
        self.counts["notes_cleared"] += len(found)
        self.budget -= len(found)


_PHASES = (_Step.traces, _Step.events, _Step.spans, _Step.logs, _Step.entities, _Step.notes)


def _packed(run: OldRun) -> bytes:
    return run.start_time.to_bytes(8, "big") + run.id


def _packed_raw(key: RawKey) -> bytes:
    return key.time.to_bytes(8, "big") + key.trace_id + key.number.to_bytes(8, "big") + key.id


def _unpacked(rest: bytes) -> RawKey:
    if not rest:
        return _FIRST_RAW
    return RawKey(int.from_bytes(rest[:8], "big"), rest[8:24], rest[32:], int.from_bytes(rest[24:32], "big"))
