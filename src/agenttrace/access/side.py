"""Records beside what is traced: audit notes and uses of keys, for which no reader of runs has to wait."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SideRecords"]


class SideRecords:
    """Appends side records to the journal, and waits for all others. Safe in several threads.

    A query waits until this process's own records are in the store. The note that a read leaves is such a record, so
    without this each read of a server would wait for a transaction on account of the read before it.

    `append` is the journal's, `recorded` returns how many records were appended in all, and `settle` waits for them.
    """

    def __init__(
        self, append: Callable[[int, bytes], None], *, recorded: Callable[[], int], settle: Callable[[], bool]
    ) -> None:
        self._append = append
        self._recorded = recorded
        self._settle = settle
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._process = os.getpid()
        self._count = 0
        self._settled: int | None = None  # how many other records there were when they had all arrived

    # No lock: a thread that forks while another one holds it would leave the child with a lock that nobody gives back.
    # So counts are read in an order that can only make a wait too many: while a note is on its way, others are counted
    # too high before the wait and too low after it. A count that another thread spoils shifts both alike.

    def append(self, kind: int, payload: bytes) -> None:
        """Append one record, for which `settle` does not wait."""
        self._append(kind, payload)
        self._count += 1

    def settle(self) -> bool:
        """Wait until every other record has arrived; return False if that takes too long."""
        if self._process != os.getpid():
            self._begin_anew()
        if self.is_settled():
            return True
        recorded = self._recorded()
        others = recorded - self._count
        if not self._settle():
            return False
        self._settled = others
        return True

    def is_settled(self) -> bool:
        """Return True where it is known that every other record has arrived. Never waits."""
        count = self._count
        return self._process == os.getpid() and self._recorded() - count == self._settled
