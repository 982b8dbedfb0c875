"""The store as an object: open, close, open again, and many threads at once."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from agenttrace.errors import StoreUnavailable
from agenttrace.store.batch import Batch
from agenttrace.store.protocol import RunFilter, Store
from agenttrace.testing.records import PROCESS, run_record
from agenttrace.testing.suite.base import WORKSPACE, StandingClock, StoreSuite, all_runs, roots, write

__all__ = ["CallPromises"]


class CallPromises(StoreSuite):
    """Methods may be called from any thread, and from several at once."""

    def test_it_is_a_store(self, store: Store) -> None:
        """It has every method of the protocol, and a URL."""
        assert isinstance(store, Store)
        assert "://" in store.url

    def test_opening_and_closing_twice_does_nothing_more(self, store: Store) -> None:
        """What was written before a close is there when the store is opened again."""
        write(store, run_record(1))
        store.open()
        store.close()
        store.close()
        store.open()
        assert len(all_runs(store)) == 1
        write(store, run_record(2))
        assert len(all_runs(store)) == 2

    def test_a_closed_store_is_unavailable(self, store: Store) -> None:
        """Calls raise StoreUnavailable until it is opened again."""
        store.close()
        with pytest.raises(StoreUnavailable):
            write(store, run_record(1))
        with pytest.raises(StoreUnavailable):
            all_runs(store)

    def test_the_clock_is_the_stores(self, store: Store, clock: StandingClock) -> None:
        """`now` is in microseconds."""
        assert store.now() == clock.time

    def test_an_empty_batch_writes_nothing(self, store: Store) -> None:
        """And raises nothing."""
        store.write(Batch())
        assert all_runs(store) == []

    def test_rows_that_were_returned_are_the_callers(self, store: Store) -> None:
        """Changing one changes nothing in the store."""
        write(store, run_record(1, name="kept"))
        all_runs(store)[0].name = "changed"
        assert all_runs(store)[0].name == "kept"

    def test_several_threads_write_and_read_at_once(self, store: Store) -> None:
        """Nothing is lost, and every read sees whole batches."""

        def work(number: int) -> list[int]:
            counts: list[int] = []
            for step in range(8):
                first = 1 + number * 1000 + step * 10
                write(store, run_record(first), *(run_record(first + n, parent=first) for n in range(1, 5)))
                counts.append(store.count_runs(RunFilter(workspace_id=WORKSPACE)))
            return counts

        with ThreadPoolExecutor(6) as pool:
            counts = [count for found in pool.map(work, range(6)) for count in found]
        assert {count % 5 for count in counts} == {0}
        assert len(all_runs(store)) == 6 * 8 * 5
        assert len(roots(store)) == 6 * 8
        assert store.abandon(PROCESS, at=2_000_000) == 6 * 8 * 5
