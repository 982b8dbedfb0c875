"""One call that two instrumentations saw: a prompt directly below a prompt, and siblings with one response id. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from agenttrace.otel.settle import query_in
from agenttrace.otel.tree import Node, parent_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agenttrace.otel.view import View

__all__ = ["join_siblings", "same_call"]

_OFF_PATTERN: Final = re.compile(r"[^a-z0-9]+")

#: By what siblings of a family are known to be one call.
_CALL_ID: Final = {"prompt": "response_id", "tool": "tool_call_id"}


def same_call(outer: Node, inner: Node, views: Mapping[bytes, View]) -> bool:
    """Return whether two spans of one family, one directly below the other, are one call.

    Prompts always are. Tools and retrievals are, unless what both say tells them apart: a tool may well call another.
    Runs that left agenttrace come back as they were.
    """
    if outer.kind is None or inner.kind is None or outer.kind.sub != inner.kind.sub:
        return False
    one, other = views[outer.id], views[inner.id]
    if one.own or other.own:
        return False
    if inner.kind.family == "prompt":
        return True
    if inner.kind.family == "tool":
        return _same_tool(one, other)
    return inner.kind.family == "context" and _agree(_query(one), _query(other))


def join_siblings(nodes: list[Node], views: Mapping[bytes, View]) -> None:
    """Join calls below one parent that overlap in time, share their id, and were seen by different instrumentations."""
    groups: dict[tuple[bytes | None, str, str], list[Node]] = {}
    for node in nodes:
        if node.native or node.kind is None or node.joined is not None or node.kind.family not in _CALL_ID:
            continue
        call = views[node.id].text(_CALL_ID[node.kind.family])
        if call is not None:
            up = parent_of(node)
            groups.setdefault((None if up is None else up.id, node.kind.family, call), []).append(node)
    for group in groups.values():
        _join(sorted(group, key=Node.key), views)


def _join(group: list[Node], views: Mapping[bytes, View]) -> None:
    first = group[0]
    scope = views[first.id].span.scope_name
    for node in group[1:]:
        if views[node.id].span.scope_name != scope and _overlap(first, node):
            node.joined = first
            first.duplicates += [node, *node.duplicates]
            for other in node.duplicates:
                other.joined = first
            node.duplicates = []


def _overlap(first: Node, later: Node) -> bool:
    return first.end is None or later.start <= first.end


def _same_tool(one: View, other: View) -> bool:
    if other.text("mcp_method") is not None:
        return True
    calls = (one.text("tool_call_id"), other.text("tool_call_id"))
    if None not in calls:
        return calls[0] == calls[1]
    return _agree(_bare(one.text("tool_name")), _bare(other.text("tool_name")))


def _query(view: View) -> object:
    return query_in(view.first("query"))


def _agree(one: object, other: object) -> bool:
    return one is None or other is None or one == other


def _bare(name: str | None) -> str | None:
    return None if name is None else _OFF_PATTERN.sub("", name.lower())
