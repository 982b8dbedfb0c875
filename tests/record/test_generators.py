"""Decorated generators: send, throw, close and return work as before, and the context never crosses a yield."""

from __future__ import annotations

import contextvars
import gc
import inspect
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrace.record.context import current_context
from agenttrace.record.makers import Makers
from agenttrace.record.span import NOOP, current
from tests.record.held import ACTIONS, STEPS, acts, expected, seen
from tests.record.recording import DECORATORS, Recording, decorator

OUTPUT = {"context": "documents", "prompt": "llm_response"}


@pytest.mark.parametrize("kind", [*DECORATORS, "custom_step"])
def test_a_generator_is_one_run_from_its_first_step_to_its_end(recording: Recording, kind: str) -> None:
    """What was yielded is the output: texts joined, in every run type."""

    @decorator(recording.make, kind)
    def words() -> Iterator[str]:
        yield "a"
        assert recording.run().status == "running"
        yield "b"

    assert list(words()) == ["a", "b"]
    run = recording.run()
    assert (run.name, run.status, run.content[OUTPUT.get(kind, "output")]) == ("words", "success", "ab")


def test_a_generator_of_values_is_a_list(make: Makers, recording: Recording) -> None:
    """What is not all text is recorded as a list."""
    make.tool_call("a")(lambda: (yield from [1, "b", None]))().close()

    @make.tool_call
    def values() -> Iterator[Any]:
        yield from [1, "b", None]

    assert list(values()) == [1, "b", None]
    assert recording.run("values").content["output"] == [1, "b", None]


def test_a_generator_that_yields_nothing_succeeds(make: Makers, recording: Recording) -> None:
    """An empty stream is a success with an empty output."""

    @make.tool_call
    def nothing() -> Iterator[int]:
        yield from ()

    assert list(nothing()) == []
    assert recording.run().status == "success"
    assert not recording.run().content["output"]


def test_a_generator_that_is_never_stepped_is_no_run(make: Makers, recording: Recording) -> None:
    """Without a step nothing happened, and nothing is recorded."""

    @make.tool_call
    def words() -> Iterator[str]:
        yield "a"

    unused = words()
    unused.close()  # type: ignore[attr-defined]
    words()
    gc.collect()
    assert recording.records == []


def test_send_throw_and_the_return_value_pass_through(make: Makers, recording: Recording) -> None:
    """The consumer talks to the generator as if nothing stood between."""
    log: list[Any] = []

    @make.tool_call
    def talk() -> Generator[str, Any, str]:
        log.append((yield "one"))
        try:
            yield "two"
        except KeyError as error:
            log.append(error)
        log.append((yield "three"))
        return "done"

    error = KeyError("x")
    talking = talk()
    assert next(talking) == "one"
    assert talking.send("hello") == "two"
    assert talking.throw(error) == "three"
    with pytest.raises(StopIteration) as stop:
        talking.send(0)
    assert stop.value.value == "done"
    assert log == ["hello", error, 0]
    assert log[1] is error
    assert recording.run().status == "success"
    assert recording.run().content["output"] == "onetwothree"


def test_yield_from_gets_the_return_value(make: Makers) -> None:
    """A generator that delegates to a decorated one gets its result."""

    @make.tool_call
    def inner() -> Generator[int, None, str]:
        yield 1
        return "result"

    def outer() -> Generator[Any, None, None]:
        yield (yield from inner())

    assert list(outer()) == [1, "result"]


def test_an_exception_inside_passes_through(make: Makers, recording: Recording) -> None:
    """The very exception comes out, and the run is failed with what it yielded so far."""
    raised = ValueError("broken")

    @make.tool_call
    def words() -> Iterator[str]:
        yield "a"
        raise raised

    stream = words()
    assert next(stream) == "a"
    with pytest.raises(ValueError) as caught:
        next(stream)
    assert caught.value is raised
    run = recording.run()
    assert (run.status, run.content["output"]) == ("failed", "a")
    assert (run.error or {})["message"] == "broken"
    assert "agenttrace/record" not in (run.error or {})["stack"]
    assert list(stream) == []


def test_an_exception_thrown_in_and_not_handled_comes_out(make: Makers, recording: Recording) -> None:
    """`throw` on a generator that does not handle it raises the same exception and fails the run."""
    thrown = KeyError("x")

    @make.tool_call
    def words() -> Iterator[str]:
        yield "a"

    stream: Any = words()
    next(stream)
    with pytest.raises(KeyError) as caught:
        stream.throw(thrown)
    assert caught.value is thrown
    assert recording.run().status == "failed"


def test_throwing_before_the_first_step_raises(make: Makers, recording: Recording) -> None:
    """A generator that never began raises what is thrown at it, and is no run."""

    @make.tool_call
    def words() -> Iterator[str]:
        yield "a"

    stream: Any = words()
    with pytest.raises(KeyError):
        stream.throw(KeyError("x"))
    assert recording.records == []


