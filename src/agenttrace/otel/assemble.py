"""A derived run out of what its span says, its place in the tree, and its ids. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from agenttrace.model.foreign import DerivedRun, ForeignSpan
from agenttrace.otel import semconv
from agenttrace.otel.failure import error_of, status_of
from agenttrace.otel.tree import Node, parent_of
from agenttrace.otel.values import clean, text_of_scalar

if TYPE_CHECKING:
    from agenttrace.otel.identities import Identity
    from agenttrace.otel.spoken import Captured
    from agenttrace.otel.view import View

__all__ = ["run_of"]


def run_of(node: Node, views: list[View], says: Captured, run_type: str, identity: Identity) -> DerivedRun:
    """Return the run of a node. `views` are of its span, then of those that are the same call."""
    view, content, up = views[0], says.content, parent_of(node)
    span = view.span
    return DerivedRun(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=None if up is None else up.id,
        run_type=run_type,
        name=_name(node, view, content),
        status=status_of(view),
        start=span.start,
        end=None if span.end is None else max(span.end, span.start),
        content=content,
        error=error_of(view),
        attributes=_attributes(views, says, identity),
        scope_ids=identity.ids,
        prompt_type=text_of_scalar(content.get("prompt_type")),
        state_name=text_of_scalar(content.get("state_name")),
        source=span.scope_name,
        provider=next((text for each in views if (text := each.text("provider"))), None),
        service=_service(span),
        data_parse_error=any(each.flaws.count for each in views),
        provisional=span.end is None,
    )


def _name(node: Node, view: View, content: dict[str, Any]) -> str:
    """Return what a run is called: the tool's or the agent's name where there is one, else the span's."""
    own = view.text("name")
    if own is None and node.kind is not None:
        if node.kind.family == "tool":
            own = text_of_scalar(content.get("tool_name"))
        elif node.kind.family == "agent":
            own = view.text("agent_name") or view.text("entity_name")
    return own or view.text("title") or str(view.span.name) or "span"


def _attributes(views: list[View], says: Captured, identity: Identity) -> dict[str, Any]:
    """Return the free attributes of a run: what the tables name, what a user set, and what no table knows."""
    if views[0].own:
        return identity.attributes
    found: dict[str, Any] = {}
    for view in reversed(views):
        known = {name: text for name in ("agent_name", "response_id") if (text := view.text(name)) is not None}
        reasons = _finish_reasons(view)
        found.update(known | ({"finish_reasons": reasons} if reasons else {}))
    rest = {
        name: clean(value)
        for name, value in views[0].attributes.items()
        if name not in semconv.KNOWN and not name.startswith(semconv.NOISE)
    }
    extra = {name: clean(value) for name, value in says.attributes.items() if value is not None}
    return {**rest, **extra, **found, **identity.attributes}


def _finish_reasons(view: View) -> list[str]:
    value = view.first("finish_reasons")
    members = cast("list[Any]", value if isinstance(value, list) else [value])
    return [text for member in members if (text := text_of_scalar(member)) is not None]


def _service(span: ForeignSpan) -> str | None:
    for name in ("service.instance.id", "service.name"):
        text = text_of_scalar(span.resource.get(name))
        if text is not None:
            return text
    return None
