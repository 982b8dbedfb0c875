"""A framework's own tracing, which is no OpenTelemetry, as foreign spans, which `derive` reads like any other. Pure.

Understands what the openai-agents SDK hands to a TracingProcessor: exported traces and spans, which are plain objects.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from agenttrace.model.foreign import ForeignSpan
from agenttrace.otel.semconv.openai_agents import ID_PREFIXES, PREFIX, SCOPE
from agenttrace.otel.values import clean_text, text_of_scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["from_agents", "span_id_of", "trace_id_of"]

_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8
_DEEPEST: Final = 3


def from_agents(
    span: Mapping[str, Any],
    trace: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    *,
    trace_id: bytes | None = None,
    parent_id: bytes | None = None,
) -> ForeignSpan:
    """Return the foreign span that an exported span of the SDK stands for; never raises for what stands in it.

    Args:
        span: `span.export()`.
        trace: `trace.export()`, whose group becomes the session.
        extra: what a span's data has beyond its export: `{"input": ..., "response": response.model_dump()}`.
        trace_id: the W3C trace to put it in; without it, that of the SDK's own id.
        parent_id: the parent of a span that has none in the SDK.
    """
    data = _object(span.get("span_data"))
    message = _error(span.get("error"))
    above = text_of_scalar(span.get("parent_id"))
    ended = span.get("ended_at")
    return ForeignSpan(
        trace_id=trace_id or trace_id_of(span.get("trace_id")),
        span_id=span_id_of(span.get("id")),
        parent_id=span_id_of(above) if above else parent_id,
        name=text_of_scalar(data.get("name")) or _type(data),
        start=_instant(span.get("started_at")) or 0,
        end=_instant(ended),
        status="unset" if message is None else "error",
        status_message=message,
        attributes=dict(_attributes(data, _object(trace), _object(extra))),
        scope_name=SCOPE,
    )


def trace_id_of(given: object) -> bytes:
    """Return the 16 bytes of a W3C trace id for the SDK's id of a trace."""
    return _id(given, _TRACE_BYTES)


def span_id_of(given: object) -> bytes:
    """Return the 8 bytes of a W3C span id for the SDK's id of a span, which has more of them."""
    return _id(given, _SPAN_BYTES)


def _id(given: object, size: int) -> bytes:
    text = clean_text(given)
    bare = next((text[len(prefix) :] for prefix in ID_PREFIXES if text.startswith(prefix)), text)
    try:
        known = bytes.fromhex(bare)[:size]
    except ValueError:
        known = b""
    if len(known) == size and any(known):
        return known
    return hashlib.blake2b(text.encode(), digest_size=size).digest()


def _attributes(data: dict[str, Any], trace: dict[str, Any], extra: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield PREFIX + "type", _type(data)
    for source in (data, extra):
        for key, value in source.items():
            if key != "type":
                yield from _members(PREFIX + key, value, _DEEPEST if key in ("usage", "response") else 0)
    for key in ("group_id", "workflow_name"):
        if trace.get(key) is not None:
            yield PREFIX + key, trace[key]
    for key, value in _object(trace.get("metadata")).items():
        yield f"{PREFIX}metadata.{key}", value


def _members(name: str, value: Any, levels: int) -> Iterator[tuple[str, Any]]:
    """Yield a value under its name, or the members of an object under names of their own."""
    if isinstance(value, dict) and levels:
        for key, inner in cast("dict[str, Any]", value).items():
            yield from _members(f"{name}.{key}", inner, levels - 1)
    elif value is not None and value != "":
        yield name.replace(".response.usage.", ".usage."), value


def _type(data: dict[str, Any]) -> str:
    """Return what a span is; a custom one of the SDK itself says so in its data."""
    own = text_of_scalar(_object(data.get("data")).get("sdk_span_type"))
    return own or text_of_scalar(data.get("type")) or "custom"


def _error(error: Any) -> str | None:
    if not isinstance(error, dict):
        return text_of_scalar(error)
    source = cast("dict[str, Any]", error)
    cause = text_of_scalar(_object(source.get("data")).get("error"))
    message = text_of_scalar(source.get("message"))
    return ": ".join(text for text in (message, cause) if text) or "error"


def _instant(given: object) -> int | None:
    if not isinstance(given, str):
        return None
    try:
        instant = datetime.fromisoformat(given)
    except ValueError:
        return None
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    elapsed = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds


def _object(value: Any) -> dict[str, Any]:
    return (
        {clean_text(key): member for key, member in cast("dict[Any, Any]", value).items()}
        if isinstance(value, dict)
        else {}
    )
