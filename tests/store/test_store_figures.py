"""Figures of runs: what the suite catches, and that text which is no JSON costs itself only."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from agenttrace.model.rows import RunFigures
from agenttrace.store.memory import MemoryStore
from agenttrace.store.protocol import RunFilter
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import batch_of, run_record
from agenttrace.testing.suite.base import WORKSPACE, StandingClock
from agenttrace.testing.suite.views import ViewPromises


def _all(self: Any, where: RunFilter) -> list[RunFigures]:
    return MemoryStore.run_figures(self, RunFilter(workspace_id=where.workspace_id))


def _oldest(self: Any, where: RunFilter) -> list[RunFigures]:
    return MemoryStore.run_figures(self, where)[::-1]


def _without_cost(self: Any, where: RunFilter) -> list[RunFigures]:
    return [row._replace(cost=None) for row in MemoryStore.run_figures(self, where)]


def _unread(self: Any, where: RunFilter) -> list[RunFigures]:
    return [row._replace(usage=row.usage and row.usage[:-1]) for row in MemoryStore.run_figures(self, where)]


def _check(method: Any) -> None:
    store = type("Mutant", (MemoryStore,), {"run_figures": method})(clock=StandingClock())
    store.open()
    ViewPromises().test_figures_say_of_runs_what_sums_need(store)


@pytest.mark.parametrize("method", [_all, _oldest, _without_cost, _unread])
def test_the_suite_catches_a_store_with_this_defect(method: Any) -> None:
    """And passes one without."""
    _check(MemoryStore.run_figures)
    with pytest.raises((AssertionError, ValueError)):
        _check(method)


def test_content_that_is_no_json_has_no_figures(tmp_path: Path) -> None:
    """Others may have written it."""
    store = SQLiteStore(tmp_path / "traces.db")
    store.open()
    store.write(batch_of(run_record(1, run_type="prompt", content={"cost": 1})))
    with sqlite3.connect(tmp_path / "traces.db") as connection:
        connection.execute("UPDATE run SET content = 'not so'")
    connection.close()
    (row,) = store.run_figures(RunFilter(workspace_id=WORKSPACE))
    assert (row.usage, row.cost) == (None, None)
    store.close()
