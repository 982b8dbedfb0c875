"""Starts whose end is there too are not decoded: what reaches the store is the same."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from agenttrace.journal.pipeline import Pipeline
from agenttrace.model.wire import FIXED, RUN, superseded
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
