"""Events of runs, and what resets leave of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agenttrace.store.events import apply_reset, end_sequence, run_events
from agenttrace.testing.records import batch_of, event_record, run_record


def run_of(**options: object) -> object:
    """Return a run with a session."""
    (run,) = batch_of(run_record(1, scope={"session_id": "s"}, **options)).runs.values()  # type: ignore[arg-type]
    return run


@pytest.mark.parametrize("content", ["{", "[]", "null", "", None])
def test_a_master_whose_content_cannot_be_read_has_no_messages(content: str | None) -> None:
    """The run itself is there all the same."""
    run = replace(run_of(run_type="master", end=2_000_000), content=content)  # type: ignore[type-var]
    assert run_events(run) == []


@pytest.mark.parametrize("end_seq", [None, 0, 1])
def test_an_end_sorts_after_its_start(end_seq: int | None) -> None:
    """Also where both are one instant and the sequence says otherwise."""
    run = replace(run_of(end=1_000_000), end_seq=end_seq)  # type: ignore[type-var]
    start, end = run_events(run)
    assert start.id < end.id
    assert end_sequence(run) == 2


def test_a_failed_tool_call_has_an_output() -> None:
    """Its error is the output."""
    assert [event.type for event in run_events(run_of(end=2_000_000, status="failed"))] == ["tool_input", "tool_output"]  # type: ignore[arg-type]


def test_a_reset_hides_late_messages_and_drops_the_rest() -> None:
    """The turn's start decides; without a reset everything stays."""
    message, thought = batch_of(
        event_record(1, type="input_message", turn=5), event_record(1, seq=9, turn=5)
    ).events.values()
    assert apply_reset(message, None) is message
    assert apply_reset(thought, 4) is thought
    assert apply_reset(message, 5) == replace(message, hidden=True)
    assert apply_reset(thought, 5) is None
    assert not message.hidden
