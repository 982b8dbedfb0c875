"""Connections are lent, kept, closed, and never shared with a parent process."""

from __future__ import annotations

import os
import threading

import pytest

from agenttrace.errors import StoreUnavailable
from agenttrace.store.connections import Connections


class Fake:
    """A connection that knows whether it was closed."""

    closed = False

    def close(self) -> None:
        """Remember it."""
        self.closed = True


@pytest.fixture
def lender() -> Connections:
    """An open lender of fakes."""
    made = Connections("fake://", Fake)  # type: ignore[arg-type]
    made.open()
    return made


@pytest.mark.parametrize("way", ["reading", "writing"])
def test_a_connection_is_kept_for_the_next(lender: Connections, way: str) -> None:
    """One after the other, the same one is lent."""
    lend = getattr(lender, way)
    with lend() as first:
        pass
    with lend() as second:
        assert second is first


@pytest.mark.parametrize("way", ["reading", "writing"])
def test_a_connection_that_an_error_left_is_closed(lender: Connections, way: str) -> None:
    """Nobody knows what state it is in."""
    lend = getattr(lender, way)
    with pytest.raises(KeyError), lend() as first:
        raise KeyError
    assert first.closed
    with lend() as second:
        assert second is not first


@pytest.mark.parametrize("way", ["reading", "writing"])
def test_closing_closes_what_is_kept(lender: Connections, way: str) -> None:
    """And nothing is lent until the lender is opened again."""
    lend = getattr(lender, way)
    with lend() as first:
        pass
    lender.close()
    assert first.closed
    with pytest.raises(StoreUnavailable, match=r"fake://.*open"), lend():
        pass
    lender.open()
    with lend() as second:
        assert not second.closed


@pytest.mark.parametrize("way", ["reading", "writing"])
def test_what_is_lent_while_the_lender_closes_is_closed_on_return(lender: Connections, way: str) -> None:
    """A reader is not waited for; a writer closes on its own thread."""
    with getattr(lender, way)() as lent:
        lender.close()
        assert not lent.closed
    assert lent.closed


def test_only_a_few_readers_are_kept(lender: Connections) -> None:
    """Twenty at once leave four."""
    lent = [lender.reading() for _ in range(20)]
    connections = [each.__enter__() for each in lent]
    for each in lent:
        each.__exit__(None, None, None)
    assert sum(not connection.closed for connection in connections) == 4


def test_writers_take_turns(lender: Connections) -> None:
    """A second one waits until the first is done."""
    order: list[str] = []

    def second() -> None:
        with lender.writing():
            order.append("second")

    with lender.writing():
        thread = threading.Thread(target=second)
        thread.start()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_another_process_gets_connections_of_its_own(lender: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the parent are neither used nor closed, even where a thread of the parent held the lock."""
    with lender.reading() as read:
        pass
    with lender.writing() as write:
        pid = os.getpid()
        monkeypatch.setattr(os, "getpid", lambda: pid + 1)
        with lender.writing() as ours, lender.reading() as other:
            assert len({id(each) for each in (read, write, ours, other)}) == 4
        lender.close()
        assert (ours.closed, other.closed, read.closed, write.closed) == (True, True, False, False)
        monkeypatch.undo()
