"""Runs leave as OpenTelemetry spans: rows become spans of the SDK, and exporters take them from a journal of their own.

Pure, but for `ExportStore`, which is what a writer delivers to in place of a store: so what waits to leave is kept,
retried and bounded like everything else in a journal, and nothing of it happens in a traced thread.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from agenttrace.errors import StoreUnavailable
from agenttrace.model import ids
from agenttrace.model.content import parse
from agenttrace.model.foreign import DerivedRun, ForeignSpan
from agenttrace.model.jsontext import compact_json
from agenttrace.model.wire import SCOPE_IDS
from agenttrace.otel.names import NameSet, Thought, span_of
from agenttrace.record.context import attach, detach

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

    from agenttrace.model.rows import EventRow, RunRow, SessionRow
    from agenttrace.store.batch import Batch

__all__ = ["ExportStore", "readable", "resource_of", "run_of", "span_of_row", "thought_of"]

_REMEMBERED = 1 << 16
_KINDS = {"internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT}
_STATUSES = {"unset": StatusCode.UNSET, "ok": StatusCode.OK, "error": StatusCode.ERROR}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
#: Says to instrumentations of HTTP clients that what follows is tracing itself, as the SDK's own processors do.
_QUIET = ("suppress_instrumentation", "suppress_http_instrumentation")

Key = tuple[bytes, bytes]


def run_of(row: RunRow, session_key: str | None = None) -> DerivedRun:
    """Return a stored run as a value; `session_key` is its session's, where that is known."""
    attributes = parse(row.attributes) or {}
    return DerivedRun(
        trace_id=row.trace_id,
        span_id=row.span_id,
        parent_id=row.via or (None if row.parent_id is None else ids.span_of(row.parent_id).to_bytes(8, "big")),
        run_type=row.run_type,
        name=row.name,
        status=row.status,
        start=row.start_time,
        end=row.end_time,
        content=_content(row),
        error=None if row.error is None else parse(row.error),
        attributes=attributes,
        scope_ids=_scope_ids(row, attributes, session_key),
        prompt_type=row.prompt_type,
        state_name=row.state_name,
        source=row.source,
        provider=row.source_system,
        service=None if row.service_id is None else str(uuid.UUID(bytes=row.service_id)),
    )


def _content(row: RunRow) -> dict[str, Any]:
    """Return the content, with what a prompt's row says beside it."""
    beside = {"prompt_type": row.prompt_type, "state_name": row.state_name} if row.run_type == "prompt" else {}
    return {name: value for name, value in beside.items() if value is not None} | (parse(row.content) or {})


def thought_of(event: EventRow) -> Thought:
    """Return the thought that an event of the type `thinking` is."""
    text = (parse(event.data) or {}).get("content")
    return event.created_at, text if isinstance(text, str) else compact_json(text)


def _scope_ids(row: RunRow, attributes: Mapping[str, Any], session_key: str | None) -> dict[str, str]:
    """Return the ids as the user gave them, where that is known, else as they are stored."""
    found: dict[str, str] = {}
    for name in SCOPE_IDS:
        value = getattr(row, name)
        if value is not None:
            found[name] = str(uuid.UUID(bytes=value)) if isinstance(value, bytes) else value
    for name in ("ai_contact_id", "conversation_id"):
        given = attributes.get(name)
        # A user's own attribute may have this name; the id as it was given is the one that makes the stored id.
        if name in found and isinstance(given, str) and ids.entity_id(row.workspace_id, given) == getattr(row, name):
            found[name] = given
    if session_key is not None and "session_id" in found:
        found["session_id"] = session_key
    return found


def span_of_row(row: RunRow, session_key: str | None = None, names: NameSet = "gen_ai") -> ReadableSpan:
    """Return a stored run as a span of the SDK: same trace and span id, times in nanoseconds, parent by its span id."""
    run = run_of(row, session_key)
    return readable(span_of(run, names=names), resource_of(run.service))


