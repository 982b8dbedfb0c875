"""The doctor and a ClickHouse store: its tables' version is read, and nothing is made for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agenttrace import AgentTrace
from agenttrace.errors import StoreUnavailable
from agenttrace.store.clickhouse import ClickHouseStore
from tests.clickhouse.chdb_store import engine_folder


@pytest.fixture
def url() -> str:
    """The URL of a database that is not there yet."""
    return f"chdb:///{engine_folder()}?database=doctor_{os.urandom(4).hex()}"


def test_the_version_is_read_without_opening(url: str) -> None:
    """0 before there are tables; asking neither makes them nor opens the store."""
    store = ClickHouseStore(url)
    assert (store.version(), store.version()) == (0, 0)
    with pytest.raises(StoreUnavailable):
        store.processes()
    store.open()
    assert store.version() == store.known_version
    store.close()
    assert store.version() == store.known_version
    store.close()


def test_the_doctor_looks_at_a_store(url: str, tmp_path: Path) -> None:
    """Before its tables are there, and afterwards."""
    with AgentTrace(store=ClickHouseStore(url), journal_dir=tmp_path / "j") as trace:
        before = trace.doctor(timeout=60).store
        assert (before.reachable, before.schema) == (True, "none")
        with trace.master("turn"):
            pass
        assert trace.flush(60)
        report = trace.doctor(timeout=60)
        assert (report.status, report.store.schema, report.store.workspaces) == (0, "current", 1), report.findings
