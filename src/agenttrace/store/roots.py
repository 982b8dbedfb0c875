"""Loops of parents, which foreign ids can produce: how they are found, so that one run of each stays a root. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["cycle_in", "cycles"]

Node = TypeVar("Node")


def cycles(parents: Mapping[Node, Node]) -> list[list[Node]]:
    """Return every loop among nodes that have one parent each, each loop once.

    >>> cycles({1: 2, 2: 1, 3: 1, 4: 5})
    [[1, 2]]
    """
    loops: list[list[Node]] = []
    done: set[Node] = set()
    for start in parents:
        path: dict[Node, int] = {}
        here = start
        while here in parents and here not in done and here not in path:
            path[here] = len(path)
            here = parents[here]
        if here in path:
            loops.append(list(path)[path[here] :])
        done.update(path)
    return loops


def cycle_in(chain: Sequence[bytes], run: bytes) -> list[bytes]:
    """Return the loop that `run` closes, given the ancestors that begin with its parent; empty where there is none.

    >>> cycle_in([b"parent", b"run", b"parent's"], b"run")
    [b'parent', b'run']
    """
    return list(chain[: chain.index(run) + 1]) if run in chain else []
