"""Threads, tasks, executors, forks and other processes: right parents, nothing lost, nothing twice, a quiet log."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agenttrace import AgentTrace, current, extract, inject, wrap
from agenttrace.testing import CountedIds, FixedClock
from tests.e2e.children import environment, run_script, write_script

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONTACT = "3f0c1d3e-7f1c-4a8f-9a54-0a6c2f6f2a11"


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which anybody logged a warning: OpenTelemetry's "Failed to detach context" among them."""
    caplog.set_level(logging.WARNING)
    yield
    assert [record.getMessage() for record in caplog.records] == []


def tree(trace: AgentTrace) -> list[Any]:
    """Return all runs of the store as nested [name, children], siblings by name."""
    runs = list(trace.query.runs())
    known = {str(run.id) for run in runs}
    assert len(known) == len(runs)

    def below(parent: str | None) -> list[Any]:
        return sorted([run.name, below(str(run.id))] for run in runs if parent_of(run) == parent)

    def parent_of(run: Any) -> str | None:
        return str(run.parent_id) if str(run.parent_id) in known else None

    return below(None)


def statuses(trace: AgentTrace) -> dict[str, str]:
    return {run.name: run.status for run in trace.query.runs()}


# -- threads and executors -------------------------------------------------------------------------


def test_threads_record_side_by_side(trace: AgentTrace) -> None:
    """Each thread has roots of its own; no run is lost or hung under another thread's."""

    @trace.tool_call
    def leaf(number: int) -> int:
        return number

    def work(number: int) -> None:
        for turn in range(25):
            with trace.master(f"{number}-{turn}"):
                leaf(turn)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tree(trace) == sorted([f"{number}-{turn}", [["leaf", []]]] for number in range(8) for turn in range(25))


def test_wrap_carries_the_span_into_an_executor(trace: AgentTrace) -> None:
    """What wrapped functions record nests under the span of the moment of wrapping, whatever the thread does else."""

    @trace.tool_call
    def tool(number: int) -> int:
        with trace.context(f"inside-{number}"):
            return number

    with ThreadPoolExecutor(3) as pool, trace.scope(ai_contact_id=CONTACT):
        with trace.master("wrapped"):
            assert list(pool.map(wrap(tool), range(6))) == list(range(6))
        with trace.master("bare"):
            assert pool.submit(tool, 6).result() == 6
    calls = [["tool", [[f"inside-{number}", []]]] for number in range(6)]
    assert tree(trace) == [["bare", []], ["tool", [["inside-6", []]]], ["wrapped", calls]]
    assert trace.query.run_logs(ai_contact_id=CONTACT).total == 2


def test_a_span_may_end_in_another_thread(trace: AgentTrace) -> None:
    """The thread that began it goes on outside of it."""
    span = trace.span("step", "handed over").start()
    thread = threading.Thread(target=span.end, kwargs={"output": "done"})
    thread.start()
    thread.join()
    with trace.span("step", "afterwards"):
        pass
    assert tree(trace) == [["afterwards", []], ["handed over", []]]
    assert statuses(trace) == {"afterwards": "success", "handed over": "success"}


# -- tasks -----------------------------------------------------------------------------------------


async def test_gathered_tasks_nest_under_their_caller(trace: AgentTrace) -> None:
    """And each under its own, however they interleave."""

    @trace.tool_call
    async def tool(number: int) -> int:
        with trace.context(f"first-{number}"):
            await asyncio.sleep(0)
        async with trace.context(f"second-{number}"):
            await asyncio.sleep(0)
        return number

    @trace.master
    async def turn() -> list[int]:
        return await asyncio.gather(*(tool(number) for number in range(5)))

    assert await turn() == list(range(5))
    assert tree(trace) == [
        ["turn", [["tool", [[f"first-{number}", []], [f"second-{number}", []]]] for number in range(5)]]
    ]


async def test_an_abandoned_async_generator_closes_its_span(trace: AgentTrace) -> None:
    """With what it yielded so far, wherever the event loop finalises it."""

    @trace.prompt("stream")
    async def stream() -> AsyncIterator[str]:
        for piece in ("a", "b", "c"):
            with trace.context(f"look up {piece}"):
                await asyncio.sleep(0)
            yield piece

    async def first() -> str:
        async for piece in stream():
            return piece
        raise AssertionError

    with trace.master("turn"):
        assert await asyncio.create_task(first()) == "a"
        for _ in range(5):
            await asyncio.sleep(0)
        with trace.context("afterwards"):
            pass
    assert tree(trace) == [["turn", [["afterwards", []], ["stream", [["look up a", []]]]]]]
    (prompt,) = trace.query.runs(run_type="prompt")
    assert prompt.end_time is not None
    assert (prompt.content or {})["llm_response"] == "a"


async def test_an_async_generator_closed_in_another_task(trace: AgentTrace) -> None:
    """Ends its span there, and the closing task's own span stays current."""

    @trace.tool_call
    async def stream() -> AsyncIterator[int]:
        yield 1
        yield 2

    with trace.master("opened"):
        pieces = stream()
        assert await anext(pieces) == 1

    async def close() -> None:
        with trace.master("closed"):
            await pieces.aclose()  # type: ignore[attr-defined]
            with trace.context("still inside"):
                pass

    await asyncio.create_task(close(), context=contextvars.Context())
    assert tree(trace) == [["closed", [["still inside", []]]], ["opened", [["stream", []]]]]


