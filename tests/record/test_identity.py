"""Identity: trace ids that sort by time, span ids, and both unlikely to meet."""

from __future__ import annotations

import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace.model import ids as model_ids
from agenttrace.record.parameters import Ids
from agenttrace.record.randomids import RandomIdsInPython
from agenttrace.record.recorder import RandomIds

NOW = 1_767_268_800_000_000


WAYS = pytest.mark.parametrize("way", [RandomIds, RandomIdsInPython])


@WAYS
@given(st.integers(0, (1 << 47) * 1000))
def test_a_trace_id_begins_with_the_milliseconds(way: type[Ids], now: int) -> None:
    """16 bytes: 48 bits of Unix milliseconds, then random ones."""
    trace = way().trace(now)
    assert len(trace) == 16
    assert int.from_bytes(trace[:6], "big") == now // 1000
    assert any(trace)


@WAYS
def test_every_bit_of_an_id_is_random(way: type[Ids]) -> None:
    """Each is set in about half of many ids."""
    made, count = way(), 4000
    spans = [int.from_bytes(made.span(), "big") for _ in range(count)]
    traces = [int.from_bytes(made.trace(NOW)[6:], "big") for _ in range(count)]
    for ids, bits in ((spans, 64), (traces, 80)):
        for bit in range(bits):
            assert 0.4 < sum(one >> bit & 1 for one in ids) / count < 0.6


@WAYS
def test_ids_do_not_repeat(way: type[Ids]) -> None:
    """Many ids of one instant are all different, and none is zero."""
    made = way()
    traces = {made.trace(NOW) for _ in range(5000)}
    spans = {made.span() for _ in range(5000)}
    assert len(traces) == len(spans) == 5000
    assert bytes(8) not in spans
    assert {len(span) for span in spans} == {8}


def test_seeding_the_global_generator_does_not_repeat_ids() -> None:
    """A program that seeds `random` before each run does not get the ids of its last run."""
    made = RandomIds()
    random.seed(7)
    first = made.trace(NOW), made.span()
    random.seed(7)
    second = made.trace(NOW), made.span()
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_the_programs_own_random_numbers_stay_as_they_were() -> None:
    """Making ids does not move the global generator."""
    random.seed(7)
    expected = random.random()
    random.seed(7)
    RandomIds().trace(NOW)
    RandomIds().span()
    assert random.random() == expected


def test_threads_do_not_share_ids() -> None:
    """Ids that several threads make at once are all different."""
    made = RandomIds()
    found: list[bytes] = []

    def work() -> None:
        found.extend([made.span() for _ in range(2000)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8000


def test_later_traces_sort_later() -> None:
    """Run ids of a later millisecond are greater, so new rows sit together."""
    made = RandomIds()
    runs = [
        model_ids.run_id(int.from_bytes(made.trace(NOW + step * 1000), "big"), int.from_bytes(made.span(), "big"))
        for step in range(50)
    ]
    assert runs == sorted(runs)
