"""Turn flat runs into trees. Pure: no store, no clock, and no recursion, so trees may be of any depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agenttrace.model.rows import RunRow

__all__ = ["Forest", "Node", "assemble", "grow"]

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Node:
    """One run and the runs right below it, oldest first."""

    row: RunRow
    children: list[Node]


@dataclass(slots=True, eq=False)
class Forest:
    """Trees: the roots newest first (`start_time`, then id), and every node by its run's id."""

    roots: list[Node]
    nodes: dict[bytes, Node]


def grow(rows: Iterable[RunRow]) -> Forest:
    """Return the trees of these runs of one workspace, whatever their order.

    Each run appears once; of two versions the later stays. Children are ordered by `start_time`, process sequence and
    id. A run whose parent is not among the rows is a root. Runs that are each other's ancestors hang below the one
    that the store calls a root, else the oldest of them. Takes time in proportion to the rows, once they are sorted.
    """
    nodes = {row.id: Node(row, []) for row in sorted(rows, key=lambda row: row.version)}
    parents = {key: node.row.parent_id for key, node in nodes.items() if node.row.parent_id in nodes}
    for key in _cuts(nodes, parents):
        del parents[key]
    roots: list[Node] = []
    for node in sorted(nodes.values(), key=_age):
        parent = parents.get(node.row.id)
        (roots if parent is None else nodes[parent].children).append(node)
    return Forest(sorted(roots, key=lambda node: (-node.row.start_time, node.row.id)), nodes)


def assemble(root: Node, make: Callable[[RunRow], T], children: Callable[[T], list[T]]) -> T:
    """Return the tree in another form: `make` gives a run's form, `children` that form's list for the runs below."""
    top = make(root.row)
    stack = [(root, top)]
    while stack:
        node, made = stack.pop()
        for child in node.children:
            below = make(child.row)
            children(made).append(below)
            stack.append((child, below))
    return top


def _age(node: Node) -> tuple[int, int, bytes]:
    return node.row.start_time, node.row.seq, node.row.id


def _headship(node: Node) -> tuple[bool, int, int, bytes]:
    """Return by what a circle's first run is chosen: the store's choice, if it made one, else its oldest run."""
    return not node.row.is_root, *_age(node)


def _cuts(nodes: dict[bytes, Node], parents: dict[bytes, bytes]) -> list[bytes]:
    """Return the run of each circle that the others hang below."""
    cuts: list[bytes] = []
    known: set[bytes] = set()
    for start in nodes:
        path: dict[bytes, None] = {}  # in order, from a run towards its root
        key: bytes | None = start
        while key is not None and key not in known and key not in path:
            path[key] = None
            key = parents.get(key)
        if key is not None and key in path:
            circle = list(path)[list(path).index(key) :]
            cuts.append(min(circle, key=lambda member: _headship(nodes[member])))
        known.update(path)
    return cuts
