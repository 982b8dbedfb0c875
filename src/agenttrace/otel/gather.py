"""One version of each span and of each log record, out of all that arrived, in whatever order. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from agenttrace.model.foreign import ForeignLog, ForeignSpan
from agenttrace.otel.values import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["by_span", "latest"]


def latest(spans: Iterable[ForeignSpan]) -> list[ForeignSpan]:
    """Return one version of each span: one that has ended before an open one, then the fullest, then by its text."""
    by_id: dict[bytes, list[ForeignSpan]] = {}
    for span in spans:
        by_id.setdefault(span.span_id, []).append(span)
    return [versions[0] if len(versions) == 1 else _merged(versions) for versions in by_id.values()]


def _merged(versions: list[ForeignSpan]) -> ForeignSpan:
    ordered = sorted(versions, key=lambda span: (span.end is not None, _fullness(span), _digest(span)))
    best = ordered[-1]
    started: dict[str, Any] = {}
    for span in ordered:
        started.update(span.start_attributes or {})
        started.update(span.attributes if span.end is None else {})
    ids = {name: value for span in ordered for name, value in span.scope_ids.items()}
    inherited = {name: value for span in ordered for name, value in span.inherited.items()}
    override = next((span.run_type_override for span in reversed(ordered) if span.run_type_override), None)
    return _with(best, start_attributes=started or None, scope_ids=ids, inherited=inherited, run_type_override=override)


def _fullness(span: ForeignSpan) -> int:
    return len(orjson.dumps(clean([span.attributes, span.events])))


def _with(span: ForeignSpan, **changes: Any) -> ForeignSpan:
    names = ForeignSpan.__dataclass_fields__
    return ForeignSpan(**{name: changes.get(name, getattr(span, name)) for name in names})


def _digest(record: ForeignSpan | ForeignLog) -> bytes:
    fields = {name: getattr(record, name) for name in type(record).__dataclass_fields__}
    return orjson.dumps(clean(fields), option=orjson.OPT_SORT_KEYS)


def by_span(logs: Iterable[ForeignLog]) -> dict[bytes, list[ForeignLog]]:
    """Return log records by span, each once, in their order."""
    by_span: dict[bytes, dict[bytes, ForeignLog]] = {}
    for log in logs:
        by_span.setdefault(log.span_id, {})[_digest(log)] = log
    return {
        span: [log for _, log in sorted(found.items(), key=lambda item: (item[1].time, item[1].order, item[0]))]
        for span, found in by_span.items()
    }
