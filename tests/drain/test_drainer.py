"""The drainer by itself: turns, outages, its end, and who comes at that moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agenttrace.errors import StoreRejected, StoreUnavailable
from agenttrace.journal import seat
from agenttrace.journal.drainer import Drainer
from agenttrace.journal.folder import JournalFolder
from agenttrace.journal.outside import DrainCommand, Drained
from agenttrace.journal.pipeline import Pipeline
from agenttrace.journal.seat import Seat
from agenttrace.journal.settings import JournalSettings
from agenttrace.journal.sheet import read_sheet
from agenttrace.store.batch import Batch
from tests.journal.journal_support import RUN, FakeStore, now, record

QUICK: dict[str, Any] = {"flush_interval": 0.001, "retry_initial": 0.001, "retry_max": 0.002, "heartbeat": None}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of the journals."""
    return tmp_path / "journal"


@pytest.fixture
def store() -> FakeStore:
    """A store that keeps everything."""
    return FakeStore()


@pytest.fixture
def program(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Pipeline]]:
    """Makes the pipelines of programs that leave draining to others, and start nobody."""
    made: list[Pipeline] = []
    monkeypatch.setattr("agenttrace.journal.outside.Starter._start", lambda *_: None)

    def make() -> Pipeline:
        command = DrainCommand(root=root, arguments=(), environment={}, path="")
        settings = JournalSettings(root=root, exit_timeout=0.01)
        made.append(Pipeline(settings, FakeStore, on_error=fail, clock=now, outside=Drained(command)))
        return made[-1]

    yield make
    for one in made:
        one.shutdown(0.0)


def fail(where: str, error: BaseException) -> None:
    raise AssertionError(where) from error


@pytest.fixture
def drainer(root: Path) -> Iterator[Callable[..., Drainer]]:
    """Makes drainers."""
    made: list[Seat] = []

    def make(store: Any, *, on_error: Callable[[str, BaseException], None] = fail, **options: Any) -> Drainer:
        taken = Seat.take(root, patience=0.0)
        assert taken is not None
        taken.open()
        made.append(taken)
        settings = JournalSettings(root=root, **{**QUICK, **options.pop("settings", {})})
        return Drainer(taken, settings, lambda: store, on_error=on_error, clock=now, **options)

    yield make
    for taken in made:
        taken.leave()


def test_once_drains_the_living_and_the_dead(
    root: Path, store: FakeStore, program: Callable[[], Pipeline], drainer: Callable[..., Drainer]
) -> None:
    """And ends; the living go on, and learn what became of their records."""
    living, dead = program(), program()
    for number in range(3_000):
        living.append(RUN, record(number, running=number % 150 == 0))
    dead.append(RUN, record(99_999, running=True))
    dead._journal.forget()  # type: ignore[union-attr]
    one = drainer(store, once=True, settings={"batch_records": 100})
    one.run()
    assert one.failure is None
    assert len(store.names) == len(set(store.names)) == 3_001
    assert [process for process, _ in store.abandoned] == [bytes.fromhex(folder_of(dead))]
    assert living.flush(0.0)
    stats = living.stats()
    assert (stats.recorded, stats.written, stats.pending, stats.adopted) == (3_000, 3_000, 0, 0)
    assert living.shutdown(1.0)
    assert [entry.name for entry in root.iterdir() if entry.is_dir()] == [folder_of(living)], "20 runs are open"


def folder_of(pipeline: Pipeline) -> str:
    journal: Any = pipeline._journal
    return Path(journal.home.path).name


def test_once_and_a_store_out_of_reach(
    store: FakeStore, program: Callable[[], Pipeline], drainer: Callable[..., Drainer]
) -> None:
    """It says why, and leaves all as it is."""
    traced = program()
    traced.append(RUN, record(1))

    def down(_: Batch) -> None:
        raise StoreUnavailable("gone fishing")

    store.trouble = down
    one = drainer(store, once=True)
    one.run()
    assert one.failure is not None
    assert "gone fishing" in one.failure
    stats = traced.stats()
    assert (stats.pending, stats.written) == (1, 0)
    assert "gone fishing" in str(stats.last_error)
    store.trouble = None
    again = drainer(store, once=True)
    again.run()
    assert again.failure is None
    assert store.names == ["r1"]


def test_what_a_store_refuses_is_counted_for_the_process_that_recorded_it(
    store: FakeStore, program: Callable[[], Pipeline], drainer: Callable[..., Drainer]
) -> None:
    """The others' counters do not move."""
    good, bad = program(), program()
    good.append(RUN, record(1))
    bad.append(RUN, record(2, content="bad"))

    def refuse(batch: Batch) -> None:
        if any("bad" in str(run.content) for run in batch.runs.values()):
            raise StoreRejected("no")

    store.trouble = refuse
    drainer(store, once=True, on_error=lambda *_: None).run()
    assert (good.stats().dead_letters, good.stats().written) == (0, 1)
    assert (bad.stats().dead_letters, bad.stats().pending) == (1, 0)


