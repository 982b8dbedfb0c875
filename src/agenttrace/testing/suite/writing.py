"""Batches: written again, refused, broken off in the middle, and read while they are written."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any

import pytest

from agenttrace.errors import StoreRejected, StoreUnavailable
from agenttrace.model.ids import workspace_id
from agenttrace.store.memory import MemoryStore
from agenttrace.store.protocol import RunFilter
from agenttrace.testing.records import batch_of, event_record, run_record, run_uuid
from agenttrace.testing.suite.base import OTHER, WORKSPACE, StoreSuite, all_runs, shown, write
from agenttrace.testing.suite.proves import proves
from agenttrace.testing.suite.sample import (
    api_key,
    first_part,
    sample_batch,
    second_part,
    snapshot,
    trace_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agenttrace.model.rows import RunRow
    from agenttrace.store.batch import Batch
    from agenttrace.store.protocol import Store
    from agenttrace.testing.records import Record

__all__ = ["WritePromises"]

#: A write that sends more than this is taken to be one that `fail_at` does not reach.
_MANY = 500
#: Samples whose first parts are one batch.
_AT_ONCE = 10


class WritePromises(StoreSuite):
    """A batch is written whole, or not at all, and once, however often it is delivered."""

    @proves("write.replay")
    def test_a_batch_that_is_written_again_changes_nothing(self, store: Store) -> None:
        """Whole, backwards, record by record, and what came before it as well."""
        store.add_key(api_key("key1"))
        first, second = first_part(1), second_part(1)
        store.write(sample_batch(*first))
        store.write(sample_batch(*second))
        before = snapshot(store, 1)
        assert before == _reference(1)
        store.write(sample_batch(*second))
        store.write(sample_batch(*first, *second))
        store.write(sample_batch(*reversed(second)))
        store.write(sample_batch(*first))
        for record in (*second, *first):
            store.write(sample_batch(record))
        _assert_same(snapshot(store, 1), before)

    @proves("write.replay")
    def test_a_batch_that_comes_in_parts_and_in_disorder_is_the_same(self, store: Store) -> None:
        """Whatever the order, split and repetition, the store ends up the same."""
        for numbers in ([1], range(2, 7), range(7, 13)):  # of several samples a batch has a part of each
            parts: list[list[list[Record]]] = []
            for number in numbers:
                store.add_key(api_key(f"key{number}"))
                parts.append(_in_disorder(number))
            for abreast in zip_longest(*parts, fillvalue=[]):
                store.write(sample_batch(*chain(*abreast)))
            for number in numbers:
                _assert_same(_settled(snapshot(store, number)), _settled(_reference(number)))

    @proves("write.rejects")
    @pytest.mark.parametrize("spoil", ["run", "event", "span", "log", "audit", "derive"])
    def test_nothing_of_a_batch_with_a_bad_row_is_kept(self, store: Store, spoil: str) -> None:
        """Whichever of its rows it is, the last that is written or the first."""
        store.add_key(api_key("key1"))
        store.write(sample_batch(*first_part(1)))
        before = snapshot(store, 1)
        batch = sample_batch(*second_part(1))
        error = _SPOILERS[spoil](batch)
        with pytest.raises(error):
            store.write(batch)
        _assert_same(snapshot(store, 1), before)
        store.write(sample_batch(*second_part(1)))
        _assert_same(snapshot(store, 1), _reference(1))

    @proves("write.rollback")
    def test_a_write_that_fails_midway_shows_nothing(self, store: Store) -> None:
        """Neither its runs nor what it would have changed."""
        self.needs("faults", "write.rollback")
        self.needs("rolls_back", "write.rollback")
        for number in range(1, _MANY, 3):  # a third of the statements: each of them costs a write of all tables
            _begin(store, [number])
            before = snapshot(store, number)
            if not self._breaks(store, number):
                assert number > 1, "fail_at(store, 1) let a write pass"
                return
            _assert_same(snapshot(store, number), before)
        pytest.fail("fail_at: the write never passes")

    @proves("write.atomic")
    def test_a_write_that_failed_midway_is_right_once_it_is_repeated(self, store: Store) -> None:
        """At whatever statement it was broken off."""
        self.needs("faults", "write.atomic")
        for number in range(1, _MANY):
            if number % _AT_ONCE == 1:
                _begin(store, range(number, number + _AT_ONCE))
            failed = self._breaks(store, number)
            if failed:
                store.write(sample_batch(*second_part(number)))
            _assert_same(snapshot(store, number), _reference(number))
            if not failed:
                assert number > 1, "fail_at(store, 1) let a write pass"
                return
        pytest.fail("fail_at: the write never passes")

    @proves("write.whole")
    def test_a_reader_sees_all_runs_of_a_batch_or_none(self, store: Store) -> None:
        """While a writer adds turns of six runs and ends them."""

        def write_turns() -> None:
            for number in range(1, 13):
                spans, trace = range(1, 7), trace_of(number)
                write(store, *(run_record(n, trace=trace, parent=1 if n > 1 else None) for n in spans))
                write(store, *(run_record(n, trace=trace, parent=1 if n > 1 else None, end=2_000_000) for n in spans))

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write_turns)
            while True:
                last = writing.done()
                counts = [len(all_runs(store, status=status)) % 6 for status in ("running", "success")]
                total = store.count_runs(RunFilter(workspace_id=WORKSPACE))
                assert (counts, total % 6) == ([0, 0], 0)
                if last:
                    break
            writing.result()
        assert len(all_runs(store, status="success")) == 72

    @proves("write.rejects", "store.tenants")
    def test_a_bad_row_of_one_workspace_stops_its_batch_in_all(self, store: Store) -> None:
        """A batch is one, whoever is in it."""
        batch = batch_of(run_record(1), run_record(2, scope={"workspace_id": OTHER}))
        batch.runs[WORKSPACE, run_uuid(1)].name = None  # type: ignore[assignment]
        with pytest.raises(StoreRejected):
            store.write(batch)
        assert all_runs(store, workspace_id(OTHER)) == all_runs(store) == []

    @proves("write.replay")
    def test_writing_a_batch_object_twice_changes_nothing(self, store: Store) -> None:
        """The writer that got no answer gives the same batch again."""
        scope = {"session_id": "ase_support_1"}
        batch = batch_of(run_record(1, end=2_000_000, scope=scope), event_record(1, scope=scope, content={"a": 1}))
        store.write(batch)
        before = all_runs(store), shown(store)
        store.write(batch)
        assert (all_runs(store), shown(store)) == before

    def _breaks(self, store: Store, number: int) -> bool:
        """Write a sample's second part, broken off at statement `number`; return whether that failed."""
        try:
            with self.fail_at(store, number):
                store.write(sample_batch(*second_part(number)))
        except StoreUnavailable:
            return True
        return False


