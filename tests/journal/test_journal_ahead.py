"""Memory ahead of the appends: who asks for it, when, and how much is made present."""

from __future__ import annotations

import mmap
import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from agenttrace.journal import tail as tail_module
from agenttrace.journal.ahead import PagesAhead
from agenttrace.journal.pipeline import Pipeline
from agenttrace.journal.tail import Tail
from tests.journal.journal_support import RUN, FakeStore, record, wait_until

Make = Callable[..., Pipeline]

KIB = 1 << 10


def opened(size: int) -> tuple[Tail, mmap.mmap]:
    tail = Tail(lambda _kind, _payload: pytest.fail("there is room"), pytest.fail)
    buffer = mmap.mmap(-1, size)
    tail.write, tail.salt = buffer.write, 7
    return tail, buffer


@pytest.mark.skipif(not tail_module.NATIVE, reason="built without a compiler: nobody asks")
class TestAsking:
    """An append that goes beyond a place asks for more, once, and runs no Python code for that."""

    def test_once(self) -> None:
        tail, buffer = opened(64 * KIB)
        asked = threading.Lock()
        asked.acquire()
        tail.ask, tail.ask_at = asked.release, 4 * KIB
        while buffer.tell() <= 4 * KIB:
            assert asked.locked()
            tail.append(RUN, bytes(1000))
        tail.append(RUN, bytes(1000))
        assert not asked.locked()
        assert tail.ask_at == sys.maxsize
        asked.acquire()
        tail.append(RUN, bytes(1000))
        assert asked.locked(), "it asks again only once it is told when"

    def test_what_is_asked_already_says_so_and_the_record_is_kept(self) -> None:
        tail, buffer = opened(64 * KIB)
        tail.ask, tail.ask_at = threading.Lock().release, -1
        tail.append(RUN, bytes(1000))
        assert (tail.recorded, buffer.tell() > 1000, tail.ask_at) == (1, True, sys.maxsize)

    @pytest.mark.parametrize("ask", [None, lambda: pytest.fail("Python code inside an append")])
    def test_only_what_is_compiled_is_called(self, ask: Callable[[], object] | None) -> None:
        tail, _buffer = opened(64 * KIB)
        tail.ask, tail.ask_at = ask, -1
        tail.append(RUN, bytes(1000))
        assert tail.recorded == 1

    def test_a_new_segment_has_not_been_asked_for(self) -> None:
        tail, buffer = opened(64 * KIB)
        tail.ask_at = 5
        segment: Any = SimpleNamespace(salt=9, buffer=buffer, number=2, size=64 * KIB)
        tail.attach(segment)
        assert tail.ask_at == sys.maxsize


class Segment:
    """A segment of which only the end matters."""

    buffer = None

    def __init__(self, size: int = 8 << 20) -> None:
        self.number, self.size, self.reached = 1, size, 0

    def published(self) -> int:
        return self.reached


@pytest.fixture
def made_present(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What was made present, in pages: from where, to where."""
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(
        PagesAhead, "_populate", lambda _self, _segment, start, end: found.append((start // 4096, end // 4096))
    )
    return found


def test_more_is_made_present_for_who_is_quick(made_present: list[tuple[int, int]]) -> None:
    """At least some pages, four times what came meanwhile, and after that less by and by."""
    pages, segment = PagesAhead(), Segment()
    at = [pages.keep(segment)]  # pyright: ignore[reportArgumentType]
    for reached in (128 * KIB, 1 << 20, 1 << 20, (1 << 20) + 5000, 5 << 20):
        segment.reached = reached
        at.append(pages.keep(segment))  # pyright: ignore[reportArgumentType]
    assert made_present == [(0, 64), (64, 160), (256, 1152), (1280, 2048)]
    assert [place // KIB for place in at] == [128, 384, 2816, 2816, 2818, 6656]


def test_nobody_asks_for_what_the_platform_cannot_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert PagesAhead().keep(Segment()) == sys.maxsize  # pyright: ignore[reportArgumentType]


def test_a_new_segment_and_one_that_was_synced_are_made_present_anew(made_present: list[tuple[int, int]]) -> None:
    pages, segment = PagesAhead(), Segment()
    pages.keep(segment)  # pyright: ignore[reportArgumentType]
    pages.forget()
    pages.keep(segment)  # pyright: ignore[reportArgumentType]
    segment.number, segment.reached = 2, 4096
    pages.keep(segment)  # pyright: ignore[reportArgumentType]
    assert made_present == [(0, 64), (0, 64), (1, 65)]


@pytest.mark.skipif(not tail_module.NATIVE, reason="built without a compiler: nobody asks")
def test_the_writer_hears_an_append_that_asks(pipeline: Make, store: FakeStore) -> None:
    """Also while it rests, and long before its next round."""
    traced: Any = pipeline(store, flush_interval=3600.0)
    traced.append(RUN, record(1))
    assert traced.flush(30)
    prepared: list[int] = []
    whole = traced._journal.prepare
    traced._journal.prepare = lambda: (prepared.append(1), whole())
    wait_until(lambda: traced._writer.bell._silence.locked())
    traced._tail.ask_at = -1
    traced.append(RUN, record(2))
    wait_until(lambda: prepared)
    wait_until(lambda: traced._tail.ask_at > 0)


def test_a_writer_with_much_to_do_hears_it_between_two_things(pipeline: Make, store: FakeStore) -> None:
    traced: Any = pipeline(store, flush_interval=3600.0)
    traced.append(RUN, record(1))
    assert traced.flush(30)
    writer = traced._writer
    writer.stop(30, final=False)
    writer.stopping = False
    rounds = writer._rounds
    done: list[str] = []
    for name in ("_drain", "_keep_up", "_adopt", "_tend", "_live"):
        setattr(rounds, name, lambda name=name: done.append(name))
    writer.journal.prepare = lambda: done.append("prepare")
    while writer.bell.wait(0) is not None:
        pass
    rounds._round()
    assert "prepare" not in done
    done.clear()
    rounds._adopt = writer.ask
    rounds._round()
    assert done == ["_drain", "_keep_up", "prepare", "_tend", "prepare", "_live", "prepare"]
    writer.wake()
    assert not writer.bell.is_struck(), "a round is to come, and prepares anyway"
    assert writer.bell.wait(0) is True


def test_what_is_done_at_leisure_is_done_a_piece_after_each_round(pipeline: Make, store: FakeStore) -> None:
    """And a piece that fails keeps nobody from the next one."""
    done: list[int] = []
    traced: Any = pipeline(
        store,
        flush_interval=0.001,
        at_leisure=(lambda: done.append(1), lambda: 1 / 0, lambda: done.append(1)),
    )
    traced.append(RUN, record(1))
    assert traced.flush(30)
    wait_until(lambda: len(done) == 2)
    assert done == [1, 1]
    assert traced.stats().internal_errors == 1


def test_the_place_to_ask_at_follows_a_sync(pipeline: Make, store: FakeStore) -> None:
    """After which every page costs a fault again."""
    traced: Any = pipeline(store, flush_interval=3600.0, sync_interval=3600.0)
    traced.append(RUN, record(1))
    assert traced.flush(30)
    traced.append(RUN, record(2))
    traced._writer.stop(30, final=False)
    traced._tail.ask_at = 123
    traced._journal._synced = 0
    traced._journal.sync()
    assert traced._tail.ask_at == 0
