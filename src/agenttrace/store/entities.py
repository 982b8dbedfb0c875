"""What exists because a record named it: sessions, agents, contacts, conversations. Pure.

Entities only grow: what one record knows and another lacks is kept.
"""

from __future__ import annotations

import uuid
from typing import Protocol

from agenttrace.model.rows import AgentRow, ContactRow, ConversationRow, EventRow, SessionRow
from agenttrace.store.events import MESSAGES

__all__ = ["Entities", "HasIds", "join_agents", "join_conversations", "join_sessions"]


class HasIds(Protocol):
    """A scope or a run."""

    @property
    def workspace_id(self) -> bytes: ...
    @property
    def agent_key(self) -> str | None: ...
    @property
    def session_id(self) -> bytes | None: ...
    @property
    def conversation_id(self) -> bytes | None: ...
    @property
    def call_sid(self) -> str | None: ...
    @property
    def ai_contact_id(self) -> bytes | None: ...
    @property
    def user_id(self) -> str | None: ...
    @property
    def team_id(self) -> str | None: ...


class Entities:
    """Sessions, agents, contacts and conversations by key, each once."""

    __slots__ = ("agents", "contacts", "conversations", "session_agents", "sessions")

    def __init__(self) -> None:
        self.sessions: dict[tuple[bytes, bytes], SessionRow] = {}
        self.agents: dict[tuple[bytes, str], AgentRow] = {}
        self.contacts: dict[tuple[bytes, bytes], ContactRow] = {}
        self.conversations: dict[tuple[bytes, bytes], ConversationRow] = {}
        self.session_agents: set[tuple[bytes, bytes, str]] = set()

    def __bool__(self) -> bool:
        return bool(self.sessions or self.agents or self.contacts or self.conversations)

    def note(self, known: HasIds, *, time: int, session_key: str | None = None) -> None:
        """Add what these ids say to exist at `time`."""
        workspace = known.workspace_id
        if known.agent_key is not None:
            self.name_agent(AgentRow(workspace, known.agent_key, None))
        if known.ai_contact_id is not None:
            self.contacts[workspace, known.ai_contact_id] = ContactRow(workspace, known.ai_contact_id)
        if known.conversation_id is not None:
            self._add_conversation(known, known.conversation_id)
        if known.session_id is not None:
            self._add_session(known, known.session_id, session_key, time)

    def name_agent(self, agent: AgentRow) -> None:
        """Add an agent, with its name where that is known."""
        key = (agent.workspace_id, agent.key)
        known = self.agents.get(key)
        self.agents[key] = agent if known is None else join_agents(known, agent)

    def message(self, event: EventRow) -> None:
        """Move a session's `last_message_at` to an event that is a message and shows."""
        if event.session_id is None or event.hidden or event.type not in MESSAGES:
            return
        session = self.sessions.get((event.workspace_id, event.session_id))
        if session is None:
            session = _session(event.workspace_id, event.session_id, event.created_at)
            self.sessions[event.workspace_id, event.session_id] = session
        session.last_message_at = max(session.last_message_at or event.created_at, event.created_at)

    def _add_conversation(self, known: HasIds, conversation_id: bytes) -> None:
        key = (known.workspace_id, conversation_id)
        row = ConversationRow(known.workspace_id, conversation_id, known.call_sid, known.session_id)
        older = self.conversations.get(key)
        self.conversations[key] = row if older is None else join_conversations(older, row)

    def _add_session(self, known: HasIds, session_id: bytes, session_key: str | None, time: int) -> None:
        key = (known.workspace_id, session_id)
        row = _session(known.workspace_id, session_id, time, session_key)
        row.agent_key, row.user_id, row.team_id = known.agent_key, known.user_id, known.team_id
        row.conversation_id, row.call_sid = known.conversation_id, known.call_sid
        older = self.sessions.get(key)
        self.sessions[key] = row if older is None else join_sessions(older, row)
        if known.agent_key is not None:
            self.session_agents.add((*key, known.agent_key))


def join_sessions(older: SessionRow, newer: SessionRow) -> SessionRow:
    """Return what two rows of a session know; where both know something, the older one's."""
    return SessionRow(
        workspace_id=older.workspace_id,
        id=older.id,
        key=older.key,
        agent_key=older.agent_key or newer.agent_key,
        user_id=older.user_id or newer.user_id,
        team_id=older.team_id or newer.team_id,
        conversation_id=older.conversation_id or newer.conversation_id,
        call_sid=older.call_sid or newer.call_sid,
        created_at=min(older.created_at, newer.created_at),
        last_message_at=_latest(older.last_message_at, newer.last_message_at),
        reset_at=_latest(older.reset_at, newer.reset_at),
    )


def join_agents(one: AgentRow, other: AgentRow) -> AgentRow:
    """Return the agent under the name that was registered last."""
    return max(one, other, key=lambda agent: (agent.name is not None, agent.named_at, agent.name or ""))


def join_conversations(older: ConversationRow, newer: ConversationRow) -> ConversationRow:
    """Return what two rows of a conversation know; where both know something, the older one's."""
    return ConversationRow(
        older.workspace_id, older.id, older.call_sid or newer.call_sid, older.session_id or newer.session_id
    )


def _session(workspace: bytes, session: bytes, time: int, key: str | None = None) -> SessionRow:
    key = key or f"ase_{uuid.UUID(bytes=session)}"
    return SessionRow(workspace, session, key, None, None, None, None, None, time, None, None)


def _latest(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else max(one, other)
