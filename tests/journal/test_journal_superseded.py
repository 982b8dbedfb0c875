"""Starts whose end is there too are not decoded: what reaches the store is the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from agenttrace.journal.pipeline import Pipeline
from agenttrace.model.superseded import NATIVE, mark, mark_in_python, superseded
from agenttrace.model.wire import FIXED, RUN
from agenttrace.store.batch import Batch
from agenttrace.testing.records import PROCESS, Record, run_record
from tests.journal.journal_support import FakeStore, record

Make = Callable[..., Pipeline]

_SCOPES = [None, {"session_id": "one"}, {"session_id": "two", "user_id": "u"}]


@st.composite
def versions(draw: st.DrawFn) -> Record:
    """One version of one of three runs; what is not its version's own may differ between them."""
    span = draw(st.integers(1, 3))
    started = {
        "name": draw(st.sampled_from(["work", "play"])),
        "start": draw(st.sampled_from([1_000, 1_000, 2_000])),
        "scope": draw(st.sampled_from(_SCOPES)),
        "spread": draw(st.booleans()),
    }
    if draw(st.booleans()):
        return run_record(span, **started, content={"input": 1}, rev=draw(st.integers(0, 1)))
    return run_record(span, **started, content={"input": 1, "output": span}, end=9_000, rev=draw(st.integers(0, 1)))


def batch_of(records: list[Record], without: set[int]) -> Batch:
    batch = Batch()
    for place, (kind, payload) in enumerate(records):
        if place not in without:
            batch.add(kind, payload, process_id=PROCESS, now=7)
    return batch


@given(st.lists(versions(), max_size=12))
def test_a_batch_without_superseded_starts_is_the_same(records: list[Record]) -> None:
    """The same runs with the same ids, the same entities, the same traces in which ids are spread."""
    needless = superseded(records)
    short, whole = batch_of(records, needless), batch_of(records, set())
    assert short.runs == whole.runs
    assert short.spread == whole.spread
    ours, theirs = short.entities(), whole.entities()
    assert (ours.sessions, ours.contacts, ours.conversations) == (
        theirs.sessions,
        theirs.contacts,
        theirs.conversations,
    )


@given(st.lists(st.tuples(versions(), st.integers(0, 200), st.binary(max_size=1)), max_size=12), st.integers(1, 12))
def test_both_ways_mark_the_same(drawn: list[tuple[Record, int, bytes]], at_once: int) -> None:
    """Whole records and spoilt ones, in one piece or in several."""
    records = [(kind, payload[:place] + odd + payload[place + len(odd) :]) for (kind, payload), place, odd in drawn]
    found: list[set[int]] = []
    for way in (mark, mark_in_python):
        ends: dict[bytes, int] = {}
        marked: set[int] = set()
        for behind in range(len(records), 0, -at_once):
            way(records, ends, marked, max(behind - at_once, 0), behind)
        found.append(marked)
    assert found[0] == found[1]
    assert found[0] == superseded(records)


def test_what_is_no_run_is_passed_over() -> None:
    """Other kinds, payloads that are too short, and kinds that no record has."""
    _, start = run_record(1)
    _, end = run_record(1, end=5_000_000)
    records = [(RUN, start), (2, start), (RUN, start[:80]), (RUN, b""), (1 << 90, start), (RUN, end)]
    assert superseded(records) == {0}


def test_the_compiled_way_is_used_where_there_is_a_compiler() -> None:
    assert NATIVE or shutil.which("cc") is None


def test_a_start_before_its_end_is_superseded() -> None:
    """That is what it is for; a start behind its end, or with another scope, is decoded."""
    start, end = run_record(1), run_record(1, end=5_000_000)
    assert superseded([start, end]) == {0}
    assert superseded([end, start]) == set()
    assert superseded([run_record(1, scope={"session_id": "one"}), end]) == set()
    assert superseded([run_record(2), end]) == set()


def test_a_start_is_stored_whose_end_is_set_aside(pipeline: Make, store: FakeStore) -> None:
    """What is wrong with the end takes nothing with it."""
    traced = pipeline(store, flush_interval=30.0)
    start, end = record(1, running=True, turn=5), bytearray(record(1, turn=5))
    start = end[: FIXED.size] + start[FIXED.size :]  # the same run, to the microsecond
    end[FIXED.size + 21] = 99  # a status that nobody knows
    assert superseded([(RUN, bytes(start)), (RUN, bytes(end))]) == {0}
    traced.append(RUN, bytes(start))
    traced.append(RUN, bytes(end))
    assert traced.flush(20)
    assert [(row.name, row.status) for row in store.rows] == [("r1", "running")]
    assert traced.stats().dead_letters == 1
