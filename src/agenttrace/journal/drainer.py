"""The drainer: one process that does for all processes of a journals' root what writers' threads would do in each.

It follows the journals of living processes that leave draining to it, adopts those of dead ones, and sees to their
heartbeats and to the upkeep of the store. No threads: it waits at its pipe (`seat.py`).
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agenttrace.journal.adoption import Adopter
from agenttrace.journal.delivery import Delivery
from agenttrace.journal.folder import boot_id, renewal_stamp
from agenttrace.journal.folders import is_alive, journals_in, read_owner
from agenttrace.journal.followed import Followed
from agenttrace.journal.settings import Counters
from agenttrace.journal.stopped import Stopped
from agenttrace.journal.tending import Tending

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.journal.seat import Seat
    from agenttrace.journal.settings import JournalSettings
    from agenttrace.store.protocol import Store

__all__ = ["Drainer"]

_LOOK = 1.0  # seconds between two looks whether the seat is still ours


class Drainer:
    """Drains all journals of one root into one store, from `run` until `stop`.

    Args:
        seat: the place that it has taken.
        settings: the root, and how eagerly it is drained.
        make_store: makes the store, not open.
        on_error: called with a place and an exception for each problem.
        clock: microseconds since the epoch.
        linger: seconds without a living process that leaves draining to it, after which it ends; None: never.
        once: end when what is there now is drained, or cannot be.
    """

    def __init__(
        self,
        seat: Seat,
        settings: JournalSettings,
        make_store: Callable[[], Store],
        *,
        on_error: Callable[[str, BaseException], None],
        clock: Callable[[], int],
        linger: float | None = None,
        once: bool = False,
    ) -> None:
        self.counters = Counters()
        self.failure: str | None = None  # what kept it from draining everything
        self._seat = seat
        self._settings = settings.replaced(root=str(seat.root), adopt_interval=0.0)
        self._make_store = make_store
        self._on_error = on_error
        self._clock = clock
        self._linger = linger
        self._once = once
        self._store: Store | None = None
        self._stopping = False
        self._followed: dict[Path, Followed] = {}
        self._others = set[Path]()  # journals whose processes drain them themselves
        self._delivery = Delivery(
            self._settings, self._open_store, self.counters, wait=self._pause, on_error=on_error, clock=clock
        )
        self._adopter = Adopter(
            self._settings,
            self._delivery,
            self.counters,
            between=self._between,
            guarded=self._guarded,
            on_error=on_error,
        )
        self._tending = Tending(self._settings, self._open_store, self.counters)
        self._started = clock()
        self._adopted = 0  # monotonic nanoseconds: when the last adoption began that has come to its end
        self._busy = False  # some process has more for us
        self._drained = 0  # monotonic nanoseconds: what all had appended before that is stored
        self._needed = time.monotonic()  # when a living process was there last
        self._next_look = 0.0

    def run(self) -> None:
        """Drain until told to stop, or until there is nothing to do any more. The seat is open."""
        self._say()
        try:
            while not self._stopping:
                self._guarded(self._round)
                if self._is_over():
                    break
                self._rest(0.0 if self._busy else self._settings.flush_interval)
        finally:
            self._leave()

    def stop(self) -> None:
        """End after the batch that is under way. May be called from a signal handler."""
        self._stopping = True
        self._seat.poke()

    # A round.

    def _round(self) -> None:
        self.failure = None
        began = time.monotonic_ns()
        whole = self._adopter.step(stopping=self._is_stopping)
        self._attend()
        if whole and not self._stopping:
            self._adopted = began
            self._drained = self._drained if self._busy else began
            self._tending.step()
        self._say()

    def _is_stopping(self) -> bool:
        return self._stopping

    def _between(self) -> bool:
        self._attend()
        return self._stopping

    def _attend(self) -> None:
        """Drain the journals of the living, after a look which there are."""
        stamp = renewal_stamp(self._settings.root)
        self._look()
        self._busy = False
        for followed in list(self._followed.values()):
            if self._stopping:
                return
            self._guarded(lambda one=followed: self._serve(one, stamp))
        if self._followed:
            self._needed = time.monotonic()

    def _serve(self, followed: Followed, stamp: object) -> None:
        try:
            if followed.drain(stopping=self._is_stopping):
                followed.renew(stamp, stopping=self._is_stopping)
            else:
                self._busy = True
            if not self._stopping:
                followed.keep()
        except FileNotFoundError:
            followed.gone()
            self._forget(followed)

    def _look(self) -> None:
        """Follow the living that leave draining to us, and no more those that have died: they are adopted."""
        dead = {one.path for one in self._adopter.held}
        for path in dead & self._followed.keys():
            self._forget(self._followed[path])
        found = [Path(path) for path in journals_in(self._seat.root)]
        self._others.intersection_update(found)
        for path in {*found} - self._followed.keys() - dead - self._others:
            if read_owner(path).get("writer") == "process":
                self._follow(path)
            else:
                self._others.add(path)

    def _follow(self, path: Path) -> None:
        try:
            self._followed[path] = Followed(
                path,
                self._settings,
                self._open_store,
                wait=self._pause,
                on_error=self._on_error,
                clock=self._clock,
            )
        except FileNotFoundError:
            pass  # its process has just removed it
        except OSError as error:
            self._on_error(f"journal folder {path}", error)

    def _forget(self, followed: Followed) -> None:
        del self._followed[followed.journal.path]
        followed.close()

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - it has to go on, whatever went wrong
            self.counters.internal_errors += 1
            self.counters.last_error = self.failure = f"{type(error).__name__}: {error}"
            self._on_error("drainer", error)

    # Waiting.

    def _rest(self, seconds: float) -> None:
        """Wait this long, shorter if woken."""
        if self._stopping:
            return
        self._seat.wait(seconds)
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + _LOOK
            if not self._seat.is_ours():
                self._stopping = True

    def _pause(self, seconds: float, followed: Followed | None = None) -> bool:
        """Wait between two attempts to reach the store, and return whether to stop."""
        self.failure = (self.counters if followed is None else followed.counters).last_error
        self._delivery.last_failure = time.monotonic()
        for one in self._followed.values():
            one.told(self.failure)
            with suppress(OSError):
                one.sync()
        self._say()
        if self._once:
            self._stopping = True
        self._rest(seconds)
        if self._linger is not None and not self._stopping:
            self._stopping = self._is_given_up(self._linger)
        return self._stopping

    # The end.

    def _is_given_up(self, linger: float) -> bool:
        """Return whether the time is over while the store stays away: what is left is for whoever comes next."""
        if self._is_wanted():
            self._needed = time.monotonic()
        return time.monotonic() >= self._needed + linger and self._is_deserted()

    def _is_wanted(self) -> bool:
        """Return whether a living process leaves draining to us, after a look."""
        self._look()
        for path in self._followed:
            with suppress(OSError):
                if is_alive(path):
                    return True
        return False

    def _is_deserted(self) -> bool:
        """Return whether nobody needs us; the door is shut then.

        Whoever comes now finds it shut and starts another one, or has come before and is seen.
        """
        self._seat.shut()
        if not self._is_wanted():
            return True
        self._seat.open()
        return False

    def _is_over(self) -> bool:
        if self._stopping or (self._once and not self._busy):
            return True
        if self._once:
            return False
        if self._linger is None or time.monotonic() < self._needed + self._linger:
            return False
        if self._adopter.held and time.monotonic() < self._needed + self._linger + self._settings.abandon_grace:
            return False
        return self._is_deserted()

    def _leave(self) -> None:
        for followed in list(self._followed.values()):
            self._forget(followed)
        self._adopter.release()
        self._seat.shut()
        self._say(ended=True)
        store, self._store = self._store, None
        if store is not None:
            try:
                store.close()
            except Exception as error:  # noqa: BLE001 - it ends all the same
                self._on_error("store close", error)
        self._seat.leave()

    def _say(self, **more: Any) -> None:
        with suppress(OSError):
            self._seat.say(
                pid=os.getpid(),
                host=os.uname().nodename,
                boot_id=boot_id(),
                started=self._started,
                at=time.monotonic_ns(),
                round=self._adopted,
                drained=self._drained,
                following=len(self._followed),
                trouble=self.failure,
                **more,
            )

    def _open_store(self) -> Store:
        store = self._store
        if store is None:
            store = self._make_store()
            store.open()
            self._store = store
        return store
