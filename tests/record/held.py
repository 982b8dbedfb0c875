"""Generators that hold blocks open over their yields: what one does, and the runs that must come of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from agenttrace.record.makers import Makers
from tests.record.recording import Recording

__all__ = ["ACTIONS", "STEPS", "acts", "expected", "seen"]

#: What a generator does between its beginning and its end.
ACTIONS = st.lists(st.sampled_from(["span", "scope", "close", "leaf", "yield"]), max_size=16)
#: For each step whether another task or thread makes it.
STEPS = st.lists(st.booleans(), min_size=17, max_size=17)

Place = tuple[str, str, dict[str, Any]]


def acts(make: Makers, actions: list[str]) -> Iterator[None]:
    """Do it: open and close blocks, last in first out, record leaves, and yield."""
    blocks: list[Any] = []
    try:
        for number, action in enumerate(actions):
            match action:
                case "span":
                    blocks.append(make.prompt(f"block{number}").__enter__())
                case "scope":
                    blocks.append(make.scope(attributes={"at": number}).__enter__())
                case "close" if blocks:
                    blocks.pop().__exit__(None, None, None)
                case "leaf":
                    with make.tool_call(f"leaf{number}"):
                        pass
                case "yield":
                    yield
                case _:
                    pass
    finally:
        while blocks:
            blocks.pop().__exit__(None, None, None)


def expected(actions: list[str], root: str) -> list[Place]:
    """Return the name, the parent's name and the attributes of each run that the actions make below the root."""
    places: list[Place] = []
    held: list[tuple[str, dict[str, Any]]] = [(root, {})]
    for number, action in enumerate(actions):
        parent, attributes = held[-1]
        match action:
            case "span":
                places.append((f"block{number}", parent, attributes))
                held.append((f"block{number}", attributes))
            case "scope":
                held.append((parent, {"at": number}))
            case "close" if len(held) > 1:
                held.pop()
            case "leaf":
                places.append((f"leaf{number}", parent, attributes))
            case _:
                pass
    return places


def seen(recording: Recording) -> list[Place]:
    """Return the same of the runs that were recorded, in the order in which they began."""
    runs = recording.runs()
    names = {run.span_id: run.name for run in runs}
    return [(run.name, names.get(run.parent_id or "", ""), run.attributes) for run in runs]
