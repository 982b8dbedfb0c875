"""The writer's work in slices, and its patience with threads that compute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace import slices
from agenttrace.journal import rounds as rounds_module
from agenttrace.journal.delivery import _pieces
from agenttrace.journal.pipeline import Pipeline
from agenttrace.slices import gently, in_slices, is_beside_others, is_contended, staying_away
from tests.journal.journal_support import RUN, FakeStore, record, wait_until

Make = Callable[..., Pipeline]


class Machine:
    """A clock of CPU time that moves with the work, a wall clock that moves with others' too; counts what lets go."""

    def __init__(self) -> None:
        self.cpu = self.away = 100.0
        self.others = 0.0  # how long others keep the GIL once they have it
        self.let_go = 0

    def thread_time(self) -> float:
        return self.cpu

    def monotonic(self) -> float:
        return self.cpu + self.away

    def sleep(self, _seconds: float) -> None:
        self.let_go += 1
        self.away += self.others


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Return a machine that this thread's slices run on."""
    made = Machine()
    monkeypatch.setattr(slices, "time", made)
    monkeypatch.setattr(slices, "_pace", type(slices._pace)())
    yield made
    gently(None)
    staying_away(None)


@given(st.lists(st.integers(), max_size=50), st.integers(1, 20))
def test_every_item_comes_once_and_in_order(items: list[int], look: int) -> None:
    """However often the clock is asked."""
    assert list(in_slices(items, look)) == items


def worked(machine: Machine, items: int, seconds: float) -> int:
    """Return how often work of so many items, each of so many seconds, let others run."""
    machine.let_go = 0
    for _ in in_slices(range(items), 1):
        machine.cpu += seconds
    return machine.let_go


def test_who_may_wait_lets_others_run_every_forty_microseconds(machine: Machine) -> None:
    """Of CPU time, not of items; who may not, every millisecond."""
    assert worked(machine, 1000, 15e-6) == pytest.approx(15, abs=1)
    gently(lambda: True)
    assert worked(machine, 1000, 15e-6) == pytest.approx(1000 / 3, abs=2)
    assert worked(machine, 100, 1e-7) <= 1
    gently(lambda: False)
    assert worked(machine, 1000, 15e-6) == pytest.approx(15, abs=1)


def test_a_thread_whose_cpu_time_begins_anew_lets_others_run(machine: Machine) -> None:
    """As that of a forked child does."""
    worked(machine, 1000, 15e-6)
    machine.away += machine.cpu
    machine.cpu = 0.0
    assert worked(machine, 1000, 15e-6) == pytest.approx(15, abs=2)


def test_whoever_computes_is_left_alone_as_often_as_the_writer_may(machine: Machine) -> None:
    """Until it returns that it may not any more; then the work is cut less fine, or it would never be done."""
    left: list[bool] = [True, True, False]
    gently(lambda: True)
    staying_away(lambda: left.pop(0))
    machine.others = 0.005
    assert worked(machine, 5, 1e-4) == 3
    assert not left
    assert is_contended()
    assert not is_beside_others()
    assert worked(machine, 100, 1e-4) == pytest.approx(10, abs=1)


@pytest.mark.parametrize("may_wait", [None, lambda: False])
def test_who_is_in_a_hurry_does_not_stay_away(machine: Machine, may_wait: Callable[[], bool] | None) -> None:
    """Whatever others do."""
    gently(may_wait)
    staying_away(lambda: pytest.fail("in a hurry"))
    for others in (0.0, 1e-4, 0.005):
        machine.others = others
        assert worked(machine, 100, 1e-4) == pytest.approx(10, abs=1)
        assert not is_beside_others()


def test_where_nobody_computes_the_writer_stays(machine: Machine) -> None:
    """A thread that only wants the GIL for a moment does not send it away."""
    gently(lambda: True)
    staying_away(lambda: pytest.fail("nobody computes"))
    for others, beside in ((0.0, False), (1e-4, True)):
        machine.others = others
        assert worked(machine, 10, 1e-4) == 10
        assert is_beside_others() == beside
        assert not is_contended()


def test_a_thread_has_its_own_pace(machine: Machine) -> None:
    """What a reader's thread does has nothing to do with the writer's."""
    gently(lambda: True)
    staying_away(lambda: pytest.fail("not this thread's"))
    machine.others = 0.005
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(worked(machine, 100, 1e-4)))
    thread.start()
    thread.join()
    assert found == [pytest.approx(10, abs=1)]


