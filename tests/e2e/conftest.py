"""An AgentTrace on a new SQLite file; a test that leaves an internal error behind fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agenttrace import AgentTrace


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    """Where the SQLite file of this test is."""
    return tmp_path / "traces.db"


@pytest.fixture
def trace(store_path: Path) -> Iterator[AgentTrace]:
    """Give an AgentTrace; it is shut down afterwards, and must have had no trouble."""
    made = AgentTrace(store=store_path)
    yield made
    assert made.shutdown(20)
    stats = made.stats()
    assert (stats.internal_errors, stats.dropped, stats.dead_letters, stats.last_error) == (0, 0, 0, None)
