"""The captured cases as SDK spans and log records, driven through processors as they were captured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

DATA = Path(__file__).parent.parent / "data" / "otel"


@dataclass
class Case:
    """One captured case: the calls in their order, each ("start" | "end" | "log", SDK value)."""

    name: str
    steps: list[tuple[str, Any]]

    @property
    def ended(self) -> list[ReadableSpan]:
        return [span for step, span in self.steps if step == "end"]

    @property
    def logs(self) -> list[Any]:
        return [log for step, log in self.steps if step == "log"]


@cache
def cases() -> tuple[Case, ...]:
    return tuple(case for path in sorted(DATA.glob("*.json")) for case in _cases(path))


def case(name: str) -> Case:
    return next(found for found in cases() if found.name == name)


def _cases(path: Path) -> Iterator[Case]:
    document = orjson.loads(path.read_bytes())
    for found in document.get("cases", ()):
        yield Case(f"{path.stem}-{found['case']}", _steps(found))


def _steps(found: dict[str, Any]) -> list[tuple[str, Any]]:
    spans = {span["span_id"]: span for span in found["spans"]}
    steps: list[tuple[str, Any]] = []
    running: list[str] = []
    for step, span_id, _ in found["order"]:
        if span_id not in spans:
            spans[span_id] = _never_ended(found, span_id, running[-1], spans)
        raw = spans[span_id]
        logs = [("log", _log(log)) for log in found["logs"] if log["span_id"] == span_id]
        if step == "start":
            start = found["at_start"].get(span_id, {})
            steps.append(("start", _span(raw, name=start.get("name"), attributes=start.get("attributes", {}))))
            running.append(span_id)
            if "end_ns" not in raw:
                steps.extend(logs)
        else:
            steps.extend(logs)
            steps.append(("end", _span(raw)))
            running.remove(span_id)
    return steps


def _never_ended(found: dict[str, Any], span_id: str, parent: str, spans: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of a span that was still open: it began in its parent, after that began."""
    raw = {key: spans[parent][key] for key in ("trace_id", "resource", "scope", "start_ns")}
    return {**raw, "span_id": span_id, "name": found["never_ended"][span_id], "parent_id": parent, "attributes": {}}


def _span(raw: dict[str, Any], *, name: str | None = None, attributes: dict[str, Any] | None = None) -> ReadableSpan:
    started = attributes is not None
    trace = int(raw["trace_id"], 16)
    scope, status = raw["scope"], raw.get("status") or {"code": "UNSET", "description": None}
    failed = status["code"] == "ERROR"
    return ReadableSpan(
        name=name or raw["name"],
        context=_context(trace, raw["span_id"]),
        parent=_context(trace, raw["parent_id"], raw.get("parent_is_remote", False)) if raw.get("parent_id") else None,
        resource=_resource(orjson.dumps(raw.get("resource") or {})),
        attributes=attributes if started else _tuples(raw["attributes"]),
        events=() if started else [_event(event) for event in raw.get("events", ())],
        links=() if started else [_link(link) for link in raw.get("links", ())],
        kind=SpanKind[raw.get("kind", "INTERNAL")],
        status=Status() if started else Status(StatusCode[status["code"]], status["description"] if failed else None),
        start_time=raw["start_ns"],
        end_time=None if started else raw.get("end_ns"),
        instrumentation_scope=_scope(scope["name"], scope.get("version") or None, scope.get("schema_url") or None),
    )


@cache
def _resource(text: bytes) -> Resource:
    return Resource(orjson.loads(text))


@cache
def _scope(name: str, version: str | None, schema: str | None) -> InstrumentationScope:
    return InstrumentationScope(name, version, schema)


def _context(trace: int, span: str, remote: bool = False) -> SpanContext:
    return SpanContext(trace, int(span, 16), is_remote=remote, trace_flags=TraceFlags(1))


def _event(event: dict[str, Any]) -> Event:
    return Event(event["name"], attributes=event.get("attributes") or {}, timestamp=event["time_ns"])


def _link(link: dict[str, Any]) -> Link:
    return Link(_context(int(link["trace_id"], 16), link["span_id"]), link.get("attributes") or {})


def _log(log: dict[str, Any]) -> ReadWriteLogRecord:
    record = LogRecord(
        timestamp=log["time_ns"], body=log["body"], attributes=log["attributes"], event_name=log["event_name"]
    )
    record.trace_id, record.span_id = int(log["trace_id"], 16), int(log["span_id"], 16)
    record.trace_flags = TraceFlags(1)
    return ReadWriteLogRecord(record, instrumentation_scope=_scope("logs", None, None))


def readable(log: ReadWriteLogRecord) -> ReadableLogRecord:
    return ReadableLogRecord(log.log_record, Resource({}), log.instrumentation_scope)


def _tuples(value: Any) -> Any:
    """Return JSON as the SDK keeps attributes: sequences are tuples."""
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
