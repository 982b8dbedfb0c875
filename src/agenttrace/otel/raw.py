"""Foreign spans and log records become SPAN and LOG records (`model.wire`): serialised, redacted, cut to size.

What they mean is not looked at here: this runs in the traced thread. Spans of the SDK and those received over OTLP take
the same way, so that the same span gives the same record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind

from agenttrace.model.foreign import ForeignLog, ForeignSpan
from agenttrace.otel.attributes import AttributeWriter
from agenttrace.record.clip import clip
from agenttrace.record.recorder import Recorder
from agenttrace.record.scope import Scope

__all__ = ["RawWriter"]

_REMEMBERED = 1024
_LONGEST_NAME = 256
#: By identity: an enum's own hash is a call in Python.
_KINDS = {id(kind): f'"kind":"{kind.name.lower()}"' for kind in SpanKind}
_UNSET = ("", "unset")


class RawWriter:
    """Writes records for one recorder, whose redaction and limit it follows. Safe in several threads."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._redactor = recorder.redactor  # what is remembered here was redacted by it
        self._attributes = AttributeWriter(recorder)
        self._names: dict[str, str] = {}
        self._known: dict[int, tuple[object, object, str]] = {}  # by identity: resources and instrumentation scopes

    # -- spans of the SDK --------------------------------------------------------------------------

    def sdk_span(self, span: ReadableSpan, scope: Scope) -> bytes:
        """Return the SPAN record of a span as it is now: whole if it has ended."""
        context, parent, end = span.get_span_context(), span.parent, span.end_time
        if context is None:
            raise ValueError("span: it has no ids")
        if self._recorder.redactor is not self._redactor:
            self._forget()
        attributes: Any = span.attributes
        head = (
            f'{{"trace":"{context.trace_id:032x}","span":"{context.span_id:016x}"'
            f"{'' if parent is None else _sdk_parent(parent)}"
            f',"name":{self._names.get(span.name) or self._name(span.name)},{_KINDS[id(span.kind)]}'
            f',"start":{(span.start_time or 0) // 1000}{"" if end is None else self._ending(span, end)}'
            f"{self._constants(span.instrumentation_scope, span.resource)}"
            f"{_scope_json(scope) if scope.attributes else scope.ids_json()}}}\n"
        )
        record = head.encode() + self._attributes.write(attributes.copy())
        events = span.events if end is not None else ()
        return record + b"\n" + self._json([_sdk_event(event) for event in events]) if events else record

    def _ending(self, span: ReadableSpan, end: int) -> str:
        """Return the members that only a span which has ended can have."""
        more, status = f',"end":{end // 1000}', span.status
        if not status.is_unset:
            more += ',"status":"ok"' if status.is_ok else ',"status":"error"'
            if status.description:
                more += f',"message":{self._text(status.description)}'
        attributes, events, links = span.dropped_attributes, span.dropped_events, span.dropped_links
        if attributes or events or links:
            more += f',"dropped":[{attributes},{events},{links}]'
        known = span.links
        return more + f',"links":{self._json([_sdk_link(link) for link in known]).decode()}' if known else more

    def _forget(self) -> None:
        self._attributes.forget()
        self._names.clear()
        self._known.clear()
        self._redactor = self._recorder.redactor

    def _constants(self, library: InstrumentationScope | None, resource: Resource) -> str:
        key = id(library) ^ id(resource)
        known = self._known.get(key)
        if known is None or known[0] is not library or known[1] is not resource:
            text = ""
            if library is not None:
                text = self._library(library.name, library.version, library.schema_url)
            text += self._resource(resource.attributes)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[key] = (library, resource, text)
        return known[2]

    # -- spans that were received ------------------------------------------------------------------

    def span(self, span: ForeignSpan, scope: Scope) -> bytes:
        """Return the SPAN record of a span that was received; the ids are those of `scope`, never the span's."""
        above = "" if span.parent_id is None else f',"parent":"{span.parent_id.hex()}"'
        if span.remote_parent and span.parent_id is not None:
            above += ',"remote":true'
        more = "" if span.end is None else f',"end":{span.end}'
        if span.status not in _UNSET:
            more += f',"status":{self._text(span.status)}'
            if span.status_message:
                more += f',"message":{self._text(span.status_message)}'
        dropped = [span.dropped_attributes, span.dropped_events, span.dropped_links]
        if any(dropped):
            more += f',"dropped":{orjson.dumps(dropped).decode()}'
        if span.links:
            more += f',"links":{self._json(span.links).decode()}'
        library = self._library(span.scope_name, span.scope_version, span.schema_url)
        if span.run_type_override is not None:
            library += f',"run_type":{self._text(span.run_type_override)}'
        head = (
            f'{{"trace":"{span.trace_id.hex()}","span":"{span.span_id.hex()}"{above},"name":{self._name(span.name)}'
            f',"kind":{self._text(span.kind)},"start":{span.start}{more}'
            f"{library}{self._resource(span.resource)}{_scope_json(scope)}}}\n"
        )
        body = head.encode() + self._attributes.write(span.attributes)
        return body + b"\n" + self._json(span.events) if span.events else body

    def log(self, log: ForeignLog, scope: Scope) -> bytes:
        """Return the LOG record of a log record."""
        severity = "" if log.severity is None else f',"severity":{self._text(log.severity)}'
        head = (
            f'{{"trace":"{log.trace_id.hex()}","span":"{log.span_id.hex()}","time":{log.time}'
            f',"name":{self._name(log.name)}{severity}{_scope_json(scope)}}}\n'
        )
        fragments = {"body": self._json(log.body), "attributes": self._attributes.write(log.attributes)}
        return head.encode() + _object(clip(fragments, self._recorder.max_content_bytes))

    # -- pieces ------------------------------------------------------------------------------------

    def _json(self, value: Any) -> bytes:
        return self._recorder.capture(value)

    def _text(self, text: object) -> str:
        return self._recorder.redactor.text_json(text if isinstance(text, str) else str(text)).decode()

    def _name(self, name: str) -> str:
        known = self._names.get(name)
        if known is None:
            known = self._text(name)
            if len(name) <= _LONGEST_NAME:
                if len(self._names) >= _REMEMBERED:
                    self._names.clear()
                self._names[name] = known
        return known

    def _library(self, name: str, version: str | None, schema: str | None) -> str:
        known = {"name": name or None, "version": version or None, "schema": schema or None}
        told = {key: value for key, value in known.items() if value is not None}
        return f',"lib":{self._json(told).decode()}' if told else ""

    def _resource(self, attributes: Mapping[str, Any]) -> str:
        return f',"resource":{self._json(dict(attributes)).decode()}' if attributes else ""


def _sdk_parent(parent: SpanContext) -> str:
    return f',"parent":"{parent.span_id:016x}"' + (',"remote":true' if parent.is_remote else "")


def _scope_json(scope: Scope) -> str:
    if not scope.attributes:
        return scope.ids_json()
    members = b",".join([orjson.dumps(key) + b":" + value for key, value in scope.attributes.items()])
    return f'{scope.ids_json()},"inherited":{{{members.decode()}}}'


def _object(fragments: Mapping[str, bytes]) -> bytes:
    return b"{" + b",".join([b'"%s":%s' % (key.encode(), value) for key, value in fragments.items()]) + b"}"


def _sdk_link(link: Link) -> dict[str, Any]:
    return {
        "trace_id": f"{link.context.trace_id:032x}",
        "span_id": f"{link.context.span_id:016x}",
        "attributes": dict(link.attributes or {}),
    }


def _sdk_event(event: Any) -> dict[str, Any]:
    return {"name": event.name, "time": event.timestamp // 1000, "attributes": dict(event.attributes or {})}
