"""What was written comes back: every field of every row."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from agenttrace.model import ids
from agenttrace.model.rows import (
    AgentRow,
    AuditRow,
    ConversationRow,
    EventRow,
    LogRow,
    RunRow,
    SessionRow,
    SpanRow,
)
from agenttrace.store.protocol import AuditFilter, SessionFilter
from agenttrace.testing.records import (
    PROCESS,
    TRACE,
    audit_record,
    batch_of,
    entity_record,
    event_record,
    log_record,
    run_record,
    run_uuid,
    span_record,
)
from agenttrace.testing.suite.base import SESSION, WORKSPACE, StoreSuite, all_runs, shown, write
from agenttrace.testing.suite.proves import proves
from agenttrace.testing.suite.sample import api_key

if TYPE_CHECKING:
    from agenttrace.store.protocol import Store

__all__ = ["ColumnPromises"]

_TRACE = TRACE.to_bytes(16, "big")
_SESSION = ids.session_id(WORKSPACE, SESSION)
_SCOPE = {
    "agent_key": "support",
    "session_id": SESSION,
    "conversation_id": "talk",
    "call_sid": "CA1",
    "ai_contact_id": "contact",
    "user_id": "u",
    "team_id": "t",
}
_ATTRIBUTES = {"widget_id": "w", "placement_id": "p", "deployment_type": "d", "interaction_type": "search", "n": 1}
#: What a store may add to a row of its own accord, and no record says.
_ADDED = {"context_link", "history_link"}


class ColumnPromises(StoreSuite):
    """Every field of every row comes back."""

    @proves("write.columns")
    def test_every_field_of_a_run_comes_back(self, store: Store) -> None:
        """Of one that runs and of one that failed: between them no field is empty."""
        more: dict[str, Any] = {"prompt_type": "engage", "state_name": "greet", "source": "elsewhere", "provider": "p"}
        error = {"type": "ValueError", "message": "no", "stack": "line 1"}
        batch = batch_of(
            run_record(1, rev=1, scope={"user_id": "x"}, start=5, seq=2, turn=3),
            run_record(1, rev=2, start=5, seq=2, turn=3),
            run_record(
                2,
                parent=1,
                via=f"{9:016x}",
                run_type="prompt",
                name="n",
                start=1_234_567,
                end=2_345_678,
                turn=7,
                seq=11,
                end_seq=13,
                rev=3,
                status="failed",
                scope=_SCOPE,
                attributes=_ATTRIBUTES,
                content={"input": 1},
                error=error,
                service="svc",
                **more,
            ),
        )
        written = {row.id: replace(row, is_root=row.parent_id is None) for row in batch.runs.values()}
        names = {field.name for field in fields(RunRow)} - _ADDED
        empty = {name for name in names if all(getattr(row, name) is None for row in written.values())}
        assert not empty, f"the suite forgets {empty}"
        store.write(batch)
        found = {row.id: row for row in all_runs(store)}
        assert found.keys() == written.keys()
        for key, row in written.items():
            for name in names:
                assert getattr(found[key], name) == getattr(row, name), name
                assert type(getattr(found[key], name)) is type(getattr(row, name)), name

    @proves("write.columns")
    def test_every_field_of_an_event_comes_back(self, store: Store) -> None:
        """Its id is computed from time, sequence and span."""
        write(store, event_record(5, time=1_500_007, seq=9, turn=77, scope=_SCOPE, content={"content": "x"}))
        event = EventRow(
            workspace_id=WORKSPACE,
            id=ids.event_id(1_500_007, 9, 5),
            session_id=_SESSION,
            run_id=run_uuid(5),
            type="thinking",
            created_at=1_500_007,
            turn_time=77,
            hidden=False,
            data='{"content":"x"}',
        )
        assert shown(store) == [event]

    @proves("write.columns")
    def test_every_field_of_an_entity_comes_back(self, store: Store) -> None:
        """Sessions, agents, conversations; contacts have nothing but their id."""
        talk = {"input": "hi"}
        write(
            store,
            run_record(1, run_type="master", start=1_000_003, scope=_SCOPE, content=talk),
            entity_record("agent", "support", time=9, name="Support"),
        )
        conversation, contact = (ids.entity_id(WORKSPACE, name) for name in ("talk", "contact"))
        assert store.sessions(SessionFilter(workspace_id=WORKSPACE)) == [
            SessionRow(
                workspace_id=WORKSPACE,
                id=_SESSION,
                key=SESSION,
                agent_key="agt_support",
                user_id="u",
                team_id="t",
                conversation_id=conversation,
                call_sid="CA1",
                created_at=1_000_003,
                last_message_at=1_000_003,
                reset_at=None,
            )
        ]
        assert store.agents(WORKSPACE, ["agt_support"]) == [AgentRow(WORKSPACE, "agt_support", "Support", 9)]
        assert store.conversation(WORKSPACE, conversation) == ConversationRow(WORKSPACE, conversation, "CA1", _SESSION)
        assert store.has_contact(WORKSPACE, contact)

    @proves("write.columns")
    def test_every_field_of_a_foreign_span_and_log_comes_back(self, store: Store) -> None:
        """Open and ended spans, and logs, as the batch has them."""
        batch = batch_of(
            span_record(1, start=5, attributes={"a": [1, "x"]}),
            span_record(2, parent=1, start=6, end=9, attributes={"b": None}, events=[{"name": "e", "time": 7}]),
            log_record(2, time=8, body={"text": "said"}),
        )
        spans = sorted((replace(row) for row in batch.spans.values()), key=lambda row: row.span_id)
        logs = [replace(row) for row in batch.logs.values()]
        assert [row.process_id for row in spans] == [PROCESS, None]
        store.write(batch)
        found: tuple[list[SpanRow], list[LogRow]] = store.spans(WORKSPACE, _TRACE), store.logs(WORKSPACE, _TRACE)
        assert found == (spans, logs)

    @proves("write.columns")
    def test_every_field_of_a_note_and_of_a_key_comes_back(self, store: Store) -> None:
        """Whole, and with nothing but what must be."""
        whole = audit_record(1, time=5, user="u", key="k", role="su", status=200, request="r", filters={"page": 1})
        batch = batch_of(whole, audit_record(2, time=4, rows=0))
        notes: list[AuditRow] = list(batch.audit.values())
        assert None not in [getattr(notes[0], field.name) for field in fields(AuditRow)]
        store.write(batch)
        assert store.audit(AuditFilter(workspace_id=WORKSPACE)) == notes
        keys = [
            api_key("a", created_at=9, hash=bytes(range(32)), expires_at=7, revoked_at=6, last_used_at=5),
            api_key("b", user_id=None, hash=bytes(32), team_ids="[]", scopes="[]"),
        ]
        for key in keys:
            store.add_key(key)
        assert store.keys(WORKSPACE) == [store.key(key.id) for key in keys] == keys
