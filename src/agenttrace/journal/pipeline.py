"""The pipeline: journal, writer and store of one process, wired together and started when first needed.

append -> tail -> (segment full, or nothing there yet) -> journal
writer thread: journal -> store
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import threading
import time
import weakref
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from agenttrace.faults import raised_by_signal_handler
from agenttrace.journal.folder import JournalFolder
from agenttrace.journal.journal import Journal
from agenttrace.journal.segment import MemoryHome
from agenttrace.journal.settings import Counters
from agenttrace.journal.tail import Tail
from agenttrace.journal.writer import Writer
from agenttrace.loading import LOADING

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.journal.outside import Drained, Outside
    from agenttrace.journal.settings import JournalSettings
    from agenttrace.journal.shapes import Home
    from agenttrace.journal.stats import Stats
    from agenttrace.store.protocol import Store

__all__ = ["Pipeline"]

_logger = logging.getLogger("agenttrace")

_NO_JOURNAL = "no journal in %s (%s): a crash loses what is not stored yet"
_LEFT = "%d records are not in the store as the program ends (%s); they wait in %s for the next one that records there"
_LOST = "%d records are not in the store as the program ends (%s); they were in memory, and are lost"
_FLUSH_SHARE = 0.8

#: Stores that forked children inherited: closing or collecting them would disturb the parent's connections.
_inherited: list[object] = []
_living: weakref.WeakSet[Pipeline] = weakref.WeakSet()
_finalized_pid = 0


class Pipeline:
    """Takes records in the traced thread and brings them to a store in another one.

    Nothing is opened and no thread is started before the first `append`. All methods may be called from any thread.

    Args:
        settings: where the journal lives, and its bounds.
        open_store: makes the store; called in the writer's thread, or by `open_store_once`.
        on_error: called with a place and an exception for each problem. What it raises is lost, but out of `append`.
        clock: microseconds since the epoch.
        outside: leaves draining to another process; None: the writer's thread does it.
    """

    #: Append one record: `append(kind, payload)`. Never raises, never waits for I/O of the store. What it returned from
    #: survives the death of the process.
    append: Callable[[int, bytes], None]

    def __init__(
        self,
        settings: JournalSettings,
        open_store: Callable[[], Store],
        *,
        on_error: Callable[[str, BaseException], None],
        clock: Callable[[], int],
        outside: Drained | None = None,
    ) -> None:
        self.settings = settings
        self.exit_timeout = settings.exit_timeout
        self.exit_order = 0
        self._make_store = open_store
        self._on_error = on_error
        self._clock = clock
        self._tail = Tail(self._overflow, self._append_failed)
        self.append = self._tail.append
        self._exiting = False
        self._warned = False
        self._outside = outside
        self._begin_anew()
        _register(self)

    def _begin_anew(self) -> None:
        self._counters = Counters()
        self._untold: deque[Callable[[], None]] = deque(maxlen=100)
        self._journal: Journal | None = None
        self._writer: Writer | Outside | None = None
        self._store: Store | None = None
        self._store_lock = threading.RLock()
        self._shutdown_lock = threading.RLock()

    # The store.

    @property
    def store(self) -> Store | None:
        """The store, if it is open already."""
        return self._store

    def open_store_once(self) -> Store:
        """Return the store that this process shares, opened by whoever asks first. Raises what opening raises."""
        store = self._store
        if store is None:
            with self._store_lock:
                store = self._store
                if store is None:
                    store = self._make_store()
                    store.open()
                    self._store = store
        return store

    def new_store(self) -> Store:
        """Return the store that `open_store_once` would open, not open and shared with nobody, as far as it can be."""
        return self._make_store()

    def _close_store(self) -> None:
        with self._store_lock:
            store, self._store = self._store, None
        if store is not None:
            try:
                store.close()
            except Exception as error:  # noqa: BLE001 - whatever a store raises, the rest has to go on
                self._problem("store close", error)

    # Appending: what is more than a copy. The caller holds the tail.

    def _overflow(self, kind: int, payload: bytes) -> None:
        journal = self._journal
        if journal is None:
            journal = self._journal = self._new_journal()
        journal.overflow(kind, payload)
        if self._writer is None or not self._writer.is_alive():
            self._start_writer(journal)

    def _new_journal(self) -> Journal:
        home = self._new_home()
        made = Journal if self._outside is None or home.path is None else self._outside.journal
        journal = made(home, self.settings, self._tail, self._counters, clock=self._clock, on_error=self._problem)
        journal.may_move = self._outside is None
        return journal

    def _new_home(self) -> Home:
        _register(self)  # once more: a multiprocessing worker has an end of its own
        root = self.settings.root
        if root is None:
            return MemoryHome()
        try:
            return JournalFolder(root, started=self._clock(), writer="process" if self._outside else "thread")
        except (OSError, AttributeError) as error:  # AttributeError: not on this platform
            if not self._warned:
                self._warned = True
                self._untold.append(partial(_logger.warning, _NO_JOURNAL, root, error))
            return MemoryHome()

    def _start_writer(self, journal: Journal) -> None:
        if self._exiting or (self._writer is not None and self._writer.resume()):
            return
        writer = self._writer = self._new_writer(journal)
        journal.provide, self._tail.ask = writer.provide, writer.ask
        try:
            writer.start()
        except BaseException as error:
            if not isinstance(error, RuntimeError) or raised_by_signal_handler(error):
                if not writer.is_alive():
                    self._tail.shut()  # so that the next append comes here again
                raise
            self._writer = None  # The interpreter is on its way out: the journal is for whoever adopts it.

    def _new_writer(self, journal: Journal) -> Writer | Outside:
        """Return who drains the journal: where it is in memory, nobody else can."""
        outside = None if self._outside is None else self._outside.writer(journal)
        return outside or Writer(
            journal,
            self.settings,
            self.open_store_once,
            self._counters,
            on_error=self._problem,
            clock=self._clock,
            each_round=self._tell,
        )

    def _append_failed(self, error: Exception) -> None:
        self._counters.dropped += 1
        self._counters.internal_errors += 1
        self._counters.last_error = f"append: {type(error).__name__}: {error}"
        self._on_error("append", error)

    def _problem(self, where: str, error: BaseException) -> None:
        self._counters.last_error = f"{where}: {type(error).__name__}: {error}"
        self._untold.append(partial(self._on_error, where, error))
        if not self._tail.is_inside():
            self._tell()

    def _tell(self) -> None:
        """Report what happened. Never under the tail's lock: a logging handler may hold one and wait for the tail."""
        while self._untold:
            with contextlib.suppress(Exception):
                self._untold.popleft()()

    # Waiting and ending.

    def flush(self, timeout: float) -> bool:
        """Wait until everything that this process appended before the call is committed; False if time ran out.

        What was dropped is not waited for; the gap that stands for it is, once there is room for it. Inside an append
        that is more than a copy (a signal handler may be there) it returns False at once: the writer needs what that
        append holds.
        """
        deadline = time.monotonic() + timeout
        journal = self._journal
        if journal is None:
            return True
        if self._tail.is_inside():
            return False
        journal.settle()
        journal.refresh()
        target = journal.position()
        if journal.committed >= target:
            return True
        with self._tail.held():
            if self._writer is None or not self._writer.is_alive():
                self._start_writer(journal)
            writer = self._writer
        if writer is None or writer.is_current():
            return False
        return writer.await_stored(target, deadline)

    def settle(self, timeout: float) -> bool:
        """Flush, and wait until what dead processes had left here is in the store as well; False if time ran out.

        A process that has recorded nothing begins to adopt their journals by this, if there are any.
        """
        deadline = time.monotonic() + timeout
        if self._journal is None and not self._awaken():
            return True
        if not self.flush(timeout):
            return False
        with self._tail.held():
            if self._writer is None or not self._writer.is_alive():
                return True
            writer = self._writer
        return writer.await_adopted(deadline)

    def _awaken(self) -> bool:
        """Start a writer if there are journals that it might adopt, and return whether there are."""
        root = self.settings.root
        if root is None or self._exiting or not _has_journals(root):
            return False
        with self._tail.held():
            if self._journal is None:
                self._journal = self._new_journal()
            if self._writer is None:
                self._start_writer(self._journal)
        return True

    def renew(self) -> None:
        """Have what stands in this process's journal deleted from disk once it is stored, and the dead adopted now."""
        journal, writer = self._journal, self._writer
        if journal is None or self._tail.is_inside():
            return
        journal.renew()
        if writer is not None:
            writer.adopt_soon()

    def shutdown(self, timeout: float) -> bool:
        """Flush, stop the writer and close the store; False if time ran out before everything was stored.

        The journal folder goes if the store has everything and no run is open. Otherwise it stays, locked until this
        process dies, and is adopted then. A later append starts again. Calling this twice is fine. Inside an append
        (see `flush`) it returns False at once; the exit hook does what is left to do.
        """
        return self._end(timeout, final=False)

    def at_exit(self, timeout: float) -> None:
        """Shut down for good: runs that are still open end as abandoned. Later records wait on disk for adoption."""
        try:
            self._end(timeout, final=True)
            self._tell_rest()
        except Exception as error:  # noqa: BLE001 - nothing may disturb the end of the program
            self._problem("exit", error)
        finally:
            self._exiting = True

    def _end(self, timeout: float, *, final: bool) -> bool:
        deadline = time.monotonic() + timeout
        if self._tail.is_inside():
            return False
        if not self._shutdown_lock.acquire(timeout=max(timeout, 0.0)):
            return False
        try:
            # A part of the time is kept for the thread: it ends at once, even while it waits to try again.
            flushed = self.flush(timeout * _FLUSH_SHARE)
            if self._writer is not None and not self._writer.stop(deadline - time.monotonic(), final=final):
                self._pause()
                return False
            self._writer = None
            self._leave_journal()
            self._close_store()
            self._tell()
            return flushed
        finally:
            self._shutdown_lock.release()

    def _tell_rest(self) -> None:
        """Say what the end of the process has left undone."""
        if self._journal is None:
            return
        stats = self.stats()
        if not stats.pending:
            return
        why = stats.last_error or "it took too long, or they came too late"
        if stats.journal_dir is None:
            _logger.warning(_LOST, stats.pending, why)
        else:
            _logger.warning(_LEFT, stats.pending, why, stats.journal_dir)

    def _pause(self) -> None:
        journal = self._journal
        if journal is not None:
            journal.pause()
            journal.keep_gaps()

    def _leave_journal(self) -> None:
        """Delete the journal if it has served; leave it where it is if not."""
        journal = self._journal
        if journal is None:
            return
        with self._tail.held():
            journal.learn()
            if journal.has_open_runs() or not journal.detach():
                journal.pause()
                journal.keep_gaps()
                return
            self._journal = None
        journal.remove()

    def after_fork(self) -> None:
        """Start anew in a forked child: the journal, the lock and the store are the parent's."""
        journal, store = self._journal, self._store
        if store is not None:
            _inherited.append(store)
        self._tail.reset()
        self._begin_anew()
        self._exiting = False
        if journal is not None:
            journal.forget()
        if self._outside is not None:
            self._outside.after_fork()

    # Numbers.

    def heed(self) -> None:
        """Hear whether somebody erased data, where no writer's thread does."""
        if self._outside is not None and self._outside.hears_of_erasure() and self.settings.renewed is not None:
            self.settings.renewed()

    def count(self) -> int:
        """Return how many records this process appended, after it has heard whether somebody erased data."""
        self.heed()
        return self._tail.recorded

    @property
    def recorded(self) -> int:
        """How many records this process appended: the cheapest of its numbers, for who asks at every request."""
        return self._tail.recorded

    def stats(self) -> Stats:
        """Return what became of this process's records. Opens nothing, but two small files where a drainer drains."""
        with LOADING:
            from agenttrace.journal.stats import Stats
        journal, counters = self._journal, self._counters
        if journal is not None:
            journal.learn()
        recorded = max(self._tail.recorded, counters.settled)
        drained = journal is None or journal.committed >= journal.position()
        trouble = None if self._outside is None or drained else self._outside.problem()
        return Stats(
            recorded=recorded,
            written=counters.written,
            pending=0 if drained else max(recorded - counters.settled, 0),
            degraded=counters.degraded,
            dropped=counters.dropped,
            retried=counters.retried,
            damaged=counters.damaged,
            adopted=counters.adopted,
            skipped=counters.skipped,
            dead_letters=counters.dead_letters,
            dead_letters_lost=counters.dead_letters_lost,
            internal_errors=counters.internal_errors,
            backlog_bytes=0 if journal is None else journal.backlog(),
            backlog_seconds=0.0 if drained or journal is None else max(time.monotonic() - journal.stored_until, 0.0),
            heartbeats=counters.heartbeats,
            abandoned=counters.abandoned,
            journal_dir=None if journal is None else journal.home.path,
            last_error=trouble or counters.last_error,
        )


