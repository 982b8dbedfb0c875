"""Long work in slices: the writer lets other threads have the interpreter between two of them.

A thread that waits for the GIL gets it after a whole switch interval, 5 ms by default, unless the one that has it lets
go by itself: so work on a batch, which takes milliseconds, is cut where it loops. And each time the GIL changes hands
costs a thread that computes some 100 µs, and the writer a switch interval: so where one does, the writer stays away for
a while, where it may, and else cuts its work less fine, or it would never be done.
"""

from __future__ import annotations

import threading
import time
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["gently", "in_slices", "is_beside_others", "is_contended", "staying_away"]

_SHORT_SLICE, _LONG_SLICE = 40e-6, 1e-3  # seconds of work
_LOOK = 4  # items, of a few microseconds each, between two looks at the clock
_SHORT = 20e-6  # seconds: nobody else wanted the GIL
_LONG = 0.003  # seconds: whoever keeps the GIL for so long computes

T = TypeVar("T")


class _Pace(threading.local):
    """How one thread goes about it."""

    due = 0.0  # by the wall: it cannot have worked for a slice before that, and a look at its CPU time costs more
    let_go = 0.0  # its CPU time when it last let others run
    waited = 0.0  # seconds, until it had the GIL back then
    may_wait: Callable[[], bool] | None = None
    stay_away: Callable[[], bool] | None = None


_pace = _Pace()


def in_slices(items: Iterable[T], look: int = _LOOK) -> Iterator[T]:
    """Yield the items, and let other threads run now and then; `look` says after how many items the clock is asked.

    So many items are taken at once.
    """
    rest = iter(items)
    while part := tuple(islice(rest, look)):
        yield from part
        if time.monotonic() > _pace.due:
            _perhaps_let_go()


def gently(may_wait: Callable[[], bool] | None) -> None:
    """Have this thread cut its work fine as long as `may_wait()` says that nobody is in a hurry."""
    _pace.may_wait = may_wait


def staying_away(stay_away: Callable[[], bool] | None) -> None:
    """Have this thread call a function between two slices while others compute, until that returns False."""
    _pace.stay_away = stay_away


def is_contended() -> bool:
    """Return whether another thread computed when this one last let go."""
    return _pace.waited > _LONG


def is_beside_others() -> bool:
    """Return whether others want the GIL, each for a moment, and this thread is not in a hurry."""
    return _SHORT < _pace.waited <= _LONG and _is_gentle()


def _is_gentle() -> bool:
    return _pace.may_wait is not None and _pace.may_wait()


def _perhaps_let_go() -> None:
    fine = _is_gentle() and (_pace.stay_away is not None or not is_contended())
    slice_, worked = _SHORT_SLICE if fine else _LONG_SLICE, time.thread_time() - _pace.let_go
    asked = time.monotonic()
    if 0 <= worked < slice_:  # in a forked child the CPU time begins anew
        _pace.due = asked + slice_ - worked
        return
    time.sleep(0)
    _pace.waited = time.monotonic() - asked
    if fine and _pace.stay_away is not None and is_contended() and not _pace.stay_away():
        _pace.stay_away = None
    _pace.let_go = time.thread_time()
    _pace.due = time.monotonic() + _SHORT_SLICE
