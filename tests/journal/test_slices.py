"""The writer's work in slices, and its patience with threads that compute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace import slices
from agenttrace.journal.pipeline import Pipeline
from agenttrace.slices import in_slices, is_alone, is_contended, while_contended
from tests.journal.journal_support import RUN, FakeStore, record

Make = Callable[..., Pipeline]


class Machine:
    """A clock of CPU time that moves with the work, a wall clock that moves with others' work; counts what lets go."""

    def __init__(self) -> None:
        self.cpu = self.wall = 100.0
        self.others = 0.0  # how long others keep the GIL once they have it
        self.let_go = 0

    def thread_time(self) -> float:
        return self.cpu

    def monotonic(self) -> float:
        return self.wall

    def sleep(self, _seconds: float) -> None:
        self.let_go += 1
        self.wall += self.others


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Return a machine that this thread's slices run on."""
    made = Machine()
    monkeypatch.setattr(slices, "time", made)
    monkeypatch.setattr(slices, "_pace", type(slices._pace)())
    yield made
    while_contended(None)


@given(st.lists(st.integers(), max_size=50), st.integers(1, 20))
def test_every_item_comes_once_and_in_order(items: list[int], look: int) -> None:
    """However often the clock is asked."""
    assert list(in_slices(items, look)) == items


def test_others_get_a_turn_every_forty_microseconds(machine: Machine) -> None:
    """Of CPU time, not of items."""
    for _ in in_slices(range(100), 1):
        machine.cpu += 15e-6
    assert machine.let_go == pytest.approx(100 / 3, abs=2)
    machine.let_go = 0
    for _ in in_slices(range(100), 1):
        machine.cpu += 1e-7
    assert machine.let_go <= 1


def test_whoever_computes_is_left_alone_as_often_as_the_writer_may(machine: Machine) -> None:
    """Until it returns that it may not any more."""
    left: list[bool] = [True, True, False]
    while_contended(lambda: left.pop(0))
    machine.others = 0.005
    for _ in in_slices(range(10), 1):
        machine.cpu += 1e-4
    assert not left
    assert machine.let_go == 9
    assert is_contended()
    assert not is_alone()


def test_where_nobody_computes_the_writer_stays(machine: Machine) -> None:
    """A thread that only wants the GIL for a moment does not send it away."""
    while_contended(lambda: pytest.fail("nobody computes"))
    for others, alone in ((0.0, True), (1e-4, False)):
        machine.others = others
        for _ in in_slices(range(10), 1):
            machine.cpu += 1e-4
        assert is_alone() == alone
        assert not is_contended()


def test_a_thread_has_its_own_pace(machine: Machine) -> None:
    """What a reader's thread does has nothing to do with the writer's."""
    while_contended(lambda: pytest.fail("not this thread's"))
    machine.others = 0.005

    def read() -> None:
        for _ in in_slices(range(10), 1):
            machine.cpu += 1e-4

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert machine.let_go == 9


def test_a_backlog_waits_for_a_program_that_computes_but_not_for_one_that_flushes(
    pipeline: Make, store: FakeStore
) -> None:
    """All is stored within the flush, whatever another thread does."""
    traced = pipeline(store)
    done = threading.Event()

    def compute() -> None:
        while not done.is_set():
            sum(range(1000))

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        for number in range(400):
            traced.append(RUN, record(number))
        began = time.monotonic()
        assert traced.flush(30)
        assert time.monotonic() - began < 30
    finally:
        done.set()
        thread.join()
    assert sorted(store.names) == sorted(f"r{number}" for number in range(400))


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
    writer._awaited, writer._stopping = awaited, stopping
    assert writer._may_wait() == may


def test_a_writer_that_stays_away_provides_segments_and_comes_back_when_it_is_called(
    pipeline: Make, store: FakeStore
) -> None:
    """So often for each chunk, and no more."""
    writer = _writer(pipeline, store)
    prepared: list[int] = []
    writer.journal.prepare = lambda: prepared.append(1)
    writer._patience = 2
    writer.provide()
    assert writer._stay_away()
    assert prepared == [1]
    writer.wake()
    assert not writer._stay_away()
    assert not writer._calls.empty(), "the call is for the writer's next rest"
    assert not writer._stay_away()
    assert writer._patience == -1


def _writer(pipeline: Make, store: FakeStore) -> Any:
    traced: Any = pipeline(store)
    traced.append(RUN, record(1))
    assert traced.flush(30)
    writer = traced._writer
    writer.stop(30, final=False)
    writer._stopping = False
    while not writer._calls.empty():
        writer._calls.get()
    return writer
