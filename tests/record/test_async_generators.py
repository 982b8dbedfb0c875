"""Decorated async generators: as generators, and closed by other tasks, by the loop, or several at once."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
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


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test here makes OpenTelemetry or asyncio complain about contexts, tasks or generators."""
    yield
    assert [record.getMessage() for record in caplog.records] == []


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something holds."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


@pytest.mark.parametrize("kind", [*DECORATORS, "custom_step"])
async def test_an_async_generator_is_one_run(recording: Recording, kind: str) -> None:
    """What was yielded is the output: texts joined, in every run type."""

    @decorator(recording.make, kind)
    async def words() -> AsyncIterator[str]:
        yield "a"
        await asyncio.sleep(0)
        assert recording.run().status == "running"
        yield "b"

    assert [word async for word in words()] == ["a", "b"]
    run = recording.run()
    assert (run.name, run.status, run.content[OUTPUT.get(kind, "output")]) == ("words", "success", "ab")


async def test_an_async_generator_that_is_never_stepped_is_no_run(make: Makers, recording: Recording) -> None:
    """Without a step nothing is recorded."""

    @make.tool_call
    async def words() -> AsyncIterator[str]:
        yield "a"

    unused: Any = words()
    await unused.aclose()
    words()
    gc.collect()
    assert recording.records == []


async def test_asend_and_athrow_pass_through(make: Makers, recording: Recording) -> None:
    """The consumer talks to the async generator as if nothing stood between."""
    log: list[Any] = []

    @make.tool_call
    async def talk() -> AsyncGenerator[str, Any]:
        log.append((yield "one"))
        try:
            yield "two"
        except KeyError as error:
            log.append(error)
        log.append((yield "three"))

    error = KeyError("x")
    talking = talk()
    assert await anext(talking) == "one"
    assert await talking.asend("hello") == "two"
    assert await talking.athrow(error) == "three"
    with pytest.raises(StopAsyncIteration):
        await talking.asend(0)
    assert log == ["hello", error, 0]
    assert log[1] is error
    assert recording.run().status == "success"
    assert recording.run().content["output"] == "onetwothree"


async def test_an_exception_inside_passes_through(make: Makers, recording: Recording) -> None:
    """The very exception comes out, and the run is failed with what it yielded so far."""
    raised = ValueError("broken")

    @make.tool_call
    async def words() -> AsyncIterator[str]:
        yield "a"
        raise raised

    stream = words()
    assert await anext(stream) == "a"
    with pytest.raises(ValueError) as caught:
        await anext(stream)
    assert caught.value is raised
    run = recording.run()
    assert (run.status, run.content["output"], (run.error or {})["message"]) == ("failed", "a", "broken")
    assert "agenttrace/record" not in (run.error or {})["stack"]


async def test_an_exception_thrown_in_and_not_handled_comes_out(make: Makers, recording: Recording) -> None:
    """`athrow` of what is not handled raises the same exception and fails the run."""
    thrown = KeyError("x")

    @make.tool_call
    async def words() -> AsyncIterator[str]:
        yield "a"

    stream: Any = words()
    await anext(stream)
    with pytest.raises(KeyError) as caught:
        await stream.athrow(thrown)
    assert caught.value is thrown
    assert recording.run().status == "failed"


async def test_an_early_close_keeps_what_was_yielded(make: Makers, recording: Recording) -> None:
    """`aclose()` runs the generator's own clean-up, its awaits included, and ends the run."""
    cleaned: list[Any] = []

    @make.prompt
    async def words() -> AsyncIterator[str]:
        try:
            yield "a"
            yield "b"
            yield "c"
        finally:
            await asyncio.sleep(0)
            cleaned.append(current().span_id)

    stream: Any = words()
    assert [await anext(stream), await anext(stream)] == ["a", "b"]
    await stream.aclose()
    await stream.aclose()
    run = recording.run()
    assert cleaned == [run.span_id]
    assert run.content["llm_response"] == "ab"
    assert (run.status, (run.error or {})["type"]) == ("failed", "GeneratorExit")