def _has_journals(root: str) -> bool:
    # Loaded where it is asked for: by who has recorded nothing.
    with LOADING:
        from agenttrace.journal.folders import journals_in
    try:
        return bool(journals_in(root))
    except OSError:
        return False


# What happens to pipelines when the process forks or ends: one hook each for all of them.


def _register(pipeline: Pipeline) -> None:
    """Have the hooks called for this pipeline as long as somebody holds it."""
    _living.add(pipeline)
    _register_worker_exit()


def _at_exit() -> None:
    """End all pipelines; together they take no longer than the most patient one allows."""
    pipelines = sorted(_living, key=lambda pipeline: pipeline.exit_order)
    deadline = time.monotonic() + max((pipeline.exit_timeout for pipeline in pipelines), default=0.0)
    for pipeline in pipelines:
        pipeline.at_exit(max(0.0, deadline - time.monotonic()))


def _after_fork() -> None:
    """Start all pipelines anew in a child."""
    for pipeline in list(_living):
        pipeline.after_fork()


def _register_worker_exit() -> None:
    """Be called at the end of a multiprocessing worker too: it leaves through os._exit, which skips atexit."""
    global _finalized_pid
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util is None or process is None or process.parent_process() is None or _finalized_pid == os.getpid():
        return
    _finalized_pid = os.getpid()
    util.Finalize(None, _at_exit, exitpriority=0)


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
