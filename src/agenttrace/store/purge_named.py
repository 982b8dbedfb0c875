"""What somebody left: found by walking over all runs of a workspace, a window of their ids at a time.

There is no index by user; a purge is rare, and may read more. One walk finds the traces, and whom their runs name;
a second one finds out who of them is named by runs that stay. Sessions, contacts and conversations go before the
runs do: a purge that is interrupted finds all of them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agenttrace.model import ids
from agenttrace.store.purge_match import (
    CONTACT,
    CONVERSATION,
    SESSION,
    Entity,
    anchor,
    entities_of,
    is_old_session,
    runs_of,
)
from agenttrace.store.purge_traces import erase, gather
from agenttrace.store.purge_work import PAGE, Progress

if TYPE_CHECKING:
    from agenttrace.model.rows import SessionRow
    from agenttrace.store.purge_tables import NamesOfRuns, StoredEvent
    from agenttrace.store.purge_work import Work

__all__ = ["entities", "find", "judge", "recheck", "traces"]

_START = bytes(16)
_END = b"\xff" * 16
_NO_LIMIT = 1 << 62
_SIZE = 18


class _Walk(NamedTuple):
    """How far a walk has come, and whom it is about: whether somebody is known to be named by a run that stays."""

    after: bytes
    stays: dict[Entity, bool]

    def pack(self) -> bytes:
        return self.after + b"".join(bytes((one.kind, stays)) + one.id for one, stays in self.stays.items())

    @classmethod
    def unpack(cls, text: bytes) -> _Walk:
        parts = (text[start : start + _SIZE] for start in range(16, len(text), _SIZE))
        return cls(text[:16] or _START, {Entity(part[0], part[2:]): bool(part[1]) for part in parts})

    def again(self) -> bytes:
        """Return this from the start of the workspace on."""
        return self._replace(after=_START).pack()


def find(work: Work, workspace: bytes, rest: bytes) -> Progress:
    """Find whom the runs that go name."""
    walk = _Walk.unpack(rest)
    if not rest:
        walk.stays.update(dict.fromkeys(_named_itself(work, workspace), False))
    found, last, is_window = _next_traces(work, workspace, walk.after)
    for start in range(0, len(found), PAGE):
        part = found[start : start + PAGE]
        work.tables.expect(workspace, part)
        for trace in part:
            goes = runs_of(work.tables.outline(workspace, trace), work.where)
            walk.stays.update(dict.fromkeys(entities_of(goes), False))
            work.budget -= len(goes)
    return _further(work, walk, last, is_window=is_window)


def judge(work: Work, workspace: bytes, rest: bytes) -> Progress:
    """Find out who of them is named by runs that stay."""
    walk = _Walk.unpack(rest)
    asked = {one for one, stays in walk.stays.items() if not stays}
    if not asked:
        return Progress(is_over=True, rest=walk.again())
    last = _window(work, workspace, walk.after)
    hits: dict[bytes, set[Entity]] = {}
    for row in work.tables.names_between(workspace, walk.after, last):
        if (named := asked & entities_of([row])) and not _surely_goes(work, row):
            hits.setdefault(row.trace_id, set()).update(named)
    work.tables.expect(workspace, list(hits))
    for trace, named in hits.items():
        if named & asked:
            runs = work.tables.outline(workspace, trace)
            going = {run.id for run in runs_of(runs, work.where)}
            left = asked & entities_of([run for run in runs if run.id not in going])
            walk.stays.update(dict.fromkeys(left, True))
            asked -= left
    return _further(work, walk, last, is_window=True)


def entities(work: Work, workspace: bytes, rest: bytes) -> Progress:
    """Delete those whom no run names that stays."""
    walk = _Walk.unpack(rest)
    start = int.from_bytes(walk.after, "big")
    for place, one in enumerate(sorted(walk.stays)):
        if place < start:
            continue
        if work.budget <= 0:
            return Progress(is_over=False, rest=walk._replace(after=place.to_bytes(16, "big")).pack())
        if one.kind == SESSION:
            _session(work, workspace, one.id, walk)
        elif not walk.stays[one] and one.kind == CONTACT:
            work.drop_contact(workspace, one.id)
        elif not walk.stays[one]:
            work.drop_conversation(workspace, one.id)
        work.budget -= 1
    return Progress(is_over=True, rest=walk.again())


def traces(work: Work, workspace: bytes, rest: bytes) -> Progress:
    """Delete the runs, with all that hangs on them."""
    walk = _Walk.unpack(rest)
    found, last, is_window = _next_traces(work, workspace, walk.after)
    while found:
        batch = gather(work, workspace, found)
        for going in batch:  # somebody may have come since the first walk
            for one in entities_of(going.goes):
                walk.stays.setdefault(one, False)
        done = erase(work, workspace, batch)
        found = found[done:]
        if found and (work.budget <= 0 or done < len(batch)):
            low, _ = ids.trace_range(int.from_bytes(found[0], "big"))
            before = (int.from_bytes(low, "big") - 1).to_bytes(16, "big")
            return Progress(is_over=False, rest=walk._replace(after=before).pack())
    return _further(work, walk, last, is_window=is_window)


def recheck(work: Work, workspace: bytes, rest: bytes) -> Progress:
    """Take once more those who are stored again, since a run came that named them and has gone with the others."""
    if work.is_dry:
        return Progress(is_over=True)
    walk = _Walk.unpack(rest)
    left = {one: False for one, stays in walk.stays.items() if not stays and _is_stored(work, workspace, one)}
    return Progress(is_over=True, rest=_Walk(_START, left).pack() if left else b"")


def _is_stored(work: Work, workspace: bytes, one: Entity) -> bool:
    if one.kind == SESSION:
        return work.tables.session(workspace, one.id) is not None
    has = work.tables.has_contact if one.kind == CONTACT else work.tables.has_conversation
    return has(workspace, one.id)


# -- helpers -----------------------------------------------------------------------------------------


def _further(work: Work, walk: _Walk, last: bytes, *, is_window: bool) -> Progress:
    if last == _END:
        return Progress(is_over=True, rest=walk.again())
    if is_window:
        work.stop()
    return Progress(is_over=False, rest=walk._replace(after=last).pack())


def _window(work: Work, workspace: bytes, after: bytes) -> bytes:
    """Return the end of the next window: the last id that a run of its last trace can have."""
    last = work.tables.window(workspace, after)
    return _END if last is None else ids.run_range(last)[1]


def _next_traces(work: Work, workspace: bytes, after: bytes) -> tuple[list[bytes], bytes, bool]:
    """Return the next traces of which a run carries the name, by id, how far that is, and whether it is a window."""
    column, value = anchor(work.where)
    last = _window(work, workspace, after)
    limit = _NO_LIMIT if work.is_dry else PAGE
    found = work.tables.carriers(workspace, column, value, after=after, last=last, limit=limit)
    is_window = len(found) < limit
    if not is_window:
        last = ids.run_range(found[-1][0])[1]
        found += work.tables.carriers(workspace, column, value, after=found[-1][0], last=last, limit=_NO_LIMIT)
    return list(dict.fromkeys(trace for _, trace in found)), last, is_window


def _surely_goes(work: Work, row: NamesOfRuns) -> bool:
    return work.where.before is None and all(getattr(row, name) == value for name, value in work.names.items())


def _named_itself(work: Work, workspace: bytes) -> list[Entity]:
    """Return who goes with or without runs."""
    where = work.where
    if list(work.names) == ["session_id"]:
        return [Entity(SESSION, where.session_id or b"")]
    if list(work.names) == ["ai_contact_id"]:
        return [Entity(CONTACT, where.ai_contact_id or b"")] if where.before is None else []
    if list(work.names) != ["user_id"]:
        return []
    found: list[Entity] = []
    after = b""
    while page := work.tables.sessions_of(workspace, where.user_id or "", after=after, limit=PAGE):
        found += [Entity(SESSION, session) for session in page]
        after = page[-1]
    return found


def _session(work: Work, workspace: bytes, session: bytes, walk: _Walk) -> None:
    """Delete a session with the events that are left in it; one that stays loses its user, if it is theirs."""
    tables = work.tables
    row = tables.session(workspace, session)
    is_old = row is not None and is_old_session(row, work.where.before)
    if walk.stays[Entity(SESSION, session)]:
        if row is not None and is_old:
            _clear(work, row)
        return
    if row is not None and not is_old:
        return
    if is_old:
        work.drop_events(workspace, _left_over(work, workspace, session))
        work.drop_session(workspace, session)
    if not work.is_dry:
        # Conversations that have lost their runs by age are found by nothing but the session's own name.
        named = [one.id for one in walk.stays if one.kind == CONVERSATION]
        tables.leave_session(workspace, None if session == work.where.session_id else named, session)


def _clear(work: Work, row: SessionRow) -> None:
    if list(work.names) == ["user_id"] and row.user_id == work.where.user_id:
        if not work.is_dry:
            work.tables.clear_session(row.workspace_id, row.id)
        work.count_cleared("sessions_cleared")


def _left_over(work: Work, workspace: bytes, session: bytes) -> list[StoredEvent]:
    events = work.tables.session_events(workspace, session)
    stored = work.tables.stored_runs(workspace, [event.run_id for event in events])
    return [event for event in events if event.run_id not in stored]
