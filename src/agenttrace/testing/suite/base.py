"""What the parts of the suite share: the store under test, its clock, and short ways to write and read."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import pytest

from agenttrace.model import ids
from agenttrace.store.protocol import EventFilter, RunFilter
from agenttrace.testing.records import Record, batch_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from agenttrace.model.rows import EventRow, RunRow
    from agenttrace.store.protocol import Store

__all__ = ["ALL_TYPES", "EVENT_TYPES", "OTHER", "SESSION", "WORKSPACE", "StandingClock", "StoreSuite"]

WORKSPACE = ids.DEFAULT_WORKSPACE.bytes
OTHER = "22222222-2222-4222-8222-222222222222"
SESSION = "ase_support_1"
ALL_TYPES = ("input_message", "thinking", "tool_input", "tool_output", "agent_output", "log")
EVENT_TYPES = ("input_message", "thinking", "tool_input", "tool_output", "agent_output")


class StandingClock:
    """A clock in microseconds that stands where it is put."""

    def __init__(self) -> None:
        self.time = 100_000_000

    def __call__(self) -> int:
        """Return the time."""
        return self.time


class StoreSuite:
    """The store under test, and what it can do. A subclass says `processes` and `faults`: True or False.

    What it cannot do is reported as an expected failure that names the promise; what it does not say fails.
    """

    #: Whether several processes may have a store on the same data open. Another process makes this class anew, from its
    #: file, with what `vars(self)` holds (so that must pickle), and calls `make_store`.
    processes: bool | None = None

    #: Whether `fail_at` makes a write fail in the middle.
    faults: bool | None = None

    #: Whether a write that fails leaves no part of it behind even before it is repeated.
    rolls_back: bool = True

    def make_store(self, tmp_path: Path, clock: Callable[[], int]) -> Store:
        """Return a new store that keeps its data under `tmp_path` and takes the time from `clock`, not yet open.

        Called again with the same path, it returns another store on the same data.
        """
        raise NotImplementedError

    def fail_at(self, store: Store, step: int) -> AbstractContextManager[None]:
        """Return a block in which the `step`-th thing that `store` sends to its data while it writes fails.

        Counted from 1 in each block, be it a statement, an insert or a request: as a lost connection would fail, that
        is before or after it took effect. Where a write sends less, nothing fails. Needed where `faults` is True.
        """
        raise NotImplementedError

    def needs(self, ability: str, promise: str) -> None:
        """End a test that this store cannot take; fails where the class does not say whether it can."""
        said = getattr(self, ability)
        if said is None:
            pytest.fail(f"{type(self).__name__}: say {ability} = True or False, see StoreConformance", pytrace=False)
        if not said:
            pytest.xfail(f"{type(self).__name__}.{ability} is False: {promise} is not proved for this store")

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


def write_abreast(store: Store, histories: Iterable[Sequence[Record]], *, times: int = 1, **options: Any) -> None:
    """Write histories that have nothing to do with each other: the first records of all as one batch, then the second.

    For each of them that is as if its records came one by one; a store that takes long for a batch has few of them.
    """
    for records in zip_longest(*histories):
        for _ in range(times):
            store.write(batch_of(*(record for record in records if record is not None), **options))


def all_runs(store: Store, workspace: bytes = WORKSPACE, **where: Any) -> list[RunRow]:
    """Return the runs of a workspace, newest first."""
    return store.runs(RunFilter(workspace_id=workspace, **where))


def only_run(store: Store, workspace: bytes = WORKSPACE, **where: Any) -> RunRow:
    """Return the one run that there must be."""
    found = all_runs(store, workspace, **where)
    assert len(found) == 1, f"{len(found)} runs where there must be one"
    return found[0]


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
    where = {"types": ALL_TYPES, **where}
    return EventFilter(workspace_id=workspace, session_id=ids.session_id(workspace, session), **where)
