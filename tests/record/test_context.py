"""Context: random programs give exactly their tree, and detaching never complains."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace as otel
from opentelemetry.context import Context

from agenttrace.record.context import CURRENT, EMPTY, attach, current_context, detach, with_scope
from agenttrace.record.span import NOOP, current
from tests.record.recording import Recording


def test_the_current_span_is_opentelemetrys(recording: Recording) -> None:
    """Inside a block OpenTelemetry's own current span is ours."""
    with recording.make.tool_call("tool") as span:
        assert otel.get_current_span() is span
        assert current_context()[CURRENT] is span
    assert otel.get_current_span() is otel.INVALID_SPAN


def test_what_others_keep_on_the_context_stays(recording: Recording) -> None:
    """Other people's values on the OpenTelemetry context are there inside our blocks and after them."""
    token = attach(Context({"theirs": 1}))
    with recording.make.scope(session_id="s"), recording.make.tool_call("tool"):
        assert current_context()["theirs"] == 1
    assert dict(current_context()) == {"theirs": 1}
    assert detach(token)


def test_detaching_gives_the_former_context_back() -> None:
    """`detach` undoes its `attach`."""
    before = current_context()
    token = attach(with_scope(before, EMPTY))
    assert current_context() is not before
    assert detach(token) is True
    assert current_context() == before


def test_detaching_where_nothing_was_attached_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    """In another context, a second time, or without a token, there is nothing to undo and nothing to say."""
    token = contextvars.copy_context().run(attach, Context())
    assert detach(token) is False
    mine = attach(Context())
    assert detach(mine) is True
    assert detach(mine) is False
    assert detach(None) is True
    assert caplog.records == []


# -- random programs -----------------------------------------------------------------------------------------

Program = list[tuple[str, Any]]
FORMS = ("block", "decorated", "generator", "scope", "failing", "manual", "async_block")

programs = st.recursive(
    st.just([]),
    lambda inner: st.lists(st.tuples(st.sampled_from(FORMS), inner), max_size=4),
    max_leaves=12,
)


class Runner:
    """Runs a program and remembers the tree that it should give."""

    def __init__(self) -> None:
        self.recording = Recording()
        self.make = self.recording.make
        self.count = 0

    def name(self) -> str:
        self.count += 1
        return f"n{self.count}"

    def run(self, program: Program) -> list[Any]:
        tree: list[Any] = []
        for form, inner in program:
            tree.extend(getattr(self, form)(inner))
        return tree

    def block(self, inner: Program) -> list[Any]:
        name = self.name()
        with self.make.tool_call(name) as span:
            below = self.run(inner)
            assert current() is span
        return [(name, below)]

    def decorated(self, inner: Program) -> list[Any]:
        name = self.name()
        return [(name, self.make.context(name)(lambda: self.run(inner))())]

    def generator(self, inner: Program) -> list[Any]:
        name, outer = self.name(), current()

        @self.make.prompt(name)
        def steps() -> Iterator[list[Any]]:
            for step in inner:
                yield self.run([step])

        below: list[Any] = []
        for found in steps():
            assert current() is outer
            below.extend(found)
        return [(name, below)]

    def scope(self, inner: Program) -> list[Any]:
        with self.make.scope(session_id="s", attributes={"a": 1}):
            return self.run(inner)

    def failing(self, inner: Program) -> list[Any]:
        name = self.name()
        below: list[Any] = []
        try:
            with self.make.predefined_behaviour(name):
                below = self.run(inner)
                raise ValueError("on purpose")
        except ValueError:
            return [(name, below)]

    def manual(self, inner: Program) -> list[Any]:
        name = self.name()
        span = self.make.span("step", name).start()
        beside = self.run(inner)
        span.end()
        return [(name, []), *beside]

    def async_block(self, inner: Program) -> list[Any]:
        name = self.name()

        async def work() -> list[Any]:
            async with self.make.master(name):
                await asyncio.sleep(0)
                return self.run(inner)

        coroutine = work()
        try:
            while True:
                coroutine.send(None)
        except StopIteration as stop:
            return [(name, stop.value)]


@given(programs)
@settings(max_examples=150, deadline=None)
def test_random_programs_give_their_tree(program: Program) -> None:
    """Blocks, calls, generators, scopes and failures, nested at random: the runs are exactly that tree."""
    runner = Runner()
    expected = runner.run(program)
    assert runner.recording.tree() == expected
    assert all(run.record.end is not None for run in runner.recording.runs())
    assert current() is NOOP
    assert dict(current_context()) == {}


async def _play(recording: Recording, number: int, program: Program) -> list[Any]:
    tree: list[Any] = []
    for place, (_, inner) in enumerate(program):
        async with recording.make.tool_call(f"{number}.{place}"):
            await asyncio.sleep(0)
            tree.append((f"{number}.{place}", await _play(recording, number, inner)))
    return tree


@given(st.lists(programs, max_size=4))
@settings(max_examples=60, deadline=None)
def test_random_tasks_give_their_trees(several: list[Program]) -> None:
    """Programs that run side by side in tasks do not mix."""
    recording = Recording()

    async def main() -> list[list[Any]]:
        return await asyncio.gather(*(_play(recording, number, one) for number, one in enumerate(several)))

    expected = asyncio.run(main())
    found = recording.tree()
    for number, tree in enumerate(expected):
        assert [branch for branch in found if branch[0].startswith(f"{number}.")] == tree
