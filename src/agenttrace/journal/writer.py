"""The writer: one daemon thread that drains the journal into the store, and the journals of dead processes too."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from agenttrace.foreign import raised_by_signal_handler
from agenttrace.journal import renewal
from agenttrace.journal.stopped import Stopped
from agenttrace.loading import LOADING
from agenttrace.slices import gently, is_contended, staying_away

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.journal.adoption import Adopter
    from agenttrace.journal.counters import Counters
    from agenttrace.journal.journal import Journal
    from agenttrace.journal.settings import JournalSettings
    from agenttrace.store.protocol import Store

__all__ = ["Writer"]

_YOUNG = 10.0  # seconds: so long a backlog is only that
_AWAY = 0.03  # seconds, and
_PATIENCE = 60  # so often for each chunk of it


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
        self._settings = settings
        self._counters = counters
        self._on_error = on_error
        self._clock = clock
        self._each_round = each_round
        self._bell = _Bell()
        self._stopping = False
        self._awaited = 0  # threads that wait until something is stored
        self._patience = 0
        self._final = False
        self._ended = False
        self._alive = False
        self._launched = False
        self._unwanted = False
        self._ending = threading.Lock()
        self._open_store = open_store
        self._adopter: Adopter | None = None
        self._next_sync = 0.0
        self._renewals = renewal.stamp(settings.root)
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
        return self._alive and not self._stopping

    def is_current(self) -> bool:
        """Return whether the caller is the writer's own thread."""
        return threading.current_thread() is self._thread

    def wake(self) -> None:
        """Have the journal drained now, and a store that was out of reach tried again."""
        self._bell.ring(True)

    def provide(self) -> None:
        """Have the next segments made ready soon. May be called from inside an append, wherever that runs."""
        self._bell.ring(False)

    @property
    def ask(self) -> Callable[[], object]:
        """What does the same, and runs no Python code. Raises RuntimeError where it was asked for already."""
        return self._bell.strike

    def adopt_soon(self) -> None:
        """Have the journals of dead processes looked for now."""
        self._hurry()
        self.wake()

    def await_stored(self, target: int, deadline: float) -> bool:
        """Wake the thread, wait until the journal is committed up to there, and return whether that came in time."""
        with self.progress:
            self._awaited += 1
            self.wake()
            try:
                while self.journal.committed < target:
                    remaining = deadline - time.monotonic()
                    if remaining <= 0 or not self.progress.wait(min(remaining, threading.TIMEOUT_MAX)):
                        return self.journal.committed >= target
            finally:
                self._awaited -= 1
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
        self._final = final
        self._stopping = True
        self._bell.ring(True)
        if self._thread.is_alive():
            self._thread.join(max(timeout, 0.0))
        return not self._thread.is_alive()

    def resume(self) -> bool:
        """Take back a `stop` that the thread has not followed yet, and return whether it goes on."""
        with self._ending:
            if self._ended or not self._alive:
                return False
            self._stopping = self._final = False
            return True

    # The thread.

    def _equip(self) -> None:
        # Loaded by the thread itself: what only it needs does not hold up the first span.
        with LOADING:
            from agenttrace.journal.adoption import Adopter
            from agenttrace.journal.delivery import Delivery
            from agenttrace.journal.life import Life
            from agenttrace.journal.tending import Tending
        settings, clock = self._settings, self._clock
        self._delivery = Delivery(
            settings, self._open_store, self._counters, wait=self._pause, on_error=self._on_error, clock=clock
        )
        self._life = None if settings.heartbeat is None else Life(self.journal, settings, self._delivery, clock=clock)
        self._tending = Tending(settings, self._open_store, self._counters)
        self._adopter = Adopter(
            settings,
            self._delivery,
            self._counters,
            between=self._between,
            guarded=self._guarded,
            on_error=self._on_error,
        )

    def _run(self) -> None:
        with self._ending:
            self._launched = not self._unwanted
        if self._unwanted:
            return
        try:
            self._guarded(self.journal.prepare)
            self._guarded(self._equip)
            gently(self._may_wait)
            if self._adopter is None:  # it is told; the next append that finds no writer tries again
                return
            leisure = deque(self._settings.at_leisure)
            while not self._ends():
                self._guarded(self._round)
                if not self._rest(self._settings.flush_interval) and leisure:
                    self._guarded(leisure.popleft())
            self._guarded(self._leave)
        finally:
            if self._adopter is not None:
                self._adopter.release()
            self._alive = False
            self._announce()

    def _rest(self, seconds: float) -> bool:
        """Wait this long, shorter if woken or stopped, and return whether that was so; provide segments when asked."""
        deadline = time.monotonic() + seconds
        while not self._stopping:
            asked = self._bell.wait(min(max(deadline - time.monotonic(), 0.0), threading.TIMEOUT_MAX))
            if asked is not False:
                return asked is True
            self._guarded(self.journal.prepare)
        return True

    def _ends(self) -> bool:
        with self._ending:
            self._ended = self._stopping
            return self._ended

    def _guarded(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - the thread has to go on, whatever went wrong
            self._counters.internal_errors += 1
            self._counters.last_error = f"{type(error).__name__}: {error}"
            self._on_error("writer", error)

    def _round(self) -> None:
        self._each_round()
        for step in (self._drain, self._keep_up, self._adopt, self._tend, self._live):
            step()
            if self._bell.is_struck():
                self.journal.prepare()

    def _tend(self) -> None:
        if not self._stopping:
            self._tending.step()

    def _live(self) -> None:
        if self._life is not None:
            self._life.keep()

    def _drain(self) -> None:
        """Bring to the store what stood in the journal when the round began."""
        began = time.monotonic()
        self.journal.settle()
        target = self.journal.position()
        while self.journal.committed < target and not self._stopping:
            self._drain_chunk()
            self._keep_up()
        if self.journal.committed >= target:
            self.journal.stored_until = began

    def _drain_chunk(self) -> None:
        self._patience = _PATIENCE
        staying_away(self._stay_away)
        chunk = self.journal.read(few=is_contended() and self._may_wait())
        self._counters.damaged += chunk.damaged
        if chunk.records:
            self._delivery.deliver(chunk.records, self.journal.home.process_id, self.journal.open_runs)
        staying_away(None)
        self.journal.commit(chunk.offset)
        self._counters.settled += len(chunk.records)
        self._announce()

    def _may_wait(self) -> bool:
        """Return whether the backlog may wait for threads that compute."""
        young = time.monotonic() - self.journal.stored_until < _YOUNG
        return young and self.journal.is_roomy() and not (self._awaited or self._stopping)

    def _stay_away(self) -> bool:
        """Leave the GIL to threads that compute, for a while, and return whether that may be done once more."""
        self._patience -= 1
        if self._rest(_AWAY):
            self._bell.ring(True)  # for the rest after the round: what is asked for may have come after its beginning
            return False
        self._guarded(self.journal.prepare)
        self._guarded(self._sync)
        return self._patience > 0

    def _announce(self) -> None:
        with self.progress:
            self.progress.notify_all()

    def _keep_up(self) -> None:
        self.journal.prepare()
        self.journal.tidy()
        if self._sync():
            self.journal.come_home()
            self._heed()

    def _sync(self) -> bool:
        """Make what was appended safe from the loss of power, where that is due, and return whether it was."""
        now = time.monotonic()
        if now < self._next_sync:
            return False
        self._next_sync = now + self._settings.sync_interval
        self.journal.sync()
        return True

    def _heed(self) -> None:
        """Begin a new segment where somebody erased data and asked for that."""
        found = renewal.stamp(self._settings.root)
        if found == self._renewals:
            return
        self._renewals = found
        self.journal.renew()
        self._hurry()
        if self._settings.renewed is not None:
            self._settings.renewed()

    def _pause(self, seconds: float) -> bool:
        """Wait between two attempts, shorter if woken, and return whether to stop."""
        deadline = time.monotonic() + seconds
        while not self._stopping:
            self._keep_up()
            left = deadline - time.monotonic()
            if left <= 0 or self._rest(min(left, self._settings.sync_interval)):
                break
        return self._stopping

    # Journals of the dead.

    def _adopt(self) -> None:
        whole = self._adopter is None or self._adopter.step(stopping=lambda: self._stopping)
        if whole and not self.caught_up:
            self.caught_up = True
            self._announce()

    def _hurry(self) -> None:
        if self._adopter is not None:
            self._adopter.soon()

    def _between(self) -> bool:
        """Drain our own journal between two batches of a dead one, and return whether to stop."""
        self._drain()
        self._keep_up()
        return self._stopping

    def _leave(self) -> None:
        """End the runs that are still open, where the process ends, and take back its heartbeat."""
        journal = self.journal
        if not journal.is_drained() or (journal.open_runs and not self._final):
            return
        if journal.open_runs:
            self._delivery.abandon(journal.home.process_id, at=self._clock())
            journal.open_runs.clear()
        elif self._life is not None:
            self._life.leave()


def _interrupt(error: BaseException) -> BaseException | None:
    """Return what a signal handler raised in `Thread.start`, where that could not tidy up and raises its own error."""
    hidden = error.__context__
    trace = None if hidden is None else hidden.__traceback__
    if hidden is None or trace is None or trace.tb_frame.f_code.co_filename != threading.__file__:
        return None  # caught elsewhere: the program handles it at this very moment
    return hidden if isinstance(hidden, KeyboardInterrupt) or raised_by_signal_handler(hidden) else None
