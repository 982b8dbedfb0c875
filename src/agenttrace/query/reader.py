"""Query: every question that agenttrace answers, over any store. The rules of a view stand in the view's module."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from agenttrace.errors import (
    AgentNotFound,
    ContactNotFound,
    ConversationNotFound,
    EventNotFound,
    RunNotFound,
    SessionNotFound,
    StoreUnavailable,
)
from agenttrace.model import times
from agenttrace.query import arguments, fetch, tree
from agenttrace.query.asynchronous import AsyncQuery
from agenttrace.query.counts import Counts
from agenttrace.query.document import uuid_text
from agenttrace.query.follow import SessionFollower
from agenttrace.query.rendered import RenderedTrees
from agenttrace.query.views import (
    action_logs,
    agent_events,
    ask_ai_analytics,
    ask_ai_logs,
    audit,
    prompt_logs,
    run_logs,
    run_logs_json,
    runs,
)
from agenttrace.store.protocol import EventFilter, RunFilter, SessionFilter

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable, Iterator
    from datetime import date, datetime

    from agenttrace.model.rows import SessionRow
    from agenttrace.model.run import Run, Session
    from agenttrace.query.views.action_logs import ActionLogList
    from agenttrace.query.views.agent_events import AgentEvent, AgentEventPage
    from agenttrace.query.views.ask_ai_analytics import AskAIAnalytics
    from agenttrace.query.views.ask_ai_logs import AskAILogPage, Window
    from agenttrace.query.views.audit import AuditEntry
    from agenttrace.query.views.prompt_logs import PromptLogListResponse
    from agenttrace.query.views.run_logs import RunLogPage
    from agenttrace.store.protocol import AuditFilter, Store

__all__ = ["Query"]

_log = logging.getLogger("agenttrace")

#: How many runs `Query.runs`, and notes `Query.audit`, fetch at a time.
_RUNS_A_PAGE = 500


def _now() -> int:
    return time.time_ns() // 1_000


_MOST_SESSIONS = 1 << 31  # what every database can take


class Query:
    """Answers about what was recorded, from a store, or from the one that a callable returns at each question.

    Before each answer `wait` is called: it waits until this process's own records have arrived, and returns False where
    its deadline passed first; then a warning is logged and the answer is given all the same. `is_settled` returns True
    where that wait would be none. Before `audit` it is `wait_for_audit`, where that is given. `clock` returns
    microseconds since the epoch. With `raw_prompts=False` prompt logs are refused.

    Ids are text or `uuid.UUID`; without a `workspace_id` an answer is about the default workspace. An argument outside
    its range raises InvalidQuery, an id that does not exist in the workspace a NotFound, a store that fails a
    StoreError. All methods block, and may be called from any thread; `aio` has the same methods, awaitable.
    """

    def __init__(
        self,
        store: Store | Callable[[], Store],
        *,
        wait: Callable[[], bool] | None = None,
        is_settled: Callable[[], bool] = lambda: False,
        wait_for_audit: Callable[[], bool] | None = None,
        clock: Callable[[], int] = _now,
        raw_prompts: bool = True,
    ) -> None:
        self._store = store
        self._wait = wait
        self._is_settled = is_settled
        self._wait_for_audit = wait_for_audit or wait
        self._clock = clock
        self._raw_prompts = raw_prompts
        self._rendered = RenderedTrees()
        self._counts = Counts()
        self._reset_listeners: list[Callable[[Session], None]] = []

    def forget(self) -> None:
        """Forget what was made once from stored data, so that nothing of what is erased stays in memory."""
        self._rendered.clear()
        self._counts = Counts()

    @cached_property
    def aio(self) -> AsyncQuery:
        """The same methods, awaitable; each runs in a thread, so none blocks the event loop."""
        return AsyncQuery(self)

    def run_logs(
        self,
        *,
        ai_contact_id: str | uuid.UUID,
        workspace_id: str | uuid.UUID | None = None,
        page: int = 1,
        page_size: int = 20,
    ) -> RunLogPage:
        """Return a contact's root runs, newest first, each with its whole tree; a page beyond the end is empty.

        `page` counts from 1, `page_size` is 1 to 100; `total` counts the roots. Raises InvalidQuery, and
        ContactNotFound for a contact that was neither recorded nor registered.
        """
        workspace = arguments.workspace(workspace_id)
        contact = arguments.unique_id("ai_contact_id", ai_contact_id, workspace)
        page, page_size, offset = run_logs.offset_of(page, page_size)
        store = self._ready()
        where, total = self._contact(store, workspace, contact, page_size, offset)
        roots = store.runs(where) if offset < total else []
        return run_logs.page_of(fetch.trees(store, roots), contact=contact, page=page, page_size=page_size, total=total)

    def run_logs_text(
        self,
        *,
        ai_contact_id: str | uuid.UUID,
        workspace_id: str | uuid.UUID | None = None,
        page: int = 1,
        page_size: int = 20,
    ) -> tuple[int, Iterator[str]]:
        """Return how many roots the page of `run_logs` has, and the pieces of its document as JSON text.

        The text is made as it is read, some trees at a time, straight from what is stored; reading it may raise a
        StoreError. Raises as `run_logs` does, at once.
        """
        contact = arguments.unique_id("ai_contact_id", ai_contact_id)
        page, page_size, offset = run_logs.offset_of(page, page_size)
        workspace, store = arguments.workspace(workspace_id), self._ready()
        key, state = (workspace, contact, page, page_size), store.state()
        known = self._rendered.page(key, state)
        if known is not None:
            return known[0], iter((known[1],))
        where, total = self._contact(store, workspace, contact, page_size, offset)
        roots = store.run_ids(where) if offset < total else []
        trees = self._rendered.texts(store, workspace, roots, contact)
        text = run_logs_json.page_text(trees, page=page, page_size=page_size, total=total)
        return len(roots), self._rendered.kept_page(key, state, len(roots), text)

    def run_logs_kept(
        self,
        *,
        ai_contact_id: str | uuid.UUID,
        workspace_id: str | uuid.UUID | None = None,
        page: int = 1,
        page_size: int = 20,
    ) -> tuple[int, str] | None:
        """Return what `run_logs_text` does, its text whole, where that is at hand and nothing has changed since.

        None elsewhere. It waits for nobody and takes microseconds, so it may be called on an event loop. Raises
        InvalidQuery, and StoreUnavailable where the store was closed.
        """
        contact = arguments.unique_id("ai_contact_id", ai_contact_id)
        page, page_size, _ = run_logs.offset_of(page, page_size)
        key = (arguments.workspace(workspace_id), contact, page, page_size)
        if not self._rendered.has(key) or not self._is_settled():
            return None
        store = self._store() if callable(self._store) else self._store
        return self._rendered.page(key, store.state())

    def ask_ai_logs(
        self,
        *,
        workspace_id: str | uuid.UUID | None = None,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        widget_id: str | None = None,
        placement_id: str | None = None,
        deployment_type: str | None = None,
        interaction_type: str | None = None,
        page: int = 1,
        limit: int = 50,
    ) -> AskAILogPage:
        """Return questions and answers, newest first, of the days from `start_date` to `end_date`, both included, UTC.

        Where either date is missing it is the seven days that end today. Without an `interaction_type` it is free_form,
        automated_followup and search. A `limit` over 500 becomes 500. Raises InvalidQuery.
        """
        now = self._clock()
        workspace = arguments.workspace(workspace_id)
        window = ask_ai_logs.window_of(start_date, end_date, now=now)
        limit = ask_ai_logs.limit_of(limit)
        offset = (arguments.integer("page", page, low=1) - 1) * limit
        where = ask_ai_logs.filter_of(
            workspace,
            window,
            widget_id=widget_id,
            placement_id=placement_id,
            deployment_type=deployment_type,
            interaction_type=interaction_type,
            limit=limit,
            offset=offset,
        )
        store = self._ready()
        count = self._counts.of(store, where)
        rows = store.runs(where) if offset < count else []
        names = fetch.agent_names(store, workspace, rows)
        return ask_ai_logs.page_of(rows, names=names, count=count, limit=limit, now=now)

    def ask_ai_analytics(
        self,
        *,
        workspace_id: str | uuid.UUID | None = None,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        widget_id: str | None = None,
        placement_id: str | None = None,
        deployment_type: str | None = None,
        interaction_type: str | None = None,
    ) -> AskAIAnalytics:
        """Return what the rows of `ask_ai_logs` with these filters amount to, in all and day by day.

        It goes through all of them, and the prompts of their days, some at a time, without what was said in them.
        Raises InvalidQuery.
        """
        now = self._clock()
        workspace = arguments.workspace(workspace_id)
        window = ask_ai_logs.window_of(start_date, end_date, now=now)
        where = ask_ai_logs.filter_of(
            workspace,
            window,
            widget_id=widget_id,
            placement_id=placement_id,
            deployment_type=deployment_type,
            interaction_type=interaction_type,
        )
        store, tally = self._ready(), ask_ai_analytics.Tally(window)
        for row in fetch.every_figure(store, where):
            tally.interaction(row)
        # A turn that began before midnight may go on after it.
        until = window.until + times.DAY
        prompts = RunFilter(workspace_id=workspace, run_type="prompt", since=window.since, until=until)
        for row in fetch.every_figure(store, prompts):
            tally.prompt(row)
        return tally.analytics(now)

    def ask_ai_window(self, start_date: date | str | None = None, end_date: date | str | None = None) -> Window:
        """Return the days that `ask_ai_logs` covers with these arguments, as of now. Raises InvalidQuery."""
        return ask_ai_logs.window_of(start_date, end_date, now=self._clock())

    def action_logs(
        self, *, session_id: str | uuid.UUID, workspace_id: str | uuid.UUID | None = None, limit: int = 50
    ) -> ActionLogList:
        """Return the latest finished tool calls of a session, newest first; the session may be given in any form.

        Raises InvalidQuery for a `limit` outside 1 to 200, and SessionNotFound.
        """
        workspace = arguments.workspace(workspace_id)
        limit = action_logs.limit_of(limit)
        session_bytes = arguments.session("session_id", workspace, session_id)
        store = self._ready()
        session = fetch.session(store, workspace, session_bytes)
        if session is None:
            raise SessionNotFound(f"no session {session_id} in this workspace; was it recorded or registered?")
        where = EventFilter(
            workspace_id=workspace, session_id=session.id, types=action_logs.TYPES, newest_first=True, limit=limit
        )
        events = store.events(where)
        return action_logs.list_of(session, events, fetch.runs_of(store, workspace, events, action_logs.FIELDS))

    def agent_events(
        self,
        agent_key: str,
        session_key: str | uuid.UUID,
        *,
        workspace_id: str | uuid.UUID | None = None,
        limit: int = 20,
        page_key: str | None = None,
    ) -> AgentEventPage:
        """Return a page of a session's events, oldest first, and the key of the next page.

        Agent and session may be given in any form. Events that were there when page one was read are neither skipped
        nor repeated by later pages, whatever arrives in between. `limit` is 1 to 100. Raises InvalidQuery, then
        AgentNotFound, then SessionNotFound, also where the agent took no part in the session.
        """
        workspace = arguments.workspace(workspace_id)
        limit = agent_events.limit_of(limit)
        position = agent_events.position_of(page_key)
        store, session = self._agents_session(workspace, agent_key, session_key)
        where = EventFilter(
            workspace_id=workspace, session_id=session.id, types=agent_events.TYPES, after=position, limit=limit + 1
        )
        events = store.events(where)
        of_runs = fetch.runs_told_of(store, workspace, events[:limit])
        return agent_events.page_of(session, events, of_runs, limit=limit, total=self._counts.of_events(store, where))

    def agent_event(
        self,
        agent_key: str,
        session_key: str | uuid.UUID,
        event_id: str,
        *,
        workspace_id: str | uuid.UUID | None = None,
    ) -> AgentEvent:
        """Return one event of a session; raises as `agent_events` does, and EventNotFound."""
        workspace = arguments.workspace(workspace_id)
        wanted = agent_events.event_id_of(event_id)
        store, session = self._agents_session(workspace, agent_key, session_key)
        events = store.events(
            EventFilter(workspace_id=workspace, session_id=session.id, types=agent_events.TYPES, id=wanted, limit=1)
        )
        if not events:
            raise EventNotFound(f"no event {event_id} in session {session.key}")
        of_runs = fetch.runs_told_of(store, workspace, events)
        return agent_events.event_of(session, events[0], of_runs.get(events[0].run_id))

    def prompt_logs(
        self,
        workspace_id: str | uuid.UUID | None,
        *,
        conversation_id: str | uuid.UUID | None = None,
        call_sid: str | None = None,
        prompt_type: str | None = None,
        state_name: str | None = None,
        from_ts: datetime | str | None = None,
        to_ts: datetime | str | None = None,
        limit: int = 20,
        offset: int = 0,
    ) -> PromptLogListResponse:
        """Return prompts, newest first, whole: what the model was given and what it said.

        Times are from `from_ts` up to and without `to_ts`; those without a zone are UTC. Where no conversation, call or
        time is given, it is the last seven days. `call_sid` also takes a session's UUID, and excludes a conversation.
        `limit` is 1 to 200, `offset` 0 to 10,000; `next_offset` leads on where `has_more`. Raises InvalidQuery,
        ConversationNotFound, and StoreUnavailable where raw prompts are switched off.
        """
        workspace = arguments.workspace(workspace_id)
        query = prompt_logs.query_of(
            workspace,
            conversation_id=conversation_id,
            call_sid=call_sid,
            prompt_type=prompt_type,
            state_name=state_name,
            from_ts=from_ts,
            to_ts=to_ts,
            limit=limit,
            offset=offset,
            now=self._clock(),
        )
        if not self._raw_prompts:
            raise StoreUnavailable("raw prompt reads are switched off in the configuration")
        store = self._ready()
        conversation = None
        if query.conversation_id is not None:
            conversation = store.conversation(workspace, query.conversation_id)
            if conversation is None:
                raise ConversationNotFound(f"no conversation {conversation_id} in this workspace")
        return prompt_logs.list_of(store.runs(query.where(workspace)), query, conversation)

    def trace(self, run_id: str | uuid.UUID, *, workspace_id: str | uuid.UUID | None = None) -> Run:
        """Return the run with this id; `children` holds its descendants, nested, oldest first. Raises RunNotFound."""
        workspace = arguments.workspace(workspace_id)
        wanted = arguments.unique_id("run_id", run_id)
        store = self._ready()
        rows = store.runs(RunFilter(workspace_id=workspace, ids=[wanted], limit=1))
        if not rows:
            raise RunNotFound(f"no run {run_id} in this workspace; was the journal flushed?")
        return tree.assemble(fetch.trees(store, rows)[0], runs.run_of, lambda run: run.children)

    def runs(
        self,
        *,
        workspace_id: str | uuid.UUID | None = None,
        run_type: str | None = None,
        status: str | None = None,
        name: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        roots_only: bool = False,
        agent_key: str | None = None,
        session_id: str | uuid.UUID | None = None,
        conversation_id: str | uuid.UUID | None = None,
        call_sid: str | None = None,
        ai_contact_id: str | uuid.UUID | None = None,
        limit: int | None = None,
    ) -> Iterator[Run]:
        """Return an iterator of the runs that match, newest first, without children; it fetches as it goes.

        Runs started from `since` up to and without `until`. Ids may have any form that a scope takes. Raises
        InvalidQuery at once.
        """
        where = runs.filter_of(
            workspace_id=workspace_id,
            run_type=run_type,
            status=status,
            name=name,
            since=since,
            until=until,
            roots_only=roots_only,
            agent_key=agent_key,
            session_id=session_id,
            conversation_id=conversation_id,
            call_sid=call_sid,
            ai_contact_id=ai_contact_id,
        )
        most = None if limit is None else arguments.integer("limit", limit, low=1)
        return chain.from_iterable(self._pages(where, most))

    def sessions(
        self,
        *,
        workspace_id: str | uuid.UUID | None = None,
        agent_key: str | None = None,
        user_id: str | uuid.UUID | None = None,
        team_id: str | uuid.UUID | None = None,
        limit: int = 100,
    ) -> list[Session]:
        """Return the sessions that match, the newest first. Raises InvalidQuery for a `limit` below 1."""
        where = SessionFilter(
            workspace_id=arguments.workspace(workspace_id),
            agent_key=None if agent_key is None else arguments.agent("agent_key", agent_key),
            user_id=None if user_id is None else arguments.owner("user_id", user_id),
            team_id=None if team_id is None else arguments.owner("team_id", team_id),
            limit=min(arguments.integer("limit", limit, low=1), _MOST_SESSIONS),
        )
        return [runs.session_of(row) for row in self._ready().sessions(where)]

    def session(self, session_id: str | uuid.UUID, *, workspace_id: str | uuid.UUID | None = None) -> Session:
        """Return one session, given in any form. Raises SessionNotFound."""
        workspace = arguments.workspace(workspace_id)
        row = fetch.session(self._ready(), workspace, arguments.session("session_id", workspace, session_id))
        if row is None:
            raise SessionNotFound(f"no session {session_id} in this workspace; was it recorded or registered?")
        return runs.session_of(row)

    def audit(
        self,
        *,
        workspace_id: str | uuid.UUID | None = None,
        action: str | None = None,
        user_id: str | uuid.UUID | None = None,
        key_id: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        limit: int | None = None,
    ) -> Iterator[AuditEntry]:
        """Return an iterator of what callers read and changed over HTTP, newest first; it fetches as it goes.

        `action` is a name such as prompt_logs.queried. Notes were made from `since` up to and without `until`. Raises
        InvalidQuery at once.
        """
        where = audit.filter_of(
            workspace_id=workspace_id, action=action, user_id=user_id, key_id=key_id, since=since, until=until
        )
        most = None if limit is None else arguments.integer("limit", limit, low=1)
        return chain.from_iterable(self._audit_pages(where, most))

    def follow_session(
        self, session_id: str | uuid.UUID, *, workspace_id: str | uuid.UUID | None = None
    ) -> SessionFollower:
        """Return a follower that tells each event of the session that is stored from now on. Raises SessionNotFound."""
        workspace = arguments.workspace(workspace_id)
        wanted = arguments.session("session_id", workspace, session_id)
        if fetch.session(self._ready(), workspace, wanted) is None:
            raise SessionNotFound(f"no session {session_id} in this workspace; was it recorded or registered?")
        return SessionFollower(self._ready, workspace, wanted)

    def reset_session(
        self, *, team_id: str | uuid.UUID, user_id: str | uuid.UUID, workspace_id: str | uuid.UUID | None = None
    ) -> None:
        """Reset all sessions of a user in a team, in one transaction; without any this does nothing.

        Input messages are hidden, other events and action logs deleted; runs stay. Listeners are called afterwards.
        """
        workspace = arguments.workspace(workspace_id)
        team = arguments.owner("team_id", team_id)
        user = arguments.owner("user_id", user_id)
        for row in self._ready().reset(workspace, team_id=team, user_id=user):
            self._tell_reset(runs.session_of(row))

    def on_reset(self, callback: Callable[[Session], None]) -> Callable[[], None]:
        """Call back with each session that was reset, after the commit, in the thread that reset it.

        Returns a function that ends it. A listener that raises is logged, and the others are called.
        """
        self._reset_listeners.append(callback)

        def forget() -> None:
            if callback in self._reset_listeners:
                self._reset_listeners.remove(callback)

        return forget

    def _settle(self) -> bool:
        """Wait until this process's own records have arrived; return False if the deadline passed first."""
        return self._wait is None or self._wait()

    def _ready(self) -> Store:
        """Return the store, after waiting for this process's own records."""
        return self._after(self._settle())

    def _after(self, settled: bool) -> Store:
        if not settled:
            _log.warning("records of this process are still on their way: the answer may lack its latest ones")
        return self._store() if callable(self._store) else self._store

    def _contact(
        self, store: Store, workspace: bytes, contact: bytes, limit: int, offset: int
    ) -> tuple[RunFilter, int]:
        """Return the filter of a page of a contact's roots, and how many there are; raises ContactNotFound."""
        where = RunFilter(workspace_id=workspace, ai_contact_id=contact, roots_only=True, limit=limit, offset=offset)
        total = store.count_runs(where)
        if not total and not store.has_contact(workspace, contact):
            shown = uuid_text(contact)
            raise ContactNotFound(f"no AI contact {shown} in this workspace; was it recorded or registered?")
        return where, total

    def _agents_session(
        self, workspace: bytes, agent_key: str, session_key: str | uuid.UUID
    ) -> tuple[Store, SessionRow]:
        """Return the session that the agent took part in; keys off their pattern only find what was recorded so."""
        agent = arguments.agent("agent_key", agent_key)
        session_id = arguments.session("session_key", workspace, session_key)
        store = self._ready()
        known = bool(store.agents(workspace, [agent]))
        session = fetch.session(store, workspace, session_id)
        if not known:
            arguments.check_agent_key(agent_key)
        if session is None:
            arguments.check_session_key(session_key)
        if not known:
            raise AgentNotFound(f"no agent {agent} in this workspace; was it recorded or registered?")
        if session is None or not fetch.took_part(store, session, agent):
            raise SessionNotFound(f"no session {session_key} of agent {agent_key} in this workspace")
        return store, session

    def _pages(self, where: RunFilter, most: int | None) -> Iterator[list[Run]]:
        store, last, left = self._ready(), None, most
        while left is None or left > 0:
            size = _RUNS_A_PAGE if left is None else min(left, _RUNS_A_PAGE)
            rows = store.runs(runs.after(where, last, limit=size))
            yield [runs.run_of(row) for row in rows]
            if len(rows) < size:
                return
            last, left = rows[-1], None if left is None else left - size

    def _audit_pages(self, where: AuditFilter, most: int | None) -> Iterator[list[AuditEntry]]:
        store = self._after(self._wait_for_audit is None or self._wait_for_audit())
        last, left = None, most
        while left is None or left > 0:
            size = _RUNS_A_PAGE if left is None else min(left, _RUNS_A_PAGE)
            rows = store.audit(replace(where, after=last, limit=size))
            yield [audit.entry_of(row) for row in rows]
            if len(rows) < size:
                return
            last, left = rows[-1].id, None if left is None else left - size

    def _tell_reset(self, session: Session) -> None:
        for listener in list(self._reset_listeners):
            try:
                listener(session)
            except Exception:  # noqa: BLE001  (the reset is committed: one listener must not hide it from the others)
                _log.exception("a listener failed at the reset of session %s", session.key)
