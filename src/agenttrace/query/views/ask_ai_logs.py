"""Ask AI logs: one row for each master run that carries an interaction type, newest first. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from agenttrace.errors import InvalidQuery
from agenttrace.model import times
from agenttrace.model.content import parse, text_of
from agenttrace.query import arguments
from agenttrace.query.document import Document, UtcTime
from agenttrace.store.protocol import RunFilter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agenttrace.model.rows import RunRow

__all__ = [
    "DEFAULT_INTERACTION_TYPES",
    "AskAILog",
    "AskAILogMeta",
    "AskAILogPage",
    "Window",
    "filter_of",
    "limit_of",
    "page_of",
    "window_of",
]

#: The interaction types that are shown where the caller names none.
DEFAULT_INTERACTION_TYPES = ("free_form", "automated_followup", "search")

_FIELDS = frozenset(
    (
        *("widget_id", "placement_id", "deployment_type", "agent_key", "interaction_type"),
        *("content", "attributes"),
    )
)
_MAX_LIMIT = 500
_DEFAULT_DAYS = 7
_MAX_DAYS = 365


class AskAILog(Document):
    """One question and its answer; `response` is None while there is none."""

    timestamp: UtcTime
    widget_id: str | None
    placement_id: str | None
    deployment_type: str | None
    ai_agent: str | None
    referring_url: str | None
    interaction_type: str
    prompt: str | None
    response: str | None


class AskAILogMeta(Document):
    """The time zone of all dates, and when the answer was made."""

    timezone: Literal["UTC"]
    generated_at: UtcTime


class AskAILogPage(Document):
    """A page of rows; `count` counts all rows that match, `total_pages` the pages they make at this limit."""

    data: list[AskAILog]
    total_pages: int
    count: int
    meta: AskAILogMeta


class Window(NamedTuple):
    """The days that an answer covers, both included."""

    first: date
    last: date

    @property
    def since(self) -> int:
        """Return the first instant of the window."""
        return times.start_of_day(self.first)

    @property
    def until(self) -> int:
        """Return the first instant after the window."""
        return times.start_of_day(self.last) + times.DAY


def window_of(start_date: object, end_date: object, *, now: int) -> Window:
    """Return the days asked for; the seven that end today, UTC, where either date is missing.

    Raises InvalidQuery for what is no date, an end before its start, and more than 365 days.
    """
    first = arguments.day("start_date", start_date)
    last = arguments.day("end_date", end_date)
    if first is None or last is None:
        return _trailing(times.day_of(now))
    if last < first:
        raise InvalidQuery("end_date", f"must be on or after start_date {first}, got {last}")
    days = (last - first).days + 1
    if days > _MAX_DAYS:
        raise InvalidQuery("end_date", f"the window must have at most {_MAX_DAYS} days, got {days}")
    return Window(first, last)


def filter_of(
    workspace_id: bytes,
    window: Window,
    *,
    widget_id: object,
    placement_id: object,
    deployment_type: object,
    interaction_type: object,
    limit: int | None = None,
    offset: int = 0,
) -> RunFilter:
    """Return the filter of the rows of a window; raises InvalidQuery for what is no text."""
    kind = arguments.text("interaction_type", interaction_type)
    return RunFilter(
        workspace_id=workspace_id,
        run_type="master",
        since=window.since,
        until=window.until,
        interaction_types=DEFAULT_INTERACTION_TYPES if kind is None else (kind,),
        widget_id=arguments.text("widget_id", widget_id),
        placement_id=arguments.text("placement_id", placement_id),
        deployment_type=arguments.text("deployment_type", deployment_type),
        limit=limit,
        offset=offset,
        fields=_FIELDS,
    )


def limit_of(limit: object) -> int:
    """Return the page size: 500 where more is asked for; raises InvalidQuery below 1."""
    return min(arguments.integer("limit", limit, low=1), _MAX_LIMIT)


def page_of(
    rows: Iterable[RunRow], *, names: Mapping[str, str | None], count: int, limit: int, now: int
) -> AskAILogPage:
    """Return the page of these runs; `names` holds the registered display names by agent key."""
    logs: Any = [_log_of(row, names) for row in rows]
    return AskAILogPage(
        data=logs,
        total_pages=-(-count // limit),
        count=count,
        meta=AskAILogMeta(timezone="UTC", generated_at=times.utc(now)),
    )


def _trailing(today: date) -> Window:
    return Window(today - timedelta(days=_DEFAULT_DAYS - 1), today)


def _log_of(row: RunRow, names: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the fields of a row: pydantic makes all rows at once."""
    content = parse(row.content) or {}
    attributes = parse(row.attributes) or {}
    return {
        "timestamp": times.utc(row.start_time),
        "widget_id": row.widget_id,
        "placement_id": row.placement_id,
        "deployment_type": row.deployment_type,
        "ai_agent": _agent_name(row.agent_key, attributes, names),
        "referring_url": text_of(attributes.get("referring_url")),
        "interaction_type": row.interaction_type or "",
        "prompt": text_of(content.get("input"), "input"),
        "response": text_of(content.get("output")),
    }


def _agent_name(key: str | None, attributes: dict[str, Any], names: Mapping[str, str | None]) -> str | None:
    registered = names.get(key) if key else None
    return registered or text_of(attributes.get("agent_name")) or key
