"""Action logs: one row for each finished tool call of a session, newest first. Pure."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import Field, PlainSerializer, WithJsonSchema

from agenttrace.model import times
from agenttrace.model.content import complete, parse
from agenttrace.query import arguments
from agenttrace.query.document import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agenttrace.model.rows import EventRow, RunRow, SessionRow

__all__ = ["FIELDS", "TYPES", "ActionLog", "ActionLogList", "limit_of", "list_of"]

#: An action log is the event that a tool call's end made, so it lives and dies with it.
TYPES = ("tool_output",)

#: What it reads of a run.
FIELDS = frozenset(("run_type", "name", "status", "content"))

_UtcMilliseconds = Annotated[
    datetime,
    PlainSerializer(times.millisecond_text, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]


class ActionLog(Document):
    """One finished tool call; `created_at` is its end, in JSON always with milliseconds."""

    id: uuid.UUID
    type: str
    success: bool
    created_at: _UtcMilliseconds = Field(alias="createdAt")
    payload: dict[str, Any]


class ActionLogList(Document):
    """The latest action logs of a session; `count` is how many are listed."""

    session_id: uuid.UUID = Field(alias="sessionId")
    count: int
    logs: list[ActionLog]


def limit_of(limit: object) -> int:
    """Return how many rows to list; raises InvalidQuery outside 1 to 200."""
    return arguments.integer("limit", limit, low=1, high=200)


def list_of(session: SessionRow, events: Iterable[EventRow], runs: Mapping[bytes, RunRow]) -> ActionLogList:
    """Return the rows of these events, in their order; an event whose run is gone has none."""
    logs: Any = [_log_of(event, runs[event.run_id]) for event in events if event.run_id in runs]
    return ActionLogList(sessionId=uuid.UUID(bytes=session.id), count=len(logs), logs=logs)


def _log_of(event: EventRow, run: RunRow) -> dict[str, Any]:
    """Return the fields of a row: pydantic makes all rows at once."""
    content = complete(run.run_type, run.name, parse(run.content)) or {}
    return {
        "id": uuid.UUID(bytes=run.id),
        "type": str(content.get("tool_name") or run.name or run.run_type),
        "success": run.status == "success",
        "created_at": times.utc(event.created_at),
        "payload": _payload_of(content),
    }


def _payload_of(content: dict[str, Any]) -> dict[str, Any]:
    """Return what the call persisted; without that its input, and with it the output."""
    payload = content.get("payload")
    if payload is not None:
        return _object(payload, "value")
    whole = _object(content.get("input"), "input")
    return whole | _object(content.get("output"), "output")


def _object(value: Any, key: str) -> dict[str, Any]:
    """Return an object as it is, nothing as an empty one, and anything else under a key."""
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    return {} if value is None else {key: value}