def test_a_generator_closed_early(trace: AgentTrace) -> None:
    """Ends its span with what it yielded; what the consumer records between two steps is not inside."""

    @trace.tool_call
    def stream() -> Iterator[int]:
        with trace.context("held open"):
            yield 1
        yield 2

    with trace.master("turn"):
        pieces = stream()
        assert next(pieces) == 1
        with trace.context("between"):
            pass
        pieces.close()  # type: ignore[attr-defined]
    assert tree(trace) == [["turn", [["between", []], ["stream", [["held open", []]]]]]]
    (call,) = trace.query.runs(run_type="tool_call")
    assert (call.content or {})["output"] == [1]


async def test_a_span_ended_in_another_task(trace: AgentTrace) -> None:
    """Leaving the block of a span in another task than it was entered in ends it, and disturbs nobody."""
    block = trace.master("carried")
    entered = asyncio.create_task(block.__aenter__(), context=contextvars.Context())
    await entered
    with trace.master("other"):
        await asyncio.create_task(block.__aexit__(None, None, None), context=contextvars.Context())
        assert current().run_id != block.run_id
        with trace.context("inside other"):
            pass
    assert tree(trace) == [["carried", []], ["other", [["inside other", []]]]]


# -- processes -------------------------------------------------------------------------------------

FORK = """
import os, agenttrace
trace = agenttrace.AgentTrace(store="traces.db", flush_interval={interval})
with trace.master("turn", input="hello") as turn:
    with trace.tool_call("before"):
        pass
    children = []
    for number in range(2):
        child = os.fork()
        if child == 0:
            with trace.tool_call(f"child {{number}}") as call:
                with trace.context("in child"):
                    pass
                call.output = number
            assert trace.flush(20)
            os._exit(0)
        children.append(child)
    with trace.tool_call("meanwhile"):
        pass
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    turn.output = "bye"
assert trace.flush(20)
assert trace.stats().internal_errors == 0
"""


@pytest.mark.parametrize("interval", [0.01, 30])
def test_a_fork_in_the_middle_of_a_span(tmp_path: Path, trace: AgentTrace, interval: float) -> None:
    """What the children record nests under the parent's open span; nothing is twice, whoever flushed."""
    run_script(tmp_path, FORK.format(interval=interval))
    inner = [["in child", []]]
    assert tree(trace) == [["turn", [["before", []], ["child 0", inner], ["child 1", inner], ["meanwhile", []]]]]
    assert set(statuses(trace).values()) == {"success"}
    (turn,) = trace.query.runs(run_type="master")
    assert turn.content == {"input": "hello", "output": "bye"}


LEAVING_FORK = """
import os, sys, agenttrace
trace = agenttrace.AgentTrace(store="traces.db")
with trace.master("turn") as turn:
    child = os.fork()
    if child == 0:
        with trace.tool_call("child"):
            pass
        turn.output = "the child's"
        sys.exit(0)
    os.waitpid(child, 0)
    turn.output = "the parent's"
"""


def test_a_forked_child_that_leaves_through_its_parents_span(tmp_path: Path, trace: AgentTrace) -> None:
    """Its `sys.exit` ends its copy of the open span; the run's own process has the last word."""
    run_script(tmp_path, LEAVING_FORK)
    assert tree(trace) == [["turn", [["child", []]]]]
    (turn,) = trace.query.runs(run_type="master")
    assert (turn.status, (turn.content or {})["output"], turn.error) == ("success", "the parent's", None)


OUTLIVING_FORK = """
import os, sys, agenttrace
trace = agenttrace.AgentTrace(store="traces.db")
with trace.master("parent"):
    pass
assert trace.flush(20)
gone, going = os.pipe()
if os.fork() == 0:
    os.close(going)
    with trace.master("child, early"):
        pass
    assert trace.flush(20)
    os.read(gone, 1)
    with trace.master("child, late"):
        pass
    assert trace.flush(20)
    print("stored", flush=True)
    os.read(0, 1)
    os._exit(0)
os.close(gone)
"""


