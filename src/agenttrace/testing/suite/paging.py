"""Order and pages, also while others write."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from agenttrace.store.protocol import AuditFilter, RunFilter
from agenttrace.testing.records import TRACE, audit_record, event_record, run_record, run_uuid
from agenttrace.testing.suite.base import SESSION, WORKSPACE, StoreSuite, all_runs, shown, write
from agenttrace.testing.suite.proves import proves

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.store.protocol import Store

__all__ = ["PagingPromises"]

_THERE = 120  # runs that stand there before the first page is read
_INSTANT = 1_000_000
_ENDLESS = 2000  # rows, more than any test writes


class PagingPromises(StoreSuite):
    """Newest first, page by page."""

    @proves("runs.order")
    def test_runs_come_newest_first_and_ties_by_id(self, store: Store) -> None:
        """`start_time` descending, then `id` ascending, whatever order they were written in."""
        spans = [span * 7 % 31 for span in range(1, 31)]
        for part in (spans[:9], spans[9:10], spans[10:]):
            write(store, *(run_record(span, start=_INSTANT + span // 4, trace=_trace(span)) for span in part))
        expected = sorted(spans, key=lambda span: (-(span // 4), run_uuid(span, _trace(span))))
        assert [run.id for run in all_runs(store)] == [run_uuid(span, _trace(span)) for span in expected]

    @proves("runs.pages", "runs.after", "runs.counts")
    def test_pages_by_offset_and_by_key_give_every_run_once(self, store: Store) -> None:
        """Both ways of paging walk the same order, also among runs of one instant; counts are of all pages."""
        write(store, *(run_record(span, start=_INSTANT + span // 4) for span in range(1, 24)))
        asks: list[dict[str, Any]] = [{}, {"ids": list(map(run_uuid, range(1, 24)))}, {"status": "running"}]
        for where in asks:
            expected = [run.id for run in all_runs(store, **where)]
            assert len(expected) == 23
            by_offset = [run.id for page in range(5) for run in all_runs(store, limit=5, offset=5 * page, **where)]
            by_key, last = _walk(store, **where)
            assert by_offset == by_key == expected
            asked = RunFilter(workspace_id=WORKSPACE, limit=2, offset=3, after=last, **where)
            assert store.count_runs(asked) == 23

    @proves("runs.pages")
    def test_a_page_of_nothing_is_empty(self, store: Store) -> None:
        """A limit of 0 and an offset beyond the end."""
        write(store, run_record(1), run_record(2))
        assert all_runs(store, limit=0) == all_runs(store, offset=2) == all_runs(store, offset=99, limit=5) == []
        assert len(all_runs(store, offset=1)) == 1

    @proves("runs.after")
    def test_a_page_goes_on_behind_a_place_where_nothing_stands(self, store: Store) -> None:
        """The run that a page ended with may be gone by now."""
        write(store, *(run_record(span, start=_INSTANT + span) for span in range(1, 6)))
        assert [run.id for run in all_runs(store, after=(_INSTANT + 4, b"\xff" * 16))] == list(map(run_uuid, (3, 2, 1)))
        assert [run.id for run in all_runs(store, after=(_INSTANT + 4, bytes(16)))] == list(map(run_uuid, (4, 3, 2, 1)))
        assert all_runs(store, after=(0, bytes(16))) == []
        assert len(all_runs(store, after=(_INSTANT * 9, bytes(16)))) == 5

    @proves("runs.pagination")
    def test_pages_beside_writes_miss_nothing_and_repeat_nothing(self, store: Store) -> None:
        """Runs arrive before, at and behind the place of the reader, and those that it has yet to see change."""
        existing = _write_existing(store)
        steps = iter(range(1, 16))

        def disturb(at: int) -> None:
            # What is written behind the reader's place is read as well: it must come to an end.
            if step := next(steps, 0):
                _disturb(store, step, at=at)

        found, _ = _walk(store, between=disturb)
        assert len(found) == len(set(found))
        assert existing <= set(found)

    @proves("runs.pagination", "store.threads")
    def test_pages_beside_a_writing_thread_miss_nothing(self, store: Store) -> None:
        """The same, with a thread that writes as fast as it can."""
        existing = _write_existing(store)
        enough = threading.Event()

        def disturb() -> None:
            for step in range(1, 100):
                if enough.is_set():
                    return
                _disturb(store, step, at=_INSTANT + step % 60)

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(disturb)
            try:
                walks = [_walk(store)[0] for _ in range(2)]
            finally:
                enough.set()
            writing.result()
        for found in walks:
            assert len(found) == len(set(found))
            assert existing <= set(found)

    @proves("runs.pagination", "events.order", "audit.order")
    def test_pages_of_events_and_notes_beside_writes_miss_nothing(self, store: Store) -> None:
        """In either direction."""
        scope = {"session_id": SESSION}
        write(store, *(event_record(1, time=_INSTANT + n, seq=n, scope=scope) for n in range(0, 60, 2)))
        write(store, *(audit_record(n, time=_INSTANT + n) for n in range(0, 60, 2)))
        events, notes = ({row.id for row in rows} for rows in (shown(store), _notes(store)))

        def disturb(step: int) -> None:
            write(store, *(event_record(1, time=_INSTANT + n, seq=n, scope=scope) for n in (60 + step, 2 * step + 1)))
            write(store, *(audit_record(n, time=_INSTANT + n) for n in (60 + step, 2 * step + 1)))

        steps = iter(range(1, 100))
        for walk in (
            _pages(lambda after: shown(store, limit=4, after=after), lambda: disturb(next(steps))),
            _pages(lambda after: shown(store, limit=4, after=after, newest_first=True), lambda: disturb(next(steps))),
        ):
            assert len(walk) == len(set(walk))
            assert events <= set(walk)
        walk = _pages(lambda after: _notes(store, limit=4, after=after), lambda: disturb(next(steps)))
        assert len(walk) == len(set(walk))
        assert notes <= set(walk)

    @proves("events.order")
    def test_events_come_in_order_and_in_pages(self, store: Store) -> None:
        """By id ascending, or descending; `after` continues either way, also after an id that is gone."""
        scope = {"session_id": SESSION}
        write(store, *(event_record(1, time=2_000_000 - n, seq=n, scope=scope) for n in range(7)))
        oldest = [event.id for event in shown(store)]
        assert oldest == sorted(oldest)
        assert [event.id for event in shown(store, newest_first=True)] == oldest[::-1]
        assert [event.id for event in shown(store, after=oldest[2], limit=3)] == oldest[3:6]
        assert [event.id for event in shown(store, after=oldest[2], newest_first=True)] == oldest[1::-1]
        assert [event.id for event in shown(store, after=oldest[2] + "x")] == oldest[3:]
        assert [event.id for event in shown(store, after=oldest[2] + "x", newest_first=True)] == oldest[2::-1]


def _trace(span: int) -> int:
    return TRACE + (span * 7 % 5 << 80)


def _walk(
    store: Store, *, between: Callable[[int], None] | None = None, **where: Any
) -> tuple[list[bytes], tuple[int, bytes] | None]:
    """Return the ids of all pages of five, and the place where they end; `between` pages something is called."""
    found: list[bytes] = []
    after: tuple[int, bytes] | None = None
    while page := all_runs(store, limit=5, after=after, **where):
        found += [run.id for run in page]
        after = (page[-1].start_time, page[-1].id)
        assert len(found) < _ENDLESS, "the pages have no end"
        if between is not None:
            between(after[0])
    return found, after


def _pages(read: Callable[[Any], list[Any]], between: Callable[[], None]) -> list[Any]:
    found: list[Any] = []
    after: Any = None
    while page := read(after):
        found += [row.id for row in page]
        after = found[-1]
        assert len(found) < _ENDLESS, "the pages have no end"
        if len(found) < 60:
            between()
    return found


def _write_existing(store: Store) -> set[bytes]:
    records = [run_record(span, start=_INSTANT + span // 2, trace=_trace(span)) for span in range(1, _THERE + 1)]
    write(store, *records)
    return {run_uuid(span, _trace(span)) for span in range(1, _THERE + 1)}


def _disturb(store: Store, step: int, *, at: int) -> None:
    """Add runs newer than all, at the reader's place, and behind it; end some that stand there."""
    first = 1000 * step
    ended = [span for span in (step, _THERE - step, _THERE // 2) if 0 < span <= _THERE]
    write(
        store,
        run_record(first + 1, start=_INSTANT * 2 + step),
        run_record(first + 2, start=at),
        run_record(first + 3, start=at + 1),
        *([run_record(first + 4, start=at - 5)] if step < 20 else []),
        *(run_record(span, start=_INSTANT + span // 2, trace=_trace(span), end=_INSTANT * 3) for span in ended),
    )


def _notes(store: Store, **where: Any) -> list[Any]:
    return store.audit(AuditFilter(workspace_id=WORKSPACE, **where))
