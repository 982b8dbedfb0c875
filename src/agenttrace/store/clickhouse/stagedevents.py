"""Events while a batch is worked on: what is stored of them, and what becomes of them.

The key of an event's row holds its session, so that a session's events lie together. An event that finds its session
late therefore leaves one row (marked as deleted) and gets another, both in the same insert.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from agenttrace.store.clickhouse.rows import check

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agenttrace.model.rows import EventRow, SessionRow
    from agenttrace.store.clickhouse.engine import Engine

__all__ = ["EventChange", "StagedEvents"]

Key = tuple[bytes, bytes]
EventKey = tuple[bytes, str]


class EventChange(NamedTuple):
    """A row to insert: the event, or that it is no more, and a stamp that the new row's must exceed."""

    row: EventRow
    deleted: bool
    over: int


class StagedEvents:
    """The events and sessions of one batch."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stored: dict[EventKey, EventRow] = {}  # as it was read
        self._put: dict[EventKey, EventRow] = {}
        self._dropped: set[EventKey] = set()
        self._sessionless: dict[bytes, bool] = {}
        self._seen: dict[bytes, set[bytes]] = {}  # sessions in which events of the batch may be stored, by workspace
        self._sessions: dict[Key, tuple[SessionRow, int] | None] = {}

    def saw(self, workspace: bytes, session: bytes | None) -> None:
        """Remember that events which the batch touches may be stored in this session."""
        if session is not None:
            self._seen.setdefault(workspace, set()).add(session)

    def sessions(self, keys: Iterable[Key]) -> dict[Key, tuple[SessionRow, int]]:
        """Return those of these sessions that are stored, each with the stamp of its last reset."""
        wanted = list(keys)
        missing = [key for key in wanted if key not in self._sessions]
        if missing:
            self._sessions |= dict.fromkeys(missing)
            for session, stamp in self._engine.sessions_of(missing):
                self._sessions[session.workspace_id, session.id] = session, stamp
        found = ((key, self._sessions[key]) for key in wanted)
        return {key: known for key, known in found if known is not None}

    def between(self, workspace: bytes, session: bytes, low: str, high: str) -> list[EventRow]:
        """Return the visible events of a session between two ids, as they were stored."""
        self.saw(workspace, session)
        found = self._engine.events_between(workspace, session, low, high)
        return self._known(found)

    def sessionless(self, workspace: bytes, run_ids: Sequence[bytes]) -> list[EventRow]:
        """Return the stored events of these runs that have no session."""
        if not run_ids or not self._has_sessionless(workspace):
            return []
        return self._known(self._engine.sessionless(workspace, run_ids))

    def put(self, events: Sequence[EventRow]) -> None:
        """Insert events; a stored one without a session gets session and hidden flag."""
        for event in events:
            check(event)
            key = (event.workspace_id, event.id)
            known = self._put.get(key) or (None if key in self._dropped else self._stored.get(key))
            if known is None:
                self._put[key] = event
            elif known.session_id is None and event.session_id is not None:
                self._put[key] = replace(known, session_id=event.session_id, hidden=event.hidden)

    def delete(self, keys: Sequence[EventKey]) -> None:
        """Delete events, as far as they are stored."""
        for key in keys:
            self._put.pop(key, None)
            self._dropped.add(key)

    def changes(self) -> list[EventChange]:
        """Return the rows to insert."""
        for event in self._put.values():
            self.saw(event.workspace_id, event.session_id)
        stored = self._look_up()
        found = [EventChange(row, True, stamp) for row, stamp in stored if self._has_left(row)]
        kept = {(row.workspace_id, row.id): (row, stamp) for row, stamp in stored}
        for key, event in self._put.items():
            row, stamp = kept.get(key, (None, 0))
            if row is None or row.session_id != event.session_id or key in self._dropped:
                found.append(EventChange(event, False, stamp))
        return found

    def _look_up(self) -> list[tuple[EventRow, int]]:
        """Return what is stored of the events that are dropped, have moved, or stand in a session that was reset."""
        reset = {key for key, known in self._sessions.items() if known is not None and known[0].reset_at is not None}
        wanted = set(self._dropped)
        for key, event in self._put.items():
            old = self._stored.get(key)
            moved = old is not None and old.session_id != event.session_id
            if moved or (event.session_id is not None and (event.workspace_id, event.session_id) in reset):
                wanted.add(key)
        by_workspace: dict[bytes, list[str]] = {}
        for workspace, event_id in wanted:
            by_workspace.setdefault(workspace, []).append(event_id)
        return [
            found
            for workspace, ids in by_workspace.items()
            for found in self._engine.events_of_ids(workspace, self._seen.get(workspace, set()), ids)
        ]

    def _has_left(self, row: EventRow) -> bool:
        """Return whether a stored row stands where its event is no more."""
        key = (row.workspace_id, row.id)
        new = self._put.get(key)
        if new is None:
            return key in self._dropped
        return new.session_id != row.session_id and (key in self._dropped or row.session_id is None)

    def _known(self, found: list[EventRow]) -> list[EventRow]:
        left: list[EventRow] = []
        for event in found:
            key = (event.workspace_id, event.id)
            self._stored[key] = event
            if key not in self._dropped:
                left.append(replace(event))
        return left

    def _has_sessionless(self, workspace: bytes) -> bool:
        if workspace not in self._sessionless:
            self._sessionless[workspace] = self._engine.has_sessionless(workspace)
        return self._sessionless[workspace]
