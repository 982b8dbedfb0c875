"""Spans of the SDK become SPAN records (`model.wire`): one when they begin, and a whole one when they end.

This runs in the traced thread. What the beginning of a span was written with is kept until its end, which adds to it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status

from agenttrace.otel.pieces import Pieces
from agenttrace.record.context import Scope
from agenttrace.record.recorder import Recorder

__all__ = ["Begun", "SdkSpans"]

_REMEMBERED = 1024
_MOST = 1 << 14  # open spans that are remembered; the ends of others are written anew
#: By identity: an enum's own hash is a call in Python.
_KINDS = {id(kind): f',"kind":"{kind.name.lower()}","start":' for kind in SpanKind}


class Begun(NamedTuple):
    """What stays the same from a span's beginning to its end."""

    context: SpanContext  # whose identity is the key: as long as it is here, no other object has it
    name: str
    scope: Scope
    before: str  # the head up to where the end stands
    behind: str  # the head from there on


class SdkSpans:
    """Writes records for one recorder, whose redaction and limit it follows. Safe in several threads."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._pieces = Pieces(recorder)
        self._open: dict[int, Begun] = {}
        self._behind: dict[int, tuple[object, object, object, str]] = {}  # by identity of what it is made of
        self._unset = Status()  # one that says nothing; nearly all spans share the SDK's

    def begin(self, span: ReadableSpan, context: SpanContext, scope: Scope) -> bytes:
        """Return the record of a span that begins, and remember it."""
        if self._recorder.redactor is not self._pieces.redactor:
            self._follow()
        attributes: Any = span.attributes
        begun = self._begun(span, context, scope)
        if len(self._open) >= _MOST:
            self._open = {}
        self._open[id(context)] = begun
        return self._pieces.with_attributes(begun.before + begun.behind, attributes.copy())

    def begun(self, context: SpanContext) -> Begun | None:
        """Return what is known of a span's beginning, and forget it."""
        return self._open.pop(id(context), None)

    def end(self, span: ReadableSpan, context: SpanContext, begun: Begun | None, scope: Scope) -> bytes:
        """Return the whole record of a span that has ended."""
        if self._recorder.redactor is not self._pieces.redactor:
            self._follow()
            begun = None
        if begun is None or begun.name is not span.name:
            begun = self._begun(span, context, scope)
        attributes: Any = span.attributes
        head = begun.before + self._ending(span) + begun.behind
        record, events = self._pieces.with_attributes(head, attributes.copy()), span.events
        return record + b"\n" + self._pieces.events([_event(event) for event in events]) if events else record

    def _begun(self, span: ReadableSpan, context: SpanContext, scope: Scope) -> Begun:
        parent, name = span.parent, span.name
        before = (
            f'{{"trace":"{context.trace_id:032x}","span":"{context.span_id:016x}"'
            f"{'' if parent is None else _parent(parent)}"
            f',"name":{self._pieces.name(name)}{_KINDS[id(span.kind)]}{(span.start_time or 0) // 1000}'
        )
        return Begun(context, name, scope, before, self._constants(span.instrumentation_scope, span.resource, scope))

    def _ending(self, span: ReadableSpan) -> str:
        """Return the members that only a span which has ended can have."""
        end, status, links = span.end_time, span.status, span.links
        more = "" if end is None else f',"end":{end // 1000}'
        if status is not self._unset:
            more += self._status(status)
        attributes, events, lost = span.dropped_attributes, span.dropped_events, span.dropped_links
        if attributes or events or lost:
            more += f',"dropped":[{attributes},{events},{lost}]'
        return more + f',"links":{self._pieces.json([_link(link) for link in links]).decode()}' if links else more

    def _status(self, status: Status) -> str:
        if status.is_unset:
            self._unset = status
            return ""
        told = ',"status":"ok"' if status.is_ok else ',"status":"error"'
        return f'{told},"message":{self._pieces.text(status.description)}' if status.description else told

    def _follow(self) -> None:
        """Forget what was redacted by other rules."""
        self._behind, self._open = {}, {}
        self._pieces.follow()

    def _constants(self, library: InstrumentationScope | None, resource: Resource, scope: Scope) -> str:
        key = id(library) ^ id(resource)
        known = self._behind.get(key)
        if known is None or known[0] is not library or known[1] is not resource or known[2] is not scope:
            text = f"{self._pieces.resource(resource.attributes)}{self._pieces.scope(scope)}}}\n"
            if library is not None:
                text = self._pieces.library(library.name, library.version, library.schema_url) + text
            if len(self._behind) >= _REMEMBERED:
                self._behind = {}
            known = self._behind[key] = (library, resource, scope, text)
        return known[3]


def _parent(parent: SpanContext) -> str:
    return f',"parent":"{parent.span_id:016x}"' + (',"remote":true' if parent.is_remote else "")


def _link(link: Link) -> dict[str, Any]:
    return {
        "trace_id": f"{link.context.trace_id:032x}",
        "span_id": f"{link.context.span_id:016x}",
        "attributes": dict(link.attributes or {}),
    }


def _event(event: Any) -> dict[str, Any]:
    return {"name": event.name, "time": event.timestamp // 1000, "attributes": dict(event.attributes or {})}
