"""The engine has no transactions: a batch that was cut off between two inserts is whole once it is written again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agenttrace.errors import StoreUnavailable
from agenttrace.model import ids
from agenttrace.store.batch import Batch
from agenttrace.store.clickhouse import ClickHouseStore
from agenttrace.store.clickhouse.clients import connect
from agenttrace.store.memory import MemoryStore
from agenttrace.store.protocol import EventFilter, RunFilter, SessionFilter
from agenttrace.testing.records import batch_of, event_record, run_record
from tests.clickhouse.chdb_store import url_of

WORKSPACE = ids.DEFAULT_WORKSPACE.bytes
SESSION = "ase_support_1"
SCOPE = {"session_id": SESSION, "agent_key": "agt_a", "user_id": "u", "team_id": "t", "conversation_id": "c"}
TYPES = ("input_message", "thinking", "tool_input", "tool_output", "agent_output", "log")


def before() -> Batch:
    """Return what is there already: a child that came before its parent, an open run, an event without its session."""
    return batch_of(
        run_record(3, end=3_000_000, parent=1),
        run_record(2, scope={"session_id": SESSION}),
        event_record(4, content={"content": "early"}),
    )


def batch() -> Batch:
    """Return what is cut off: the parent, the end of the open run, the run of the event, and all sorts of entities."""
    return batch_of(
        run_record(1, end=9_000_000, scope={**SCOPE, "ai_contact_id": "contact"}, content={"input": "hello"}),
        run_record(2, end=4_000_000, scope=SCOPE, parent=1),
        run_record(4, end=5_000_000, scope=SCOPE, parent=1),
        event_record(1, scope=SCOPE, content={"content": "a thought"}),
    )


def picture(store: Any) -> Any:
    """Return all that the views read."""
    session = ids.session_id(WORKSPACE, SESSION)
    runs = store.runs(RunFilter(workspace_id=WORKSPACE))
    return (
        [replace(run, ingested_at=0) for run in runs],
        store.runs(RunFilter(workspace_id=WORKSPACE, roots_only=True)),
        store.count_runs(RunFilter(workspace_id=WORKSPACE)),
        store.events(EventFilter(workspace_id=WORKSPACE, session_id=session, types=TYPES)),
        store.sessions(SessionFilter(workspace_id=WORKSPACE)),
        store.session_has_agent(WORKSPACE, session, "agt_a"),
        store.agents(WORKSPACE, ["agt_a"]),
        store.has_contact(WORKSPACE, ids.entity_id(WORKSPACE, "contact")),
        store.conversation(WORKSPACE, ids.entity_id(WORKSPACE, "c")),
    )


class Failing:
    """A client that fails at one of its inserts, counted over all that are made of one `Failing`."""

    def __init__(self, at: int, *, late: bool) -> None:
        self.at = at
        self.late = late
        self.inserts = 0

    def __call__(self, address: Any) -> Any:
        client: Any = connect(address)
        insert = client.insert
        client.insert = lambda *args, **options: self.insert(insert, *args, **options)
        return client

    def insert(self, insert: Callable[..., Any], *args: Any, **options: Any) -> Any:
        self.inserts += 1
        if self.inserts == self.at and not self.late:
            raise ConnectionResetError("the server is gone")
        insert(*args, **options)
        if self.inserts == self.at:
            raise ConnectionResetError("the server is gone")


def expected() -> Any:
    memory = MemoryStore()
    memory.open()
    memory.write(before())
    memory.write(batch())
    return picture(memory)


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_a_batch_that_was_cut_off_is_whole_after_a_replay(tmp_path: Path, late: bool) -> None:
    """Whichever insert fails, before or after it took effect: the replay leaves what one whole write leaves."""
    at, wanted = 0, expected()
    while True:
        at += 1
        url = url_of(tmp_path / f"{late}{at}")
        store = ClickHouseStore(url)
        store.open()
        store.write(before())
        failing = Failing(at, late=late)
        broken = ClickHouseStore(url, connect=failing)
        broken.open()
        try:
            broken.write(batch())
        except StoreUnavailable:
            store.write(batch())
            assert picture(store) == wanted, f"insert {at}"
        else:
            assert picture(store) == wanted
            assert at > 7
            return
        finally:
            broken.close()
            store.close()
