"""The statements that create the tables, on a server and on a cluster: the engine understands every one of them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agenttrace.model import ids, rows
from agenttrace.store.clickhouse import ClickHouseStore
from agenttrace.store.clickhouse.clients import Client
from agenttrace.store.clickhouse.schema import TABLES, Place, statements
from tests.clickhouse.chdb_store import url_of

CLUSTER = Place("traces", "main")
ROWS = {
    "run": rows.RunRow,
    "event": rows.EventRow,
    "agent": rows.AgentRow,
    "contact": rows.ContactRow,
    "conversation": rows.ConversationRow,
    "span": rows.SpanRow,
    "log": rows.LogRow,
    "api_key": rows.ApiKeyRow,
    "audit": rows.AuditRow,
    "dead_letter": rows.DeadLetterRow,
}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    store = ClickHouseStore(url_of(tmp_path))
    store.open()
    with store._clients.lend() as lent:
        yield lent
    store.close()


def on_cluster() -> list[str]:
    return list(statements(CLUSTER))


@pytest.mark.parametrize("place", [Place("traces"), CLUSTER], ids=["server", "cluster"])
def test_the_engine_parses_every_statement(client: Client, place: Place) -> None:
    """What is generated is ClickHouse's SQL."""
    for statement in statements(place):
        assert client.query(f"EXPLAIN AST {statement}").result_rows


def test_every_statement_of_a_cluster_runs_on_all_of_it() -> None:
    """Nothing is created on one host alone."""
    assert all("ON CLUSTER `main`" in statement for statement in on_cluster())


def test_tables_of_a_cluster_are_replicated_and_spread() -> None:
    """Each table has a replicated part on every shard, and a distributed table over these."""
    text = "\n".join(on_cluster())
    for table in TABLES:
        assert re.search(rf"CREATE TABLE IF NOT EXISTS `traces`.`{table.name}_local` ON CLUSTER", text)
        assert f"Distributed(`main`, `traces`, `{table.name}_local`, {table.shard})" in text
    assert text.count("ENGINE = Replicated") == len(TABLES)


def test_what_belongs_to_one_trace_is_on_one_shard(client: Client) -> None:
    """All runs of a trace and their events have one sharding value, whatever their span ids."""
    run = next(table.shard for table in TABLES if table.name == "run")
    event = next(table.shard for table in TABLES if table.name == "event")
    trace = 0x0197_7420_DC00_0000_1234_5678_90AB_CDEF
    made = [ids.run_id(trace, span).hex() for span in (1, (1 << 64) - 1, 1 << 63, 0xB7AD6B7169203331)]
    row = "(SELECT 'w' AS workspace_id, unhex('{}') AS {})"
    values = {
        client.query(f"SELECT {shard} FROM {row.format(one, column)}").result_rows[0]  # noqa: S608
        for one in made
        for shard, column in ((run, "id"), (event, "run_id"))
    }
    assert len(values) == 1


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_table_has_a_column_for_each_field(name: str) -> None:
    """Nothing of a row is left out, but that prompts are not kept once."""
    columns = {column for table in TABLES if table.name == name for column, _ in table.columns}
    fields = {field.name for field in dataclasses.fields(ROWS[name])} - {"history_link", "context_link"}
    assert fields <= columns


def test_names_are_quoted() -> None:
    """A database's name is an identifier, whatever it holds."""
    assert "`a``" not in next(statements(Place("a`; DROP")))
    assert r"`a\`; DROP`" in next(statements(Place("a`; DROP")))
