"""Several writers on one server: what they write at the same moment meets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agenttrace.model import ids
from agenttrace.store.clickhouse import ClickHouseStore
from agenttrace.store.clickhouse.clients import connect
from agenttrace.store.protocol import EventFilter, RunFilter
from agenttrace.testing.records import batch_of, event_record, run_record, run_uuid
from tests.clickhouse.chdb_store import url_of

WORKSPACE = ids.DEFAULT_WORKSPACE.bytes
SCOPE = {"session_id": "ase_one", "user_id": "u", "team_id": "t"}


def store_at(url: str, meanwhile: Callable[[], None] | None = None) -> ClickHouseStore:
    """Return a store as a server's, which does something between its reading and its first insert."""

    def make(address: Any) -> Any:
        client: Any = connect(address)
        insert = client.insert

        def hooked(*args: Any, **options: Any) -> Any:
            nonlocal meanwhile
            act, meanwhile = meanwhile, None
            if act is not None:
                act()
            return insert(*args, **options)

        client.insert = hooked
        return client

    store = ClickHouseStore(url, connect=make)
    store.shared = True
    store.open()
    return store


@pytest.mark.parametrize("first", ["child", "parent"])
def test_a_child_and_its_parent_in_the_same_moment_meet(tmp_path: Path, first: str) -> None:
    """Neither writer saw the other's run, and yet the child is no root."""
    child = run_record(2, end=3_000_000, parent=1, scope=SCOPE)
    parent = run_record(1, end=9_000_000, scope=SCOPE)
    early, late = (child, parent) if first == "child" else (parent, child)
    other = store_at(url_of(tmp_path))
    store = store_at(url_of(tmp_path), lambda: other.write(batch_of(late)))
    store.write(batch_of(early))
    found = store.runs(RunFilter(workspace_id=WORKSPACE, roots_only=True))
    assert [run.id for run in found] == [run_uuid(1)]
    other.close()
    store.close()


def test_a_reset_beside_a_writer_stands(tmp_path: Path) -> None:
    """A writer that read the session before it was reset does not undo the reset."""
    other = store_at(url_of(tmp_path))
    other.write(batch_of(run_record(1, end=3_000_000, scope=SCOPE)))

    def reset() -> None:
        assert other.reset(WORKSPACE, team_id="t", user_id="u")

    store = store_at(url_of(tmp_path), reset)
    store.write(batch_of(run_record(2, end=4_000_000, scope={**SCOPE, "agent_key": "agt_new"})))
    session = ids.session_id(WORKSPACE, "ase_one")
    shown = EventFilter(workspace_id=WORKSPACE, session_id=session, types=["tool_input", "tool_output", "thinking"])
    assert store.events(shown) == []
    store.write(batch_of(event_record(2, scope=SCOPE, content={"content": "late"})))
    assert store.events(shown) == []
    other.close()
    store.close()
