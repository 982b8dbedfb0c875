"""Small stores full of overlapping ids, made at random, and what must be left of them after a purge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from hypothesis import strategies as st

from agenttrace.model import ids
from agenttrace.model.wire import RUN, RunRecord, read_run, write_run
from agenttrace.store.protocol import PurgeCounts, PurgeFilter
from agenttrace.store.purge import added
from agenttrace.testing.records import (
    TRACE,
    audit_record,
    batch_of,
    entity_record,
    event_record,
    log_record,
    run_record,
    span_record,
)

if TYPE_CHECKING:
    from agenttrace.store.memory import MemoryStore
    from agenttrace.store.protocol import Store
    from agenttrace.testing.records import Record

HERE = str(ids.DEFAULT_WORKSPACE)
THERE = "22222222-2222-4222-8222-222222222222"
WORKSPACES = (HERE, THERE)
USERS = (None, "u1", "u2")
CONTACTS = (None, "c1", "c2")
SESSIONS = (None, "s1", "s2", "s3")
CONVERSATIONS = (None, "k1", "k2")
TRACES = tuple(TRACE + (number << 80) for number in range(4))
TIMES = st.integers(1, 40)

_scopes = st.fixed_dictionaries(
    {"workspace_id": st.sampled_from(WORKSPACES)},
    optional={
        "user_id": st.sampled_from(USERS[1:]),
        "ai_contact_id": st.sampled_from(CONTACTS[1:]),
        "conversation_id": st.sampled_from(CONVERSATIONS[1:]),
        "agent_key": st.just("agt_a"),
    },
)


def _with_session(scope: dict[str, str], trace: int, span: int) -> dict[str, str]:
    """Return a scope with the session of a span: its runs and its events name the same one."""
    session = SESSIONS[(TRACES.index(trace) + span) % len(SESSIONS)]
    return scope if session is None else scope | {"session_id": session}


@st.composite
def _run(draw: st.DrawFn) -> Record:
    span, start, trace = draw(st.integers(1, 5)), draw(TIMES), draw(st.sampled_from(TRACES))
    ended = draw(st.booleans())
    return run_record(
        span,
        trace=trace,
        parent=draw(st.one_of(st.none(), st.integers(1, 5))),
        run_type=draw(st.sampled_from(("master", "tool_call", "prompt"))),
        start=start,
        turn=draw(st.one_of(st.just(start), TIMES)),
        end=start + draw(st.integers(0, 20)) if ended else None,
        seq=draw(st.integers(1, 9)),
        scope=_with_session(draw(_scopes), trace, span),
        content={"input": "asked", "output": "answered"},
        spread=draw(st.booleans()),
    )


@st.composite
def _event(draw: st.DrawFn) -> Record:
    span, trace = draw(st.integers(1, 5)), draw(st.sampled_from(TRACES))
    return event_record(
        span,
        trace=trace,
        type=draw(st.sampled_from(("thinking", "log", "input_message"))),
        time=draw(TIMES),
        seq=draw(st.integers(1, 9)),
        scope=_with_session(draw(_scopes), trace, span),
        content={"content": "said"},
    )


@st.composite
def _foreign(draw: st.DrawFn) -> Record:
    trace, span = draw(st.sampled_from(TRACES)), draw(st.integers(1, 7))
    scope = {"workspace_id": draw(st.sampled_from(WORKSPACES))}
    if draw(st.booleans()):
        return log_record(span, trace=trace, time=draw(TIMES), scope=scope)
    start = draw(TIMES)
    parent = draw(st.one_of(st.none(), st.integers(1, 7)))
    return span_record(span, trace=trace, parent=parent, start=start, end=start + 1, scope=scope)


@st.composite
def _entity(draw: st.DrawFn) -> Record:
    kind, names = draw(st.sampled_from((("contact", CONTACTS), ("session", SESSIONS))))
    return entity_record(kind, draw(st.sampled_from(names[1:])), time=draw(TIMES), scope=draw(_scopes))


@st.composite
def _note(draw: st.DrawFn) -> Record:
    return audit_record(
        draw(st.integers(1, 9)),
        action=draw(st.sampled_from(("run_logs.queried", "data.purged"))),
        time=draw(TIMES),
        workspace=draw(st.sampled_from(WORKSPACES)),
        user=draw(st.sampled_from(USERS)),
    )


_records = st.one_of(_run(), _run(), _run(), _event(), _foreign(), _entity(), _note())


def _consistent(history: list[list[Record]]) -> list[list[Record]]:
    """Give the versions of a run one start, parent and type: whoever records a run says these once and for all."""
    first: dict[bytes, RunRecord] = {}

    def settled(kind: int, payload: bytes) -> Record:
        if kind != RUN:
            return kind, payload
        run = read_run(payload)
        envelope = orjson.loads(run.envelope)
        known = first.setdefault(envelope["scope"]["workspace_id"].encode() + run.trace + run.span, run)
        same = run.replaced(
            envelope=orjson.dumps(envelope | {"type": orjson.loads(known.envelope)["type"]}),
            end=None if run.end is None else known.start + run.end - run.start,
            start=known.start,
            turn=known.turn,
            seq=known.seq,
            parent=known.parent,
        )
        return kind, write_run(same)

    return [[settled(*record) for record in records] for records in history]


#: Batches of records.
histories = st.lists(st.lists(_records, min_size=1, max_size=12), min_size=1, max_size=4).map(_consistent)


@st.composite
def filters(draw: st.DrawFn) -> PurgeFilter:
    """Return what may be purged: by age, by one name or several, by both, in one workspace or, by age, in all."""
    workspace = ids.workspace_id(draw(st.sampled_from(WORKSPACES)))
    user, contact, session = (draw(st.sampled_from((None, *names))) for names in (USERS, CONTACTS, SESSIONS))
    named = any(name is not None for name in (user, contact, session))
    before = draw(st.one_of(st.none(), TIMES)) if named else draw(TIMES)
    return PurgeFilter(
        workspace_id=workspace if named or draw(st.booleans()) else None,
        before=before,
        user_id=user,
        ai_contact_id=None if contact is None else ids.entity_id(workspace, contact),
        session_id=None if session is None else ids.session_id(workspace, session),
        audit=draw(st.booleans()),
    )


def fill(store: Store, history: list[list[Record]]) -> None:
    """Write the batches."""
    for records in history:
        store.write(batch_of(*records))


def purge_all(store: Store, where: PurgeFilter, limit: int) -> PurgeCounts:
    """Purge in steps until there is nothing to do, and return what went."""
    total, after = PurgeCounts(), b""
    while after is not None:
        counts, after = store.purge(where, limit=limit, after=after)
        total = added(total, counts)
    return total


def rows_of(store: MemoryStore) -> dict[str, set[Any]]:
    """Return the keys of all rows by table, each with what a purge may change in it."""
    tables = store._tables  # pyright: ignore[reportPrivateUsage]
    known = tables.entities
    return {
        "run": {(run.workspace_id, run.id, run.is_root) for runs in tables.runs.values() for run in runs.values()},
        "event": set(tables.events),
        "session": {(*key, row.user_id) for key, row in known.sessions.items()},
        "session_agent": set(known.session_agents),
        "contact": set(known.contacts),
        "conversation": {(*key, row.session_id) for key, row in known.conversations.items()},
        "agent": set(known.agents),
        "span": {
            (row.workspace_id, row.trace_id, row.span_id, row.version)
            for spans in tables.raw_spans.values()
            for row in spans.values()
        },
        "log": {(row.workspace_id, row.trace_id, row.id) for logs in tables.raw_logs.values() for row in logs.values()},
        "audit": {(*key, row.user_id) for key, row in tables.audit.items()},
    }
