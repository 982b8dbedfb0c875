"""The life of processes: a writer says that its own lives, and ends the runs of those that are gone."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Protocol

from agenttrace.journal.heartbeat import Heartbeat, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agenttrace.journal.delivery import Delivery
    from agenttrace.journal.settings import JournalSettings
    from agenttrace.model.rows import ProcessRow

__all__ = ["Life"]


class Named(Protocol):
    """Something with a process's id."""

    @property
    def process_id(self) -> bytes:
        """The id."""
        ...


class Living(Protocol):
    """What is needed of a living process's journal."""

    open_runs: set[tuple[bytes, bytes]]

    @property
    def home(self) -> Named:
        """Where it lies."""
        ...


class Life:
    """One process's heartbeat and its watch over the others. For the thread that drains its journal.

    `owner` is what that process says of itself, where it is another one.
    """

    def __init__(
        self,
        journal: Living,
        settings: JournalSettings,
        delivery: Delivery,
        *,
        clock: Callable[[], int],
        owner: Mapping[str, Any] | None = None,
    ) -> None:
        self._journal = journal
        self._root = settings.root
        self._interval = settings.heartbeat or 0.0
        self._delivery = delivery
        started = clock() if owner is None else int(owner.get("started", 0)) or clock()
        self._heartbeat = Heartbeat(journal.home.process_id, started_at=started, interval=self._interval, owner=owner)
        self._watch = Watch(settings.abandon_grace)
        self._failure = delivery.last_failure
        self._next = float("inf")
        delivery.begin(self._heartbeat)

    def resume(self) -> None:
        """Go on for a process whose heartbeat the store has already."""
        self._heartbeat.is_known = True

    def keep(self) -> None:
        """Do what is due: look at the heartbeats in the store, and write our own. Raises Stopped.

        A process that has not written anything has no runs, and nothing to say.
        """
        now = time.monotonic()
        if not self._heartbeat.is_known:
            return
        self._next = min(self._next, now + self._interval)
        if now < self._next:
            return
        rows: list[ProcessRow] = []
        self._delivery.persist(lambda store: rows.extend(store.processes()))
        self._revive(rows)
        self._bury(rows)
        self._delivery.beat()
        self._next = time.monotonic() + self._interval

    def leave(self) -> None:
        """Take the heartbeat back: this process ends, and no run of its own is open. Raises Stopped."""
        if self._heartbeat.is_known:
            self._delivery.take_back()

    def _revive(self, rows: list[ProcessRow]) -> None:
        """Open our runs again where another process has taken us for dead: we may have slept, or been cut off."""
        own, open_runs = self._heartbeat.id, self._journal.open_runs
        runs = [key for key in open_runs if len(key[1]) == len(own)]  # foreign spans have longer keys
        if runs and all(row.id != own for row in rows):
            self._delivery.persist(lambda store: store.revive(own, runs))

    def _bury(self, rows: list[ProcessRow]) -> None:
        """End the runs of those whose heartbeat stands still; a journal that lies here is for who adopts it."""
        if self._failure != self._delivery.last_failure:
            self._failure = self._delivery.last_failure
            self._watch.begin_anew()
        others = [row for row in rows if row.id != self._heartbeat.id and not self._lies_here(row)]
        for row in self._watch.gone(others, time.monotonic()):
            if self._delivery.may_abandon():
                self._delivery.abandon(row.id, at=row.seen_at)

    def _lies_here(self, row: ProcessRow) -> bool:
        return self._root is not None and os.path.exists(os.path.join(self._root, row.id.hex()))
