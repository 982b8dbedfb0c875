"""A turn that leaves something in every table, in two parts, and all that a store tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from agenttrace.model import ids
from agenttrace.model.rows import ApiKeyRow
from agenttrace.store.protocol import AuditFilter, EventFilter, RunFilter, SessionFilter
from agenttrace.testing.records import (
    TRACE,
    audit_record,
    batch_of,
    entity_record,
    event_record,
    key_used_record,
    log_record,
    run_record,
    run_uuid,
    span_record,
)
from agenttrace.testing.suite.base import ALL_TYPES, WORKSPACE
from agenttrace.testing.suite.meaning import simple

if TYPE_CHECKING:
    from agenttrace.store.batch import Batch
    from agenttrace.store.protocol import Store
    from agenttrace.testing.records import Record

__all__ = ["HOUR", "api_key", "first_part", "sample_batch", "scope_of", "second_part", "snapshot", "trace_of"]

#: Microseconds. The sample of a number starts so many hours after the epoch, and its records are seconds apart.
HOUR = 3_600_000_000
_SECOND = 1_000_000


def trace_of(number: int) -> int:
    """Return the trace of a sample."""
    return TRACE + (number << 80)


def scope_of(number: int, workspace: str | None = None) -> dict[str, str]:
    """Return the ids of a sample, as a user gives them: no other sample has one of them."""
    names = {"user_id": "user", "team_id": "team", "agent_key": "agent", "call_sid": "CA"}
    texts = {name: f"{text}{number}" for name, text in names.items()}
    # Ids that are UUIDs are the same in every workspace, those made of texts are not.
    for place, name in enumerate(("session_id", "conversation_id", "ai_contact_id"), 1):
        texts[name] = str(UUID(int=(place << 100) + number))
    return texts | ({"workspace_id": workspace} if workspace else {})


def first_part(number: int, workspace: str | None = None) -> list[Record]:
    """Return what is recorded while the turn runs: starts, an orphan, a thought, an open foreign span."""
    scope, trace, zero = scope_of(number, workspace), trace_of(number), number * HOUR
    there = {"workspace_id": workspace} if workspace else {}
    turn: dict[str, Any] = {"trace": trace, "turn": zero, "scope": scope}
    return [
        entity_record("agent", scope["agent_key"], time=zero, name=f"Agent {number}", scope=there),
        run_record(1, run_type="master", start=zero, content={"input": "hi"}, name=f"turn {workspace}", **turn),
        run_record(3, parent=2, start=zero + 2 * _SECOND, seq=5, **turn),
        run_record(4, parent=1, start=zero + 3 * _SECOND, seq=7, trace=trace, turn=zero, scope=there),
        event_record(4, time=zero + 3 * _SECOND + 1, trace=trace, content={"content": "hm"}, turn=zero, scope=there),
        span_record(8, trace=trace, parent=1, start=zero + 4 * _SECOND, scope=there, attributes={"type": "agent"}),
        audit_record(number, time=zero, user=scope["user_id"], workspace=workspace or str(ids.DEFAULT_WORKSPACE)),
    ]


def second_part(number: int, workspace: str | None = None) -> list[Record]:
    """Return what is recorded later: ends, the parent that was missing, an id for the root's other runs, logs."""
    scope, trace, zero = scope_of(number, workspace), trace_of(number), number * HOUR
    there = {"workspace_id": workspace} if workspace else {}
    turn: dict[str, Any] = {"trace": trace, "turn": zero, "scope": scope}
    talk = {"input": "hi", "output": f"hello from {workspace}"}
    used = {"system_prompt": "Be kind. " * 40, "usage": {"input_tokens": 7}, "cost": 0.5, "llm_response": "hello"}
    return [
        run_record(
            2, parent=1, run_type="prompt", start=zero + _SECOND, seq=3, end=zero + 9 * _SECOND, content=used, **turn
        ),
        run_record(3, parent=2, start=zero + 2 * _SECOND, seq=5, end=zero + 5 * _SECOND, content=talk, **turn),
        run_record(1, run_type="master", start=zero, end=zero + 20 * _SECOND, content=talk, name="ended", **turn),
        run_record(5, parent=1, start=zero + 6 * _SECOND, seq=9, spread=True, **turn),
        event_record(
            1, time=zero + 7 * _SECOND, seq=11, trace=trace, content={"content": "so"}, turn=zero, scope=scope
        ),
        span_record(
            8,
            trace=trace,
            parent=1,
            start=zero + 4 * _SECOND,
            end=zero + 6 * _SECOND,
            scope=there,
            attributes={"type": "agent", "thought": "why"},
        ),
        log_record(8, trace=trace, time=zero + 5 * _SECOND, body="said", scope=there),
        audit_record(number + (1 << 12), time=zero + 1, workspace=workspace or str(ids.DEFAULT_WORKSPACE), rows=3),
        key_used_record(f"key{number}", time=zero + 5, workspace=workspace or str(ids.DEFAULT_WORKSPACE)),
    ]


