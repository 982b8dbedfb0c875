"""The writer: one daemon thread that drains the journal into the store, and the journals of dead processes too."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from itertools import islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from agenttrace.errors import StoreError
from agenttrace.journal import renewal
from agenttrace.journal.delivery import Delivery, Stopped
from agenttrace.journal.life import Life
from agenttrace.journal.recovery import DeadJournal, adopt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agenttrace.journal.journal import Journal
    from agenttrace.journal.settings import JournalSettings
    from agenttrace.journal.stats import Counters
    from agenttrace.store.protocol import Store

__all__ = ["Writer"]

_AT_ONCE = 16  # dead journals that are held open


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
        self._calls: SimpleQueue[bool] = SimpleQueue()  # True: all there is to do, False: segments
        self._stopping = False
        self._final = False
        self._ended = False
        self._alive = False
        self._launched = threading.Event()
        self._ending = threading.Lock()
        self._delivery = Delivery(settings, open_store, counters, wait=self._pause, on_error=on_error, clock=clock)
        self._life = None if settings.heartbeat is None else Life(journal, settings, self._delivery, clock=clock)
        self._dead: list[DeadJournal] = []
        self._next_adoption = 0.0
        self._next_sync = 0.0
        self._next_upkeep = time.monotonic() + settings.upkeep_delay
        self._open_store = open_store
        self._renewals = renewal.stamp(settings.root)
        self._skipped: set[Path] = set()
        self.caught_up = settings.root is None  # what dead processes had left when it began is in the store
        self._thread = threading.Thread(target=self._run, name="agenttrace-writer", daemon=True)

    def start(self) -> None:
        """Start the thread. Raises RuntimeError where the interpreter is on its way out."""
        self._alive = True
        try:
            self._thread.start()
        except RuntimeError:
            self._alive = False
            raise
        except BaseException:
            # An interrupt while it started: were it taken for dead, there would soon be two on one journal.
            self._alive = self._launched.wait(1.0)
            raise

    def is_alive(self) -> bool:
        """Return whether the thread runs and was not told to stop."""
        return self._alive and not self._stopping

    def is_current(self) -> bool:
        """Return whether the caller is the writer's own thread."""
        return threading.current_thread() is self._thread

    def wake(self) -> None:
        """Have the journal drained now, and a store that was out of reach tried again."""
        self._calls.put(True)

    def provide(self) -> None:
        """Have the next segments made ready soon. May be called from inside an append, wherever that runs."""
        self._calls.put(False)  # a SimpleQueue, because its `put` may interrupt itself: an Event's `set` may not

    def adopt_soon(self) -> None:
        """Have the journals of dead processes looked for now."""
        self._next_adoption = 0.0
        self.wake()

    def stop(self, timeout: float, *, final: bool) -> bool:
        """Tell the thread to stop and return whether it did in time.

        `final` says that the process ends: if the journal is drained, the runs that are still open end as abandoned.
        """
        self._final = final
        self._stopping = True
        self._calls.put(True)
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

    def _run(self) -> None:
        self._launched.set()
        try:
            while not self._ends():
                self._guarded(self._round)
                self._rest(self._settings.flush_interval)
            self._guarded(self._leave)
        finally:
            for dead in self._dead:
                dead.release()
            self._dead.clear()
            self._alive = False
            self._announce()

    def _rest(self, seconds: float) -> None:
        """Wait this long, shorter if woken or stopped; meanwhile provide segments when asked."""
        deadline = time.monotonic() + seconds
        while not self._stopping:
            try:
                woken = self._calls.get(timeout=min(max(deadline - time.monotonic(), 0.0), threading.TIMEOUT_MAX))
            except Empty:
                return
            if woken:
                with suppress(Empty):
                    while True:
                        self._calls.get_nowait()
                return
            self._guarded(self.journal.prepare)

    def _ends(self) -> bool:
        with self._ending:
            self._ended = self._stopping
            return self._ended

    def _guarded(self, act: Callable[[], None]) -> None:
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
        self._drain()
        self._keep_up()
        self._adopt()
        self._tend()
        if self._life is not None:
            self._life.keep()

    def _drain(self) -> None:
        """Bring to the store what stood in the journal when the round began."""
        began = time.monotonic()
        self.journal.settle()
        target = self.journal.position()
        while self.journal.committed < target and not self._stopping:
            self._drain_chunk()
            self.journal.prepare()
        if self.journal.committed >= target:
            self.journal.stored_until = began

    def _drain_chunk(self) -> None:
        chunk = self.journal.read()
        self._counters.damaged += chunk.damaged
        if chunk.records:
            self._delivery.deliver(chunk.records, self.journal.home.process_id, self.journal.open_runs)
        self.journal.commit(chunk.offset)
        self._counters.settled += len(chunk.records)
        self._announce()

    def _announce(self) -> None:
        with self.progress:
            self.progress.notify_all()

    def _keep_up(self) -> None:
        self.journal.prepare()
        self.journal.tidy()
        now = time.monotonic()
        if now >= self._next_sync:
            self._next_sync = now + self._settings.sync_interval
            self.journal.sync()
            self._heed()

    def _heed(self) -> None:
        """Begin a new segment where somebody erased data and asked for that."""
        found = renewal.stamp(self._settings.root)
        if found == self._renewals:
            return
        self._renewals = found
        self.journal.renew()
        self._next_adoption = 0.0
        if self._settings.renewed is not None:
            self._settings.renewed()

    def _tend(self) -> None:
        """Do a step of upkeep on the store where it is time for one. A failure is no matter: it is tried again."""
        upkeep = self._settings.upkeep
        if upkeep is None or self._stopping or time.monotonic() < self._next_upkeep:
            return
        pause = self._settings.upkeep_pause
        try:
            pause = upkeep(self._open_store())
        except StoreError as error:
            self._counters.last_error = f"{type(error).__name__}: {error}"
        finally:
            self._next_upkeep = time.monotonic() + pause

    def _pause(self, seconds: float) -> bool:
        """Wait between two attempts, shorter if woken, and return whether to stop."""
        self._keep_up()
        self._rest(seconds)
        return self._stopping

    # Journals of the dead.

    def _adopt(self) -> None:
        now = time.monotonic()
        if self._settings.root is not None and now >= self._next_adoption:
            self._next_adoption = now + self._settings.adopt_interval
            self._dead += islice(self._found(), _AT_ONCE - len(self._dead))
            if len(self._dead) == _AT_ONCE:
                self._next_adoption = now
        for dead in list(self._dead):
            if self._stopping:
                return
            self._guarded(lambda dead=dead: self._bury(dead))
        if not self.caught_up and not self._stopping and self._next_adoption > now:
            self.caught_up = True
            self._announce()

    def _found(self) -> Iterator[DeadJournal]:
        root = self._settings.root
        return adopt(root, self._settings, skip=self._skip) if root is not None else iter(())

    def _skip(self, path: Path, error: OSError) -> None:
        if path not in self._skipped:
            self._skipped.add(path)
            self._counters.skipped += 1
            self._on_error(f"journal folder {path}", error)

    def _bury(self, dead: DeadJournal) -> None:
        """Drain a dead process's journal, our own in between, then abandon its runs and delete it."""
        try:
            while (chunk := dead.read()) is not None:
                self._delivery.deliver(chunk.records, dead.process_id)
                dead.commit(chunk.offset)
                self._drain()
                self._keep_up()
                if self._stopping:
                    return
            if self._delivery.may_abandon():
                self._delivery.abandon(dead.process_id, at=max(dead.last_sign, 0))
                self._counters.damaged += dead.damaged
                self._counters.adopted += 1
                self._dead.remove(dead)
                dead.remove()
        except OSError as error:
            self._dead.remove(dead)
            dead.release()
            self._skip(dead.path, error)

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
