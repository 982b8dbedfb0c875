"""Random programs of nested spans: what Hypothesis draws, and how it is run through the public span makers."""

from __future__ import annotations

import contextlib
import math
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from agenttrace.record.makers import Makers

__all__ = ["AGENTS", "CONTACTS", "KINDS", "SESSIONS", "TALK", "Block", "programs", "run"]

KINDS = ("master", "tool_call", "context", "prompt", "predefined_behaviour", "rerank")
AGENTS = ("support", "agt_other", "my agent")
SESSIONS = ("ase_1", "chat 42", "a63ab83d-2bb8-42ab-8374-23b8e1e276e3")
CONTACTS = ("3f0c1d3e-7f1c-4a8f-9a54-0a6c2f6f2a11", uuid.UUID(int=7))
TALK = uuid.UUID("c0ffee00-0000-4000-8000-000000000000")


class Odd:
    """An object whose text cannot be had."""

    def __repr__(self) -> str:
        raise ValueError("no")


@dataclass
class Point:
    """A dataclass."""

    x: float
    y: Any


def _cycle() -> list[Any]:
    loop: list[Any] = [1]
    loop.append(loop)
    return loop


_WORDS = st.text(max_size=8)  # lone surrogates and NUL characters among them
_ODD = st.sampled_from(
    [math.nan, -math.inf, "\ud800", "a\0b", b"\xff\0", 2**70, -(2**64), datetime(2026, 1, 1, tzinfo=UTC)]
) | st.sampled_from([_cycle, Odd, lambda: Point(1, {2}), object, lambda: {1: (2, {3})}]).map(lambda make: make())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _WORDS | _ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=5,
)
_SCOPES = st.fixed_dictionaries(
    {},
    optional={
        "agent_key": st.sampled_from(AGENTS),
        "session_id": st.sampled_from(SESSIONS),
        "ai_contact_id": st.sampled_from(CONTACTS),
        "conversation_id": st.sampled_from(["talk", TALK]),
        "call_sid": st.sampled_from(["CA1", "x" * 70]),
        "user_id": st.just("ann"),
        "attributes": st.fixed_dictionaries(
            {"interaction_type": st.sampled_from(["free_form", "search"])},
            optional={"widget_id": VALUES, "agent_name": VALUES, "referring_url": VALUES},
        ),
    },
)


@dataclass
class Block:
    """One span of a program: how it is made, what is set on it, and what happens inside."""

    kind: str
    way: str  # with, call, generator, hand, pending
    name: str
    scope: dict[str, Any]
    values: list[Any]
    fails: bool
    says: list[str]
    inner: list[Block]


def _blocks(inner: st.SearchStrategy[list[Block]]) -> st.SearchStrategy[list[Block]]:
    block = st.builds(
        Block,
        kind=st.sampled_from(KINDS),
        way=st.sampled_from(["with", "with", "call", "generator", "hand", "open", "pending"]),
        name=st.text("abc", min_size=1, max_size=4) | _WORDS,
        scope=st.just({}) | _SCOPES,
        values=st.lists(VALUES, min_size=3, max_size=3),
        fails=st.booleans(),
        says=st.lists(_WORDS, max_size=1),
        inner=inner,
    )
    return st.lists(block, min_size=1, max_size=3)


def programs() -> st.SearchStrategy[list[Block]]:
    """Return programs: spans in a row, nested a few levels."""
    return st.recursive(_blocks(st.just([])), _blocks, max_leaves=3)


def run(make: Makers, program: list[Block]) -> int:
    """Run the program and return how many spans it began."""
    return sum(_run(make, block) for block in program)


def _run(make: Makers, block: Block) -> int:
    with make.scope(**block.scope):
        return _WAYS.get(block.way, _with)(make, block)


def _span(make: Makers, block: Block) -> Any:
    value = block.values[0]
    match block.kind:
        case "context":
            return make.context(block.name, query=value)
        case "prompt":
            return make.prompt(
                block.name, model="m", history=value, system_prompt="be kind", tools=["t"], turn_index=3, action="talk"
            )
        case "predefined_behaviour":
            return make.predefined_behaviour(block.name, trigger="t", input=value)
        case "rerank":
            return make.span("rerank", block.name, input=value)
        case kind:
            return getattr(make, kind)(block.name, input=value)


def _inside(make: Makers, block: Block, span: Any) -> int:
    for text in block.says:
        span.thinking(text)
        span.message(text, role="user")
    span.output = block.values[1]
    span.set("widget_id", block.values[2])
    if block.kind == "prompt":
        span.usage(input_tokens=1, output_tokens=2, cost=0.5)
    if block.kind == "tool_call" and block.fails:
        span.payload(block.values[2])
    return 1 + run(make, block.inner)


def _with(make: Makers, block: Block) -> int:
    count = 0
    with contextlib.suppress(RuntimeError), _span(make, block) as span:
        count = _inside(make, block, span)
        if block.fails:
            raise RuntimeError("\ud800 it failed")
    return count


def _call(make: Makers, block: Block) -> int:
    counts: list[int] = []

    def function(value: Any, *more: Any, **named: Any) -> Any:
        counts.append(run(make, block.inner))
        if block.fails:
            raise RuntimeError("it failed")
        return block.values[1]

    with contextlib.suppress(RuntimeError):
        _decorator(make, block)(function)(block.values[0], block.values[2], named=block.values[2])
    return 1 + sum(counts)


def _generator(make: Makers, block: Block) -> int:
    counts: list[int] = []

    def function() -> Any:
        yield block.values[0]
        counts.append(run(make, block.inner))
        yield block.values[1]
        if block.fails:
            raise RuntimeError("it failed")

    with contextlib.suppress(RuntimeError):
        for _ in _decorator(make, block)(function)():
            pass
    return 1 + sum(counts)


def _decorator(make: Makers, block: Block) -> Any:
    return make.span("rerank") if block.kind == "rerank" else getattr(make, block.kind)


def _hand(make: Makers, block: Block) -> int:
    span = _span(make, block).start()
    count = _inside(make, block, span)
    span.end(error=RuntimeError("it failed") if block.fails else None)
    return count


def _open(make: Makers, block: Block) -> int:
    return _inside(make, block, _span(make, block).start())


def _pending(make: Makers, block: Block) -> int:
    span = _span(make, block).pending()
    count = _inside(make, block, span)
    if block.fails:
        span.start().end()
    return count


_WAYS = {"call": _call, "generator": _generator, "hand": _hand, "open": _open, "pending": _pending}
