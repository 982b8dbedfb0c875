"""Whatever order records arrive in, however often and in whatever batches: the store ends up the same."""

from __future__ import annotations

import tempfile
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenttrace.model import ids
from agenttrace.model.versions import RANK_ABANDONED, RANK_ALIVE, RANK_END, RANK_START
from agenttrace.store.memory import MemoryStore
from agenttrace.store.protocol import EventFilter, RunFilter, SessionFilter
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import TRACE, batch_of, entity_record, event_record, run_record
from agenttrace.testing.suite.base import EVENT_TYPES, OTHER

if TYPE_CHECKING:
    from agenttrace.store.protocol import Store
    from agenttrace.testing.records import Record

_SESSIONS = ("ase_1", "ase_2")
_WORKSPACES = (ids.DEFAULT_WORKSPACE.bytes, ids.workspace_id(OTHER))
_SPANS = range(1, 7)

_scopes = st.fixed_dictionaries(
    {},
    optional={
        "session_id": st.sampled_from(_SESSIONS),
        "user_id": st.sampled_from(["ann", "zoe"]),
        "agent_key": st.sampled_from(["a", "b"]),
        "ai_contact_id": st.just("contact"),
    },
)


@st.composite
def _versions(draw: st.DrawFn, span: int, parent: int | None, workspace: str | None) -> list[Record]:
    """Return the versions of one run; what never changes in a run does not change here."""
    fixed: dict[str, Any] = {"run_type": draw(st.sampled_from(["master", "tool_call", "prompt"]))}
    fixed |= {"parent": parent, "start": draw(st.integers(1, 4)), "seq": span * 10, "remote": True}
    records: list[Record] = []
    for rank in draw(
        st.lists(st.sampled_from([RANK_START, RANK_ABANDONED, RANK_ALIVE, RANK_END]), min_size=1, max_size=3)
    ):
        end = draw(st.integers(5, 9)) if rank in (RANK_ABANDONED, RANK_END) else None
        scope = draw(_scopes) | ({"workspace_id": workspace} if workspace else {})
        content = draw(st.sampled_from([None, {"input": "hi"}, {"input": "hi", "output": "hello"}]))
        rev = draw(st.integers(0, 2))
        records.append(run_record(span, rank=rank, rev=rev, end=end, scope=scope, content=content, **fixed))
    return records


@st.composite
def _histories(draw: st.DrawFn) -> tuple[list[list[Record]], list[list[Record]]]:
    """Return the same records as two lists of batches."""
    records = [entity_record("agent", "a", time=n, name=f"Agent {n}") for n in draw(st.lists(st.integers(1, 5)))]
    for span in draw(st.lists(st.sampled_from(_SPANS), unique=True, min_size=1)):
        parent = draw(st.none() | st.sampled_from(_SPANS))
        workspace = draw(st.sampled_from([None, None, OTHER]))
        records += draw(_versions(span, parent, workspace))
        if draw(st.booleans()):
            records.append(event_record(span, seq=span, scope={"session_id": draw(st.sampled_from(_SESSIONS))}))
    return draw(_batches(records)), draw(_batches(records))


@st.composite
def _batches(draw: st.DrawFn, records: list[Record]) -> list[list[Record]]:
    shuffled = draw(st.permutations(records))
    again = draw(st.lists(st.sampled_from(records), max_size=4))
    shuffled = [*shuffled, *again]
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=5)))
    return [shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_histories())
def test_the_order_of_records_makes_no_difference(histories: tuple[list[list[Record]], list[list[Record]]]) -> None:
    """Versions, repeats, loops of parents, two workspaces: the store ends up the same."""
    one, other = (_state(MemoryStore(), batches) for batches in histories)
    for workspace in one:
        for what in one[workspace]:
            assert one[workspace][what] == other[workspace][what], what


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_histories())
def test_sqlite_ends_up_as_memory_does(histories: tuple[list[list[Record]], list[list[Record]]]) -> None:
    """Given the same records in another order, in other batches."""
    one, other = histories
    with tempfile.TemporaryDirectory() as folder:
        assert _state(SQLiteStore(Path(folder) / "traces.db"), one) == _state(MemoryStore(), other)


def _state(store: Store, batches: list[list[Record]]) -> dict[str, Any]:
    """Return everything a reader sees that a conflict between records does not leave to who came first."""
    store.open()
    try:
        for batch in batches:
            store.write(batch_of(*batch))
        return {str(workspace): _workspace_state(store, workspace) for workspace in _WORKSPACES}
    finally:
        store.close()


def _workspace_state(store: Store, workspace: bytes) -> dict[str, Any]:
    runs = store.runs(RunFilter(workspace_id=workspace))
    assert store.traces(workspace, [TRACE.to_bytes(16, "big")]) == sorted(
        runs, key=lambda run: (run.start_time, run.seq, run.id)
    )
    where = [
        EventFilter(workspace_id=workspace, session_id=ids.session_id(workspace, name), types=EVENT_TYPES)
        for name in _SESSIONS
    ]
    return {
        "runs": [astuple(run) for run in runs],
        "tops": _tops(runs),
        "events": [[astuple(event) for event in store.events(each)] for each in where],
        "sessions": [(row.key, row.created_at) for row in store.sessions(SessionFilter(workspace_id=workspace))],
        "agents": store.agents(workspace, ["agt_a", "agt_b"]),
        "contact": store.has_contact(workspace, ids.entity_id(workspace, "contact")),
    }


def _tops(runs: list[Any]) -> set[bytes]:
    """Return the roots; asserts that every run is below one of them."""
    roots = {run.id for run in runs if run.is_root}
    children: dict[bytes, list[bytes]] = {}
    for run in runs:
        if not run.is_root:
            children.setdefault(run.parent_id, []).append(run.id)
    reached, todo = set(roots), list(roots)
    while todo:
        below = children.get(todo.pop(), [])
        reached.update(below)
        todo += below
    assert reached == {run.id for run in runs}
    return roots
