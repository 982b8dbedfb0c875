"""A bounded pool of threads for work that blocks: each question to the store runs here, and is given up in time."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeVar, cast
from weakref import WeakKeyDictionary

import anyio
from anyio import CapacityLimiter, to_thread

from agenttrace.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["StorePool"]

R = TypeVar("R")


class _Limits:
    """The limiters of one event loop: how many questions run, and the threads that anyio may lend for them."""

    def __init__(self, threads: int) -> None:
        self.questions = CapacityLimiter(threads)
        self.threads = CapacityLimiter(float("inf"))


class StorePool:
    """Runs functions in at most `threads` threads at a time, for each event loop, and waits `timeout` seconds at most.

    A thread whose caller has given up counts until it is done, so a store that hangs can never hold more of them.
    """

    def __init__(self, threads: int, timeout: float) -> None:
        self._threads = threads
        self._timeout = timeout
        self._limits: WeakKeyDictionary[asyncio.AbstractEventLoop, _Limits] = WeakKeyDictionary()

    async def run(self, function: Callable[[], R], *, timeout: float | None = None) -> R:
        """Return what the function returns; raises what it raises, and StoreUnavailable once the time is over."""
        loop = asyncio.get_running_loop()
        limits = self._limits.get(loop)
        if limits is None:
            limits = self._limits[loop] = _Limits(self._threads)
        ticket = _Ticket(limits.questions)

        def work() -> R | None:
            ticket.is_begun = True
            if ticket.is_left:
                return None
            try:
                return function()
            finally:
                ticket.is_done = True
                if ticket.is_left:
                    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody counts any more
                        loop.call_soon_threadsafe(ticket.give_back)

        seconds = timeout or self._timeout
        try:
            with anyio.fail_after(seconds):
                await limits.questions.acquire_on_behalf_of(ticket)
                ticket.is_held = True
                return cast("R", await to_thread.run_sync(work, abandon_on_cancel=True, limiter=limits.threads))
        except TimeoutError:
            raise StoreUnavailable(f"the store did not answer within {seconds:g} seconds") from None
        finally:
            ticket.leave()


class _Ticket:
    """One place in the pool. It is given back once, in the event loop's thread, by whoever is the last to need it.

    The thread says first that it is done, then looks whether the caller has left; the caller does it the other way
    round. So one of them sees the other.
    """

    __slots__ = ("_limiter", "is_begun", "is_done", "is_held", "is_left")

    def __init__(self, limiter: CapacityLimiter) -> None:
        self._limiter = limiter
        self.is_held = self.is_begun = self.is_done = self.is_left = False

    def leave(self) -> None:
        """Give the place back, unless a thread is still at work."""
        self.is_left = True
        if self.is_done or not self.is_begun:
            self.give_back()

    def give_back(self) -> None:
        if self.is_held:
            self.is_held = False
            self._limiter.release_on_behalf_of(self)
