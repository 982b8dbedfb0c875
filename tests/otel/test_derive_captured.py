"""Spans captured from real frameworks mean what the tables in tests/data/otel/expected say, in any order.

The tables were compared with the captures by eye. To write them again after a change that is meant, and look at what
changed: `python -m tests.otel.test_derive_captured`.
"""

from __future__ import annotations

import random

import pytest

from agenttrace.otel.derive import derive
from tests.otel.derive_cases import AGENTS, DATA, EMITTERS, Trace, captured, readable

ALL = [
    pytest.param(each, id=f"{emitter}-{each.label}") for emitter in (*EMITTERS, AGENTS) for each in captured(emitter)
]


@pytest.mark.parametrize("emitter", [*EMITTERS, AGENTS])
def test_captures_mean_what_the_table_says(emitter: str) -> None:
    """Each span of each case has the run type, parent, content and prompt-log fields of its table."""
    expected = (DATA / "expected" / f"{emitter}.txt").read_text(encoding="utf-8")
    assert readable(captured(emitter)) == expected


@pytest.mark.parametrize("trace", ALL)
def test_the_order_of_arrival_does_not_matter(trace: Trace) -> None:
    """Shuffled and repeated spans and logs mean the same."""
    chance = random.Random(trace.label)
    expected = derive(trace.spans, trace.logs)
    for _ in range(5):
        spans = trace.spans + chance.sample(trace.spans, len(trace.spans) // 2)
        logs = trace.logs + chance.sample(trace.logs, len(trace.logs) // 2)
        chance.shuffle(spans)
        chance.shuffle(logs)
        assert derive(spans, logs) == expected


@pytest.mark.parametrize("trace", ALL)
def test_no_span_is_lost_on_the_way(trace: Trace) -> None:
    """Every prefix of what arrives has a meaning: runs whose parents are runs of it, each span at most once."""
    for size in range(len(trace.spans) + 1):
        runs = derive(trace.spans[:size], trace.logs).runs
        known = {run.span_id for run in runs}
        assert len(known) == len(runs)
        assert {run.parent_id for run in runs} <= known | {None}


@pytest.mark.parametrize("trace", ALL)
def test_nothing_captured_is_unreadable(trace: Trace) -> None:
    """Real emitters' content is read without a fault."""
    assert not any(run.data_parse_error for run in derive(trace.spans, trace.logs).runs)


if __name__ == "__main__":
    for each in (*EMITTERS, AGENTS):
        (DATA / "expected" / f"{each}.txt").write_text(readable(captured(each)), encoding="utf-8")
