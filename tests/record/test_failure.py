"""Failure: exceptions as the documented error object, whatever they are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace.record.failure import describe, reason
from agenttrace.record.makers import Makers
from tests.record.recording import Recording


def raised(error: BaseException) -> BaseException:
    """Raise and catch, so that there is a traceback."""
    try:
        raise error
    except BaseException as caught:
        return caught


def test_an_exception_has_type_message_and_stack() -> None:
    """The three keys of the documented error object."""
    error = describe(raised(ValueError("broken")))
    assert set(error) == {"type", "message", "stack"}
    assert (error["type"], error["message"]) == ("ValueError", "broken")
    assert error["stack"].startswith("Traceback (most recent call last):")
    assert error["stack"].rstrip().endswith("ValueError: broken")
    assert "in raised" in error["stack"]


def test_the_cause_is_in_the_stack() -> None:
    """Chained exceptions show."""
    try:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise ValueError("outer") from inner
    except ValueError as error:
        stack = describe(error)["stack"]
    assert "KeyError: 'inner'" in stack
    assert "direct cause" in stack


def test_an_exception_that_was_never_raised_is_described() -> None:
    """Without a traceback the stack is the exception's own line."""
    assert describe(ValueError("x")) == {"type": "ValueError", "message": "x", "stack": "ValueError: x\n"}


class UnprintableError(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class HostileError(Exception):
    """Breaks whoever formats it."""

    @property
    def __notes__(self) -> Any:
        raise RuntimeError("no notes")

    @property
    def __cause__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("no cause")


@pytest.mark.parametrize("error", [UnprintableError(), HostileError("x")], ids=["unprintable", "hostile"])
def test_hostile_exceptions_are_described(error: Exception) -> None:
    """What an exception's own code does when it is asked cannot make the description fail."""
    described = describe(raised(error))
    assert described["type"] == type(error).__name__
    assert isinstance(described["message"], str)
    assert described["stack"] is None or isinstance(described["stack"], str)


def test_long_messages_and_stacks_are_cut() -> None:
    """A message and a stack have a bound; the stack keeps its end, where the error stands."""
    error = describe(raised(ValueError("m" * 100_000 + "END")))
    assert len(error["message"]) < 10_000
    assert len(error["stack"]) < 40_000
    assert error["stack"].rstrip().endswith("END")


def test_reasons_other_than_exceptions() -> None:
    """Texts, objects and anything else become the same three keys, and an object's further ones."""
    assert reason("x") == {"type": "Error", "message": "x", "stack": None}
    assert reason({"type": "T", "code": 1}) == {"type": "T", "message": None, "stack": None, "code": 1}
    assert reason({1: 2})["1"] == 2
    assert reason(KeyError("k"))["type"] == "KeyError"


@given(st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF), max_size=50))
def test_any_message_can_be_recorded(message: str) -> None:
    """Lone surrogates, NUL and newlines in a message do not lose the run."""
    recording = Recording()
    with pytest.raises(ValueError), recording.make.tool_call("tool"):
        raise ValueError(message)
    run = recording.run()
    assert run.status == "failed"
    assert run.error is not None
    assert run.error["type"] == "ValueError"


def test_the_stack_of_a_decorated_call_begins_in_the_program(make: Makers, recording: Recording) -> None:
    """Our own frames at the top of the traceback are left out; the program's are all there."""

    @make.tool_call
    def inner() -> None:
        raise ValueError("x")

    @make.master
    def outer() -> None:
        inner()

    with pytest.raises(ValueError):
        outer()
    for run in recording.runs():
        first = (run.error or {})["stack"].splitlines()[1]
        assert "test_failure.py" in first
        assert f"in {run.name}" in first


def test_the_stack_of_a_wrong_call_names_no_frame_of_ours(make: Makers, recording: Recording) -> None:
    """A call that does not fit fails before the program's first frame; ours is not shown in its stead."""

    @make.tool_call
    def work(a: int) -> None:
        pass

    with pytest.raises(TypeError):
        work()  # type: ignore[call-arg]
    error = recording.run().error
    assert error is not None
    assert error["type"] == "TypeError"
    assert "decorate.py" not in (error["stack"] or "")