def readable(span: ForeignSpan, resource: Resource) -> ReadableSpan:
    """Return a foreign span as a span of the SDK."""
    failed = span.status == "error"
    return ReadableSpan(
        name=span.name,
        context=_context(span.trace_id, span.span_id),
        parent=None if span.parent_id is None else _context(span.trace_id, span.parent_id),
        resource=resource,
        attributes={name: _attribute(value) for name, value in span.attributes.items() if value is not None},
        events=[
            Event(str(event["name"]), attributes=event["attributes"], timestamp=event["time"] * 1000)
            for event in span.events
        ],
        kind=_KINDS.get(span.kind, SpanKind.INTERNAL),
        status=Status(_STATUSES.get(span.status, StatusCode.UNSET), span.status_message if failed else None),
        start_time=span.start * 1000,
        end_time=(span.start if span.end is None else span.end) * 1000,
        instrumentation_scope=InstrumentationScope(span.scope_name),
    )


def resource_of(service: str | None) -> Resource:
    """Return what recorded a run: its service's id, and the name that OpenTelemetry's environment gives."""
    known = {"service.name": os.environ.get("OTEL_SERVICE_NAME") or "agenttrace"}
    return Resource({**known, "service.instance.id": service} if service else known)


class ExportStore:
    """Gives the runs that end to a span exporter, each once while the process lives; a writer delivers to it.

    `write` raises StoreUnavailable where the exporter fails, so that the writer tries again, with growing pauses, and
    what waits stays in its journal. A run that is written again, since it learnt an id, does not leave again.
    """

    def __init__(self, exporter: SpanExporter, *, names: NameSet = "gen_ai") -> None:
        self.url = f"exporter://{type(exporter).__name__}"
        self._exporter = exporter
        self._names: NameSet = names
        self._gone: dict[Key, None] = {}

    def open(self) -> None:
        """Do nothing: an exporter is ready when it is made."""

    def close(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()

    def abandon(self, process_id: bytes, *, at: int) -> int:  # noqa: ARG002 - as the protocol says
        """Do nothing: only runs that have ended come here."""
        return 0

    def write(self, batch: Batch) -> None:
        """Export the runs of a batch. Raises StoreUnavailable."""
        sessions = batch.entities().sessions
        rows = {key: run for key, run in batch.runs.items() if run.end_time is not None and key not in self._gone}
        if not rows:
            return
        self._export([span_of_row(row, _session_key(row, sessions), self._names) for row in rows.values()])
        while len(self._gone) + len(rows) > _REMEMBERED and self._gone:
            del self._gone[next(iter(self._gone))]
        self._gone.update(dict.fromkeys(rows))

    def _export(self, spans: Sequence[ReadableSpan]) -> None:
        token = attach(Context(dict.fromkeys(_keys(), True)))
        try:
            result = self._exporter.export(spans)
        except Exception as error:
            raise StoreUnavailable(f"{self.url}: {type(error).__name__}") from error
        finally:
            detach(token)
        if result is not None and result.value != 0:  # pyright: ignore[reportUnnecessaryComparison] - exporters of others
            raise StoreUnavailable(f"{self.url}: it did not take {len(spans)} spans")


def _keys() -> Iterable[str]:
    """Return the context keys that silence instrumentations; OpenTelemetry makes them unique at import."""
    from opentelemetry import context

    return [getattr(context, f"_{name.upper()}_KEY", name) for name in _QUIET]


def _session_key(row: RunRow, sessions: Mapping[Key, SessionRow]) -> str | None:
    found = sessions.get((row.workspace_id, row.session_id)) if row.session_id is not None else None
    return None if found is None else found.key


def _context(trace: bytes, span: bytes) -> SpanContext:
    return SpanContext(int.from_bytes(trace, "big"), int.from_bytes(span, "big"), is_remote=False, trace_flags=_SAMPLED)


def _attribute(value: Any) -> Any:
    """Return a value that every exporter can write: integers have 64 bits there."""
    return value if not isinstance(value, int) or -(1 << 63) <= value < 1 << 63 else str(value)
