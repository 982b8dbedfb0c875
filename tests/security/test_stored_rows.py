"""What SQLite and memory show of what they keep; PostgreSQL and ClickHouse have the same test in their folders."""

from __future__ import annotations

from pathlib import Path

from agenttrace.store.memory import MemoryStore
from agenttrace.store.sqlite import SQLiteStore
from tests.security.stored import check_stored_rows


def test_sqlite(tmp_path: Path) -> None:
    """A file, opened anew each time."""
    check_stored_rows(lambda: SQLiteStore(tmp_path / "traces.db"), tmp_path)


def test_memory(tmp_path: Path) -> None:
    """One store, which is there as long as somebody has it."""
    store = MemoryStore()
    check_stored_rows(lambda: store, tmp_path)
