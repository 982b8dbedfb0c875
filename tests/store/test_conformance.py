"""Every store keeps the promises of the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agenttrace.store.memory import MemoryStore
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.conformance import StoreConformance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agenttrace.store.protocol import Store


class TestMemory(StoreConformance):
    """The memory store."""

    def make_store(self, tmp_path: Path, clock: Callable[[], int]) -> Store:
        """Return a memory store."""
        return MemoryStore(clock=clock)


class TestSQLite(StoreConformance):
    """The SQLite store."""

    def make_store(self, tmp_path: Path, clock: Callable[[], int]) -> Store:
        """Return a SQLite store on one file."""
        return SQLiteStore(tmp_path / "traces.db", clock=clock)
