"""The drainer's seat: one at a time, known by its pipe; and starting one where there is none, not again and again."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agenttrace.journal import outside, seat
from agenttrace.journal.outside import DrainCommand, Starter
from agenttrace.journal.seat import Seat
from agenttrace.journal.sheet import Sheet, read_sheet


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of the journals."""
    return tmp_path / "journal"


@pytest.fixture
def taken(root: Path) -> Iterator[Seat]:
    """A seat that is taken, its door open."""
    made = Seat.take(root, patience=0.0)
    assert made is not None
    made.open()
    yield made
    made.leave()


def test_a_seat_is_for_one(root: Path, taken: Seat) -> None:
    """Another one is told at once; once it is left it can be had again."""
    assert seat.is_taken(root)
    assert Seat.take(root, patience=60.0) is None
    taken.leave()
    assert not seat.is_taken(root)
    again = Seat.take(root, patience=0.0)
    assert again is not None
    again.leave()


def test_who_is_coming_or_going_is_waited_for(root: Path, taken: Seat) -> None:
    """The lock is held, and nobody is behind the door: that does not last."""
    taken.shut()
    assert Seat.take(root, patience=0.05) is None
    leaving = threading.Timer(0.05, taken.leave)
    leaving.start()
    following = Seat.take(root, patience=60.0)
    leaving.join()
    assert following is not None
    following.leave()


def test_waking(root: Path, taken: Seat) -> None:
    """A wait ends, often woken is woken once, and nobody waits for one who is not there."""
    assert not taken.wait(0.0)
    for _ in range(3):
        assert seat.wake(root)
    assert taken.wait(60.0)
    assert not taken.wait(0.0)
    taken.poke()
    assert taken.wait(60.0)
    taken.shut()
    assert not seat.wake(root)
    assert not seat.is_taken(root)


def test_a_full_pipe_holds_up_nobody(root: Path, taken: Seat) -> None:
    """Whoever is to be woken has been woken often enough."""
    for _ in range(70_000):
        taken.poke()
        if os.fstat(taken._pipe).st_size > 60_000:
            break
    assert seat.wake(root)
    assert taken.wait(60.0)
    assert not taken.wait(0.0)


def test_a_waker_survives_a_reader_that_leaves_in_between(
    root: Path, taken: Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where SIGPIPE kills."""
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    opened = seat._door

    def door(path: Path) -> int:
        fd = opened(path)
        taken.shut()
        return fd

    monkeypatch.setattr(seat, "_door", door)
    try:
        seat.wake(root)
    finally:
        signal.signal(signal.SIGPIPE, before)


def test_what_is_no_pipe_is_replaced(root: Path, taken: Seat) -> None:
    """A file of that name is no drainer."""
    taken.shut()
    (root / "drain.wake").unlink()
    (root / "drain.wake").write_text("no pipe")
    assert not seat.is_taken(root)
    assert not seat.wake(root)
    taken.open()
    assert seat.wake(root)


def test_a_seat_whose_files_went_is_ours_no_more(root: Path, taken: Seat) -> None:
    """The pipe is made again; without the lock another one may have it."""
    assert taken.is_ours()
    (root / "drain.wake").unlink()
    assert not seat.is_taken(root)
    assert taken.is_ours()
    assert seat.is_taken(root)
    (root / "drain.lock").unlink()
    assert not taken.is_ours()


def test_a_sheet_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    """Shorter and longer ones replace each other; a torn one is nothing."""
    path = tmp_path / "sheet"
    assert read_sheet(path) == {}
    sheet = Sheet(path)
    assert read_sheet(path) == {}
    for values in ({"a": 1}, {"a": "x" * 5000}, {"b": None}):
        sheet.write(values)
        assert read_sheet(path) == values
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(path.read_bytes()[:12])
    assert read_sheet(path) == {}
    sheet.close()


class Clock:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Started:
    """Counts what is started, and says whether that is there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        self.count = 0
        self.there = False
        self.starting = True
        self.said: dict[str, object] = {}
        self.clock = Clock()
        command = DrainCommand(root=root, arguments=("--x",), environment={"SECRET": "1"}, path="/p")
        self.starter = Starter(command)
        monkeypatch.setattr(outside.time, "monotonic", self.clock.monotonic)
        monkeypatch.setattr(outside.os, "posix_spawn", self.spawn)
        monkeypatch.setattr(outside.seat, "wake", lambda _: self.there)
        monkeypatch.setattr(outside.seat, "is_taken", lambda _: self.there)
        monkeypatch.setattr(outside.seat, "is_starting", lambda _: self.starting)
        monkeypatch.setattr(outside.seat, "said", lambda _: self.said)
        root.mkdir()

    def spawn(self, path: str, arguments: list[str], environment: dict[str, str], **_: object) -> int:
        assert "SECRET" in environment
        assert not any("SECRET" in argument for argument in arguments)
        self.count += 1
        return 2**22 + 1  # no process of ours

    def look(self, *, after: float = 0.0) -> int:
        """Look for a drainer, and return how many were started so far."""
        self.clock.now += after
        self.starter.ensure()
        return self.count


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, root: Path) -> Started:
    """A starter that starts nothing."""
    return Started(monkeypatch, root)


def test_one_that_is_coming_is_not_started_again(started: Started) -> None:
    """Until it has had time enough."""
    assert started.look() == 1
    assert [started.look(after=1.0) for _ in range(10)] == [1] * 10
    assert started.look(after=30.0) == 1, "it is taken for lost, and a pause begins"
    assert started.look(after=2.0) == 2


def test_one_that_was_there_is_replaced_at_once(started: Started) -> None:
    """An accident happens; one that ends again and again is started ever more rarely."""
    assert started.look() == 1
    counts: list[int] = []
    for _ in range(20):
        started.there = True
        started.look(after=0.1)
        started.there = False
        counts.append(started.look(after=0.1))
        counts.append(started.look(after=5.0))
    assert counts[:2] == [2, 2]
    assert started.count <= 12
    started.there = True
    started.look()
    started.there = False
    assert started.look(after=100.0) >= started.count


def test_one_that_cannot_work_is_tried_ever_more_rarely(started: Started) -> None:
    """At last once a minute; why is told."""
    moments: list[float] = []
    started.starting, started.said = False, {"error": "no driver"}
    for _ in range(6000):
        before = started.count
        if started.look(after=0.1) > before:
            moments.append(started.clock.now)
    pauses = [round(second - first) for first, second in itertools.pairwise(moments)]
    assert pauses == sorted(pauses)
    assert len(moments) < 20
    assert max(pauses) in (60, 61)
    assert started.starter.problem() == "drainer: no driver"
    started.there = True
    assert started.starter.problem() is None


def test_one_that_another_process_starts_is_waited_for(started: Started, root: Path) -> None:
    """Many that begin at the same moment start one."""
    lock = seat.announce(root)
    assert lock is not None
    assert lock > 3
    assert seat.announce(root) is None
    assert [started.look(after=1.0) for _ in range(5)] == [0] * 5
    os.close(lock)
    started.starting = False
    assert started.look(after=1.0) == 0, "it has ended, and a pause begins"
    assert started.look(after=2.0) == 1


def test_what_cannot_be_started_raises_nothing(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, and tried again later."""

    def fail(*_: object, **__: object) -> int:
        raise OSError("no memory")

    monkeypatch.setattr(outside.os, "posix_spawn", fail)
    started.look()
    assert started.starter.problem() == "drainer: OSError: no memory"
    monkeypatch.setattr(outside.os, "posix_spawn", started.spawn)
    assert started.look(after=1.5) == 1
    assert started.starter.problem() is None
