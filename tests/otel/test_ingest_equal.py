"""The same spans give the same runs: whichever way they come in, in whatever order, split and repetition."""

from __future__ import annotations

import pytest

from tests.otel.otel_records import events_of, over_json, over_protobuf, replayed, runs_of, shuffled, stored
from tests.otel.otel_replay import Case, cases

every_case = pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)


def is_whole(case: Case) -> bool:
    """Return whether all spans of a case ended, with all their attributes."""
    ended = len(case.ended) == sum(step == "start" for step, _ in case.steps)
    return ended and not any(span.dropped_attributes for span in case.ended)


@pytest.mark.parametrize("case", list(filter(is_whole, cases())), ids=lambda case: case.name)
def test_starts_add_nothing_once_all_have_ended(case: Case) -> None:
    """What a span's end says is all there is to say, unless attributes were evicted or it never ended."""
    assert runs_of(stored([replayed(case)])) == runs_of(stored([replayed(case, starts=False)]))


@every_case
def test_protobuf_gives_the_same_runs(case: Case) -> None:
    """Spans that come over OTLP in protobuf are the runs that they are in process."""
    here, there = stored([replayed(case, starts=False)]), stored([over_protobuf(case)])
    assert runs_of(there) == runs_of(here)
    assert events_of(there) == events_of(here)


@every_case
def test_json_gives_the_same_runs(case: Case) -> None:
    """Spans that come over OTLP in JSON are the runs that they are in process."""
    here, there = stored([replayed(case, starts=False)]), stored([over_json(case)])
    assert runs_of(there) == runs_of(here)
    assert events_of(there) == events_of(here)


@every_case
def test_order_repetition_and_split_do_not_matter(case: Case) -> None:
    """Shuffled, partly twice, in several batches of several processes: the same runs and events."""
    records = replayed(case)
    whole = stored([records])
    for seed in range(4):
        pieces = stored(shuffled(records, seed))
        assert runs_of(pieces) == runs_of(whole)
        assert events_of(pieces) == events_of(whole)


@every_case
def test_one_record_a_batch(case: Case) -> None:
    """As they come while the program runs, each record in a transaction of its own."""
    records = replayed(case)
    whole, pieces = stored([records]), stored([record] for record in records)
    assert runs_of(pieces) == runs_of(whole)
    assert events_of(pieces) == events_of(whole)