def test_stop_iteration_inside_is_a_runtime_error(make: Makers, recording: Recording) -> None:
    """A StopIteration raised inside a generator becomes a RuntimeError, as the language has it."""

    @make.tool_call
    def words() -> Iterator[str]:
        yield "a"
        raise StopIteration("x")

    with pytest.raises(RuntimeError, match="StopIteration"):
        list(words())
    assert (recording.run().error or {})["type"] == "RuntimeError"


def test_a_generator_closed_early_keeps_what_it_yielded(make: Makers, recording: Recording) -> None:
    """`close()` runs the generator's own clean-up and ends the run, with what was yielded so far."""
    cleaned: list[Any] = []

    @make.prompt
    def words() -> Iterator[str]:
        try:
            yield "a"
            yield "b"
            yield "c"
        finally:
            cleaned.append(current().span_id)

    stream: Any = words()
    assert [next(stream), next(stream)] == ["a", "b"]
    stream.close()
    stream.close()
    run = recording.run()
    assert cleaned == [run.span_id]
    assert run.content["llm_response"] == "ab"
    assert (run.status, (run.error or {})["type"]) == ("failed", "GeneratorExit")


def test_an_abandoned_generator_keeps_what_it_yielded(make: Makers, recording: Recording) -> None:
    """A consumer that breaks off and forgets the stream ends the run."""

    @make.prompt
    def words() -> Iterator[str]:
        yield "a"
        yield "b"

    for word in words():
        assert word == "a"
        break
    gc.collect()
    run = recording.run()
    assert run.content["llm_response"] == "a"
    assert run.record.end is not None


def test_a_generator_that_returns_on_close_is_closed(make: Makers, recording: Recording) -> None:
    """A generator that swallows GeneratorExit is closed without an error for the consumer."""

    @make.tool_call
    def words() -> Iterator[str]:
        try:
            yield "a"
        except GeneratorExit:
            return

    stream: Any = words()
    next(stream)
    assert stream.close() is None
    assert recording.run().record.end is not None


def test_a_generator_that_fails_while_closing_raises(make: Makers, recording: Recording) -> None:
    """An exception of the clean-up reaches whoever closes, and is the run's error."""

    @make.tool_call
    def words() -> Iterator[str]:
        try:
            yield "a"
        finally:
            raise ValueError("in clean-up")

    stream: Any = words()
    next(stream)
    with pytest.raises(ValueError, match="in clean-up"):
        stream.close()
    assert (recording.run().error or {})["message"] == "in clean-up"


def test_a_generator_that_ignores_close_is_a_runtime_error(make: Makers, recording: Recording) -> None:
    """A generator that yields while it is closed makes `close()` raise, as without us."""

    @make.tool_call
    def words() -> Iterator[str]:
        try:
            yield "a"
        except GeneratorExit:
            yield "b"

    stream: Any = words()
    next(stream)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        stream.close()
    assert recording.run().status == "failed"


def test_generator_exit_thrown_by_hand_comes_out(make: Makers, recording: Recording) -> None:
    """`throw(GeneratorExit)` raises GeneratorExit to whoever threw it."""

    @make.tool_call
    def words() -> Iterator[str]:
        yield "a"

    stream: Any = words()
    next(stream)
    with pytest.raises(GeneratorExit):
        stream.throw(GeneratorExit())
    assert recording.run().status == "failed"


def test_the_consumers_spans_are_not_the_generators_children(make: Makers, recording: Recording) -> None:
    """Between two steps the context is the consumer's; inside a step it is the generator's."""

    @make.prompt
    def words() -> Iterator[str]:
        own = current()
        for name in ("a", "b"):
            with make.context(f"inside_{name}"):
                pass
            assert current() is own
            yield name
            assert current() is own

    with make.master("turn") as turn:
        for word in words():
            assert current() is turn
            with make.tool_call(f"outside_{word}"):
                pass
        assert current() is turn
    assert recording.tree() == [
        ("turn", [("words", [("inside_a", []), ("inside_b", [])]), ("outside_a", []), ("outside_b", [])])
    ]


def test_a_span_that_a_generator_holds_open_over_a_yield_stays_its_own(make: Makers, recording: Recording) -> None:
    """A block inside a generator that yields in its middle does not become the consumer's context."""

    @make.prompt
    def words() -> Iterator[str]:
        with make.tool_call("held"):
            yield "a"
            yield "b"

    with make.master("turn") as turn:
        for word in words():
            assert current() is turn
            with make.tool_call(f"outside_{word}"):
                pass
    assert recording.tree()[0][1][1:] == [("outside_a", []), ("outside_b", [])]
    assert all(run.status == "success" for run in recording.runs())


