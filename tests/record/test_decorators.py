"""Decorators: what a decorated function is, gives back and raises is what it was before."""

from __future__ import annotations

import asyncio
import functools
import inspect
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from agenttrace.model.wire import write_run
from agenttrace.record.makers import Makers
from agenttrace.record.span import NOOP, current
from tests.record.recording import DECORATORS, Recording, decorator

ALL = (*DECORATORS, "custom_step")
OUTPUT = {"context": "documents", "prompt": "llm_response"}


class HostileError(Exception):
    """Cannot be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


# -- what it is ----------------------------------------------------------------------------------------------


def plain(a: int, /, b: str = "x", *args: int, c: float, **rest: Any) -> str:
    """Say something."""
    return f"{a}{b}{args}{c}{rest}"


async def coroutine(a: int, *, b: str = "x") -> str:
    """Wait for something."""
    return f"{a}{b}"


def generator(a: int, b: str = "x") -> Iterator[str]:
    """Yield something."""
    yield f"{a}{b}"


async def async_generator(a: int, b: str = "x") -> AsyncIterator[str]:
    """Yield something, slowly."""
    yield f"{a}{b}"


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("function", [plain, coroutine, generator, async_generator], ids=lambda f: f.__name__)
def test_a_decorated_function_looks_as_before(make: Makers, kind: str, function: Callable[..., Any]) -> None:
    """Name, docstring, module, signature, annotations and kind stay."""
    wrapped = decorator(make, kind)(function)
    assert wrapped is not function
    assert inspect.unwrap(wrapped) is function
    for name in ("__name__", "__qualname__", "__doc__", "__module__"):
        assert getattr(wrapped, name) == getattr(function, name)
    assert inspect.signature(wrapped) == inspect.signature(function)
    assert typing.get_type_hints(wrapped) == typing.get_type_hints(function)
    for question in (
        inspect.isfunction,
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
    ):
        assert question(wrapped) == question(function)


@pytest.mark.parametrize("enabled", [True, False])
async def test_a_decorated_call_gives_the_same_kind_of_object(enabled: bool) -> None:
    """Coroutines, generators and async generators are what they were, whether recording or not."""
    make = Recording(enabled=enabled).make
    waiting = make.tool_call(coroutine)(1)
    assert inspect.iscoroutine(waiting)
    assert await waiting == "1x"
    assert inspect.isgenerator(make.tool_call(generator)(1))
    assert inspect.isasyncgen(make.tool_call(async_generator)(1))
    assert list(make.tool_call(generator)(1)) == ["1x"]
    assert [item async for item in make.tool_call(async_generator)(1)] == ["1x"]
    assert make.tool_call(plain)(1, "b", 2, c=0.5, d=3) == "1b(2,)0.5{'d': 3}"


def test_the_object_that_is_returned_is_the_very_one(make: Makers) -> None:
    """The result passes through untouched, whatever it is."""
    result = object()
    assert make.tool_call(lambda: result)() is result
    assert make.prompt(lambda: result)() is result


@pytest.mark.parametrize("enabled", [True, False])
async def test_arguments_arrive_untouched(enabled: bool) -> None:
    """The function gets the very objects that the caller passed."""
    make = Recording(enabled=enabled).make
    sent: list[Any] = [[1], {"k": object()}]

    @make.tool_call
    def sync(a: Any, *, b: Any) -> tuple[Any, Any]:
        return a, b

    @make.context
    async def asynchronous(a: Any, *, b: Any) -> tuple[Any, Any]:
        return a, b

    for got in (sync(sent[0], b=sent[1]), await asynchronous(sent[0], b=sent[1])):
        assert got[0] is sent[0]
        assert got[1] is sent[1]


# -- where it stands -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL)
def test_methods_are_recorded_without_self(recording: Recording, kind: str) -> None:
    """A method works on its instance, and the instance is not captured."""

    class Shop:
        def __init__(self) -> None:
            self.stock = 3

        @decorator(recording.make, kind)
        def take(self, count: int) -> int:
            return self.stock - count

    assert Shop().take(1) == 2
    assert Shop.take(Shop(), count=2) == 1
    assert [run.name for run in recording.runs()] == ["take", "take"]
    assert b"Shop" not in b"".join(payload for _, payload in recording.records)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("outside", [True, False])
def test_static_and_class_methods_work_in_either_order(recording: Recording, kind: str, outside: bool) -> None:
    """The decorator may stand above or below `@staticmethod` and `@classmethod`."""
    trace = decorator(recording.make, kind)

    def both(method: Any) -> Callable[[Any], Any]:
        return lambda function: trace(method(function)) if outside else method(trace(function))

    class Shop:
        @both(staticmethod)
        def add(a: int, b: int) -> int:  # noqa: N805
            return a + b

        @both(classmethod)
        def label(cls, mark: str) -> str:  # noqa: N805
            return cls.__name__ + mark

    class Branch(Shop):
        pass

    assert (Shop.add(1, b=2), Shop().add(3, 4)) == (3, 7)
    assert (Shop.label("!"), Branch().label("?")) == ("Shop!", "Branch?")
    assert [run.name for run in recording.runs()] == ["add", "add", "label", "label"]
    assert all(run.status == "success" for run in recording.runs())
    assert isinstance(vars(Shop)["add"], staticmethod)
    assert isinstance(vars(Shop)["label"], classmethod)


async def test_async_methods_and_static_methods_work(make: Makers, recording: Recording) -> None:
    """Async functions of a class are awaited as before."""

    class Shop:
        @make.tool_call
        async def open(self, door: str) -> str:
            return door

        @make.tool_call
        @staticmethod
        async def shut(door: str) -> str:
            return door

        @make.tool_call
        @classmethod
        async def names(cls) -> Any:
            for name in ("a", "b"):
                yield name

    assert await Shop().open("front") == "front"
    assert await Shop.shut("back") == "back"
    assert [name async for name in Shop.names()] == ["a", "b"]
    assert [run.content["output"] for run in recording.runs()] == ["front", "back", "ab"]
    assert recording.runs()[0].content["input"] == {"door": "front"}


async def test_callable_objects_are_recorded_as_what_their_call_is(make: Makers, recording: Recording) -> None:
    """An object with a plain, async or generating `__call__` can be wrapped."""

    class Plain:
        def __call__(self, x: int) -> int:
            return x + 1

    class Waiting:
        async def __call__(self, x: int) -> int:
            return x + 2

    class Yielding:
        def __call__(self, x: int) -> Iterator[int]:
            yield x + 3

    class Streaming:
        async def __call__(self, x: int) -> AsyncIterator[int]:
            yield x + 4

    assert make.tool_call("plain")(Plain())(1) == 2
    assert await make.tool_call("waiting")(Waiting())(1) == 3
    assert list(make.tool_call("yielding")(Yielding())(1)) == [4]
    assert [item async for item in make.tool_call("streaming")(Streaming())(1)] == [5]
    assert make.tool_call(Plain())(5) == 6
    runs = recording.runs()
    assert [run.content["input"] for run in runs] == [{"x": 1}] * 4 + [{"x": 5}]
    assert [run.content["output"] for run in runs] == [2, 3, [4], [5], 6]


async def test_partials_are_recorded(make: Makers, recording: Recording) -> None:
    """A partial of a plain, async or generator function keeps its kind; its open arguments are captured."""
    bound = functools.partial(plain, 1, c=0.5)
    assert make.tool_call("plain")(bound)("b") == "1b()0.5{}"
    waiting = make.tool_call("waiting")(functools.partial(coroutine, b="y"))
    assert inspect.iscoroutinefunction(waiting)
    assert await waiting(1) == "1y"
    assert list(make.tool_call("yielding")(functools.partial(generator, 1))()) == ["1x"]
    first, second, third = recording.runs()
    assert first.content["input"]["b"] == "b"
    assert second.content["input"] == {"a": 1, "b": "y"}
    assert third.content["output"] == "1x"


def test_bound_methods_and_builtins_are_recorded(make: Makers, recording: Recording) -> None:
    """A bound method is a function of its other arguments; a builtin works, with or without a signature."""
    words: list[str] = []
    make.tool_call(words.append)("x")
    assert words == ["x"]
    assert make.tool_call(max)(1, 2) == 2
    assert [run.name for run in recording.runs()] == ["append", "max"]
    assert [run.status for run in recording.runs()] == ["success", "success"]


def test_decorators_stack(make: Makers, recording: Recording) -> None:
    """A function that is decorated twice is two spans, one in the other."""

    @make.master("outer")
    @make.tool_call("inner")
    def work() -> int:
        return 1

    assert work() == 1
    assert recording.tree() == [("outer", [("inner", [])])]


def test_recursion_nests(make: Makers, recording: Recording) -> None:
    """Each call of a recursive function is a child of the one that made it."""

    @make.tool_call
    def down(n: int) -> int:
        return down(n - 1) if n else 0

    down(2)
    assert recording.tree() == [("down", [("down", [("down", [])])])]


def test_the_span_is_current_inside_and_not_after(make: Makers, recording: Recording) -> None:
    """Inside the call `current()` is its span."""

    @make.tool_call
    def work() -> str:
        current().set("seen", 1)
        return current().span_id

    assert work() == recording.run().span_id
    assert recording.run().attributes == {"seen": 1}
    assert current() is NOOP


def test_output_that_the_function_set_itself_stays(make: Makers, recording: Recording) -> None:
    """A value set inside the call is not overwritten by the result."""

    @make.tool_call
    def work() -> int:
        current().output = "better"
        return 1

    assert work() == 1
    assert recording.run().content["output"] == "better"


def test_a_function_may_end_its_own_span(make: Makers, recording: Recording) -> None:
    """An end inside the call stands, and the call goes on."""

    @make.tool_call
    def work() -> int:
        current().end(output="early")
        return 1

    assert work() == 1
    assert recording.run().content["output"] == "early"


def test_none_is_a_result(make: Makers, recording: Recording) -> None:
    """A function that returns None has the output null."""
    make.tool_call("f")(lambda: None)()
    assert recording.run().content["output"] is None


# -- what it raises ------------------------------------------------------------------------------------------

ERRORS: dict[str, Callable[[], BaseException]] = {
    "ValueError": lambda: ValueError("broken"),
    "LookupError": LookupError,
    "HostileError": HostileError,
    "KeyboardInterrupt": KeyboardInterrupt,
    "SystemExit": lambda: SystemExit(3),
    "GeneratorExit": GeneratorExit,
    "CancelledError": asyncio.CancelledError,
    "ExceptionGroup": lambda: ExceptionGroup("several", [ValueError("a"), KeyError("b")]),
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("kind", ["tool_call", "prompt"])
def test_an_exception_passes_through_and_fails_the_run(recording: Recording, name: str, kind: str) -> None:
    """The caller gets the very exception; the run has its type, message and stack."""
    error = ERRORS[name]()

    @decorator(recording.make, kind)
    def work() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        work()
    assert caught.value is error
    assert error.__context__ is None
    run = recording.run()
    assert run.status == "failed"
    assert run.error is not None
    assert run.error["type"] == name
    assert isinstance(run.error["message"], str)
    assert "in work" in run.error["stack"]
    assert "agenttrace/record" not in run.error["stack"]
    assert OUTPUT.get(kind, "output") not in run.content
    assert current() is NOOP


@pytest.mark.parametrize("name", ["ValueError", "HostileError", "ExceptionGroup"])
async def test_an_exception_of_a_coroutine_passes_through(recording: Recording, name: str) -> None:
    """The same holds for async functions."""
    error = ERRORS[name]()

    @recording.make.tool_call
    async def work() -> None:
        await asyncio.sleep(0)
        raise error

    with pytest.raises(type(error)) as caught:
        await work()
    assert caught.value is error
    run = recording.run()
    assert run.status == "failed"
    assert run.error is not None
    assert run.error["type"] == name
    assert "agenttrace/record" not in run.error["stack"]


async def test_a_cancelled_task_fails_its_run(make: Makers, recording: Recording) -> None:
    """A cancelled call ends as failed with CancelledError, and the cancellation goes on."""
    begun = asyncio.Event()

    @make.tool_call
    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert recording.run().status == "failed"
    assert (recording.run().error or {})["type"] == "CancelledError"


async def test_a_coroutine_that_is_closed_ends_its_run(make: Makers, recording: Recording) -> None:
    """Closing a coroutine in the middle ends its run as failed."""

    class Never:
        def __await__(self) -> Iterator[None]:
            yield

    @make.tool_call
    async def work() -> None:
        await Never()

    waiting = work()
    waiting.send(None)
    waiting.close()
    assert recording.run().status == "failed"
    assert (recording.run().error or {})["type"] == "GeneratorExit"


def test_an_exception_that_is_handled_inside_fails_the_inner_run_only(make: Makers, recording: Recording) -> None:
    """The parent of a failed call succeeds where it handles the error."""

    @make.tool_call
    def inner() -> None:
        raise ValueError("x")

    @make.master
    def outer() -> int:
        with pytest.raises(ValueError):
            inner()
        return 1

    assert outer() == 1
    assert [run.status for run in recording.runs()] == ["success", "failed"]


async def finish(function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Call the function and take its result to the end."""
    result = function(*args, **kwargs)
    if inspect.iscoroutine(result):
        await result
    elif inspect.isasyncgen(result):
        async for _ in result:
            pass
    else:
        list(result)


