"""What the parts of the suite share: the store under test, its clock, and short ways to write and read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agenttrace.model import ids
from agenttrace.store.protocol import EventFilter, RunFilter
from agenttrace.testing.records import Record, batch_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agenttrace.model.rows import EventRow, RunRow
    from agenttrace.store.protocol import Store

__all__ = ["EVENT_TYPES", "OTHER", "SESSION", "WORKSPACE", "StandingClock", "StoreSuite"]

WORKSPACE = ids.DEFAULT_WORKSPACE.bytes
OTHER = "22222222-2222-4222-8222-222222222222"
SESSION = "ase_support_1"
EVENT_TYPES = ("input_message", "thinking", "tool_input", "tool_output", "agent_output")


class StandingClock:
    """A clock in microseconds that stands where it is put."""

    def __init__(self) -> None:
        self.time = 100_000_000

    def __call__(self) -> int:
        """Return the time."""
        return self.time


class StoreSuite:
    """The store under test."""

    def make_store(self, tmp_path: Path, clock: Callable[[], int]) -> Store:
        """Return a new store that keeps its data under `tmp_path` and takes the time from `clock`, not yet open.

        Called again with the same path, it returns another store on the same data.
        """
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> StandingClock:
        """The store's clock."""
        return StandingClock()

    @pytest.fixture
    def store(self, tmp_path: Path, clock: StandingClock) -> Iterator[Store]:
        """An open, empty store."""
        made = self.make_store(tmp_path, clock)
        made.open()
        yield made
        made.close()


def write(store: Store, *records: Record, **options: Any) -> None:
    """Write these records as one batch."""
    store.write(batch_of(*records, **options))


def all_runs(store: Store, workspace: bytes = WORKSPACE, **where: Any) -> list[RunRow]:
    """Return the runs of a workspace, newest first."""
    return store.runs(RunFilter(workspace_id=workspace, **where))


def only_run(store: Store, workspace: bytes = WORKSPACE, **where: Any) -> RunRow:
    """Return the one run that there must be."""
    (run,) = all_runs(store, workspace, **where)
    return run


def roots(store: Store, workspace: bytes = WORKSPACE) -> set[bytes]:
    """Return the ids of the roots."""
    return {run.id for run in all_runs(store, workspace, roots_only=True)}


def shown(store: Store, session: str = SESSION, workspace: bytes = WORKSPACE, **where: Any) -> list[EventRow]:
    """Return the events of a session, logs included, oldest first."""
    return store.events(events_of(session, workspace, **where))


def shown_types(store: Store, session: str = SESSION) -> list[str]:
    """Return the types of a session's events, oldest first."""
    return [event.type for event in shown(store, session)]


def events_of(session: str = SESSION, workspace: bytes = WORKSPACE, **where: Any) -> EventFilter:
    """Return the filter of a session's events, logs included."""
    where = {"types": (*EVENT_TYPES, "log"), **where}
    return EventFilter(workspace_id=workspace, session_id=ids.session_id(workspace, session), **where)
