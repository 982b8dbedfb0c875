"""Which indexes PostgreSQL takes for what is read most, with statistics and without."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import pytest

from agenttrace.model import ids
from agenttrace.store import postgres
from agenttrace.store.postgres import PostgresStore
from agenttrace.store.postgres_statistics import Growth
from agenttrace.testing.records import batch_of, run_record, run_uuid

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Wednesday, 18 November 2026, at noon.
_NOW = 1_795_003_200_000_000
_WORKSPACE = ids.DEFAULT_WORKSPACE.bytes
_PROMPT = (
    "SELECT * FROM run WHERE workspace_id = ? AND run_type = 'prompt' AND {} = ? ORDER BY start_time DESC, id LIMIT ?"
)


@pytest.fixture
def store(postgres_url: str) -> Iterator[PostgresStore]:
    """An open store."""
    made = PostgresStore(postgres_url, clock=lambda: _NOW)
    made.open()
    yield made
    made.close()


def _write(store: PostgresStore, runs: int = 600) -> None:
    """Write prompts of one workspace and one partition, of many calls and conversations."""
    store.write(
        batch_of(
            *(
                run_record(
                    number + 1,
                    run_type="prompt",
                    prompt_type="p",
                    start=_NOW + number,
                    scope={"call_sid": f"c{number}", "conversation_id": str(number), "session_id": "s"},
                )
                for number in range(runs)
            )
        )
    )


def _conditions(url: str, sql: str, table: str) -> set[str]:
    """Return the conditions by which a prepared statement goes through the indexes of a table, partitions included."""
    with psycopg.connect(url) as connection:
        connection.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")
        connection.execute(f"PREPARE asked AS {sql}")  # type: ignore[arg-type]
        nulls = ", ".join(["NULL"] * len(set(re.findall(r"\$\d+", sql))))
        lines = [row[0].strip() for row in connection.execute(f"EXPLAIN EXECUTE asked ({nulls})").fetchall()]  # type: ignore[arg-type]
    scans = [place for place, line in enumerate(lines) if f" on {table}" in line]
    assert scans, "\n".join(lines)
    following = [next((one for one in lines[place:] if one.startswith("Index Cond")), "") for place in scans]
    return {one.removeprefix("Index Cond: ") for one in following}


def test_ids_are_looked_up_one_by_one(store: PostgresStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In each partition, and before anybody has gathered statistics."""
    monkeypatch.setattr(postgres, "analyze", lambda *_: None)
    _write(store)
    dialect = store._postgres
    select = "SELECT * FROM run WHERE workspace_id = ?"
    ((keys, _),) = dialect.for_keys(select, (_WORKSPACE,), "id", [run_uuid(1)])
    ranges, _ = dialect.for_ranges("id", _WORKSPACE, [(run_uuid(1), run_uuid(2))])
    found = _conditions(postgres_url, dialect.sql(keys), "run_")
    assert found == {"((workspace_id = $2) AND (id = wanted.wanted_key))"}
    found = _conditions(postgres_url, dialect.sql(ranges), "run_")
    assert found == {"((workspace_id = $3) AND (id >= wanted.low) AND (id <= wanted.high))"}


@pytest.mark.parametrize(
    ("column", "expected"),
    [("call_sid", '"left"(call_sid, 100) = "left"($2, 100)'), ("conversation_id", "conversation_id = $2")],
)
def test_prompts_are_looked_up_in_their_own_index(
    store: PostgresStore, postgres_url: str, column: str, expected: str
) -> None:
    """Once there is something in the partition, since the writer has statistics gathered."""
    _write(store)
    (condition,) = _conditions(postgres_url, store._postgres.sql(_PROMPT.format(column)), "run_20261026")
    assert condition == f"((workspace_id = $1) AND ({expected}))"


def test_owners_are_looked_up_in_their_own_index(store: PostgresStore, postgres_url: str) -> None:
    """By how user and team begin."""
    sql = store._postgres.sql("SELECT * FROM session WHERE workspace_id = ? AND user_id = ? AND team_id = ?")
    (condition,) = _conditions(postgres_url, sql, "session")
    assert '"left"(user_id, 100) = "left"($2, 100)' in condition
    assert '"left"(team_id, 100) = "left"($3, 100)' in condition


def test_statistics_are_gathered_as_a_partition_grows(store: PostgresStore, postgres_url: str) -> None:
    """Of the partitions that got rows; not at each batch, and not where another process has just done it."""
    seen = "SELECT relname, reltuples FROM pg_class WHERE relname ~ '^(run|event)_[^_]*$' AND relkind = 'r'"

    def counted() -> dict[str, float]:
        with psycopg.connect(postgres_url) as connection:
            return dict(connection.execute(f"{seen} AND relnamespace = current_schema()::regnamespace").fetchall())

    _write(store, 499)
    assert set(counted().values()) == {-1.0}
    _write(store, 600)
    assert {name: rows for name, rows in counted().items() if rows >= 0} == {"run_20261026": 600, "event_20261026": 0}
    another = PostgresStore(postgres_url, clock=lambda: _NOW)
    another.open()
    _write(another, 700)
    another.close()
    assert counted()["run_20261026"] == 600


def test_marks_are_passed_once() -> None:
    """Each partition has its own count."""
    growth = Growth()
    assert growth.add({"a": 499, "b": 1}) == {}
    assert growth.add({"a": 1, "b": 498}) == {"a": 500}
    assert growth.add({"a": 4_000, "b": 1}) == {"b": 500}
    assert growth.add({"a": 500}) == {"a": 5_000}
    assert growth.add({"a": 1_000_000}) == {"a": 1_005_000}
    assert growth.add({"a": 1_000_000}) == {}