@pytest.mark.parametrize("kind", ["tool_call", "context", "prompt"])
@pytest.mark.parametrize("function", [plain, coroutine, generator, async_generator], ids=lambda f: f.__name__)
@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"nothing": 1}), ((1,), {"a": 1})])
async def test_a_wrong_call_raises_the_functions_own_error(
    recording: Recording, kind: str, function: Callable[..., Any], args: Any, kwargs: Any
) -> None:
    """A call that does not fit the signature raises what it would have raised without us."""
    with pytest.raises(TypeError) as expected:
        await finish(function, *args, **kwargs)
    with pytest.raises(TypeError) as caught:
        await finish(decorator(recording.make, kind)(function), *args, **kwargs)
    assert str(caught.value) == str(expected.value)
    assert current() is NOOP


# -- settings ------------------------------------------------------------------------------------------------


def test_capture_can_be_switched_off(make: Makers, recording: Recording) -> None:
    """With `capture=False` neither arguments nor result are recorded, with `capture_output=False` no result."""

    @make.tool_call(capture=False)
    def silent(a: int) -> int:
        return a

    @make.tool_call(capture_output=False)
    def half(a: int) -> int:
        return a

    assert silent(1) + half(2) == 3
    assert recording.run("silent").content == {}
    assert recording.run("half").content == {"input": {"a": 2}}


