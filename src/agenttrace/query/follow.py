"""Follow one session: each event once, as it is stored, whoever writes it, and its resets."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agenttrace.errors import SessionNotFound
from agenttrace.model import ids, times
from agenttrace.query import fetch
from agenttrace.query.views import agent_events, runs
from agenttrace.store.protocol import EventFilter

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.model.rows import EventRow, SessionRow
    from agenttrace.model.run import Session
    from agenttrace.query.views.agent_events import AgentEvent
    from agenttrace.store.protocol import Store

__all__ = ["SessionFollower", "SessionNews"]

#: An event may be stored later than one that happened after it; what is stored later still is missed.
LATE = 30 * times.SECOND

_PAGE = 100


class SessionNews(NamedTuple):
    """What is new of a session: whether it was reset, the events since, oldest first, and whether there are more."""

    session: Session
    was_reset: bool
    events: list[AgentEvent]
    more: bool


class SessionFollower:
    """Tells what is new of one session since it was made, and since the last call of `news`. Not for several threads.

    It asks the store, so it sees what any process writes. Its memory is bounded by the events of half a minute.
    """

    def __init__(self, ready: Callable[[], Store], workspace_id: bytes, session_id: bytes) -> None:
        self._ready = ready
        self._workspace_id = workspace_id
        self._session_id = session_id
        self._seen: set[str] = set()
        row = self._session()
        self.session = runs.session_of(row)
        self._reset_at = row.reset_at
        newest = self._events(newest_first=True, limit=1)
        self._newest = newest[0].created_at if newest else 0
        while page := self._events(after=max(self._seen, default=self._floor()), limit=_PAGE):
            self._seen.update(event.id for event in page)

    def news(self) -> SessionNews:
        """Return what is new; call again at once where there is `more`. Raises SessionNotFound, StoreError."""
        while True:
            before = self._session()
            fresh, more = self._fresh()
            texts = fetch.runs_told_of(self._ready(), self._workspace_id, fresh)
            if not fresh or self._session().reset_at == before.reset_at:
                break
        was_reset, self._reset_at = before.reset_at != self._reset_at, before.reset_at
        if was_reset:
            self._seen.clear()
        self._remember(fresh)
        self.session = runs.session_of(before)
        events = [agent_events.event_of(before, event, texts.get(event.run_id)) for event in fresh]
        return SessionNews(self.session, was_reset, events, more)

    def _fresh(self) -> tuple[list[EventRow], bool]:
        """Return up to a page of events that were not seen, and whether there may be more."""
        found: list[EventRow] = []
        after = self._floor()
        while page := self._events(after=after, limit=_PAGE):
            found += [event for event in page if event.id not in self._seen]
            after = page[-1].id
            if len(found) >= _PAGE:
                return found[:_PAGE], True
        return found, False

    def _remember(self, events: list[EventRow]) -> None:
        self._seen.update(event.id for event in events)
        if events:
            self._newest = max(self._newest, events[-1].created_at)
            floor = self._floor() or ""
            self._seen = {event for event in self._seen if event > floor}

    def _floor(self) -> str | None:
        """Return the id after which events are looked for."""
        return ids.event_id(self._newest - LATE, 0, 0) if self._newest > LATE else None

    def _session(self) -> SessionRow:
        row = fetch.session(self._ready(), self._workspace_id, self._session_id)
        if row is None:
            raise SessionNotFound("the session is no longer there")
        return row

    def _events(self, *, after: str | None = None, newest_first: bool = False, limit: int) -> list[EventRow]:
        where = EventFilter(
            workspace_id=self._workspace_id,
            session_id=self._session_id,
            types=agent_events.TYPES,
            after=after,
            newest_first=newest_first,
            limit=limit,
        )
        return self._ready().events(where)