async def test_a_failure_while_closing_reaches_who_closes(make: Makers, recording: Recording) -> None:
    """An exception of the clean-up is raised by `aclose()` and is the run's error."""

    @make.tool_call
    async def words() -> AsyncIterator[str]:
        try:
            yield "a"
        finally:
            raise ValueError("in clean-up")

    stream: Any = words()
    await anext(stream)
    with pytest.raises(ValueError, match="in clean-up"):
        await stream.aclose()
    assert (recording.run().error or {})["message"] == "in clean-up"


async def test_it_may_be_closed_in_another_task(make: Makers, recording: Recording) -> None:
    """The task that closes a stream need not be the one that consumed it; nothing is logged."""

    @make.prompt
    async def words() -> AsyncIterator[str]:
        with make.context("held"):
            yield "a"
            yield "b"

    stream: Any = words()

    async def begin() -> str:
        return await anext(stream)

    async def end() -> None:
        await stream.aclose()

    assert await asyncio.create_task(begin()) == "a"
    await asyncio.create_task(end())
    assert all(run.record.end is not None for run in recording.runs())
    assert recording.run("words").content["llm_response"] == "a"
    assert current() is NOOP


async def test_each_step_may_be_made_by_another_task(make: Makers, recording: Recording) -> None:
    """Every step has the stream's context, whichever task makes it."""

    @make.prompt
    async def words() -> AsyncIterator[str]:
        for name in "abc":
            with make.context(name):
                await asyncio.sleep(0)
            yield name

    stream = words()

    async def step() -> str:
        return await anext(stream)

    assert [await asyncio.create_task(step()) for _ in range(3)] == ["a", "b", "c"]
    assert [word async for word in stream] == []
    assert recording.tree() == [("words", [("a", []), ("b", []), ("c", [])])]


async def test_an_abandoned_stream_is_finalised_by_the_loop(make: Makers, recording: Recording) -> None:
    """A consumer that breaks off and forgets the stream ends the run, with what was yielded."""

    @make.prompt
    async def words() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    async for word in words():
        assert word == "a"
        break
    gc.collect()
    await until(lambda: recording.run().record.end is not None)
    assert recording.run().content["llm_response"] == "a"


def test_a_stream_that_the_loop_outlives_is_closed_with_it(make: Makers, recording: Recording) -> None:
    """What is still open when `asyncio.run` ends is closed by it."""
    kept: list[Any] = []

    @make.prompt
    async def words() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    async def main() -> None:
        kept.append(words())
        await anext(kept[0])

    asyncio.run(main())
    assert recording.run().record.end is not None
    assert recording.run().content["llm_response"] == "a"


async def test_a_cancelled_consumer_fails_the_stream(make: Makers, recording: Recording) -> None:
    """A cancellation that meets the stream inside a step is its error."""
    waiting = asyncio.Event()

    @make.prompt
    async def words() -> AsyncIterator[str]:
        yield "a"
        waiting.set()
        await asyncio.Event().wait()
        yield "b"

    async def consume() -> None:
        async for _ in words():
            pass

    task = asyncio.create_task(consume())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    run = recording.run()
    assert (run.status, (run.error or {})["type"], run.content["llm_response"]) == ("failed", "CancelledError", "a")


async def test_several_streams_at_once_do_not_mix(make: Makers, recording: Recording) -> None:
    """Streams that are consumed side by side keep their own children, and their consumers theirs."""

    @make.prompt
    async def words(name: str) -> AsyncIterator[str]:
        own = current()
        for number in range(3):
            await asyncio.sleep(0)
            with make.context(f"{name}{number}"):
                await asyncio.sleep(0)
            assert current() is own
            yield name

    async def consume(name: str) -> None:
        with make.tool_call(f"consumer_{name}") as span:
            async for _ in words(name):
                assert current() is span
                with make.tool_call(f"between_{name}"):
                    await asyncio.sleep(0)

    with make.master("turn"):
        await asyncio.gather(*(consume(name) for name in "abc"))
    expected = [
        (
            f"consumer_{name}",
            [("words", [(f"{name}{n}", []) for n in range(3)]), *[(f"between_{name}", [])] * 3],
        )
        for name in "abc"
    ]
    assert recording.tree() == [("turn", expected)]
    assert all(run.status == "success" for run in recording.runs())