@pytest.mark.parametrize("kind", ALL)
async def test_without_capture_nothing_of_a_stream_is_kept(recording: Recording, kind: str) -> None:
    """`capture=False` holds for what generators yield as well."""

    @decorator(recording.make, kind, capture=False)
    def stream(word: str) -> Iterator[str]:
        yield word

    @decorator(recording.make, kind, capture=False)
    async def async_stream(word: str) -> AsyncIterator[str]:
        yield word

    assert list(stream("treasure")) == ["treasure"]
    assert [item async for item in async_stream("treasure")] == ["treasure"]
    assert b"treasure" not in b"".join(payload for _, payload in recording.records)
    assert [run.status for run in recording.runs()] == ["success", "success"]


def test_a_given_input_takes_the_place_of_the_arguments(make: Makers, recording: Recording) -> None:
    """A decorator's own `input` is what is recorded, for every call."""

    @make.tool_call(input="fixed")
    def work(a: int) -> int:
        return a

    work(1)
    work(2)
    assert [run.content["input"] for run in recording.runs()] == ["fixed", "fixed"]


def test_a_given_query_takes_the_place_of_the_argument(make: Makers, recording: Recording) -> None:
    """A keyword of the maker wins over an argument of the same meaning."""

    @make.context(query="fixed")
    def lookup(query: str) -> list[int]:
        return [1]

    lookup("called")
    assert recording.run().content == {"query": "fixed", "documents": [1]}


