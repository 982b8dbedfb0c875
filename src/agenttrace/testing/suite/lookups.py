"""Sessions, agents, contacts and conversations: they exist once a record names or registers them."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

from typing import TYPE_CHECKING

from agenttrace.model import ids
from agenttrace.model.rows import AgentRow, ConversationRow
from agenttrace.store.protocol import SessionFilter
from agenttrace.testing.records import entity_record, event_record, run_record
from agenttrace.testing.suite.base import OTHER, SESSION, WORKSPACE, StoreSuite, write
from agenttrace.testing.suite.proves import proves

if TYPE_CHECKING:
    from agenttrace.model.rows import SessionRow
    from agenttrace.store.protocol import Store

__all__ = ["LookupPromises"]

_ID = ids.session_id(WORKSPACE, SESSION)
_THERE = ids.workspace_id(OTHER)


class LookupPromises(StoreSuite):
    """What one record knows of an entity and another lacks is kept."""

    @proves("entities.grow")
    def test_a_session_collects_what_records_know_of_it(self, store: Store) -> None:
        """In any number of batches; it was created when its first run started."""
        write(store, run_record(1, start=5_000_000, scope={"session_id": SESSION, "user_id": "u"}))
        write(store, run_record(2, start=4_000_000, scope={"session_id": SESSION, "call_sid": "CA1"}))
        write(store, entity_record("session", SESSION, time=6_000_000, scope={"team_id": "t", "agent_key": "a"}))
        (row,) = _sessions(store)
        assert (row.id, row.key, row.user_id, row.team_id) == (_ID, SESSION, "u", "t")
        assert (row.call_sid, row.agent_key, row.created_at) == ("CA1", "agt_a", 4_000_000)

    @proves("entities.grow")
    def test_a_session_keeps_what_it_knows(self, store: Store) -> None:
        """Who came first owns it."""
        write(store, run_record(1, scope={"session_id": SESSION, "user_id": "first"}))
        write(store, run_record(2, scope={"session_id": SESSION, "user_id": "second"}))
        assert [row.user_id for row in _sessions(store)] == ["first"]

    @proves("entities.sessions")
    def test_sessions_are_found_by_each_filter(self, store: Store) -> None:
        """Newest first, then by id; by agent: those that the agent took part in."""
        write(store, entity_record("session", "ase_1", time=1, scope={"user_id": "u", "agent_key": "a"}))
        write(store, entity_record("session", "ase_2", time=2, scope={"user_id": "u", "team_id": "t"}))
        write(store, run_record(1, scope={"session_id": "ase_1", "agent_key": "b"}))
        assert [row.key for row in _sessions(store)] == ["ase_2", "ase_1"]
        assert [row.key for row in _sessions(store, limit=1, offset=1)] == ["ase_1"]
        assert [row.key for row in _sessions(store, user_id="u", team_id="t")] == ["ase_2"]
        assert [row.key for row in _sessions(store, agent_key="agt_b")] == ["ase_1"]
        assert [row.key for row in _sessions(store, ids=[ids.session_id(WORKSPACE, "ase_2")])] == ["ase_2"]
        assert _sessions(store, ids=[]) == []
        assert store.sessions(SessionFilter(workspace_id=_THERE)) == []

    @proves("entities.sessions", "store.tenants")
    def test_an_agent_took_part_where_a_run_of_its_names_the_session(self, store: Store) -> None:
        """In its workspace only."""
        write(store, run_record(1, scope={"session_id": SESSION, "agent_key": "support"}))
        assert store.session_has_agent(WORKSPACE, _ID, "agt_support")
        assert not store.session_has_agent(WORKSPACE, _ID, "agt_other")
        assert not store.session_has_agent(_THERE, _ID, "agt_support")

    @proves("entities.exist", "entities.names")
    def test_an_agent_exists_once_named_and_has_its_latest_name(self, store: Store) -> None:
        """Registrations compare by their time, whatever order they arrive in."""
        write(store, run_record(1, scope={"agent_key": "a"}))
        assert store.agents(WORKSPACE, ["agt_a", "agt_b"]) == [AgentRow(WORKSPACE, "agt_a", None)]
        write(store, entity_record("agent", "a", time=20, name="New name"))
        write(store, entity_record("agent", "a", time=10, name="Old name"), run_record(2, scope={"agent_key": "a"}))
        assert [agent.name for agent in store.agents(WORKSPACE, ["agt_a"])] == ["New name"]
        assert store.agents(_THERE, ["agt_a"]) == []

    @proves("entities.exist")
    def test_a_contact_exists_once_named_or_registered(self, store: Store) -> None:
        """By a run, by an event, by a registration."""
        write(store, run_record(1, scope={"ai_contact_id": "a"}), event_record(1, scope={"ai_contact_id": "b"}))
        write(store, entity_record("contact", "c"))
        found = [store.has_contact(WORKSPACE, ids.entity_id(WORKSPACE, name)) for name in "abcd"]
        assert found == [True, True, True, False]
        assert not store.has_contact(_THERE, ids.entity_id(WORKSPACE, "a"))

    @proves("entities.grow", "entities.exist")
    def test_a_conversation_learns_its_call_and_its_session(self, store: Store) -> None:
        """In any number of batches."""
        conversation = ids.entity_id(WORKSPACE, "talk")
        assert store.conversation(WORKSPACE, conversation) is None
        write(store, run_record(1, scope={"conversation_id": "talk"}))
        assert store.conversation(WORKSPACE, conversation) == ConversationRow(WORKSPACE, conversation, None, None)
        write(store, run_record(2, scope={"conversation_id": "talk", "call_sid": "CA1", "session_id": SESSION}))
        assert store.conversation(WORKSPACE, conversation) == ConversationRow(WORKSPACE, conversation, "CA1", _ID)
        assert store.conversation(_THERE, conversation) is None


def _sessions(store: Store, **where: object) -> list[SessionRow]:
    return store.sessions(SessionFilter(workspace_id=WORKSPACE, **where))  # type: ignore[arg-type]
