"""The events of an agent's session, oldest first, page by page. Pure."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from agenttrace.errors import InvalidQuery
from agenttrace.model import ids, times
from agenttrace.model.content import complete, error_of, messages_of, parse, text_of
from agenttrace.model.jsontext import compact_json
from agenttrace.query import arguments
from agenttrace.query.document import Document, UtcTime

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agenttrace.model.rows import EventRow, RunRow, SessionRow

__all__ = [
    "FIELDS",
    "TYPES",
    "AgentEvent",
    "AgentEventMetadata",
    "AgentEventPage",
    "AgentOutputEvent",
    "InputMessageEvent",
    "Message",
    "ThinkingEvent",
    "ToolInputEvent",
    "ToolOutputEvent",
    "event_id_of",
    "event_of",
    "limit_of",
    "page_key_of",
    "page_of",
    "position_of",
]

#: The types that this view shows and counts; `log` events are not among them.
TYPES = ("input_message", "thinking", "tool_input", "tool_output", "agent_output")

#: What it reads of a run.
FIELDS = frozenset(("run_type", "name", "status", "content", "error"))


class Message(BaseModel):
    """One part of what a user said."""

    model_config = ConfigDict(extra="allow")

    type: str
    content: str


class InputMessageEvent(Document):
    """What came in from the user."""

    id: str
    session_key: str
    type: Literal["input_message"]
    messages: list[Message]
    created_at: UtcTime


class ThinkingEvent(Document):
    """What the agent thought."""

    id: str
    session_key: str
    type: Literal["thinking"]
    content: str
    created_at: UtcTime


class ToolInputEvent(Document):
    """The start of a tool call."""

    id: str
    session_key: str
    type: Literal["tool_input"]
    tool_call_id: str
    tool_configuration: str | None
    tool_name: str
    tool_input: Any
    created_at: UtcTime


class ToolOutputEvent(Document):
    """The end of a tool call; `tool_output` is `{"error": {...}}` where it failed."""

    id: str
    session_key: str
    type: Literal["tool_output"]
    tool_call_id: str
    tool_configuration: str | None
    tool_name: str
    tool_output: Any
    created_at: UtcTime


class AgentOutputEvent(Document):
    """What the agent answered."""

    id: str
    session_key: str
    type: Literal["agent_output"]
    content: str
    created_at: UtcTime


AgentEvent = Annotated[
    InputMessageEvent | ThinkingEvent | ToolInputEvent | ToolOutputEvent | AgentOutputEvent,
    Field(discriminator="type"),
]


class AgentEventMetadata(Document):
    """Where the next page begins, None on the last one, and how many events the session shows."""

    page_key: str | None
    total_count: int


class AgentEventPage(Document):
    """A page of a session's events."""

    events: list[AgentEvent]
    metadata: AgentEventMetadata


_EVENT: TypeAdapter[AgentEvent] = TypeAdapter(AgentEvent)


def limit_of(limit: object) -> int:
    """Return how many events a page has; raises InvalidQuery outside 1 to 100."""
    return arguments.integer("limit", limit, low=1, high=100)


def event_id_of(event_id: object) -> str:
    """Return the id; raises InvalidQuery where it is off its pattern."""
    if isinstance(event_id, str) and ids.EVENT_ID.match(event_id):
        return event_id
    raise InvalidQuery("event_id", f"must be aev_ and letters, digits, '_' or '-', got {str(event_id)[:80]!r}")


def page_key_of(event_id: str) -> str:
    """Return the page key of the page that begins after this event.

    >>> page_key_of("aev_agent_output_001")
    'eyJldmVudF9pZCI6ImFldl9hZ2VudF9vdXRwdXRfMDAxIn0='
    """
    return base64.b64encode(compact_json({"event_id": event_id}).encode()).decode()


