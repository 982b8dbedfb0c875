"""One call that two instrumentations saw: a prompt directly below a prompt, and prompts with one response id. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from agenttrace.otel import semconv
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
        return not _two_calls(outer, inner, one, other)
    if inner.kind.family == "tool":
        return _same_tool(one, other)
    return inner.kind.family == "context" and _agree(_query(one), _query(other))


def _two_calls(outer: Node, inner: Node, one: View, other: View) -> bool:
    """Return whether one instrumentation saw two prompts, one below the other with spans of its own between them: in
    some, whatever follows from an answer stands below the call that gave it. They were given different messages.
    """
    if one.span.scope_name != other.span.scope_name or inner.raw is None or inner.raw.run() is outer:
        return False
    for source in semconv.FIELDS["input_messages"]:
        said = [view.flat.get(source.attribute) or view.attributes.get(source.attribute) for view in (one, other)]
        if None not in said:
            return said[0] != said[1]
    return False


def join_siblings(nodes: list[Node], views: Mapping[bytes, View]) -> None:
    """Join calls that overlap in time, share their id, and were seen by different instrumentations: of tools those
    below one parent, of models those anywhere in the trace, as their responses' ids are unique.
    """
    groups: dict[tuple[bytes | None, str, str], list[Node]] = {}
    for node in nodes:
        if node.native or node.kind is None or node.joined is not None or node.kind.family not in _CALL_ID:
            continue
        call = views[node.id].text(_CALL_ID[node.kind.family])
        if call is not None:
            up = parent_of(node) if node.kind.family == "tool" else None
            groups.setdefault((None if up is None else up.id, node.kind.family, call), []).append(node)
    for group in groups.values():
        if len(group) > 1:
            _join(sorted(group, key=Node.key), views)


def _join(group: list[Node], views: Mapping[bytes, View]) -> None:
    first = group[0]
    scope, above = views[first.id].span.scope_name, _ancestors(first)
    for node in group[1:]:
        view = views[node.id]
        if view.span.scope_name != scope and not view.own and _overlap(first, node) and node.id not in above:
            node.joined = first
            first.duplicates += [node, *node.duplicates]
            for other in node.duplicates:
                other.joined = first
            node.duplicates = []


def _ancestors(node: Node) -> set[bytes]:
    found: set[bytes] = set()
    up = parent_of(node)
    while up is not None and up.id not in found:
        found.add(up.id)
        up = parent_of(up)
    return found


def _overlap(first: Node, later: Node) -> bool:
    return first.end is None or later.start <= first.end


def _same_tool(one: View, other: View) -> bool:
    name, below = _bare(one.text("tool_name")), _bare(other.text("tool_name"))
    if other.text("mcp_method") is not None and name is not None and below is not None:
        return name.endswith(below) or below.endswith(name)  # the outer name may tell the server as well
    if other.text("mcp_method") is not None:
        return True
    calls = (one.text("tool_call_id"), other.text("tool_call_id"))
    if None not in calls:
        return calls[0] == calls[1]
    return _agree(name, below)


def _query(view: View) -> object:
    return query_in(view.first("query"))


def _agree(one: object, other: object) -> bool:
    return one is None or other is None or one == other


def _bare(name: str | None) -> str | None:
    return None if name is None else _OFF_PATTERN.sub("", name.lower())
