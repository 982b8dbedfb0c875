"""A purge from beginning to end: what was recorded is stored, what matches is deleted, and nothing of it comes back.

The order matters. First everybody who has a journal here is asked to let go of what stands in it. While they do, the
store is purged; once their old segments are gone, so is what they brought, by a second pass. Then come dead letters,
caches and what deleted rows have left in files, and at last the receipt.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from agenttrace.erasure import letters
from agenttrace.erasure.filters import shown
from agenttrace.erasure.receipt import Receipt, note_of, tables_of
from agenttrace.journal import renewal, wiping
from agenttrace.model import times
from agenttrace.store.protocol import LINK_AGE, PurgeCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from os import PathLike

    from agenttrace.store.protocol import PurgeFilter, Store

__all__ = ["LIMIT", "Purger", "Recording", "added"]

#: How many rows of a table go in one transaction, about.
LIMIT = 500
_MODULUS = 1 << 256

_LOOK = 0.02  # seconds between two looks at the journals of others
_ASK_AGAIN = 1.0


class Recording(Protocol):
    """What a purge needs of a `journal.pipeline.Pipeline`: this process's own journal."""

    def settle(self, timeout: float) -> bool: ...
    def renew(self) -> None: ...


class Purger:
    """Purges one store.

    `recordings` are the pipelines of this process, the store's first, and `roots` the folders of their journals;
    `forget` empties caches; `clock` returns microseconds.
    """

    def __init__(
        self,
        store: Store,
        recordings: Sequence[Recording],
        roots: Sequence[str | PathLike[str] | None],
        *,
        forget: Callable[[], None],
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._recordings = recordings
        self._roots = roots
        self._forget = forget
        self._clock = clock

    def dry_run(self, where: PurgeFilter, *, timeout: float) -> Receipt:
        """Return what `run` would delete now."""
        self._recordings[0].settle(timeout)
        counts, set_aside = self._store.purge_counts(where), letters.count(self._store, self._roots, where)
        return self._receipt(where, counts, is_dry=True, dead_letters=set_aside)

    def run(
        self,
        where: PurgeFilter,
        *,
        timeout: float,
        scrub: bool,
        progress: Callable[[int, int, dict[str, int]], None] | None,
    ) -> Receipt:
        """Purge, note the receipt in the audit log, and return it."""
        deadline = time.monotonic() + timeout
        told = _Told(self._store, where, progress)
        self._recordings[0].settle(timeout)
        segments = self._ask()
        told.add(self._pass(where, told))
        pending = self._wait(segments, deadline)
        told.add(self._pass(where, told))
        set_aside = letters.sift_store(self._store, where) + letters.sift_files(self._roots, where)
        self._forget()
        # What somebody wrote goes at once; what is merely old goes as everything else does that nothing refers to.
        links = self._collect(where, older_than=0 if scrub else LINK_AGE)
        scrubbed = self._scrub(deadline) if scrub else None
        receipt = self._receipt(
            where,
            told.counts,
            links=links,
            dead_letters=set_aside,
            pending_journals=pending,
            scrubbed=scrubbed,
            complete=not pending and scrubbed is not False,
        )
        return self._noted(receipt, where)

    # -- the store ---------------------------------------------------------------------------------

    def _pass(self, where: PurgeFilter, told: _Told) -> PurgeCounts:
        total, after = PurgeCounts(), b""
        while after is not None:
            counts, after = self._store.purge(where, limit=LIMIT, after=after)
            total = added(total, counts)
            told.tell(total)
            time.sleep(0)  # writers that wait for the store have a turn
        return total

    def _collect(self, where: PurgeFilter, *, older_than: int) -> int:
        """Delete what prompts shared and no run needs any more, and return how many rows that were."""
        count, after = 0, b""
        while after is not None:
            links, after = self._store.collect(
                workspace_id=where.workspace_id, older_than=older_than, after=after, limit=LIMIT
            )
            count += links
            time.sleep(0)
        return count

    def _scrub(self, deadline: float) -> bool:
        while not self._store.scrub():
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOOK)
        return True

    # -- journals ------------------------------------------------------------------------------------

    def _ask(self) -> list[str]:
        """Ask for new segments, and return those that have records now."""
        found = [path for root in self._roots for path in wiping.segments(root)]
        for root in self._roots:
            if root is not None:
                with suppress(OSError):  # whoever could not be asked shows as pending
                    renewal.ask(root)
        self._renew()
        return found

    def _wait(self, segments: Sequence[str], deadline: float) -> int:
        """Wait until these segments are gone, and return how many journals still have some."""
        again = time.monotonic() + _ASK_AGAIN
        while (folders := wiping.left(segments)) and time.monotonic() < deadline:
            time.sleep(_LOOK)
            if time.monotonic() >= again:  # somebody may have died meanwhile
                again = time.monotonic() + _ASK_AGAIN
                self._renew()
        return len(folders)

    def _renew(self) -> None:
        for recording in self._recordings:
            recording.renew()

    # -- the receipt -------------------------------------------------------------------------------

    def _receipt(self, where: PurgeFilter, counts: PurgeCounts, *, is_dry: bool = False, **more: object) -> Receipt:
        tables = tables_of(counts)
        cleared = {"sessions": counts.sessions_cleared, "notes": counts.notes_cleared}
        return Receipt(
            id=None,
            at=times.utc(self._clock()),
            filter=shown(where),
            dry_run=is_dry,
            counts=tables,
            rows=sum(tables.values()),
            hash=f"{counts.digest:064x}",
            cleared={name: number for name, number in cleared.items() if number},
            **more,  # pyright: ignore[reportArgumentType]
        )

    def _noted(self, receipt: Receipt, where: PurgeFilter) -> Receipt:
        noted, batch = note_of(receipt, where, now=self._clock(), random=int.from_bytes(os.urandom(8), "big") >> 2)
        self._store.write(batch)
        return noted


class _Told:
    """The sum of all passes, and what the caller's callback is told of it."""

    def __init__(
        self, store: Store, where: PurgeFilter, progress: Callable[[int, int, dict[str, int]], None] | None
    ) -> None:
        self.counts = PurgeCounts()
        self._progress = progress
        self._store = store
        self._where = where
        self._total: int | None = None

    def add(self, counts: PurgeCounts) -> None:
        self.counts = added(self.counts, counts)

    def tell(self, counts: PurgeCounts) -> None:
        if self._progress is None:
            return
        tables = tables_of(added(self.counts, counts))
        done = sum(tables.values())
        if self._total is None:
            self._total = done + sum(tables_of(self._store.purge_counts(self._where)).values())
        self._progress(done, max(self._total, done), tables)


def added(one: PurgeCounts, other: PurgeCounts) -> PurgeCounts:
    """Return the counts of two steps together."""
    sums = PurgeCounts(*(a + b for a, b in zip(one, other, strict=True)))
    return sums._replace(digest=sums.digest % _MODULUS)
