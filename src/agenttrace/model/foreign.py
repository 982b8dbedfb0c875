"""Spans and log records of other people, and what they mean as runs: values, no I/O, no OpenTelemetry imports.

A `Foreign...` is what was received, raw; a `Derived...` is what `otel.derive` makes of all that is known of one trace.
Times are integer microseconds since the Unix epoch, UTC. Ids are bytes as W3C Trace Context counts them: 16 for a
trace, 8 for a span.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Derived", "DerivedEvent", "DerivedRun", "ForeignLog", "ForeignSpan", "NativeRun"]


@dataclass(slots=True, kw_only=True)
class ForeignSpan:
    """One span of another library, as it was received.

    `attributes` are those at its end, or those so far while it is open. `start_attributes` are those that it was
    started with: at the SDK's limit of 128 attributes the oldest are evicted, and these fill the holes. An event is
    `{"name": str, "time": int, "attributes": dict}`, a link `{"trace_id": str, "span_id": str, "attributes": dict}`.
    `scope_ids` are ids of our own scope that were in force where it started (session_id, ...): what a user set on
    purpose, so they beat what the attributes say. `run_type_override` is the user's word for what it is.
    """

    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None = None
    remote_parent: bool = False  # the parent lives in another process
    name: str = ""
    kind: str = "internal"  # internal, client, server, producer, consumer
    start: int = 0
    end: int | None = None  # None: still open
    status: str = "unset"  # unset, ok, error
    status_message: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])
    start_attributes: dict[str, Any] | None = None
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    links: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    scope_name: str = ""  # the instrumentation scope
    scope_version: str | None = None
    schema_url: str | None = None
    resource: dict[str, Any] = field(default_factory=dict[str, Any])
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0
    scope_ids: dict[str, str] = field(default_factory=dict[str, str])
    inherited: dict[str, Any] = field(default_factory=dict[str, Any])  # free attributes of our scope where it started
    run_type_override: str | None = None


@dataclass(slots=True, kw_only=True)
class ForeignLog:
    """One log record that was written inside a span, as it was received. `name` is its event name, if it has one.

    `order` is what orders the records of one span within a microsecond: nanoseconds, then places, see `otel.places`.
    """

    trace_id: bytes
    span_id: bytes
    time: int
    order: int = 0
    name: str = ""
    body: Any = None
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])
    severity: str | None = None


@dataclass(slots=True, kw_only=True)
class NativeRun:
    """The outline of one of our own runs of the same trace, so that its kind and ours nest in any mix.

    `parent_id` is the span id of its nearest parent run among our own, `via` that of the foreign span right above it,
    where there is one between the two. Either may name a span that is not known.
    """

    span_id: bytes
    parent_id: bytes | None = None
    via: bytes | None = None
    run_type: str = ""
    start: int = 0
    end: int | None = None


@dataclass(slots=True, kw_only=True)
class DerivedRun:
    """What a foreign span means as a run.

    `parent_id` is the span id of the parent *run* (foreign or our own), None for a root. `content` has documented keys
    of the run type (`model.content.CONTENT_KEYS`), only those that are known. `error` is `{"type", "message",
    "stack"}`. `status` is running, success or failed. `provisional` means that its span is still open.
    `data_parse_error` means that some of the content could not be read and stands there raw. `scope_ids` are in the
    user's form: whatever text was sent.
    """

    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None
    run_type: str
    name: str
    status: str
    start: int
    end: int | None
    content: dict[str, Any] = field(default_factory=dict[str, Any])
    error: dict[str, Any] | None = None
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])
    scope_ids: dict[str, str] = field(default_factory=dict[str, str])
    prompt_type: str | None = None
    state_name: str | None = None
    source: str = ""  # the foreign instrumentation scope's name
    provider: str | None = None  # the model's provider
    service: str | None = None  # service.instance.id, else service.name
    data_parse_error: bool = False
    provisional: bool = False


@dataclass(slots=True, kw_only=True)
class DerivedEvent:
    """An event besides those that the start and end of a run imply. `index` orders the events of one span."""

    span_id: bytes
    type: str  # thinking
    time: int
    index: int
    data: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Derived:
    """What the spans of one trace mean: runs by (start, span id), events by (time, span id, index).

    `reparented` has the new parent run of each of our own runs for which it differs from its `parent_id`; None: a root.
    """

    runs: list[DerivedRun] = field(default_factory=list[DerivedRun])
    events: list[DerivedEvent] = field(default_factory=list[DerivedEvent])
    reparented: dict[bytes, bytes | None] = field(default_factory=dict[bytes, "bytes | None"])