def test_a_forked_child_that_outlives_its_parent(tmp_path: Path, store_path: Path) -> None:
    """Its parent's exit, which closes the last connection that it knows of, takes nothing from under the child."""
    path = write_script(tmp_path, OUTLIVING_FORK)
    with subprocess.Popen(
        [sys.executable, str(path)], cwd=tmp_path, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert parent.wait(60) == 0
        assert parent.stdout.readline() == b"stored\n"
        with AgentTrace(store=store_path) as reader:
            assert tree(reader) == [["child, early", []], ["child, late", []], ["parent", []]]
        parent.stdin.close()
        assert parent.stdout.read() == b""


POOL = """
import multiprocessing, sys, agenttrace
trace = agenttrace.AgentTrace(store="traces.db")


def work(headers, number):
    with agenttrace.extract(headers), trace.tool_call(f"worker {number}") as call:
        call.output = number


if __name__ == "__main__":
    ways = multiprocessing.get_context(sys.argv[1])
    with trace.master("turn") as turn:
        headers = agenttrace.inject({})
        workers = [ways.Process(target=work, args=(headers, number)) for number in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
    trace.shutdown()
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_workers_of_multiprocessing(tmp_path: Path, trace: AgentTrace, method: str) -> None:
    """Each worker stores what it recorded as it ends, without a flush."""
    run_script(tmp_path, POOL, method)
    assert tree(trace) == [["turn", [["worker 0", []], ["worker 1", []]]]]
    assert set(statuses(trace).values()) == {"success"}


OTHER = """
import json, sys, agenttrace
trace = agenttrace.AgentTrace(store="traces.db")


@trace.tool_call
def convert(amount):
    with trace.context("rates"):
        return amount * 2


with agenttrace.extract(json.loads(sys.argv[1])):
    print(convert(21))
"""


@pytest.fixture
def headers() -> dict[str, str]:
    """What `turn` sends: the same each time, as its clock stands and its ids count."""
    with AgentTrace(store="memory://", clock=FixedClock(NOW), ids=CountedIds()) as rehearsal:
        return turn(rehearsal)


def turn(trace: AgentTrace) -> dict[str, str]:
    """Record a turn that calls somebody, and return the headers of the call."""
    sent: dict[str, str] = {}
    scope = trace.scope(ai_contact_id=CONTACT, session_id="ase_1", agent_key="bank")
    with scope, trace.master("turn", input="how much?") as span:
        inject(sent)
        span.output = "42"
    return sent


@pytest.mark.parametrize("first", ["caller", "called"])
def test_a_subprocess_continues_the_trace(
    tmp_path: Path, store_path: Path, headers: dict[str, str], first: str
) -> None:
    """Its root nests under the sender's span and has its ids, whichever of the two is stored first."""
    if first == "called":
        assert run_script(tmp_path, OTHER, json.dumps(headers)) == "42\n"
        with AgentTrace(store=store_path) as reader:
            assert tree(reader) == [["convert", [["rates", []]]]]
            (early,) = reader.query.run_logs(ai_contact_id=CONTACT).run_logs
            assert early.parent_id is None
    with AgentTrace(store=store_path, clock=FixedClock(NOW), ids=CountedIds()) as trace:
        assert turn(trace) == headers
    if first == "caller":
        assert run_script(tmp_path, OTHER, json.dumps(headers)) == "42\n"
    with AgentTrace(store=store_path) as reader:
        assert tree(reader) == [["turn", [["convert", [["rates", []]]]]]]
        (root,) = reader.query.run_logs(ai_contact_id=CONTACT).run_logs
        call = root.children[0]
        assert [log.parent_id for log in root.walk()] == [None, root.id, call.id]
        assert {str(log.ai_contact_id) for log in root.walk()} == {CONTACT}
        events = reader.query.agent_events("bank", "ase_1").events
        kinds = ["input_message", "agent_output", "tool_input", "tool_output"]  # the child's clock is not the turn's
        assert [event.type for event in events] == kinds


def test_ids_that_only_the_child_process_knows(tmp_path: Path, trace: AgentTrace) -> None:
    """Reach the root in the process that called it."""
    script = OTHER.replace(
        "with agenttrace.extract", f'with trace.scope(ai_contact_id="{CONTACT}"), agenttrace.extract'
    )
    with trace.master("turn"):
        with trace.context("before"):
            pass
        run_script(tmp_path, script, json.dumps(inject({})))
    (root,) = trace.query.run_logs(ai_contact_id=CONTACT).run_logs
    assert [str(log.ai_contact_id) for log in root.walk()] == [CONTACT] * 4


def test_a_trace_that_goes_there_and_back(trace: AgentTrace) -> None:
    """Headers that come back into the sender's process nest under the span that sent them."""
    with trace.master("turn"), trace.tool_call("call"):
        headers = inject({})

    def elsewhere() -> None:
        with extract(headers), trace.context("callback"):
            pass

    contextvars.Context().run(elsewhere)
    assert tree(trace) == [["turn", [["call", [["callback", []]]]]]]


def test_two_processes_write_one_file(tmp_path: Path, trace: AgentTrace) -> None:
    """At the same time, and no run is lost."""
    script = """
import agenttrace
trace = agenttrace.AgentTrace(store="traces.db", flush_interval=0.001)
print("go", flush=True)
for number in range(300):
    with trace.master(f"theirs {number}"):
        pass
"""
    theirs = threading.Thread(target=run_script, args=(tmp_path, script))
    theirs.start()
    number = 0
    with contextlib.ExitStack() as finally_:
        finally_.callback(theirs.join)
        while theirs.is_alive():
            with trace.master(f"ours {number}"):
                pass
            number += 1
            trace.flush(20)
    names = [name for name, _ in tree(trace)]
    assert names == sorted([f"theirs {index}" for index in range(300)] + [f"ours {index}" for index in range(number)])
