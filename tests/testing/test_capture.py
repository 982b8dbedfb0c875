"""Capture: what a block records through the module's functions, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import agenttrace
from agenttrace import errors
from agenttrace.configure import default
from agenttrace.testing import CountedIds, FixedClock, capture

pytest_plugins = ["agenttrace.testing.plugin"]

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test here writes into the working directory, or finds settings in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AGENTTRACE_STORE", raising=False)
    monkeypatch.delenv("AGENTTRACE_DISABLED", raising=False)
    yield
    assert list(tmp_path.iterdir()) == []


@agenttrace.tool_call
def search(query: str) -> list[str]:
    """Find something."""
    return [query]


def names(trace: agenttrace.AgentTrace) -> list[str]:
    """Return the names of what was recorded, oldest first."""
    return [run.name for run in trace.query.runs()][::-1]


def test_a_block_captures_what_the_module_records() -> None:
    """Functions that were decorated long before are captured; their runs can be asked for in the block."""
    with capture() as trace:
        with agenttrace.master("turn", input="hello"):
            assert search("x") == ["x"]
        runs = {run.name: run for run in trace.query.runs()}
    assert set(runs) == {"turn", "search"}
    assert runs["search"].parent_id == runs["turn"].id
    assert runs["search"].content["input"] == {"query": "x"}


def test_each_block_begins_empty() -> None:
    """Nothing of one capture shows in the next."""
    for name in ("first", "second"):
        with capture() as trace:
            with agenttrace.master(name):
                pass
            assert names(trace) == [name]


def test_the_modules_queries_answer_from_the_capture() -> None:
    """Inside the block `agenttrace.query` sees what was captured."""
    with capture():
        with agenttrace.master("turn"):
            pass
        assert [run.name for run in agenttrace.query.runs()] == ["turn"]


def test_a_recording_can_be_repeated() -> None:
    """With a fixed clock and counted ids two recordings are the same to the last digit."""

    def record() -> list[Any]:
        clock = FixedClock(NOON)
        with capture(clock=clock, ids=CountedIds()) as trace:
            with agenttrace.master("turn"):
                clock.advance(1)
                search("x")
            return [(run.id, run.trace_id, run.span_id, run.start_time, run.end_time) for run in trace.query.runs()]

    first = record()
    assert first == record()
    assert {run[3] for run in first} == {NOON, NOON.replace(second=1)}


def test_captures_nest() -> None:
    """An inner capture hides the outer one and gives it back."""
    with capture() as outer:
        with agenttrace.master("before"):
            pass
        with capture() as inner:
            with agenttrace.master("inside"):
                pass
            assert names(inner) == ["inside"]
        with agenttrace.master("after"):
            pass
        assert names(outer) == ["before", "after"]


def test_defects_raise_in_the_block_only() -> None:
    """Internal errors raise InternalError under capture; afterwards they are swallowed again."""
    recorder = default._recorder
    before = recorder.strict
    with capture(), pytest.raises(errors.InternalError):
        recorder.failed(ValueError("x"), "here")
    assert recorder.strict == before


def test_the_settings_come_back_however_the_block_ends() -> None:
    """An exception leaves the block unchanged, and the former settings are in force again."""
    before = dict(vars(default._recorder))
    with pytest.raises(ZeroDivisionError), capture(max_content_bytes=2048):
        raise ZeroDivisionError
    assert vars(default._recorder) == before


def test_a_setting_that_cannot_be_used_is_refused() -> None:
    """A wrong setting raises ConfigurationError, and the former settings are in force again."""
    before = dict(vars(default._recorder))
    with pytest.raises(errors.ConfigurationError), capture(max_content_bytes=1):
        pytest.fail("the block must not run")
    assert vars(default._recorder) == before


def test_settings_are_those_of_agenttrace() -> None:
    """`capture` takes what AgentTrace takes: here, a redaction of one's own."""
    with capture(redact=lambda key, text: text.replace("Ann", "A.")) as trace:
        search("Ann")
        (run,) = trace.query.runs()
        assert run.content["input"] == {"query": "A."}


def test_the_plugin_captures_a_whole_test(agenttrace_capture: agenttrace.AgentTrace) -> None:
    """The fixture of the pytest plugin is a capture."""
    search("x")
    assert names(agenttrace_capture) == ["search"]


def test_switched_off_by_a_setting_nothing_is_captured() -> None:
    """`enabled=False` holds in a capture too."""
    with capture(enabled=False) as trace:
        search("x")
        assert names(trace) == []