def test_a_decorated_master_brings_its_ids(make: Makers, recording: Recording) -> None:
    """Ids of the decorator are the ids of every call and of what happens in it."""

    @make.master(agent_key="agt_x", attributes={"widget_id": "w"})
    def turn() -> None:
        with make.tool_call("inner"):
            pass

    turn()
    assert all(run.scope == {"agent_key": "agt_x"} for run in recording.runs())
    assert all(run.attributes == {"widget_id": "w"} for run in recording.runs())


@pytest.mark.parametrize("kind", ALL)
def test_decorated_calls_and_blocks_write_the_same(kind: str) -> None:
    """A call and a block of the same name, with the same values, in the same place, are the same run."""

    def called(recording: Recording) -> None:
        @decorator(recording.make, kind, capture=False)
        def step() -> None:
            recording.clock.advance(1)

        step()

    def entered(recording: Recording) -> None:
        maker = recording.make.span if kind not in DECORATORS else getattr(recording.make, kind)
        with maker(kind, "step") if kind not in DECORATORS else maker("step"):
            recording.clock.advance(1)

    def record(work: Callable[[Recording], None]) -> list[Any]:
        recording = Recording()
        make = recording.make
        work(recording)
        with make.scope(session_id="s", attributes={"a": 1}), make.master("turn"):
            work(recording)
            with make.scope(user_id="u"):
                work(recording)
            work(recording)
        with make.master("turn", workspace_id="one"), make.scope(workspace_id="two"):
            work(recording)
        # A prompt's type is content where it is given.
        return [(write_run(run.record.replaced(content=b"")), run.envelope) for run in recording.versions()]

    calls, blocks = record(called), record(entered)
    for call, block in zip(calls, blocks, strict=True):
        assert call == block