def position_of(page_key: object) -> str | None:
    """Return the id of the event that a page key names; raises InvalidQuery for one that we did not make.

    >>> position_of("eyJldmVudF9pZCI6ImFldl9hZ2VudF9vdXRwdXRfMDAxIn0=")
    'aev_agent_output_001'
    """
    if page_key is None:
        return None
    event_id = _event_id_in(page_key) if isinstance(page_key, str) else None
    if event_id is None or not ids.EVENT_ID.match(event_id) or page_key_of(event_id) != page_key:
        raise InvalidQuery("page_key", "is none that an earlier page gave")
    return event_id


def page_of(
    session: SessionRow, events: Sequence[EventRow], runs: Mapping[bytes, RunRow], *, limit: int, total: int
) -> AgentEventPage:
    """Return the page of these events; one more event than `limit` tells that another page follows."""
    shown = events[:limit]
    page_key = page_key_of(shown[-1].id) if len(events) > limit else None
    told: Any = [_fields_of(session, event, runs.get(event.run_id)) for event in shown]
    return AgentEventPage(
        events=told,
        metadata=AgentEventMetadata(page_key=page_key, total_count=total),
    )


def event_of(session: SessionRow, event: EventRow, run: RunRow | None) -> AgentEvent:
    """Return one event; what it says is its own data, or else its run's content."""
    return _EVENT.validate_python(_fields_of(session, event, run))


def _fields_of(session: SessionRow, event: EventRow, run: RunRow | None) -> dict[str, Any]:
    data = parse(event.data) if event.data is not None else _data_of(run)
    return {
        "id": event.id,
        "session_key": session.key,
        "type": event.type,
        **_FIELDS[event.type](data or {}, event),
        "created_at": times.utc(event.created_at),
    }


def _event_id_in(page_key: str) -> str | None:
    try:
        said: Any = orjson.loads(base64.b64decode(page_key, validate=True))
    except (ValueError, binascii.Error):
        return None
    event_id: Any = cast("dict[str, Any]", said).get("event_id") if isinstance(said, dict) else None
    return event_id if isinstance(event_id, str) else None


def _data_of(run: RunRow | None) -> dict[str, Any]:
    """Return what an event that stems from a run's start or end says."""
    if run is None:
        return {}
    content = complete(run.run_type, run.name, parse(run.content)) or {}
    return {
        "messages": content.get("input"),
        "content": content.get("output"),
        "tool_call_id": content.get("tool_call_id"),
        "tool_configuration": content.get("tool_configuration"),
        "tool_name": content.get("tool_name") or run.name,
        "tool_input": content.get("input"),
        "tool_output": _output_of(run, content),
    }


def _output_of(run: RunRow, content: dict[str, Any]) -> Any:
    if run.status != "failed":
        return content.get("output")
    return {"error": error_of(run.error) or {"type": None, "message": None, "stack": None}}


def _input_message(data: dict[str, Any], _: EventRow) -> dict[str, Any]:
    said = data.get("messages")
    return {"messages": messages_of(data.get("content") if said is None else said)}


def _content(data: dict[str, Any], _: EventRow) -> dict[str, Any]:
    return {"content": text_of(data.get("content")) or ""}


def _tool(data: dict[str, Any], event: EventRow) -> dict[str, Any]:
    return {
        "tool_call_id": text_of(data.get("tool_call_id")) or f"call_{ids.span_of(event.run_id):016x}",
        "tool_configuration": _text(data.get("tool_configuration")),
        "tool_name": _text(data.get("tool_name")) or "",
    }


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else compact_json(value)


_FIELDS: dict[str, Callable[[dict[str, Any], EventRow], dict[str, Any]]] = {
    "input_message": _input_message,
    "thinking": _content,
    "tool_input": lambda data, event: _tool(data, event) | {"tool_input": data.get("tool_input")},
    "tool_output": lambda data, event: _tool(data, event) | {"tool_output": data.get("tool_output")},
    "agent_output": _content,
}