def test_a_block_that_a_generator_holds_open_over_a_yield_has_its_children(make: Makers, recording: Recording) -> None:
    """As without the decorator: what comes after the yield is in the block, and what comes after the block is not."""

    @make.master
    def turn() -> Iterator[int]:
        with make.prompt("block"):
            yield 1
            with make.tool_call("inside"):
                pass
        with make.tool_call("after"):
            pass
        with make.scope(session_id="s"):
            yield 2
            with make.tool_call("scoped"):
                pass

    assert list(turn()) == [1, 2]
    assert recording.tree() == [("turn", [("block", [("inside", [])]), ("after", []), ("scoped", [])])]
    assert recording.run("scoped").scope == {"session_id": "s"}


@given(ACTIONS, STEPS)
@settings(max_examples=200, deadline=None)
def test_blocks_over_yields_make_the_tree_that_they_say(actions: list[str], elsewhere: list[bool]) -> None:
    """Whoever makes which step: the generator's context goes with it, and the consumer's stays as it is."""
    recording = Recording()
    make = recording.make

    @make.master("generator")
    def work() -> Iterator[None]:
        yield from acts(make, actions)

    with make.span("consumer") as consumer:
        stream, context = work(), current_context()
        for other in elsewhere:
            if other:
                contextvars.copy_context().run(next, stream, None)
            else:
                next(stream, None)
            assert current_context() is context
        assert current() is consumer
    assert seen(recording)[2:] == expected(actions, "generator")
    assert current() is NOOP


def test_generators_that_take_turns_do_not_mix(make: Makers, recording: Recording) -> None:
    """Steps of several generators may interleave in any way."""

    @make.prompt
    def words(name: str) -> Iterator[str]:
        for number in range(2):
            with make.context(f"{name}{number}"):
                yield name

    list(zip(words("a"), words("b"), strict=True))
    assert [branch[0] for branch in recording.tree()] == ["words", "words"]
    assert current() is NOOP


def test_the_parent_is_where_the_first_step_was_made(make: Makers, recording: Recording) -> None:
    """A stream belongs to the span in which it began to run; later steps elsewhere do not move it."""

    @make.prompt
    def words() -> Iterator[str]:
        yield "a"
        with make.context("late"):
            pass
        yield "b"

    with make.master("first"):
        stream = words()
        next(stream)
    with make.master("second"):
        list(stream)
    assert recording.tree() == [("first", [("words", [("late", [])])]), ("second", [])]


def test_a_generator_in_a_scope_keeps_its_scope(make: Makers, recording: Recording) -> None:
    """The scope of the first step holds for the whole stream, wherever it is consumed."""

    @make.prompt
    def words() -> Iterator[str]:
        yield "a"
        with make.context("late"):
            pass
        yield "b"

    with make.scope(session_id="s1"):
        stream = words()
        next(stream)
    with make.scope(session_id="s2"):
        list(stream)
    assert all(run.scope == {"session_id": "s1"} for run in recording.runs())


def test_a_generator_method_is_recorded(make: Makers, recording: Recording) -> None:
    """Generators of a class work on their instance."""

    class Shop:
        def __init__(self) -> None:
            self.goods = ["a", "b"]

        @make.tool_call
        def list(self, count: int) -> Iterator[str]:
            yield from self.goods[:count]

    assert [*Shop().list(1)] == ["a"]
    assert recording.run().content == {"input": {"count": 1}, "output": "a"}


COMMANDS = st.lists(st.sampled_from(["next", "send", "throw", "close", "exit"]), max_size=8)


def _talkative(log: list[Any]) -> Generator[int, Any, str]:
    """Yield numbers, note what comes in, survive ValueErrors."""
    for number in range(4):
        try:
            log.append((yield number))
        except ValueError as error:
            log.append(str(error))
    return "end"


def _play(function: Callable[..., Any], commands: list[str]) -> list[Any]:
    """Run the commands and return all that could be observed."""
    log: list[Any] = []
    stream = function(log)
    for command in commands:
        try:
            match command:
                case "next":
                    log.append(next(stream))
                case "send":
                    log.append(stream.send(None if inspect.getgeneratorstate(stream) == "GEN_CREATED" else "sent"))
                case "throw":
                    log.append(stream.throw(ValueError("thrown")))
                case "exit":
                    log.append(stream.throw(GeneratorExit()))
                case _:
                    log.append(stream.close())
        except BaseException as error:
            log.append((type(error), getattr(error, "value", None)))
    stream.close()
    return log


@given(COMMANDS, st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_decorated_generator_behaves_as_the_bare_one(commands: list[str], enabled: bool) -> None:
    """Whatever is done with it, recording or not, a decorated generator cannot be told from the one below."""
    recording = Recording(enabled=enabled)
    assert _play(recording.make.tool_call(_talkative), commands) == _play(_talkative, commands)
    assert all(run.record.end is not None for run in recording.runs())
    assert current() is NOOP
