"""Which agents are masters, which chain is one, and which prompts belong to an agent. Pure, linear in the spans."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agenttrace.otel.semconv.own import FIXED
from agenttrace.otel.tree import Node, by_parent_run, parent_of

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Roles", "roles_of"]


@dataclass(slots=True)
class Roles:
    """What runs are to each other. `nested` are agents below an agent, `chains` the chains that are masters."""

    nested: set[bytes] = field(default_factory=set[bytes])
    chains: set[bytes] = field(default_factory=set[bytes])
    own: dict[bytes, list[Node]] = field(default_factory=dict[bytes, list[Node]])
    below: dict[bytes, list[Node]] = field(default_factory=dict[bytes, list[Node]])

    def type_of(self, node: Node) -> str:
        """Return the run type of a node that is a run."""
        kind = node.kind
        if kind is None:
            return "span"
        if node.id in self.chains or (kind.family == "agent" and node.id not in self.nested and kind.sub != FIXED):
            return "master"
        return kind.run_type

    def prompts(self, node: Node) -> list[Node]:
        """Return the first and the last prompt of an agent, as a list of none, one or two: of its own, else of agents
        below it.
        """
        return self.own.get(node.id) or self.below.get(node.id) or []


def roles_of(nodes: list[Node]) -> Roles:
    """Return the roles of nodes that are arranged and joined."""
    roles = Roles()
    nodes = by_parent_run(nodes)
    above = _above(nodes, roles)
    kept = [node for node in nodes if node.joined is None and (node.kind is not None)]
    has_agent: set[bytes] = set()
    for node in reversed(kept):
        up = parent_of(node)
        if up is not None:
            _lift(node, up, roles)
            if node.id in has_agent or _family(node) == "agent":
                has_agent.add(up.id)
    for node in kept:
        outermost = node.id not in above and node.id not in has_agent
        if outermost and _may_be_master(node) and (roles.below.get(node.id) or roles.own.get(node.id)):
            roles.chains.add(node.id)
    return roles


def _above(nodes: Iterable[Node], roles: Roles) -> set[bytes]:
    """Return the nodes with an agent or a chain above them; agents below agents go into `roles.nested`."""
    agents: set[bytes] = set()
    outer: set[bytes] = set()
    for node in nodes:
        up = parent_of(node)
        if up is None:
            continue
        if up.id in agents or _family(up) == "agent":
            agents.add(node.id)
        if up.id in outer or _family(up) in ("agent", "chain"):
            outer.add(node.id)
    roles.nested |= agents
    return outer


def _lift(node: Node, up: Node, roles: Roles) -> None:
    """Tell a parent of the prompts below it; an agent's own prompts are not its parent's own."""
    own = [node] if _family(node) == "prompt" else roles.own.get(node.id, [])
    everything = _ends([*own, *roles.below.get(node.id, [])])
    if everything:
        roles.below[up.id] = _ends([*roles.below.get(up.id, []), *everything])
    if own and _family(node) != "agent":
        roles.own[up.id] = _ends([*roles.own.get(up.id, []), *own])


def _ends(prompts: list[Node]) -> list[Node]:
    """Return the first and the last of prompts."""
    ordered = sorted({prompt.id: prompt for prompt in prompts}.values(), key=Node.key)
    return ordered if len(ordered) < 3 else [ordered[0], ordered[-1]]


def _may_be_master(node: Node) -> bool:
    return node.kind is not None and node.kind.family == "chain" and node.kind.sub != FIXED and not node.native


def _family(node: Node) -> str | None:
    return None if node.kind is None else node.kind.family