@contextmanager
def computing() -> Iterator[None]:
    """Have another thread compute, which never lets go of the GIL by itself."""
    done = threading.Event()

    def compute() -> None:
        while not done.is_set():
            sum(range(1000))

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_backlog_waits_for_a_program_that_computes_but_not_for_one_that_flushes(
    pipeline: Make, store: FakeStore
) -> None:
    """All is stored within the flush, whatever another thread does."""
    traced = pipeline(store)
    with computing():
        for number in range(400):
            traced.append(RUN, record(number))
        began = time.monotonic()
        assert traced.flush(30)
        assert time.monotonic() - began < 30
    assert sorted(store.names) == sorted(f"r{number}" for number in range(400))


def test_a_program_that_goes_on_computing_has_its_backlog_stored(
    pipeline: Make, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it, and it is stored all the same, once it is not young any more."""
    monkeypatch.setattr(rounds_module, "_YOUNG", 0.3)
    traced = pipeline(store)
    with computing():
        for number in range(2000):
            traced.append(RUN, record(number))
        wait_until(lambda: len(store.names) == 2000, 50)
    assert traced.stats().degraded == 0


@pytest.mark.parametrize(
    ("young", "roomy", "awaited", "stopping", "may"),
    [
        (True, True, 0, False, True),
        (False, True, 0, False, False),
        (True, False, 0, False, False),
        (True, True, 1, False, False),
        (True, True, 0, True, False),
    ],
)
def test_when_a_backlog_may_wait(
    pipeline: Make, store: FakeStore, young: bool, roomy: bool, awaited: int, stopping: bool, may: bool
) -> None:
    """Not once it is old or large, nor while somebody waits for it."""
    writer = _writer(pipeline, store)
    writer.journal.stored_until = time.monotonic() - (0 if young else 60)
    writer.journal._used = 0 if roomy else writer.journal._max_bytes
    writer.awaited, writer.stopping = awaited, stopping
    assert writer._rounds._may_wait() == may


def test_a_writer_that_stays_away_provides_segments_and_comes_back_when_it_is_called(
    pipeline: Make, store: FakeStore
) -> None:
    """So often for each chunk, and no more; it prepares the journal when it is asked for, and after each time away."""
    writer = _writer(pipeline, store)
    prepared: list[int] = []
    writer.journal.prepare = lambda: prepared.append(1)
    rounds = writer._rounds
    rounds._patience = 3
    writer.provide()
    assert rounds._stay_away()
    assert prepared == [1, 1]
    writer.wake()
    assert not rounds._stay_away()
    assert writer.bell.wait(0), "the call is for the writer's next rest"
    assert not rounds._stay_away(), "it was away often enough"


def test_a_writer_that_stays_away_syncs_what_is_appended(pipeline: Make, store: FakeStore) -> None:
    """The loss of power costs a second, not a backlog."""
    writer = _writer(pipeline, store)
    synced: list[int] = []
    writer.journal.sync = lambda: synced.append(1)
    rounds = writer._rounds
    rounds._patience, rounds._next_sync = 9, 0.0
    assert rounds._stay_away()
    assert rounds._stay_away()
    assert synced == [1]


def test_nobody_stays_away_inside_the_store(pipeline: Make) -> None:
    """Others may wait for its transaction, a fork too."""
    away: list[object] = []

    class Watching(FakeStore):
        def write(self, batch: Any) -> None:
            away.append(slices._pace.stay_away)
            super().write(batch)

    traced = pipeline(Watching())
    for number in range(20):
        traced.append(RUN, record(number))
    assert traced.flush(30)
    assert set(away) == {None}


def _writer(pipeline: Make, store: FakeStore) -> Any:
    traced: Any = pipeline(store)
    traced.append(RUN, record(1))
    assert traced.flush(30)
    writer = traced._writer
    writer.stop(30, final=False)
    writer.stopping = False
    while writer.bell.wait(0) is not None:
        pass
    return writer


def test_large_records_become_rows_one_by_one() -> None:
    """Others get a turn between two of them; small ones go together."""
    small, large = (RUN, b"x"), (RUN, bytes(40_000))
    assert list(_pieces([small] * 10)) == [(0, 8), (8, 10)]
    assert list(_pieces([large, small, large])) == [(0, 1), (1, 2), (2, 3)]
    assert list(_pieces([large])) == [(0, 1)]
    assert list(_pieces([])) == []
