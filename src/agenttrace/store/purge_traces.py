"""Runs go, trace by trace: events first, then foreign spans and logs; last the runs by which they are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agenttrace.store.purge_match import raw_of, runs_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agenttrace.model.rows import RunRow
    from agenttrace.store.purge_tables import RawKey, StoredEvent
    from agenttrace.store.purge_work import Work

__all__ = ["Going", "erase", "gather"]

_NO_LIMIT = 1 << 62


class Going(NamedTuple):
    """A trace: all its runs, and those that go."""

    runs: list[RunRow]
    goes: list[RunRow]


def gather(work: Work, workspace: bytes, traces: Sequence[bytes]) -> list[Going]:
    """Return what goes of the first of these traces, of as many as this step has room for."""
    work.tables.expect(workspace, traces)
    found: list[Going] = []
    rows = 0
    for trace in traces:
        if rows > work.room:
            break
        runs = work.tables.outline(workspace, trace)
        found.append(Going(runs, runs_of(runs, work.where)))
        rows += len(found[-1].goes)
    return found


def erase(work: Work, workspace: bytes, traces: Sequence[Going]) -> int:
    """Delete what goes, and return of how many traces that was done, in order."""
    # All events of a trace before any run of it: the sessions in which they are looked for are named by its runs.
    events = _events(work, workspace, traces)
    if not work.is_dry and len(events) > work.room:
        work.drop_events(workspace, events[: work.room])
        work.stop()
        return 0
    work.drop_events(workspace, events)
    for done, going in enumerate(traces):
        if going.goes and not _erase_one(work, workspace, going):
            return done
        if work.budget <= 0:
            return done + 1
    return len(traces)


def _events(work: Work, workspace: bytes, traces: Iterable[Going]) -> list[StoredEvent]:
    concerned = [going for going in traces if going.goes]
    sessions = {run.session_id for going in concerned for run in going.runs if run.session_id is not None}
    if work.where.session_id is not None:
        sessions.add(work.where.session_id)
    runs = {run.id for going in concerned for run in going.goes}
    if not runs:
        return []
    limit = _NO_LIMIT if work.is_dry else work.room + 1
    return work.tables.run_events(workspace, runs, sorted(sessions), limit=limit)


def _erase_one(work: Work, workspace: bytes, going: Going) -> bool:
    """Delete what goes of a trace, and return whether that was all of it."""
    # Before the first run of it goes: a foreign span goes with its run, which the next step would not know any more.
    if not _raw(work, workspace, going):
        return False
    part = going.goes if work.is_dry else going.goes[: work.room]
    is_whole = len(part) == len(going.goes)
    ids = {run.id for run in part}
    if not work.is_dry:
        roots = [run.id for run in going.runs if run.id not in ids and not run.is_root and run.parent_id in ids]
        if roots:
            work.tables.set_root(workspace, roots, is_root=True)
    work.drop_runs(workspace, [run.id for run in part])
    return is_whole


def _raw(work: Work, workspace: bytes, going: Going) -> bool:
    trace = going.goes[0].trace_id
    spans, logs = work.tables.spans(workspace, trace), work.tables.logs(workspace, trace)
    if not spans and not logs:
        return True
    ids = {run.id for run in going.goes}
    old_spans, old_logs = raw_of(spans, logs, going.goes, [run for run in going.runs if run.id not in ids])
    if not work.is_dry and len(old_spans) + len(old_logs) > work.room:
        _cut(work, workspace, old_spans, old_logs)
        return False
    work.drop_raw(workspace, old_spans, old_logs)
    return True


def _cut(work: Work, workspace: bytes, spans: Sequence[RawKey], logs: Sequence[RawKey]) -> None:
    cut = work.room
    work.drop_raw(workspace, spans[:cut], logs[: max(cut - len(spans), 0)])
    work.stop()
