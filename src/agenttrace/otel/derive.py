"""What the spans of one trace mean: runs, their tree and their further events. Pure and deterministic.

`derive` is a function of all that is known of a trace, so the order, the number and the process of its records do not
matter, and late ones change the answer to what it would have been.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agenttrace.model.foreign import Derived, DerivedEvent, DerivedRun, ForeignLog, ForeignSpan, NativeRun
from agenttrace.otel.assemble import run_of
from agenttrace.otel.classify import OPEN, kind_of, plain_while_open
from agenttrace.otel.content import captured
from agenttrace.otel.duplicates import join_siblings, same_call
from agenttrace.otel.failure import status_of
from agenttrace.otel.gather import by_span, latest
from agenttrace.otel.identities import Identity, identify, spread
from agenttrace.otel.parts import Flaws
from agenttrace.otel.roles import Roles, roles_of
from agenttrace.otel.semconv.convention import AGENT, Kind
from agenttrace.otel.spoken import Captured, options_of
from agenttrace.otel.tree import Node, arrange, parent_of
from agenttrace.otel.values import clean, text_of_scalar
from agenttrace.otel.view import View, view_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["derive"]


@dataclass(slots=True)
class _Spans:
    """The foreign spans of a trace by id, each with its view, and what it says once it is known to be a run."""

    views: dict[bytes, View]
    says: dict[bytes, Captured] = field(default_factory=dict[bytes, Captured])


def derive(spans: Sequence[ForeignSpan], logs: Sequence[ForeignLog] = (), native: Sequence[NativeRun] = ()) -> Derived:
    """Return what all that is known of one trace of one workspace means.

    The answer does not depend on the order of the arguments or on repetitions in them. Nothing in attributes, events
    or logs makes it raise: what cannot be read stays raw and is marked. Takes time linear in the spans, and sorts them.
    Spans that are runs of ours (exported, and received again) are left to what we know of them ourselves.
    """
    ours = {run.span_id: run for run in native}
    foreign = {span.span_id: span for span in latest(spans) if span.span_id not in ours}
    spoken = by_span(logs)
    held = _Spans({key: _view(span, spoken.get(key, ())) for key, span in foreign.items()})
    nodes = arrange(
        [*map(_foreign_node, held.views.values()), *map(_native_node, ours.values())],
        lambda outer, inner: same_call(outer, inner, held.views),
    )
    join_siblings(nodes, held.views)
    roles = roles_of(nodes)
    _capture(nodes, held, roles)
    return Derived(
        runs=_runs(nodes, held, roles),
        events=_events(nodes, held, roles),
        reparented=_reparented(nodes, ours),
    )


# -- what is there -------------------------------------------------------------------------------------------------


def _view(span: ForeignSpan, logs: Sequence[ForeignLog]) -> View:
    """Return what is known of a span; of one that cannot be taken apart its attributes, as they are."""
    try:
        return view_of(span, logs)
    except Exception:  # noqa: BLE001 - foreign data, see `_read`
        return View(span, dict(span.attributes), flaws=Flaws(1))


def _foreign_node(view: View) -> Node:
    span = view.span
    kind = kind_of(view)
    if kind is None and span.end is None and not plain_while_open(view):
        kind = OPEN
    return Node(span.span_id, span.start, span.end, (span.parent_id,), kind)


_NATIVE_KINDS = {"master": AGENT, "prompt": Kind("prompt", "prompt")}


def _native_node(run: NativeRun) -> Node:
    kind = _NATIVE_KINDS.get(run.run_type, Kind("other", run.run_type))
    return Node(run.span_id, run.start, run.end, (run.via, run.parent_id), kind, native=True)


def _capture(nodes: list[Node], held: _Spans, roles: Roles) -> None:
    """Read what each run says, duplicates first into the one that stands for them, then masters from their prompts."""
    for node in nodes:
        if node.kind is not None and not node.native:
            view = held.views[node.id]
            kind = AGENT if node.id in roles.chains else node.kind
            held.says[node.id] = _read(view, kind)
    for node in nodes:
        for other in sorted(node.duplicates, key=Node.key):
            _fill(held.says[node.id], held.says[other.id])
    for node in nodes:
        if node.id in held.says and node.joined is None and _is_agent(node, roles) and not held.views[node.id].own:
            _fill_turn(node, held, roles)


def _read(view: View, kind: Kind) -> Captured:
    """Return what a span says; one that cannot be read must not keep the others of its trace from the store."""
    try:
        return captured(view, kind)
    except Exception:  # noqa: BLE001 - foreign data, and the writer would meet it again and again
        view.flaws.count += 1
        return Captured()


def _is_agent(node: Node, roles: Roles) -> bool:
    return node.id in roles.chains or (node.kind is not None and node.kind.family == "agent")


#: What a model was given.
_GIVEN: Final = frozenset({"full_prompt", "history", "system_prompt"})


def _fill(outer: Captured, inner: Captured) -> None:
    """Fill the gaps of an outer call from the inner one."""
    if inner.content.get("full_prompt") is not None and (outer.vague or outer.content.get("full_prompt") is None):
        # Roles and calls alone, or the arguments of a template: no content was captured.
        outer.content = {key: value for key, value in outer.content.items() if key not in _GIVEN}
        outer.user_text, outer.vague = None, inner.vague
    for key, value in inner.content.items():
        if outer.content.get(key) is None:
            outer.content[key] = value
        elif key == "usage":
            outer.content[key] = {**value, **outer.content[key]}
    outer.thoughts = outer.thoughts or inner.thoughts
    outer.attributes = {**inner.attributes, **{k: v for k, v in outer.attributes.items() if v is not None}}
    outer.user_text = outer.user_text or inner.user_text


def _fill_turn(node: Node, held: _Spans, roles: Roles) -> None:
    """Give an agent without content the first prompt's last user message and the last prompt's answer.

    One without prompts may have called a model elsewhere: what it says of that is told nowhere else.
    """
    content = held.says[node.id].content
    if not roles.prompts(node):
        held.says[node.id].attributes |= options_of(held.views[node.id])
    prompts = [each for each in roles.prompts(node) if each.id in held.says]
    if not prompts:
        return
    if content.get("input") is None and (text := held.says[prompts[0].id].user_text) is not None:
        content["input"] = text
    answer = held.says[prompts[-1].id].content.get("llm_response")
    if content.get("output") is None and answer is not None and status_of(held.views[node.id]) == "success":
        content["output"] = answer


# -- what comes out ------------------------------------------------------------------------------------------------


def _runs(nodes: list[Node], held: _Spans, roles: Roles) -> list[DerivedRun]:
    identities = {node.id: _identity(node, held) for node in nodes if not node.native}
    for node in nodes:
        if not node.native and node.joined is None and roles.type_of(node) == "master":
            _name_agent(held.views[node.id], identities[node.id].ids)
    spread(nodes, identities)
    kept = [node for node in nodes if node.id in held.says and node.joined is None]
    return [
        run_of(node, _views(node, held), held.says[node.id], roles.type_of(node), identities[node.id])
        for node in sorted(kept, key=Node.key)
    ]


def _views(node: Node, held: _Spans) -> list[View]:
    """Return the views of a call: of its own span, then of the duplicates."""
    return [held.views[each.id] for each in (node, *sorted(node.duplicates, key=Node.key))]


def _identity(node: Node, held: _Spans) -> Identity:
    found, *others = map(identify, _views(node, held))
    for inner in others:
        found = Identity({**inner.ids, **found.ids}, {**inner.attributes, **found.attributes})
    return found


def _name_agent(view: View, ids: dict[str, str]) -> None:
    """Let the events of a master's session be found by its agent's name."""
    name = view.text("agent_name") or view.text("entity_name") or text_of_scalar(view.span.name)
    if name is not None and not view.own:
        ids.setdefault("agent_key", name)


def _events(nodes: list[Node], held: _Spans, roles: Roles) -> list[DerivedEvent]:
    """Return the thoughts of prompts, and of agents without prompts, at the end of their spans."""
    events: list[DerivedEvent] = []
    for node in nodes:
        says = held.says.get(node.id)
        if says is None or node.joined is not None:
            continue
        view = held.views[node.id]
        told = view.own or (_is_agent(node, roles) and bool(roles.prompts(node)))
        when = view.span.start if view.span.end is None else max(view.span.end, view.span.start)
        timed = [*view.thoughts, *((when, text) for text in ([] if told else says.thoughts))]
        events += [
            DerivedEvent(span_id=node.id, type="thinking", time=time, index=index, data={"content": clean(text)})
            for index, (time, text) in enumerate(timed)
        ]
    return sorted(events, key=lambda event: (event.time, event.span_id, event.index))


def _reparented(nodes: list[Node], ours: dict[bytes, NativeRun]) -> dict[bytes, bytes | None]:
    """Return the new parents of our own runs, where a foreign run stands between them and their parent."""
    found: dict[bytes, bytes | None] = {}
    for node in nodes:
        if node.native:
            up = parent_of(node)
            before = ours[node.id].parent_id
            if up is not None and up.id != before:
                found[node.id] = up.id
    return found