def sample_batch(*records: Record) -> Batch:
    """Return a batch of these records, with a `derive`."""
    batch = batch_of(*records)
    batch.derive = simple
    return batch


def api_key(key_id: str, workspace: bytes = WORKSPACE, **fields: Any) -> ApiKeyRow:
    """Return an API key."""
    row: dict[str, Any] = {"hash": b"h" * 32, "name": "a key", "user_id": "u", "team_ids": '["t"]', "role": "member"}
    row |= {"scopes": '["read"]', "created_at": 1, "expires_at": None, "revoked_at": None, "last_used_at": None}
    return ApiKeyRow(workspace_id=workspace, id=key_id, **(row | fields))


def snapshot(store: Store, number: int, workspace: bytes = WORKSPACE) -> dict[str, Any]:
    """Return all that the read methods tell of a sample, in a form that is the same for every store."""
    scope, trace, root = scope_of(number), trace_of(number).to_bytes(16, "big"), run_uuid(1, trace_of(number))
    session = ids.session_id(workspace, scope["session_id"])
    contact, talk = (ids.entity_id(workspace, scope[name]) for name in ("ai_contact_id", "conversation_id"))
    agent = ids.agent_key(scope["agent_key"])
    since, until = number * HOUR, (number + 1) * HOUR
    runs = RunFilter(workspace_id=workspace, since=since, until=until)
    events = EventFilter(workspace_id=workspace, session_id=session, types=ALL_TYPES)
    return {
        "runs": store.runs(runs),
        "of the session": store.runs(RunFilter(workspace_id=workspace, session_id=session)),
        "count": store.count_runs(runs),
        "ids": store.run_ids(runs),
        "figures": store.run_figures(runs),
        "roots": store.run_ids(RunFilter(workspace_id=workspace, since=since, until=until, roots_only=True)),
        "traces": store.traces(workspace, [trace]),
        "tree": sorted(map(repr, map(_plain, store.tree_rows(workspace, [root])))),
        "size of the tree": store.tree_stamps(workspace, [root])[0][0],
        "events": store.events(events),
        "count of events": store.count_events(events),
        "sessions": store.sessions(SessionFilter(workspace_id=workspace, ids=[session])),
        "of the user": store.sessions(SessionFilter(workspace_id=workspace, user_id=scope["user_id"])),
        "took part": store.session_has_agent(workspace, session, agent),
        "agents": store.agents(workspace, [agent]),
        "contact": store.has_contact(workspace, contact),
        "conversation": store.conversation(workspace, talk),
        "spans": store.spans(workspace, trace),
        "logs": store.logs(workspace, trace),
        "audit": store.audit(AuditFilter(workspace_id=workspace, since=since, until=until)),
        "keys": [key for key in store.keys(workspace) if key.id == f"key{number}"],
    }


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[:2], bool(row[2]), *row[3:])
