"""Look-ups by many ids use the index of the ids, however large the workspace is; damaged rows stay one row."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from agenttrace import AgentTrace
from agenttrace.model import ids
from agenttrace.query.reader import Query
from agenttrace.store.protocol import RunFilter
from agenttrace.store.sql_tables import SQLTables
from agenttrace.store.sqlite import SQLite, SQLiteStore
from agenttrace.testing.records import TRACE, batch_of, event_record, run_record, run_uuid

if TYPE_CHECKING:
    from pathlib import Path

WORKSPACE = ids.DEFAULT_WORKSPACE.bytes


def plans(path: Path, statements: list[tuple[str, Any]]) -> list[str]:
    """Return how SQLite would answer the statements."""
    with closing(sqlite3.connect(path)) as connection:
        return [row[3] for sql, values in statements for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


@pytest.mark.parametrize("many", [1, 8, 64, 512])
def test_runs_are_found_by_their_ids(many: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And come newest first."""
    path = tmp_path / "traces.db"
    store = SQLiteStore(path)
    store.open()
    store.write(batch_of(*(run_record(span, start=span, end=span) for span in range(1, many + 1))))
    asked: list[tuple[str, Any]] = []
    rows = store._rows
    monkeypatch.setattr(store, "_rows", lambda sql, values: asked.append((sql, values)) or rows(sql, values))
    wanted = [run_uuid(span) for span in range(1, many + 1)]
    found = store.runs(RunFilter(workspace_id=WORKSPACE, ids=wanted))
    assert [run.start_time for run in found] == list(range(many, 0, -1))
    assert all("run_time" not in plan and "SCAN run" not in plan for plan in plans(path, asked))
    store.close()


def test_orphans_and_events_without_a_session_are_found_by_their_keys(tmp_path: Path) -> None:
    """With dozens of keys as with one."""
    path = tmp_path / "traces.db"
    store = SQLiteStore(path)
    store.open()
    store.write(batch_of(run_record(1, parent=9), event_record(2)))
    asked: list[tuple[str, Any]] = []
    with closing(sqlite3.connect(path)) as connection:
        tables = SQLTables(connection, SQLite(path))  # type: ignore[arg-type]
        rows = tables.rows
        tables.rows = lambda sql, *values: asked.append((sql, values)) or rows(sql, *values)  # type: ignore[method-assign]
        keys = [run_uuid(span) for span in range(1, 40)]
        assert [orphan.id for orphan in tables.orphans(WORKSPACE, keys)] == [run_uuid(1)]
        assert [event.run_id for event in tables.sessionless(WORKSPACE, keys)] == [run_uuid(2)]
    by_keys = [plan for plan in plans(path, asked) if "parent_id=?" in plan or "run_id=?" in plan]
    assert len(by_keys) == 2
    store.close()


def test_later_batches_below_a_root_that_learnt_ids_do_not_read_the_whole_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless a run lacks one of the ids."""
    store = SQLiteStore(tmp_path / "traces.db")
    store.open()
    scope = {"session_id": "s", "user_id": "u"}
    store.write(batch_of(run_record(1), run_record(2, parent=1, scope=scope, spread=True)))
    read: list[bytes] = []
    outline = SQLTables.outline
    monkeypatch.setattr(SQLTables, "outline", lambda *given: read.append(given[2]) or outline(*given))
    store.write(batch_of(run_record(3, parent=1, scope=scope)))
    assert read == []
    store.write(batch_of(run_record(4, parent=1)))
    assert read == [TRACE.to_bytes(16, "big")]
    assert {run.user_id for run in store.runs(RunFilter(workspace_id=WORKSPACE))} == {"u"}
    store.close()


@pytest.mark.parametrize(
    "damage",
    [
        "run SET attributes = x'ff'",
        "run SET prompt_type = 5, state_name = x'ff'",
        "run SET error = CAST(x'7b2261223a22ff227d' AS TEXT)",
        "run SET name = CAST(x'ff' AS TEXT)",
        "agent SET name = CAST(x'ff' AS TEXT)",
        "link SET data = x'ff'",
        "link SET data = CAST(x'ff' AS TEXT)",
        "link SET data = '{x'",
    ],
)
def test_a_damaged_column_costs_no_page(damage: str, tmp_path: Path) -> None:
    """Every view answers, with documents that are JSON."""
    path, contact = tmp_path / "traces.db", str(uuid.uuid4())
    content: dict[str, Any] = {"system_prompt": "s" * 999, "history": [{"role": "user", "content": "h" * 999}]}
    with AgentTrace(store=path) as trace:
        trace.register_agent("a", "A")
        scope = trace.scope(session_id="s", agent_key="a", ai_contact_id=contact, attributes={"widget_id": "w"})
        with scope, trace.master("turn", input="q") as turn:
            with trace.prompt("p", **content) as prompt, trace.tool_call("look", input=1) as call:
                prompt.response = "r"
                call.output = 2
                call.payload(found=3)
            turn.output = "a"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute(f"UPDATE {damage}").rowcount > 0
        connection.commit()
    with AgentTrace(store=path) as trace:
        query = trace.query
        prompts = query.prompt_logs(None)
        pages: list[Any] = [
            query.run_logs(ai_contact_id=contact),
            query.action_logs(session_id="s"),
            query.agent_events("a", "s"),
        ]
        for page in (*pages, query.ask_ai_logs(), prompts):
            assert orjson.loads(page.model_dump_json())
    (entry,) = prompts.items
    no_json = damage.endswith(("AS TEXT)", "'{x'")) and damage.startswith("link")  # then nothing of it can be read
    assert entry.llm_response == (None if no_json else "r")
    assert entry.data_parse_error == (damage.startswith("link") or "attributes" in damage)
    if damage.startswith("link"):
        assert (entry.system_prompt, entry.history) == (None, None)


@pytest.mark.parametrize("damage", ["CAST(x'7b22ff227d' AS TEXT)", "x'7b7d'", "'{bad'", "'[]'"])
def test_content_that_cannot_be_read_costs_its_own_row_only(damage: str, tmp_path: Path) -> None:
    """The row appears, with `data_parse_error`; the others are as they were."""
    path = tmp_path / "traces.db"
    store = SQLiteStore(path)
    store.open()
    whole = {"content": {"llm_response": "hello"}, "run_type": "prompt", "name": "p"}
    store.write(batch_of(*(run_record(span, start=span, end=9, **whole) for span in (1, 2))))
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE run SET content = {damage} WHERE start_time = 1")  # noqa: S608
        connection.commit()
    store.open()
    found = Query(store).prompt_logs(None, from_ts="1970-01-01").items
    assert [(entry.llm_response, entry.data_parse_error) for entry in found] == [("hello", False), (None, True)]
    store.close()
