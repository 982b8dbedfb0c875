"""Whatever is stored and whatever is asked for: what a purge deletes, what it counts and what it leaves alone."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrace.store import purge_named
from agenttrace.store.memory import MemoryStore
from agenttrace.store.protocol import PurgeCounts
from agenttrace.store.sql_purge import SQLPurgeTables
from agenttrace.store.sqlite import SQLiteStore
from tests.erasure.worlds import fill, filters, histories, purge_all, rows_of

if TYPE_CHECKING:
    from agenttrace.model.rows import RunRow
    from agenttrace.store.protocol import PurgeFilter
    from agenttrace.testing.records import Record

_NAMES = ("user_id", "ai_contact_id", "session_id")
limits = st.sampled_from((1, 2, 5, 1000))


def memory(history: list[list[Record]]) -> MemoryStore:
    store = MemoryStore()
    store.open()
    fill(store, history)
    return store


def all_runs(store: MemoryStore) -> dict[tuple[bytes, bytes], RunRow]:
    tables = store._tables  # pyright: ignore[reportPrivateUsage]
    return {(run.workspace_id, run.id): run for runs in tables.runs.values() for run in runs.values()}


def expected_to_go(runs: dict[tuple[bytes, bytes], RunRow], where: PurgeFilter) -> set[tuple[bytes, bytes]]:
    """The rule of PurgeFilter, said once more and plainly."""
    wanted = {name: getattr(where, name) for name in _NAMES if getattr(where, name) is not None}
    here = {key: run for key, run in runs.items() if where.workspace_id in (None, run.workspace_id)}
    about = {
        (run.workspace_id, run.trace_id)
        for run in here.values()
        if all(getattr(run, name) == value for name, value in wanted.items())
    }
    return {
        key
        for key, run in here.items()
        if (run.workspace_id, run.trace_id) in about
        and all(getattr(run, name) in (None, value) for name, value in wanted.items())
        and (where.before is None or min(run.start_time, run.turn_time) < where.before)
    }


def findable(runs: dict[tuple[bytes, bytes], RunRow], where: PurgeFilter) -> set[tuple[bytes, bytes]]:
    """Age alone looks at traces of which a run started before; a late run whose turn's root is not stored waits."""
    going = expected_to_go(runs, where)
    if any(getattr(where, name) is not None for name in _NAMES) or where.before is None:
        return going
    old = {(run.workspace_id, run.trace_id) for run in runs.values() if run.start_time < where.before}
    return {key for key in going if (runs[key].workspace_id, runs[key].trace_id) in old}


@settings(max_examples=50, deadline=None)
@given(histories, filters(), limits)
def test_a_dry_run_counts_exactly_what_a_purge_deletes(
    history: list[list[Record]], where: PurgeFilter, limit: int
) -> None:
    """By table, and row by row, as the digest says; afterwards there is nothing to delete."""
    store = memory(history)
    before = rows_of(store)
    counted = store.purge_counts(where)
    assert rows_of(store) == before
    assert purge_all(store, where, limit) == counted
    assert store.purge_counts(where) == PurgeCounts()
    assert purge_all(store, where, limit) == PurgeCounts()


@settings(max_examples=30, deadline=None)
@given(histories, filters(), limits)
def test_exactly_the_runs_that_match_go(history: list[list[Record]], where: PurgeFilter, limit: int) -> None:
    """And a run that stays is a root exactly where its parent is not stored."""
    store = memory(history)
    runs = all_runs(store)
    purge_all(store, where, limit)
    left = all_runs(store)
    assert runs.keys() - left.keys() == findable(runs, where)
    for (workspace, key), run in left.items():
        was = runs[workspace, key]
        orphaned = (workspace, was.parent_id) in runs and (workspace, was.parent_id) not in left
        assert run.is_root == (was.is_root or orphaned)


@settings(max_examples=30, deadline=None)
@given(histories, filters(), limits)
def test_nothing_of_another_workspace_is_touched(history: list[list[Record]], where: PurgeFilter, limit: int) -> None:
    """The ids are the same in all of them."""
    store = memory(history)
    before = rows_of(store)
    purge_all(store, where, limit)
    after = rows_of(store)
    if where.workspace_id is not None:
        for table in before:
            assert {row for row in before[table] if row[0] != where.workspace_id} == {
                row for row in after[table] if row[0] != where.workspace_id
            }
    assert before["agent"] == after["agent"]


@settings(max_examples=30, deadline=None)
@given(histories, filters(), limits)
def test_no_orphan_is_left(history: list[list[Record]], where: PurgeFilter, limit: int) -> None:
    """No event of a run that went, no row that tells of somebody whom no run names, no name in what was purged."""
    store = memory(history)
    runs = all_runs(store)
    purge_all(store, where, limit)
    left = all_runs(store)
    tables = store._tables  # pyright: ignore[reportPrivateUsage]
    gone = runs.keys() - left.keys()
    assert not [event for event in tables.events.values() if (event.workspace_id, event.run_id) in gone]
    traces = {(run.workspace_id, run.trace_id) for run in left.values()}
    emptied = {(run.workspace_id, run.trace_id) for run in runs.values()} - traces
    assert not emptied & tables.raw_spans.keys()
    assert not emptied & tables.raw_logs.keys()
    sessions = tables.entities.sessions
    assert {row[:2] for row in tables.entities.session_agents} <= sessions.keys()
    named = [name for name in _NAMES if getattr(where, name) is not None]
    if where.before is None and named == ["user_id"]:
        people = [
            *sessions.values(),
            *left.values(),
            *(note for note in tables.audit.values() if note.action[0] != "d"),
        ]
        assert not [one for one in people if (one.workspace_id, one.user_id) == (where.workspace_id, where.user_id)]


@settings(max_examples=20, deadline=None)
@given(histories, filters(), limits, st.sampled_from((1, 2, 10_000)))
def test_sqlite_deletes_what_memory_deletes(
    history: list[list[Record]], where: PurgeFilter, limit: int, at_once: int
) -> None:
    """Row by row, counted and done, however many runs a walk looks at in one step."""
    plain = memory(history)
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(SQLPurgeTables, "at_once", at_once),
        patch.object(purge_named, "PAGE", at_once),
    ):
        path = Path(folder) / "traces.db"
        store = SQLiteStore(path)
        store.open()
        try:
            fill(store, history)
            assert stored_rows(path) == rows_of(plain)
            counted = plain.purge_counts(where)
            assert store.purge_counts(where) == counted
            assert purge_all(store, where, limit) == counted
            purge_all(plain, where, limit)
            assert stored_rows(path) == rows_of(plain)
        finally:
            store.close()


def stored_rows(path: Path) -> dict[str, set[Any]]:
    """Return from a SQLite file what `rows_of` returns."""
    columns = {
        "run": "workspace_id, id, is_root",
        "event": "workspace_id, id",
        "session": "workspace_id, id, user_id",
        "session_agent": "workspace_id, session_id, agent_key",
        "contact": "workspace_id, id",
        "conversation": "workspace_id, id, session_id",
        "agent": "workspace_id, key",
        "span": "workspace_id, trace_id, span_id, version",
        "log": "workspace_id, trace_id, id",
        "audit": "workspace_id, id, user_id",
    }
    connection = sqlite3.connect(path)
    try:
        return {
            table: {tuple(row) for row in connection.execute(f"SELECT {names} FROM {table}")}  # noqa: S608
            for table, names in columns.items()
        }
    finally:
        connection.close()
