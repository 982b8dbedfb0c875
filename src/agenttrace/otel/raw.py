"""Received spans and log records become SPAN and LOG records (`model.wire`): serialised, redacted, cut to size.

What they mean is not looked at here. `sdk_spans` does the same with spans of the SDK, in the traced thread: the same
span gives the same record.
"""

from __future__ import annotations

import orjson

from agenttrace.model.foreign import ForeignLog, ForeignSpan
from agenttrace.otel.pieces import Pieces
from agenttrace.record.context import Scope
from agenttrace.record.recorder import Recorder

__all__ = ["RawWriter"]

_UNSET = ("", "unset")


class RawWriter:
    """Writes records for one recorder, whose redaction and limit it follows. Safe in several threads."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._pieces = Pieces(recorder)

    def span(self, span: ForeignSpan, scope: Scope) -> bytes:
        """Return the SPAN record of a span that was received; the ids are those of `scope`, never the span's."""
        pieces = self._pieces
        pieces.follow()
        above = "" if span.parent_id is None else f',"parent":"{span.parent_id.hex()}"'
        if span.remote_parent and span.parent_id is not None:
            above += ',"remote":true'
        library = pieces.library(span.scope_name, span.scope_version, span.schema_url)
        if span.run_type_override is not None:
            library += f',"run_type":{pieces.text(span.run_type_override)}'
        head = (
            f'{{"trace":"{span.trace_id.hex()}","span":"{span.span_id.hex()}"{above},"name":{pieces.name(span.name)}'
            f',"kind":{pieces.name(span.kind)},"start":{span.start}{self._ending(span)}'
            f"{library}{pieces.resource(span.resource)}{pieces.scope(scope)}}}\n"
        )
        record = pieces.with_attributes(head, span.attributes)
        return record + b"\n" + pieces.events(span.events) if span.events else record

    def _ending(self, span: ForeignSpan) -> str:
        more = "" if span.end is None else f',"end":{span.end}'
        if span.status not in _UNSET:
            more += f',"status":{self._pieces.text(span.status)}'
            if span.status_message:
                more += f',"message":{self._pieces.text(span.status_message)}'
        dropped = [span.dropped_attributes, span.dropped_events, span.dropped_links]
        if any(dropped):
            more += f',"dropped":{orjson.dumps(dropped).decode()}'
        return more + f',"links":{self._pieces.json(span.links).decode()}' if span.links else more

    def log(self, log: ForeignLog, scope: Scope) -> bytes:
        """Return the LOG record of a log record."""
        pieces = self._pieces
        pieces.follow()
        severity = "" if log.severity is None else f',"severity":{pieces.text(log.severity)}'
        order = f',"order":{log.order}' if log.order else ""
        head = (
            f'{{"trace":"{log.trace_id.hex()}","span":"{log.span_id.hex()}","time":{log.time}{order}'
            f',"name":{pieces.name(log.name)}{severity}{pieces.scope(scope)}}}\n'
        )
        body, attributes = pieces.body(log.body), pieces.with_attributes("", log.attributes)
        return b'%b{"body":%b,"attributes":%b}' % (head.encode(), body, attributes)
