"""The writer: one daemon thread that drains the journal into the store, and the journals of dead processes too.

Here is what others need of it; what the thread does, which it loads itself, is `rounds.py`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from agenttrace.faults import raised_by_signal_handler
from agenttrace.journal.folder import renewal_stamp
from agenttrace.loading import LOADING

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.journal.journal import Journal
    from agenttrace.journal.rounds import Rounds
    from agenttrace.journal.settings import Counters, JournalSettings
    from agenttrace.store.protocol import Store

__all__ = ["Writer"]


class _Bell:
    """Wakes one thread. `ring` may be called anywhere, also inside itself, as by a signal handler."""

    def __init__(self) -> None:
        self._asked: deque[bool] = deque()
        self._silence = threading.Lock()
        self._silence.acquire()
        #: Asks for segments, in one call that runs no Python code. Raises RuntimeError where it rings already.
        self.strike: Callable[[], object] = self._silence.release

    def ring(self, everything: bool) -> None:
        """Ask for all there is to do, or only for segments."""
        self._asked.append(everything)
        if not self._silence.locked():
            return  # it rings already
        try:
            self._silence.release()
        except RuntimeError as error:  # another thread's did, in between
            if raised_by_signal_handler(error):
                raise

    def is_struck(self) -> bool:
        """Return whether it rings for segments alone. It goes on ringing."""
        return not (self._silence.locked() or self._asked)

    def wait(self, seconds: float) -> bool | None:
        """Return whether all there is to do was asked for, or only segments; None where nobody asked in time."""
        if not self._silence.acquire(timeout=seconds):
            return None
        everything = False
        with suppress(IndexError):
            while True:
                everything |= self._asked.popleft()
        return everything


class Writer:
    """Drains one journal. `start` it once; `wake` it to have the journal drained now; `stop` it in the end."""

    def __init__(
        self,
        journal: Journal,
        settings: JournalSettings,
        open_store: Callable[[], Store],
        counters: Counters,
        *,
        on_error: Callable[[str, BaseException], None],
        clock: Callable[[], int],
        each_round: Callable[[], None],
    ) -> None:
        self.journal = journal
        self.progress = threading.Condition()  # notified whenever the committed position has moved
        self.settings = settings
        self.counters = counters
        self.on_error = on_error
        self.clock = clock
        self.each_round = each_round
        self.bell = _Bell()
        self.stopping = False
        self.final = False
        self.awaited = 0  # threads that wait until something is stored
        self._ended = False
        self._alive = False
        self._launched = False
        self._unwanted = False
        self._ending = threading.Lock()
        self.open_store = open_store
        self._rounds: Rounds | None = None
        self.renewals = renewal_stamp(settings.root)  # what had been asked for before the thread began
        self.caught_up = settings.root is None  # what dead processes had left when it began is in the store
        self._thread = threading.Thread(target=self._run, name="agenttrace-writer", daemon=True)

    def start(self) -> None:
        """Start the thread. Raises RuntimeError where the interpreter is on its way out, and what interrupts it."""
        self._alive = True
        try:
            self._thread.start()
        except BaseException as error:
            # It may run all the same: were it taken for dead, there would soon be two on one journal.
            with self._ending:
                self._alive = self._launched
                self._unwanted = not self._launched
            hidden = _interrupt(error)
            if hidden is None:
                raise
            raise hidden  # noqa: B904 - it was there before

    def is_alive(self) -> bool:
        """Return whether the thread runs and was not told to stop."""
        return self._alive and not self.stopping

    def is_current(self) -> bool:
        """Return whether the caller is the writer's own thread."""
        return threading.current_thread() is self._thread

    def wake(self) -> None:
        """Have the journal drained now, and a store that was out of reach tried again."""
        self.bell.ring(True)

    def provide(self) -> None:
        """Have the next segments made ready soon. May be called from inside an append, wherever that runs."""
        self.bell.ring(False)

    @property
    def ask(self) -> Callable[[], object]:
        """What does the same, and runs no Python code. Raises RuntimeError where it was asked for already."""
        return self.bell.strike

    def adopt_soon(self) -> None:
        """Have the journals of dead processes looked for now."""
        if self._rounds is not None:
            self._rounds.hurry()
        self.wake()

    def await_stored(self, target: int, deadline: float) -> bool:
        """Wake the thread, wait until the journal is committed up to there, and return whether that came in time."""
        with self.progress:
            self.awaited += 1
            self.wake()
            try:
                while self.journal.committed < target:
                    remaining = deadline - time.monotonic()
                    if remaining <= 0 or not self.progress.wait(min(remaining, threading.TIMEOUT_MAX)):
                        return self.journal.committed >= target
            finally:
                self.awaited -= 1
        return True

    def await_adopted(self, deadline: float) -> bool:
        """Wait until what dead processes had left when it began is stored, and return whether that came in time."""
        with self.progress:
            while not self.caught_up and self.is_alive():
                remaining = deadline - time.monotonic()
                if remaining <= 0 or not self.progress.wait(min(remaining, threading.TIMEOUT_MAX)):
                    return self.caught_up
        return True

    def stop(self, timeout: float, *, final: bool) -> bool:
        """Tell the thread to stop and return whether it did in time.

        `final` says that the process ends: if the journal is drained, the runs that are still open end as abandoned.
        """
        self.final = final
        self.stopping = True
        self.bell.ring(True)
        if self._thread.is_alive():
            self._thread.join(max(timeout, 0.0))
        return not self._thread.is_alive()

    def resume(self) -> bool:
        """Take back a `stop` that the thread has not followed yet, and return whether it goes on."""
        with self._ending:
            if self._ended or not self._alive:
                return False
            self.stopping = self.final = False
            return True

    # The thread.

    def _equip(self) -> None:
        # Loaded by the thread itself: what only it needs does not hold up the first span.
        with LOADING:
            from agenttrace.journal.rounds import Rounds
        self._rounds = Rounds(self)

    def _run(self) -> None:
        with self._ending:
            self._launched = not self._unwanted
        if self._unwanted:
            return
        try:
            self._guarded(self.journal.prepare)
            self._guarded(self._equip)
            if self._rounds is not None:  # else it is told; the next append that finds no writer tries again
                self._rounds.run()
        finally:
            if self._rounds is not None:
                self._rounds.release()
            self._alive = False
            self.announce()

    def ends(self) -> bool:
        """Return whether the thread was told to stop. What follows such an answer cannot be taken back any more."""
        with self._ending:
            self._ended = self.stopping
            return self._ended

    def announce(self) -> None:
        """Let those who wait look how far the thread has come."""
        with self.progress:
            self.progress.notify_all()

    def _guarded(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - the thread has to go on, whatever went wrong
            self.failed(error)

    def failed(self, error: Exception) -> None:
        """Count a problem of the thread's, and report it."""
        self.counters.internal_errors += 1
        self.counters.last_error = f"{type(error).__name__}: {error}"
        self.on_error("writer", error)


def _interrupt(error: BaseException) -> BaseException | None:
    """Return what a signal handler raised in `Thread.start`, where that could not tidy up and raises its own error."""
    hidden = error.__context__
    trace = None if hidden is None else hidden.__traceback__
    if hidden is None or trace is None or trace.tb_frame.f_code.co_filename != threading.__file__:
        return None  # caught elsewhere: the program handles it at this very moment
    return hidden if isinstance(hidden, KeyboardInterrupt) or raised_by_signal_handler(hidden) else None