async def test_the_consumers_spans_are_not_the_streams_children(make: Makers, recording: Recording) -> None:
    """A block inside the stream that is held over a yield does not become the consumer's context."""

    @make.prompt
    async def words() -> AsyncIterator[str]:
        with make.tool_call("held"):
            yield "a"
            yield "b"

    with make.master("turn") as turn:
        async for word in words():
            assert current() is turn
            with make.tool_call(f"outside_{word}"):
                pass
    assert recording.tree()[0][1][1:] == [("outside_a", []), ("outside_b", [])]


COMMANDS = st.lists(st.sampled_from(["anext", "asend", "athrow", "aclose", "exit"]), max_size=8)


async def _talkative(log: list[Any]) -> AsyncGenerator[int, Any]:
    """Yield numbers, note what comes in, survive ValueErrors."""
    for number in range(4):
        try:
            log.append((yield number))
        except ValueError as error:
            log.append(str(error))


async def _play(function: Callable[..., Any], commands: list[str]) -> list[Any]:
    """Run the commands and return all that could be observed."""
    log: list[Any] = []
    stream = function(log)
    begun = False
    for command in commands:
        try:
            match command:
                case "anext":
                    log.append(await anext(stream))
                case "asend":
                    log.append(await stream.asend("sent" if begun else None))
                case "athrow":
                    log.append(await stream.athrow(ValueError("thrown")))
                case "exit":
                    log.append(await stream.athrow(GeneratorExit()))
                case _:
                    log.append(await stream.aclose())
        except BaseException as error:
            log.append(type(error))
        begun = True
    await stream.aclose()
    return log


@given(COMMANDS, st.booleans())
@settings(max_examples=120, deadline=None)
def test_a_decorated_async_generator_behaves_as_the_bare_one(commands: list[str], enabled: bool) -> None:
    """Whatever is done with it, recording or not, a decorated async generator cannot be told from the one below."""
    recording = Recording(enabled=enabled)

    async def both() -> tuple[list[Any], list[Any]]:
        return await _play(recording.make.tool_call(_talkative), commands), await _play(_talkative, commands)

    decorated, bare = asyncio.run(both())
    assert decorated == bare
    assert all(run.record.end is not None for run in recording.runs())


@given(ACTIONS, STEPS)
@settings(max_examples=100, deadline=None)
def test_blocks_over_yields_make_the_tree_that_they_say(actions: list[str], elsewhere: list[bool]) -> None:
    """Whichever task makes which step, or closes it: the stream's context goes with it, and no task keeps it."""
    recording = Recording()
    make = recording.make

    @make.master("stream")
    async def work() -> AsyncIterator[None]:
        for _ in acts(make, actions):
            await asyncio.sleep(0)
            yield

    async def main() -> None:
        with make.span("consumer") as consumer:
            stream, context = work(), current_context()
            for other in elsewhere[: len(elsewhere) // 2]:
                await (asyncio.create_task(_step(stream)) if other else _step(stream))
                assert current_context() is context
            async for _ in stream:
                assert current_context() is context
            assert current() is consumer

    asyncio.run(main())
    assert seen(recording)[2:] == expected(actions, "stream")
    assert current() is NOOP


async def _step(stream: AsyncIterator[None]) -> None:
    await anext(stream, None)


async def test_a_block_over_a_yield_may_be_closed_in_another_task(make: Makers, recording: Recording) -> None:
    """What its clean-up records is where the generator stood, and neither task keeps anything of it."""

    @make.prompt
    async def words() -> AsyncIterator[str]:
        with make.scope(session_id="s"), make.tool_call("block"):
            try:
                yield "a"
            finally:
                with make.tool_call("clean_up"):
                    pass
        with make.tool_call("unreached"):
            pass

    stream: Any = words()
    await anext(stream)

    async def close() -> None:
        await stream.aclose()
        assert current() is NOOP

    await asyncio.create_task(close())
    assert current() is NOOP
    assert recording.tree() == [("words", [("block", [("clean_up", [])])])]
    assert recording.run("clean_up").scope == {"session_id": "s"}
