"""A living process whose journal the drainer drains: what the writer's thread would do for it, done from outside."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from agenttrace.journal import renewal
from agenttrace.journal.counters import Counters
from agenttrace.journal.delivery import Delivery
from agenttrace.journal.folder import read_owner
from agenttrace.journal.life import Life
from agenttrace.journal.living import LivingJournal
from agenttrace.journal.shared import TOLD
from agenttrace.journal.sheet import Sheet, read_sheet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agenttrace.journal.settings import JournalSettings
    from agenttrace.store.protocol import Store

__all__ = ["Followed"]

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
        self.journal = LivingJournal(path, settings)
        self._settings = settings
        self._clock = clock
        self._status = Sheet(path / "status")
        self._running = Sheet(path / "running")
        self._unsure = False  # the store may have more open runs of it than we know
        self._next_sync = 0.0
        self._renewed: object = None
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

    def drain(self, *, stopping: Callable[[], bool]) -> None:
        """Bring to the store what the process has appended.

        Raises FileNotFoundError where the process has removed its journal, Stopped when it is time to stop.
        """
        while not stopping() and (chunk := self.journal.read()) is not None:
            self.counters.damaged += chunk.damaged
            if chunk.records:
                self.delivery.deliver(chunk.records, self.journal.process_id, self.open_runs)
            self.counters.settled += len(chunk.records)
            self.publish()
            self.journal.commit(chunk.offset)
        self.publish()

    def keep(self, stamp: object) -> None:
        """Do what is due: the heartbeat, what has to reach the disk, and what has to leave it.

        `stamp` is that of the renewal that was asked for before the last `drain` began. Raises as `drain` does.
        """
        self.sync()
        if stamp != self._renewed:
            self.journal.wipe()
            self._renewed = stamp
            self.publish()
        if self._life is not None:
            self._life.keep()

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
        """Write down for the process what became of its records; before the mark moves, so it never says too little."""
        self._keep_runs()
        counters: dict[str, Any] = {name: getattr(self.counters, name) for name in TOLD}
        error = self.counters.last_error
        self._status.write(
            {
                **counters,
                "open": len(self.open_runs) + self._unsure,
                "renewed": renewal.shown(self._renewed),
                "last_error": None if error is None else error[:_LONGEST_ERROR],
            }
        )

    def _keep_runs(self) -> None:
        few = len(self.open_runs) <= _MOST_KEPT
        runs = sorted((workspace + run).hex() for workspace, run in self.open_runs) if few else []
        self._running.write({"runs": runs, "more": self._unsure or not few})

    def gone(self) -> None:
        """End the runs that are still open and take back the heartbeat: the process has removed its journal."""
        self.delivery.abandon(self.journal.process_id, at=self._clock())

    def close(self) -> None:
        """Let go of it."""
        self.journal.close()
        self._status.close()
        self._running.close()
