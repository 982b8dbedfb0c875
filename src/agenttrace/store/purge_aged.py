"""What is old: runs by their start, what never had a run, and the sessions in which nothing is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agenttrace.store.purge_match import first_event_id, is_old_session, runs_of
from agenttrace.store.purge_tables import RawKey
from agenttrace.store.purge_traces import erase, gather
from agenttrace.store.purge_work import PAGE, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from agenttrace.model.rows import RunRow, SessionRow
    from agenttrace.store.purge_tables import OldRun
    from agenttrace.store.purge_work import Work

__all__ = ["events", "logs", "sessions", "spans", "traces"]

_FIRST = (-1, b"")
_FIRST_RAW = RawKey(-1, b"", b"")
_NO_LIMIT = 1 << 62


def traces(work: Work, workspace: bytes, rest: bytes) -> Progress:
    """Delete the runs that began before, with all that hangs on them."""
    before = _before(work)
    after = _unpacked(rest)
    page = work.tables.old_runs(workspace, before, after=after, limit=PAGE)
    found = list(dict.fromkeys(run.trace_id for run in page))
    while found:
        batch = gather(work, workspace, found)
        if work.is_dry:
            batch = [going for going in batch if not _was_counted(going.goes, before, after)]
            erase(work, workspace, batch)
            break
        done = erase(work, workspace, batch)
        found = found[done:]
        if found and (work.budget <= 0 or done < len(batch)):
            return Progress(is_over=False, rest=rest)
    # Deleted rows are found no more; counted ones have to be passed.
    return Progress(len(page) < PAGE, _packed(page[-1]) if work.is_dry and page else rest)


def _was_counted(goes: Sequence[RunRow], before: int, after: tuple[int, bytes]) -> bool:
    first = min(((run.start_time, run.id) for run in goes if run.start_time < before), default=after)
    return first <= after


def events(work: Work, workspace: bytes, rest: bytes) -> Progress:
    """Delete old events whose run is not stored."""
    below = first_event_id(_before(work))
    page = work.tables.old_events(workspace, below, after=rest.decode(), limit=PAGE)
    stored = work.tables.stored_runs(workspace, [event.run_id for event in page])
    work.drop_events(workspace, [event for event in page if event.run_id not in stored])
    work.budget -= len(stored)
    return _page(page, page[-1].id.encode() if page else b"")


def spans(work: Work, workspace: bytes, rest: bytes) -> Progress:
    """Delete old foreign spans of traces without runs."""
    return _raw(work, workspace, rest, work.tables.old_spans, lambda found: work.drop_raw(workspace, found, []))


def logs(work: Work, workspace: bytes, rest: bytes) -> Progress:
    """Delete old logs of traces without runs."""
    return _raw(work, workspace, rest, work.tables.old_logs, lambda found: work.drop_raw(workspace, [], found))


def _raw(
    work: Work,
    workspace: bytes,
    rest: bytes,
    find: Callable[..., list[RawKey]],
    drop: Callable[[list[RawKey]], None],
) -> Progress:
    page = find(workspace, _before(work), after=_unpacked_raw(rest), limit=PAGE)
    traces = {key.trace_id for key in page}
    work.tables.expect(workspace, list(traces))
    with_runs = {trace for trace in traces if work.tables.outline(workspace, trace)}
    drop([key for key in page if key.trace_id not in with_runs])
    work.budget -= len(with_runs)
    return _page(page, _packed_raw(page[-1]) if page else b"")


def sessions(work: Work, workspace: bytes, rest: bytes) -> Progress:
    """Delete the old sessions in which no event and no prompt is left, each with its conversation.

    Those are what a session is looked at for. Whether some other run still names it no index tells; such a session is
    made again by the next run that names it.
    """
    page = work.tables.old_sessions(workspace, _before(work), after=_unpacked(rest), limit=PAGE)
    for created, session in page:
        if work.budget <= 0:
            return Progress(is_over=False, rest=rest)
        row = work.tables.session(workspace, session)
        if row is not None and is_old_session(row, work.where.before) and not _is_used(work, workspace, session):
            _drop(work, row)
        work.budget -= 1
        rest = created.to_bytes(8, "big") + session
    return Progress(len(page) < PAGE, rest)


def _drop(work: Work, session: SessionRow) -> None:
    work.drop_session(session.workspace_id, session.id)
    talk = session.conversation_id
    if talk is not None and not _has_prompts(work, session.workspace_id, "conversation_id", talk):
        work.drop_conversation(session.workspace_id, talk)


def _is_used(work: Work, workspace: bytes, session: bytes) -> bool:
    if _has_prompts(work, workspace, "session_id", session):
        return True
    if not work.is_dry:
        return work.tables.has_events(workspace, session)
    events = work.tables.session_events(workspace, session)
    below = first_event_id(_before(work))
    stay = _staying(work, workspace, {event.run_id for event in events})
    stored = work.tables.stored_runs(workspace, [event.run_id for event in events])
    return any(event.run_id in stay if event.run_id in stored else event.id >= below for event in events)


def _has_prompts(work: Work, workspace: bytes, column: str, value: bytes) -> bool:
    if not work.is_dry:
        return bool(work.tables.prompts(workspace, column, value, limit=1))
    return bool(_staying(work, workspace, work.tables.prompts(workspace, column, value, limit=_NO_LIMIT)))


def _staying(work: Work, workspace: bytes, runs: Iterable[bytes]) -> set[bytes]:
    """Return which of these runs are stored and do not go."""
    wanted = set(runs)
    found = list(work.tables.traces_with(workspace, list(wanted)))
    work.tables.expect(workspace, found)
    stay: set[bytes] = set()
    for trace in found:
        outline = work.tables.outline(workspace, trace)
        # A trace is found by a run that started before; without one nothing of it goes.
        is_found = any(run.start_time < _before(work) for run in outline)
        going = {run.id for run in runs_of(outline, work.where)} if is_found else set[bytes]()
        stay |= {run.id for run in outline if run.id in wanted and run.id not in going}
    return stay


def _before(work: Work) -> int:
    return work.where.before or 0


def _page(page: Sequence[object], rest: bytes) -> Progress:
    return Progress(len(page) < PAGE, rest)


def _packed(run: OldRun) -> bytes:
    return run.start_time.to_bytes(8, "big") + run.id


def _unpacked(rest: bytes) -> tuple[int, bytes]:
    return (int.from_bytes(rest[:8], "big"), rest[8:]) if rest else _FIRST


def _packed_raw(key: RawKey) -> bytes:
    return key.time.to_bytes(8, "big") + key.trace_id + key.number.to_bytes(8, "big") + key.id


def _unpacked_raw(rest: bytes) -> RawKey:
    if not rest:
        return _FIRST_RAW
    return RawKey(int.from_bytes(rest[:8], "big"), rest[8:24], rest[32:], int.from_bytes(rest[24:32], "big"))
