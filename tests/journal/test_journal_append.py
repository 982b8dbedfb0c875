"""Appending: from threads, signal handlers and finalizers; what it raises and what it leaves behind."""

from __future__ import annotations

import functools
import gc
import signal
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from agenttrace.journal import tail as tail_module
from agenttrace.journal.frames import HEADER_SIZE, SegmentHeader, read_frames
from agenttrace.journal.segment import FileSegment, MemorySegment
from agenttrace.journal.tail import Tail


class Desk:
    """A tail with one segment, and what it could not take."""

    def __init__(self, segment: MemorySegment | FileSegment) -> None:
        self.segment = segment
        self.overflowed: list[tuple[int, bytes]] = []
        self.errors: list[Exception] = []
        self.tail = Tail(self.overflow, self.errors.append)
        self.tail.attach(segment)
        self.tail.open_up()

    def overflow(self, kind: int, payload: bytes) -> None:
        self.overflowed.append((kind, payload))

    def read(self) -> list[tuple[int, bytes]]:
        chunk = read_frames(
            self.segment.read,
            HEADER_SIZE,
            self.segment.published(),
            self.segment.salt,
            max_records=1 << 20,
            max_bytes=1 << 30,
        )
        assert chunk.damaged == 0
        return chunk.records


@pytest.fixture(params=["file", "memory"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A tail over a segment of 4 MiB, in a file or in memory."""
    header = SegmentHeader(1, bytes(16), 4 << 20, 0)
    segment = FileSegment(tmp_path, header) if request.param == "file" else MemorySegment(header)
    yield Desk(segment)
    segment.remove()


@pytest.fixture
def around_encoding(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Callables that run in the middle of the next append, one each; the compiled one has no middle."""
    hooks: list[Any] = []
    real = tail_module.encode

    def encode(kind: int, payload: bytes, salt: int) -> bytes:
        value = real(kind, payload, salt)
        if hooks:
            hooks.pop(0)()
        return value

    monkeypatch.setattr(tail_module, "encode", encode)
    monkeypatch.setattr(Tail, "append", Tail._append_plainly)
    return hooks


def test_records_are_read_as_they_were_appended(desk: Desk) -> None:
    """Kinds and payloads come back, in order."""
    written = [(n % 3 + 1, b"x" * n) for n in range(200)]
    for kind, payload in written:
        desk.tail.append(kind, payload)
    assert desk.read() == written
    assert desk.tail.recorded == 200


def test_a_record_that_does_not_fit_goes_to_overflow(desk: Desk) -> None:
    """The segment's bound is kept."""
    desk.tail.append(1, b"x" * (4 << 20))
    assert len(desk.overflowed) == 1
    assert desk.read() == []


def test_threads_do_not_tear_each_others_records(desk: Desk) -> None:
    """Every record of every thread is there, each thread's in its order."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [
            threading.Thread(target=lambda t=t: [desk.tail.append(1, b"%d:%d" % (t, n)) for n in range(2000)])
            for t in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    found = [tuple(map(int, payload.split(b":"))) for _, payload in desk.read()]
    assert [[n for t, n in found if t == thread] for thread in range(6)] == [list(range(2000))] * 6


def test_an_append_inside_an_append_is_as_good_as_any(desk: Desk, around_encoding: list[Any]) -> None:
    """Any depth, no deadlock; each one is in the journal when its call returns."""

    def inside() -> None:
        desk.tail.append(2, b"second")
        assert (2, b"second") in desk.read()

    around_encoding += [inside, lambda: desk.tail.append(3, b"first")]
    desk.tail.append(1, b"third")
    assert desk.read() == [(3, b"first"), (2, b"second"), (1, b"third")]


def test_an_append_inside_overflow_queues_behind_it() -> None:
    """Where a new segment is on its way, the inner record waits for the outer one; it is there when that returns."""
    overflowed: list[tuple[int, bytes]] = []

    def overflow(kind: int, payload: bytes) -> None:
        if kind == 1:
            tail.append(2, b"second")
            assert tail.is_inside()
            assert overflowed == []
        if kind == 2:
            tail.append(3, b"third")
        overflowed.append((kind, payload))

    tail = Tail(overflow, pytest.fail)
    tail.append(1, b"first")
    assert overflowed == [(1, b"first"), (2, b"second"), (3, b"third")]
    assert not tail.is_inside()


def test_a_queued_append_that_fails_is_reported_and_costs_no_other() -> None:
    """The failure of one is not the failure of the one that it waited for, and is told when the lock is free."""
    overflowed: list[bytes] = []
    errors: list[Exception] = []

    def overflow(kind: int, payload: bytes) -> None:
        if kind == 1:
            tail.append(2, b"bad")
            tail.append(3, b"good")
        if kind == 2:
            raise OSError("no")
        overflowed.append(payload)

    def on_error(error: Exception) -> None:
        assert not tail.is_inside()
        errors.append(error)

    tail = Tail(overflow, on_error)
    tail.append(1, b"outer")
    assert overflowed == [b"outer", b"good"]
    assert [str(error) for error in errors] == ["no"]


def test_an_interrupt_in_overflow_loses_nothing_that_was_queued() -> None:
    """What was queued behind it had returned already."""
    overflowed: list[bytes] = []

    def overflow(kind: int, payload: bytes) -> None:
        if kind == 1:
            tail.append(2, b"inner")
            raise KeyboardInterrupt
        overflowed.append(payload)

    tail = Tail(overflow, pytest.fail)
    with pytest.raises(KeyboardInterrupt):
        tail.append(1, b"outer")
    assert overflowed == [b"inner"]
    assert not tail.is_inside()


def test_an_inner_record_that_does_not_fit_goes_to_overflow(desk: Desk, around_encoding: list[Any]) -> None:
    """The inner one is treated as any other."""
    around_encoding.append(lambda: desk.tail.append(2, bytes(4 << 20)))
    desk.tail.append(1, b"outer")
    assert [kind for kind, _ in desk.overflowed] == [2]


def test_signal_handlers_append_whenever_they_run(desk: Desk) -> None:
    """A timer that fires again and again finds every point of an append."""
    fired = 0

    def handler(_number: int, _frame: FrameType | None) -> None:
        nonlocal fired
        fired += 1
        desk.tail.append(2, b"signal")
        signal.setitimer(signal.ITIMER_REAL, 0.0002)  # not an interval: handlers must not pile up where they are slow

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0002)
    try:
        count = 0
        while fired < 200:
            desk.tail.append(1, b"main")
            count += 1
            if desk.segment.published() > 3 << 20:
                assert desk.segment.buffer is not None
                desk.segment.buffer.seek(HEADER_SIZE)
                count, fired = 0, 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    kinds = [kind for kind, _ in desk.read()]
    assert kinds.count(2) == fired
    assert kinds.count(1) == count


def test_finalizers_append_in_the_middle_of_an_append(desk: Desk, around_encoding: list[Any]) -> None:
    """A garbage collection inside an append may run code that appends."""

    class Thing:
        pass

    thing = Thing()
    thing.itself = thing  # type: ignore[attr-defined]
    weakref.finalize(thing, desk.tail.append, 2, b"finalizer")
    del thing
    around_encoding.append(gc.collect)
    desk.tail.append(1, b"main")
    assert desk.read() == [(2, b"finalizer"), (1, b"main")]


class BoomError(Exception):
    """What the user's signal handler raises."""


def _raise() -> None:
    raise BoomError


def handler_function(_number: int, _frame: FrameType | None) -> None:
    _raise()


class HandlerObject:
    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        _raise()

    def method(self, _number: int, _frame: FrameType | None) -> None:
        _raise()


@pytest.mark.parametrize(
    "handler",
    [handler_function, HandlerObject(), HandlerObject().method, functools.partial(handler_function)],
    ids=["function", "object", "method", "partial"],
)
def test_what_a_users_signal_handler_raises_reaches_the_user(
    desk: Desk, around_encoding: list[Any], handler: Any
) -> None:
    """A timeout that the user wrote is not swallowed because it struck inside tracing."""
    previous = signal.signal(signal.SIGUSR1, handler)
    try:
        around_encoding.append(lambda: signal.raise_signal(signal.SIGUSR1))
        with pytest.raises(BoomError):
            desk.tail.append(1, b"interrupted")
    finally:
        signal.signal(signal.SIGUSR1, previous)
    desk.tail.append(1, b"next")
    assert desk.read() == [(1, b"next")]
    assert desk.errors == []


def test_what_a_users_signal_handler_raises_in_overflow_reaches_the_user(tmp_path: Path) -> None:
    """The same where the record was on its way to a new segment."""
    tail = Tail(lambda *_: signal.raise_signal(signal.SIGUSR1), pytest.fail)
    previous = signal.signal(signal.SIGUSR1, handler_function)
    try:
        with pytest.raises(BoomError):
            tail.append(1, b"x")
    finally:
        signal.signal(signal.SIGUSR1, previous)


def test_an_interrupt_leaves_the_tail_usable(desk: Desk, around_encoding: list[Any]) -> None:
    """KeyboardInterrupt passes, and the next append works from any thread."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    around_encoding.append(interrupt)
    with pytest.raises(KeyboardInterrupt):
        desk.tail.append(1, b"interrupted")
    thread = threading.Thread(target=desk.tail.append, args=(1, b"next"))
    thread.start()
    thread.join()
    assert desk.read() == [(1, b"next")]


def test_an_append_that_fails_leaves_nothing(desk: Desk) -> None:
    """What has no valid kind is reported, and the next record follows."""
    desk.tail.append(-1, b"no such kind")
    desk.tail.append(1, b"next")
    assert desk.read() == [(1, b"next")]
    assert len(desk.errors) == 1


def test_a_failed_put_leaves_nothing_either(desk: Desk) -> None:
    """The slow way is no different."""
    with pytest.raises(Exception, match=r"."):
        desk.tail.put(-1, b"no such kind")
    desk.tail.put(1, b"next")
    assert desk.read() == [(1, b"next")]


@pytest.mark.parametrize("payload", ["text", None, 7])
def test_a_payload_that_is_no_bytes_is_reported_and_not_raised(desk: Desk, payload: Any) -> None:
    """The traced program sees nothing of our defects."""
    desk.tail.append(1, payload)
    assert len(desk.errors) == 1
    desk.tail.append(1, b"next")
    assert desk.read() == [(1, b"next")]


def test_an_overflow_that_fails_is_tried_once_more_and_then_reported() -> None:
    """Never an exception in the traced program."""
    calls, errors = [], []

    def overflow(kind: int, payload: bytes) -> None:
        calls.append(payload)
        raise OSError("no")

    tail = Tail(overflow, errors.append)
    tail.append(1, b"x")
    assert calls == [b"x", b"x"]
    assert [type(error) for error in errors] == [OSError]


def test_a_segment_that_is_closed_inside_an_append_sends_the_record_to_overflow(
    desk: Desk, around_encoding: list[Any]
) -> None:
    """As when a signal handler forks or shuts down there."""

    def shut() -> None:
        desk.tail.detach()
        desk.segment.remove()

    around_encoding.append(shut)
    desk.tail.append(1, b"outer")
    assert desk.overflowed == [(1, b"outer")]
    assert desk.errors == []


def test_holding_the_tail_queues_the_threads_own_appends(desk: Desk) -> None:
    """They land when the block ends; a nested block changes nothing. Plain ones do not have to wait."""
    desk.overflow = lambda kind, payload: desk.tail.put(kind, payload) and None  # type: ignore[method-assign]
    desk.tail._overflow = desk.overflow
    with desk.tail.held():
        desk.tail.append(1, b"plain")
        desk.tail.shut()
        desk.tail.append(1, b"meanwhile")
        with desk.tail.held():
            pass
        assert desk.read() == [(1, b"plain")]
    assert desk.read() == [(1, b"plain"), (1, b"meanwhile")]
