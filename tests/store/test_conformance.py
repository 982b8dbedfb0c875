"""Every store keeps the promises of the protocol."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from agenttrace.store.memory import MemoryStore
from agenttrace.store.sqlite import SQLite, SQLiteStore
from agenttrace.testing.conformance import StoreConformance

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from agenttrace.store.protocol import Store


class TestMemory(StoreConformance):
    """The memory store."""

    processes = False
    faults = False

    def make_store(self, tmp_path: Path, clock: Callable[[], int]) -> Store:
        """Return a memory store."""
        return MemoryStore(clock=clock)


class TestSQLite(StoreConformance):
    """The SQLite store."""

    processes = True
    faults = True

    def make_store(self, tmp_path: Path, clock: Callable[[], int]) -> Store:
        """Return a SQLite store on one file."""
        return SQLiteStore(tmp_path / "traces.db", clock=clock)

    @contextmanager
    def fail_at(self, store: Store, step: int) -> Generator[None]:
        """Fail at a statement of the writer, as a disk that is full does."""
        assert isinstance(store, SQLiteStore)
        dialect: Any = store._dialect  # pyright: ignore[reportPrivateUsage]
        left = iter(range(step - 1, -1, -1))

        def sql(statement: str) -> str:
            if next(left, 1) == 0:
                raise sqlite3.OperationalError("database or disk is full")
            return SQLite.sql(dialect, statement)

        dialect.sql = sql
        try:
            yield
        finally:
            del dialect.sql
