"""Internal errors: none reaches the program; each is counted once, logged once a kind, and raised under testing."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable
from typing import Any

import pytest

import agenttrace
from agenttrace import AgentTrace
from agenttrace.errors import InternalError, StoreRejected
from agenttrace.journal.journal import Journal
from agenttrace.store.memory import MemoryStore
from agenttrace.testing import capture


class Picky(MemoryStore):
    """A store that refuses every run."""

    def write(self, batch: Any) -> None:
        if batch.runs:
            raise StoreRejected("no runs here")
        super().write(batch)


def defect(*_: Any, **__: Any) -> Any:
    """Stand for a defect of ours."""
    raise ZeroDivisionError("a defect")


def record(then: Callable[[str], object] = str) -> None:
    """Record a turn, have it stored, and do something more."""
    with agenttrace.master("turn"):
        pass
    agenttrace.flush(30)
    then("mine")


def test_a_defect_in_the_writer_is_counted_once_and_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The program goes on; the report has it by place and type, and the log its traceback, once."""
    with AgentTrace(store="memory://") as trace:
        real, calls = Journal.tidy, list[int]()

        def tidy(journal: Journal) -> None:
            calls.append(1)
            if len(calls) <= 3:
                defect()
            real(journal)

        monkeypatch.setattr(Journal, "tidy", tidy)
        while len(calls) <= 4:
            with trace.master("turn"):
                pass
            assert trace.flush(30)
        report = trace.doctor()
    assert report.process is not None
    assert report.process.stats.internal_errors == 3
    assert report.process.errors == {"writer: ZeroDivisionError": 3}
    assert (report.status, [finding.code for finding in report.findings]) == (1, ["internal_errors"])
    logged = [record for record in caplog.records if record.name == "agenttrace"]
    assert [(record.levelno, bool(record.exc_info)) for record in logged] == [(logging.WARNING, True)]


def test_an_append_that_fails_is_counted_once() -> None:
    """And the record counts as dropped."""
    with AgentTrace(store="memory://") as trace:
        trace.recorder.append(1, "no bytes")  # pyright: ignore[reportArgumentType]
        stats = trace.stats()
        assert (stats.internal_errors, stats.dropped) == (1, 1)


def test_under_testing_what_went_wrong_in_the_writer_raises_at_the_end() -> None:
    """The block itself cannot see it: it happens in another thread."""
    with pytest.raises(InternalError, match="no runs here"), capture(store=Picky()):
        record()


def test_under_testing_the_error_of_the_block_comes_first() -> None:
    """It is the one that the test is about."""
    with pytest.raises(KeyError, match="mine"), capture(store=Picky()):
        record({}.__getitem__)


def test_what_a_capture_met_is_forgotten_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    """The next one logs it anew, and raises only its own."""
    for _ in range(2):
        with pytest.raises(InternalError), capture(store=Picky()):
            record()
    with capture():
        pass
    assert len([record for record in caplog.records if record.name == "agenttrace"]) == 2


def _errors_of(trace: AgentTrace, answers: Any) -> None:
    answers.put((trace.stats().internal_errors, trace.recorder.errors))


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_errors_of_its_own() -> None:
    """It begins with none."""
    context = multiprocessing.get_context("fork")
    trace = AgentTrace(store="memory://")
    trace.recorder.failed(ValueError("x"), "here")
    answers = context.SimpleQueue()
    child = context.Process(target=_errors_of, args=(trace, answers))
    child.start()
    assert answers.get() == (0, {})
    child.join(60)
    assert trace.stats().internal_errors == 1