def _begin(store: Store, numbers: Iterable[int]) -> None:
    """Write the first parts of these samples, which have nothing to do with each other."""
    for number in numbers:
        store.add_key(api_key(f"key{number}"))
    store.write(sample_batch(*(record for number in numbers for record in first_part(number))))


def _in_disorder(number: int) -> list[list[Record]]:
    """Return the records of both parts of a sample, some of them twice, as parts of batches; the same every time."""
    chance = random.Random(number)  # noqa: S311 # nosec B311
    records = [*first_part(number), *second_part(number)]
    chance.shuffle(records)
    records += chance.sample(records, 5)
    parts: list[list[Record]] = []
    while records:
        cut = chance.randint(1, 6)
        parts.append(records[:cut])
        records = records[cut:]
    return parts


def _reference(number: int) -> dict[str, Any]:
    """Return what a store tells after both parts of a sample."""
    store = MemoryStore()
    store.open()
    store.add_key(api_key(f"key{number}"))
    store.write(sample_batch(*first_part(number)))
    store.write(sample_batch(*second_part(number)))
    return snapshot(store, number)


def _assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for what, value in expected.items():
        assert found[what] == value, what


def _settled(found: dict[str, Any]) -> dict[str, Any]:
    """Return a snapshot without what tells how often a derived run was written."""
    runs = {name: [_untold(run) for run in found[name]] for name in ("runs", "of the session", "traces")}
    return found | runs


def _untold(run: RunRow) -> dict[str, Any]:
    names = {field.name for field in fields(run)} - {"version", "learnt", "ingested_at"}
    return {name: getattr(run, name) for name in names}


def _spoil_run(batch: Batch) -> type[Exception]:
    max(batch.runs.values(), key=lambda run: run.id).name = None  # type: ignore[assignment]
    return StoreRejected


def _spoil_event(batch: Batch) -> type[Exception]:
    next(iter(batch.events.values())).type = None  # type: ignore[assignment]
    return StoreRejected


def _spoil_span(batch: Batch) -> type[Exception]:
    next(iter(batch.spans.values())).data = None  # type: ignore[assignment]
    return StoreRejected


def _spoil_log(batch: Batch) -> type[Exception]:
    next(iter(batch.logs.values())).data = None  # type: ignore[assignment]
    return StoreRejected


def _spoil_audit(batch: Batch) -> type[Exception]:
    note = next(iter(batch.audit.values()))
    object.__setattr__(note, "action", None)
    return StoreRejected


def _spoil_derive(batch: Batch) -> type[Exception]:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a derive that fails")

    batch.derive = fail
    return ZeroDivisionError


_SPOILERS: dict[str, Callable[[Batch], type[Exception]]] = {
    "run": _spoil_run,
    "event": _spoil_event,
    "span": _spoil_span,
    "log": _spoil_log,
    "audit": _spoil_audit,
    "derive": _spoil_derive,
}
