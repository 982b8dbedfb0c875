"""A store that is a shelf of rows: the reading half of the Store protocol over lists, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from agenttrace.model.rows import TREE_ROW, AgentRow, ConversationRow, EventRow, RunRow, SessionRow
from agenttrace.store.protocol import EventFilter, RunFilter, SessionFilter

_EQUAL = (
    "workspace_id",
    "run_type",
    "status",
    "name",
    "agent_key",
    "session_id",
    "conversation_id",
    "ai_contact_id",
    "widget_id",
    "placement_id",
    "deployment_type",
    "prompt_type",
    "state_name",
)


@dataclass
class Shelf:
    """Rows that a test put there."""

    url: str = "shelf://"
    run_rows: list[RunRow] = field(default_factory=list)
    event_rows: list[EventRow] = field(default_factory=list)
    session_rows: list[SessionRow] = field(default_factory=list)
    agent_rows: list[AgentRow] = field(default_factory=list)
    contacts: set[tuple[bytes, bytes]] = field(default_factory=set)
    conversations: list[ConversationRow] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)

    def open(self) -> None: ...

    def close(self) -> None: ...

    def now(self) -> int:
        return 0

    def write(self, batch: Any) -> None:
        raise NotImplementedError

    def abandon(self, process_id: bytes, *, at: int) -> int:
        raise NotImplementedError

    def reset(self, workspace_id: bytes, *, team_id: str, user_id: str) -> list[SessionRow]:
        rows = [
            row
            for row in self.session_rows
            if (row.workspace_id, row.team_id, row.user_id) == (workspace_id, team_id, user_id)
        ]
        for row in rows:
            row.last_message_at, row.reset_at = None, 7
        return rows

    def runs(self, where: RunFilter) -> list[RunRow]:
        self.asked.append(where)
        rows = sorted(self._runs(where), key=_newest_first)
        if where.after is not None:
            rows = [row for row in rows if _newest_first(row) > (-where.after[0], where.after[1])]
        return _cut(rows, where.offset, where.limit)

    def count_runs(self, where: RunFilter) -> int:
        return len(list(self._runs(where)))

    def traces(self, workspace_id: bytes, trace_ids: Any) -> list[RunRow]:
        rows = [row for row in self.run_rows if row.workspace_id == workspace_id and row.trace_id in trace_ids]
        return sorted(rows, key=lambda row: (row.start_time, row.seq, row.id))

    def state(self) -> object | None:
        return None

    def run_ids(self, where: RunFilter) -> list[bytes]:
        return [row.id for row in self.runs(where)]

    def tree_stamps(self, workspace_id: bytes, run_ids: Any) -> list[Any]:
        return [(len(self.run_rows), len(self.asked)) for _ in run_ids]

    def tree_rows(self, workspace_id: bytes, run_ids: Any) -> list[Any]:
        return [attrgetter(*TREE_ROW)(row) for row in self.run_rows if row.workspace_id == workspace_id]

    def events(self, where: EventFilter) -> list[EventRow]:
        rows = sorted(self._events(where), key=lambda row: row.id, reverse=where.newest_first)
        if where.after is not None:
            rows = [row for row in rows if row.id > where.after]
        return _cut(rows, 0, where.limit)

    def count_events(self, where: EventFilter) -> int:
        return len(list(self._events(where)))

    def sessions(self, where: SessionFilter) -> list[SessionRow]:
        rows = [row for row in self.session_rows if row.workspace_id == where.workspace_id]
        if where.ids is not None:
            rows = [row for row in rows if row.id in where.ids]
        for name in ("agent_key", "user_id", "team_id"):
            wanted = getattr(where, name)
            rows = [row for row in rows if wanted is None or getattr(row, name) == wanted]
        return _cut(sorted(rows, key=lambda row: (-row.created_at, row.id)), where.offset, where.limit)

    def session_has_agent(self, workspace_id: bytes, session_id: bytes, agent_key: str) -> bool:
        return any(
            (row.workspace_id, row.session_id, row.agent_key) == (workspace_id, session_id, agent_key)
            for row in self.run_rows
        )

    def agents(self, workspace_id: bytes, keys: Any) -> list[AgentRow]:
        return [row for row in self.agent_rows if row.workspace_id == workspace_id and row.key in keys]

    def has_contact(self, workspace_id: bytes, contact_id: bytes) -> bool:
        return (workspace_id, contact_id) in self.contacts

    def conversation(self, workspace_id: bytes, conversation_id: bytes) -> ConversationRow | None:
        found = [row for row in self.conversations if (row.workspace_id, row.id) == (workspace_id, conversation_id)]
        return found[0] if found else None

    def _runs(self, where: RunFilter) -> Iterable[RunRow]:
        return (row for row in self.run_rows if _matches(row, where))

    def _events(self, where: EventFilter) -> Iterable[EventRow]:
        return (
            row
            for row in self.event_rows
            if (row.workspace_id, row.session_id) == (where.workspace_id, where.session_id)
            and not row.hidden
            and row.type in where.types
            and where.id in (None, row.id)
        )


def _newest_first(row: RunRow) -> tuple[int, bytes]:
    return -row.start_time, row.id


def _cut(rows: list[Any], offset: int, limit: int | None) -> list[Any]:
    return rows[offset:] if limit is None else rows[offset : offset + limit]


def _matches(row: RunRow, where: RunFilter) -> bool:
    call = where.call_sid is None or row.call_sid == where.call_sid
    return (
        all(getattr(where, name) in (None, getattr(row, name)) for name in _EQUAL)
        and (where.ids is None or row.id in where.ids)
        and (where.since is None or row.start_time >= where.since)
        and (where.until is None or row.start_time < where.until)
        and (not where.roots_only or row.is_root)
        and (where.interaction_types is None or row.interaction_type in where.interaction_types)
        and (call or (where.call_session_id is not None and row.session_id == where.call_session_id))
    )
