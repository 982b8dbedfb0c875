"""Span makers that are called in C: what a call gives is what the method gives."""

from __future__ import annotations

import copy
import inspect
import pickle
import pydoc
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from agenttrace.errors import ConfigurationError
from agenttrace.record.makers import Makers
from agenttrace.record.options import UNSET
from agenttrace.record.span import Span
from agenttrace.record.state import NATIVE
from tests.record.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

CALLS: dict[str, Callable[[Makers], Any]] = {
    "bare": lambda make: make.tool_call("look"),
    "values": lambda make: make.tool_call("look", input={"q": 1}, tool_call_id="7"),
    "None is no value": lambda make: make.tool_call("look", input=None, tool_configuration=None),
    "the name by keyword": lambda make: make.tool_call(name="look", input=1),
    "no name": lambda make: make.tool_call(input=1),
    "keywords from a dict": lambda make: make.context("find", **dict(query="?")),  # noqa: C408
    "keywords made of parts": lambda make: make.context("find", **{str(b"query", "ascii"): "?"}),
    "a partial": lambda make: partial(make.master, input="hello")("turn"),
    "of the class": lambda make: Makers.predefined_behaviour(make, "greet", trigger="door", input=1),
    "of a subclass of str": lambda make: make.tool_call(type("Name", (str,), {})("look"), input=1),
    "capturing": lambda make: make.tool_call("look", input=1, capture=False),
    "ids": lambda make: make.master("turn", input=1, session_id="one"),
    "a prompt": lambda make: make.prompt("ask", history=[1], model="m", state_name="s", provider="p"),
    "a prompt with tools": lambda make: make.prompt("ask", model="m", tools=[len]),
    "a prompt in another order": lambda make: make.prompt("ask", provider="p", model="m", history=[1], turn_index=2),
    "a prompt by `span`": lambda make: make.span("prompt", "ask", input=1),
    "UNSET": lambda make: make.tool_call("look", input=UNSET, tool_call_id="7"),
    "a state that is no text": lambda make: make.prompt("ask", model="m", state_name=5),  # type: ignore[call-overload]
    "a type": lambda make: make.span("plan_b", "x", input=1),
    "a type that is to be cleaned": lambda make: make.span("Plan  B", "x", input=1),
    "a type with two lines": lambda make: make.span("plan__b", "x", input=1),
    "a type that is no ASCII": lambda make: make.span("plän", "x", input=1),
    "a type that is no UTF-8": lambda make: make.span("plan\ud800", "x", input=1),
    "an empty type": lambda make: make.span("", "x"),
    "a retrieval": lambda make: make.span("context", "x", input="?"),
    "a type alone": lambda make: make.span("plan"),
    "a secret in the name": lambda make: make.tool_call("sk-proj-" + "aB3" * 9, input=1),
}
ERRORS: dict[str, Callable[[Any], Any]] = {
    "unknown keyword": lambda make: make.tool_call("look", colour=1),
    "unknown id": lambda make: make.master("look", colour=1),
    "too many": lambda make: make.tool_call("look", 1),
    "none at all": lambda make: make.span(),
    "twice": lambda make: make.tool_call("look", name="look"),
    "no text": lambda make: make.tool_call(5),
    "no type": lambda make: make.span(5, "x"),
    "no maker": lambda _: Makers.tool_call(5, "x"),  # type: ignore[arg-type]
    "nothing": lambda _: Makers.tool_call(),  # type: ignore[call-overload]
}


def _recorded(call: Callable[[Makers], Any]) -> list[Any]:
    """Return the runs of the first call, of the next, which goes by what is remembered, and of one while it was off."""
    recording = Recording()
    for _ in range(2):
        with call(recording.make) as span:
            assert isinstance(span, Span)
    recording.recorder.enabled = False
    off = call(recording.make)
    assert isinstance(off, Span)
    decorated = off(lambda: None)
    recording.recorder.enabled = True
    decorated()
    *on, last = recording.runs()
    ordered = [(run.type, run.name, run.envelope, list(run.content.items())) for run in on]
    return [*ordered, (last.type, last.name, last.envelope, last.content)]


@pytest.mark.parametrize("what", CALLS)
def test_a_call_gives_what_the_method_gives(what: str, in_python: Callable[[], AbstractContextManager[None]]) -> None:
    """Whatever is called: the same runs with the same content."""
    runs = _recorded(CALLS[what])
    with in_python():
        assert runs == _recorded(CALLS[what])
    assert len(runs) == 3
    assert runs[0] == runs[1]


@pytest.mark.usefixtures("compiled_or_not")
@pytest.mark.parametrize("what", ERRORS)
def test_what_a_maker_cannot_use_is_an_error(what: str, recording: Recording) -> None:
    """That of the method, whether recording is on or off."""
    for enabled in (True, False):
        recording.recorder.enabled = enabled
        with pytest.raises((TypeError, AttributeError, ConfigurationError)):
            ERRORS[what](recording.make)
    assert recording.records == []


def test_a_maker_looks_like_its_method(recording: Recording) -> None:
    """For who reads its help, asks for its signature or unwraps it."""
    bound = recording.make.tool_call
    assert list(inspect.signature(bound).parameters) == [
        *("name", "input", "tool_call_id", "tool_configuration", "capture")
    ]
    assert next(iter(inspect.signature(Makers.tool_call).parameters)) == "self"
    assert (bound.__name__, bound.__module__) == ("tool_call", "agenttrace.record.makers")
    assert bound.__doc__ == Makers.tool_call.__doc__
    assert "Make one tool call" in str(bound.__doc__)
    assert "Make one tool call" in pydoc.render_doc(Makers, renderer=pydoc.plaintext)
    assert inspect.isfunction(inspect.unwrap(Makers.tool_call))
    assert not hasattr(Makers.tool_call, "nothing_of_the_kind")
    assert inspect.isfunction(Makers.tool_call)


def test_a_maker_can_be_referred_to_copied_and_pickled(recording: Recording) -> None:
    """As a function can, which is itself wherever it goes."""
    bound = recording.make.tool_call
    assert weakref.ref(Makers.tool_call)() is Makers.tool_call
    assert weakref.WeakMethod(bound)() == bound
    assert copy.deepcopy({"it": Makers.tool_call}) == {"it": copy.copy(Makers.tool_call)}
    assert pickle.loads(pickle.dumps(Makers.tool_call)) is Makers.tool_call  # noqa: S301
    if NATIVE:
        with pytest.raises(AttributeError):
            del Makers.tool_call.__wrapped__  # type: ignore[attr-defined]


def test_a_maker_can_be_mocked_by_its_signature(recording: Recording) -> None:
    """`unittest.mock` takes it for the method that it is."""
    with mock.patch.object(Makers, "prompt", autospec=True) as mocked:
        recording.make.prompt("ask", model="m")
    assert mocked.call_args == mock.call(recording.make, "ask", model="m")
    stand_in = mock.create_autospec(Makers, instance=True)
    with pytest.raises(TypeError, match="too many positional"):
        stand_in.prompt("ask", "more")
    stand_in.prompt("ask")
    stand_in.prompt.assert_called_once_with(prompt_type="ask")


@pytest.mark.skipif(not NATIVE, reason="built without a compiler")
def test_what_the_compiled_maker_cannot_be_made_of_is_an_error() -> None:
    """Not a crash."""
    kind: Any = type(Makers.tool_call)
    for arguments in ((), (1, 2, 3, 4), (1, "x", None)):
        with pytest.raises(TypeError, match="Maker: takes"):
            kind(*arguments)
    with pytest.raises(TypeError):
        kind(5, "x", None, {})("look")
