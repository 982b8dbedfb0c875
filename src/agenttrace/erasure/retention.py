"""Keeping by age: the writer's upkeep, a short step at a time, by one process of those that share a folder."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from agenttrace.erasure.filters import shown
from agenttrace.erasure.letters import sift_files, sift_step
from agenttrace.erasure.purger import LIMIT, added
from agenttrace.erasure.receipt import Receipt, note_of, tables_of
from agenttrace.journal.turn_taking import SharedTurn
from agenttrace.model import times
from agenttrace.store.protocol import PurgeCounts, PurgeFilter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agenttrace.store.protocol import Store

__all__ = ["INTERVAL", "Retention"]

#: Seconds between two rounds.
INTERVAL = 3_600.0

_LOOK_AGAIN = 300.0  # seconds until it is asked again whether it is this process's turn
_BETWEEN_STEPS = 0.0


class Retention:
    """Deletes what is older than `age` microseconds; with `audit`, notes of the audit log too.

    Call `step` from one thread, as often as it says.
    """

    def __init__(self, age: int, folder: Path | None, *, audit: bool, clock: Callable[[], int]) -> None:
        self._age = age
        self._audit = audit
        self._clock = clock
        self._folder = folder
        self._turn = SharedTurn(folder, "retention", int(INTERVAL * 1_000_000))
        self._where: PurgeFilter | None = None
        self._begin_anew()

    def step(self, store: Store) -> float:
        """Delete some of what is too old, and return in how many seconds to call again."""
        where = self._where or self._begin()
        if where is None:
            return _LOOK_AGAIN
        try:
            if self._delete_some(store, where):
                return _BETWEEN_STEPS
            with suppress(OSError):
                self._letters += sift_files([self._folder], where)
            self._note(store, where)
        except BaseException:
            self._end(None)
            raise
        self._end(self._clock())
        return INTERVAL

    def _delete_some(self, store: Store, where: PurgeFilter) -> bool:
        """Delete rows, and once none is left dead letters; return whether there is more to do."""
        if self._after is not None:
            counts, self._after = store.purge(where, limit=LIMIT, after=self._after)
            self._counts = added(self._counts, counts)
            return True
        letters, self._letters_after = sift_step(store, where, after=self._letters_after)
        self._letters += letters
        return self._letters_after is not None

    def _begin(self) -> PurgeFilter | None:
        now = self._clock()
        if not self._turn.take(now):
            return None
        self._where = PurgeFilter(before=max(now - self._age, 0), audit=self._audit)
        self._begin_anew()
        return self._where

    def _begin_anew(self) -> None:
        self._after: bytes | None = b""
        self._counts = PurgeCounts()
        self._letters_after: tuple[int, bytes] | None = None
        self._letters = 0

    def _end(self, now: int | None) -> None:
        self._where = None
        self._turn.give(now)

    def _note(self, store: Store, where: PurgeFilter) -> None:
        tables = tables_of(self._counts)
        if not tables and not self._letters:
            return
        receipt = Receipt(
            id=None,
            at=times.utc(self._clock()),
            filter=shown(where),
            dry_run=False,
            counts=tables,
            rows=sum(tables.values()),
            hash=f"{self._counts.digest:064x}",
            dead_letters=self._letters,
        )
        _, batch = note_of(receipt, where, now=self._clock(), random=int.from_bytes(os.urandom(8), "big") >> 2)
        store.write(batch)