def test_nobody_has_to_wait_for_one_that_never_stops(
    store: FakeStore, program: Callable[[], Pipeline], drainer: Callable[..., Drainer]
) -> None:
    """A process that records faster than the store writes has its turn, then others have theirs."""
    greedy, modest = program(), program()
    count = iter(range(10**6))
    for _ in range(100):
        greedy.append(RUN, record(next(count), trace=7))
    modest.append(RUN, record(10**7, trace=8))
    one = drainer(store, settings={"batch_records": 10})

    def more(batch: Batch) -> None:
        for _ in range(20):
            greedy.append(RUN, record(next(count), trace=7))
        if modest.stats().pending == 0 or store.writes > 1000:
            one.stop()

    store.trouble = more
    one.run()
    assert store.writes < 1000
    assert modest.stats().pending == 0
    assert greedy.stats().pending > 0


def test_it_lingers_and_ends(root: Path, store: FakeStore, drainer: Callable[..., Drainer]) -> None:
    """Without anybody to drain for."""
    drainer(store, linger=0.01).run()
    assert not seat.is_taken(root)
    assert store.closed == store.opened


@pytest.mark.parametrize("followed", [True, False])
def test_it_lingers_and_ends_while_the_store_stays_away(
    root: Path,
    store: FakeStore,
    program: Callable[[], Pipeline],
    drainer: Callable[..., Drainer],
    followed: bool,
) -> None:
    """Not before the last program has, dead before it came or not; what is left is for whoever comes next."""
    traced = program()
    traced.append(RUN, record(1))
    if not followed:
        traced._journal.forget()  # type: ignore[union-attr]
    attempts: list[int] = []

    def down(_: Batch) -> None:
        attempts.append(1)
        if followed and len(attempts) == 20:
            traced._journal.forget()  # type: ignore[union-attr]
        if len(attempts) == 2_000:
            one.stop()
        raise StoreUnavailable("gone fishing")

    store.trouble = down
    one = drainer(store, linger=0.01)
    one.run()
    assert len(attempts) < 2_000
    assert not followed or len(attempts) >= 20
    assert not seat.is_taken(root)
    assert "gone fishing" in str(one.failure)
    store.trouble = None
    drainer(store, once=True).run()
    assert store.names == ["r1"]


def test_one_started_by_hand_waits_for_the_store(
    store: FakeStore, program: Callable[[], Pipeline], drainer: Callable[..., Drainer]
) -> None:
    """Though nobody lives for whom it drains."""
    traced = program()
    traced.append(RUN, record(1))
    traced._journal.forget()  # type: ignore[union-attr]
    attempts: list[int] = []

    def down(_: Batch) -> None:
        attempts.append(1)
        if len(attempts) <= 50:
            raise StoreUnavailable("gone fishing")
        one.stop()

    store.trouble = down
    one = drainer(store)
    one.run()
    assert store.names == ["r1"]


def test_who_comes_while_it_ends_is_not_forgotten(
    root: Path,
    store: FakeStore,
    program: Callable[[], Pipeline],
    drainer: Callable[..., Drainer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A journal that was made before the door was shut is seen after that."""
    traced = program()
    shut = Seat.shut
    came: list[int] = []

    def late(taken: Seat) -> None:
        if not came:
            came.append(1)
            traced.append(RUN, record(1))
            assert seat.wake(root), "the door is open, so nobody else is started"
        shut(taken)

    one = drainer(store, linger=0.0)
    store.trouble = lambda _: one.stop()
    monkeypatch.setattr(Seat, "shut", lambda taken: late(taken) if taken._pipe >= 0 else shut(taken))
    one.run()
    assert came
    assert store.names == ["r1"]


def test_open_runs_outlive_the_drainer(
    root: Path, store: FakeStore, program: Callable[[], Pipeline], drainer: Callable[..., Drainer]
) -> None:
    """The next one knows them, so that the process does not remove its journal too soon."""
    traced = program()
    traced.append(RUN, record(1, running=True))
    drainer(store, once=True).run()
    traced.append(RUN, record(2))
    second = drainer(store, once=True)
    second.run()
    assert traced.flush(0.0)
    assert traced._journal is not None
    assert traced._journal.has_open_runs()
    traced.append(RUN, record(1))
    drainer(store, once=True).run()
    assert traced.flush(0.0)
    assert not traced._journal.has_open_runs()
    assert traced.shutdown(1.0)
    assert not [entry for entry in root.iterdir() if entry.is_dir()]


def test_journals_of_threads_are_left_to_them(root: Path, store: FakeStore, drainer: Callable[..., Drainer]) -> None:
    """As long as they live."""
    home = JournalFolder(root, started=1)
    drainer(store, once=True).run()
    assert not Path(home.path, "status").exists()
    home.forget()
    drainer(store, once=True).run()
    assert not Path(home.path).exists()


def test_it_says_who_it_is(root: Path, store: FakeStore, drainer: Callable[..., Drainer]) -> None:
    """Also once it has ended."""
    drainer(store, once=True).run()
    said = read_sheet(root / "drain.state")
    assert said["ended"] is True
    assert {"pid", "host", "boot_id", "started", "round", "drained", "following", "trouble"} <= said.keys()
