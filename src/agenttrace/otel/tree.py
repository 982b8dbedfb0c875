"""How the spans of a trace stand to each other: who is whose parent, and which are one call seen twice. Pure.

Works on foreign spans and our own runs in any mix. Nothing here is recursive, and all of it is linear in the spans.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agenttrace.otel.semconv.convention import Kind

__all__ = ["Node", "arrange", "by_parent_run", "parent_of"]


def _no_nodes() -> list[Node]:
    return []


@dataclass(slots=True, eq=False)
class Node:
    """A span in its trace. `kind` is None for a plain span; `native` marks one of our own runs.

    `arrange` sets the rest: `raw` is the parent span, `up` the parent run. A node that is one call with another is
    `joined` to it, and that one has it in `duplicates`.
    """

    id: bytes
    start: int
    end: int | None
    parent_ids: tuple[bytes | None, ...]
    kind: Kind | None = None
    native: bool = False
    raw: Node | None = None
    up: Node | None = None
    joined: Node | None = None
    duplicates: list[Node] = field(default_factory=_no_nodes)

    def key(self) -> tuple[int, bytes]:
        """Return what nodes are ordered by."""
        return self.start, self.id

    def run(self) -> Node:
        """Return the node that stands for this one."""
        return self if self.joined is None else self.joined


def arrange(nodes: Iterable[Node], same: Callable[[Node, Node], bool]) -> list[Node]:
    """Set the parents of nodes and join duplicates; return the nodes, each parent before its children.

    A parent that is not there makes a root, and so does a circle of parents, at its first span. `same` says of two
    nodes of one family, the first the parent run of the second, whether they are one call.
    """
    known = {node.id: node for node in nodes}
    for node in known.values():
        node.raw = next((known[each] for each in node.parent_ids if each in known and each != node.id), None)
    ordered = _topological(known)
    for node in ordered:
        _place(node, same)
    return ordered


def by_parent_run(nodes: Iterable[Node]) -> list[Node]:
    """Return nodes with their parent runs first. That is another order than that of the spans once siblings are joined:
    what was below one of them is below the other.
    """
    children: dict[bytes, list[Node]] = {}
    ordered: list[Node] = []
    for node in nodes:
        up = parent_of(node)
        if up is None:
            ordered.append(node)
        else:
            children.setdefault(up.id, []).append(node)
    for node in ordered:  # grows while it is walked
        ordered.extend(children.get(node.id, ()))
    return ordered


def parent_of(node: Node) -> Node | None:
    """Return the parent run of a node, seen through what was joined."""
    return None if node.up is None else node.up.run()


def _place(node: Node, same: Callable[[Node, Node], bool]) -> None:
    above = node.raw
    if above is not None:
        node.up = above.run() if above.kind is not None or above.native else above.up
    up = node.up
    if up is None or node.native or up.native or node.kind is None or up.kind is None:
        return
    if up.kind.family == node.kind.family and same(up, node):
        node.joined = up
        up.duplicates.append(node)


def _topological(known: dict[bytes, Node]) -> list[Node]:
    """Return nodes with parents first, ordered otherwise by start and id, whatever order they came in."""
    by_time = sorted(known.values(), key=Node.key)
    _cut_circles(by_time)
    children: dict[bytes, list[Node]] = {}
    for node in by_time:
        if node.raw is not None:
            children.setdefault(node.raw.id, []).append(node)
    ordered = [node for node in by_time if node.raw is None]
    for node in ordered:  # grows while it is walked
        ordered.extend(children.get(node.id, ()))
    return ordered


def _cut_circles(nodes: list[Node]) -> None:
    """Make a root of the first span of each circle of parents."""
    seen: set[bytes] = set()
    for node in nodes:
        path: dict[bytes, Node] = {}
        here: Node | None = node
        while here is not None and here.id not in seen:
            seen.add(here.id)
            path[here.id] = here
            here = here.raw
        if here is not None and here.id in path:
            members = list(path.values())
            min(members[members.index(here) :], key=Node.key).raw = None
