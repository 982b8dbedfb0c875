"""A living process whose journal the drainer drains: what the writer's thread would do for it, done from outside."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Any

from agenttrace.journal import renewal
from agenttrace.journal.delivery import Delivery
from agenttrace.journal.folders import read_owner
from agenttrace.journal.life import Life
from agenttrace.journal.living import LivingJournal
from agenttrace.journal.settings import Counters
from agenttrace.journal.shared import TOLD
from agenttrace.journal.sheet import Sheet, read_sheet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agenttrace.journal.settings import JournalSettings
    from agenttrace.store.protocol import Store

__all__ = ["Followed"]

_TURN = 8  # batches of one process, then it is the next one's turn
_MOST_KEPT = 1000  # open runs that are written down for the next drainer
_LONGEST_ERROR = 500


class Followed:
    """One living process. For the drainer's thread.

    `wait(seconds)` is what a delivery does between two attempts; it returns True when it is time to stop.
    """

    def __init__(
        self,
        path: Path,
        settings: JournalSettings,
        open_store: Callable[[], Store],
        *,
        wait: Callable[[float, Followed], bool],
        on_error: Callable[[str, BaseException], None],
        clock: Callable[[], int],
    ) -> None:
        """Open the journal. Raises OSError where it is gone or may not be entered."""
        self.counters = Counters()
        self.open_runs: set[tuple[bytes, bytes]] = set()
        self._settings = settings
        self._clock = clock
        with ExitStack() as opened:
            self.journal = opened.enter_context(closing(LivingJournal(path, settings)))
            self._status = opened.enter_context(closing(Sheet(path / "status")))
            self._running = opened.enter_context(closing(Sheet(path / "running")))
            self._opened = opened.pop_all()
        self._unsure = False  # the store may have more open runs of it than we know
        self._next_sync = 0.0
        self._renewed: object = None
        self._until = 0.0  # monotonic seconds: what was appended before that is stored
        self._kept: set[tuple[bytes, bytes]] | None = None
        self._told: dict[str, Any] = {}
        self._resume(path)
        self.delivery = Delivery(
            settings,
            open_store,
            self.counters,
            wait=lambda seconds: wait(seconds, self),
            on_error=on_error,
            clock=clock,
        )
        self._life = None
        if settings.heartbeat is not None:
            self._life = Life(self, settings, self.delivery, clock=clock, owner=read_owner(path))
            if self.counters.heartbeats:
                self._life.resume()

    @property
    def home(self) -> LivingJournal:
        """Where the process's id can be had from."""
        return self.journal

    def _resume(self, path: Path) -> None:
        """Go on where the drainer before us ended."""
        said, kept = read_sheet(path / "status"), read_sheet(path / "running")
        for name in TOLD:
            setattr(self.counters, name, int(said.get(name, 0)))
        self._unsure = bool(kept.get("more", False))
        self.open_runs |= {(bytes.fromhex(run[:32]), bytes.fromhex(run[32:])) for run in kept.get("runs", ())}

    def drain(self, *, stopping: Callable[[], bool]) -> bool:
        """Bring to the store what the process has appended, so much that others have their turn; return whether all.

        Raises FileNotFoundError where the process has removed its journal, Stopped when it is time to stop.
        """
        self.journal.look()
        began = time.monotonic()
        for _ in range(_TURN):
            chunk = None if stopping() else self.journal.read()
            if chunk is None:
                self._until = began
                break
            self.counters.damaged += chunk.damaged
            if chunk.records:
                self.delivery.deliver(chunk.records, self.journal.process_id, self.open_runs)
            self.counters.settled += len(chunk.records)
            self.publish()
            self.journal.commit(chunk.offset)
        return self._until == began and not stopping()

    def keep(self) -> None:
        """Do what is due: the heartbeat, and what has to reach the disk. Raises as `drain` does."""
        self.sync()
        if self._life is not None:
            self._life.keep()
        if self._told != self._counts():
            self.publish()

    def renew(self, stamp: object, *, stopping: Callable[[], bool]) -> None:
        """Have nothing on the disk any more of what was stored, now or in a later round.

        `stamp` is that of the renewal that was asked for before a `drain` began that came to its end. Raises as that
        does.
        """
        if stamp == self._renewed:
            return
        claimed = self.journal.claim()
        if self.drain(stopping=stopping) and self.journal.wipe(claimed):
            self._renewed = stamp
            self.publish()

    def sync(self) -> None:
        """Make what the process appended safe from the loss of power, now and then."""
        now = time.monotonic()
        if now >= self._next_sync:
            self._next_sync = now + self._settings.sync_interval
            self.journal.sync()

    def told(self, error: str | None) -> None:
        """Let the process know what keeps the store from taking its records."""
        self.counters.last_error = error
        self.delivery.last_failure = time.monotonic()
        self.publish()

    def publish(self) -> None:
        """Write down for the process what became of its records; before the mark moves, so it never says too little.

        Where the disk has no room for that, draining goes on all the same.
        """
        with suppress(OSError):
            self._keep_runs()
            self._say()

    def _counts(self) -> dict[str, Any]:
        return {name: getattr(self.counters, name) for name in TOLD}

    def _say(self) -> None:
        self._told = self._counts()
        error = self.counters.last_error
        self._status.write(
            {
                **self._told,
                "open": len(self.open_runs) + self._unsure,
                "until": self._until,
                "renewed": renewal.shown(self._renewed),
                "last_error": None if error is None else error[:_LONGEST_ERROR],
            }
        )

    def _keep_runs(self) -> None:
        if self.open_runs == self._kept:
            return
        few = len(self.open_runs) <= _MOST_KEPT
        runs = [(workspace + run).hex() for workspace, run in self.open_runs] if few else []
        self._running.write({"runs": runs, "more": self._unsure or not few})
        self._kept = set(self.open_runs)

    def gone(self) -> None:
        """End the runs that are still open and take back the heartbeat: the process has removed its journal."""
        self.delivery.abandon(self.journal.process_id, at=self._clock())

    def close(self) -> None:
        """Let go of it."""
        self._opened.close()
