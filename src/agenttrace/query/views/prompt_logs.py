"""Prompt logs: one row for each prompt run, newest first, with all that went into the model and came out. Pure."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, cast

from pydantic import ConfigDict, Field

from agenttrace.errors import InvalidQuery
from agenttrace.model import ids, times
from agenttrace.model.content import MISSING, complete, parse
from agenttrace.model.jsontext import compact_json
from agenttrace.query import arguments
from agenttrace.query.document import Document, UtcTime, uuid_of
from agenttrace.store.protocol import RunFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agenttrace.model.rows import ConversationRow, RunRow

__all__ = [
    "LONGEST_CALL_SID",
    "LONGEST_PROMPT_TYPE",
    "LONGEST_STATE_NAME",
    "MAX_LIMIT",
    "MAX_OFFSET",
    "WINDOW_DAYS",
    "PromptLogEntry",
    "PromptLogListResponse",
    "PromptQuery",
    "list_of",
    "query_of",
]

MAX_LIMIT = 200
MAX_OFFSET = 10_000
LONGEST_CALL_SID = 64
LONGEST_PROMPT_TYPE = 64
LONGEST_STATE_NAME = 128

_FIELDS = frozenset(
    (
        *("run_type", "name", "content", "attributes", "prompt_type", "state_name", "call_sid", "session_id"),
        *("ingested_at", "source", "source_system", "service_id"),
    )
)

_KEPT_ONCE = ("system_prompt", "history", "full_prompt", "tool_names")

#: How far back an answer goes where the caller named no conversation, no call and no time.
WINDOW_DAYS = 7


def _without_null_defaults(schema: dict[str, Any]) -> None:
    """Leave out `default: null`, as the published schema does."""
    for field in schema.get("properties", {}).values():
        if field.get("default", "") is None:
            del field["default"]


class _PromptDocument(Document):
    model_config = ConfigDict(json_schema_extra=_without_null_defaults)


class PromptLogEntry(_PromptDocument):
    """One call of a model: what it was given and what it said. Texts may be of any length."""

    event_id: uuid.UUID
    call_sid: str | None = None
    workspace_id: uuid.UUID
    effective_at: UtcTime | None = None
    ingested_at: UtcTime | None = None
    source: str | None = None
    source_system: str | None = None
    prompt_type: str | None = None
    turn_index: int | None = None
    system_prompt: str | None = None
    history: list[dict[str, Any]] | None = None
    full_prompt: str | None = None
    llm_model: str | None = None
    llm_response: str | None = None
    state_name: str | None = None
    action: str | None = None
    tool_names: list[str] = Field(default_factory=list[str])
    has_tools: bool | None = None
    service_id: uuid.UUID | None = None
    session_id: str | None = None
    data_parse_error: bool = False


class PromptLogListResponse(_PromptDocument):
    """A page of prompt logs; `count` is the number of items on this page."""

    items: list[PromptLogEntry]
    count: int = Field(ge=0)
    has_more: bool
    next_offset: int | None = Field(
        None,
        description=f"The offset of the next page; null where there is none, or it is beyond {MAX_OFFSET}",
    )
    applied_time_window_days: int | None = Field(
        None, description="How many days back the answer goes; null where the caller chose a conversation, call or time"
    )
    resolved_call_sid: Annotated[str, Field(max_length=LONGEST_CALL_SID)] | None = Field(
        None, description="The call, or else the session, of the conversation that was asked for"
    )
    resolved_conversation_kind: Literal["call", "conversation"] | None = Field(
        None, description="What kind of conversation was asked for; null where none was"
    )


class PromptQuery(NamedTuple):
    """The arguments of a query for prompt logs, as the store takes them."""

    conversation_id: bytes | None
    call_sid: str | None
    call_session_id: bytes | None
    prompt_type: str | None
    state_name: str | None
    since: int | None
    until: int | None
    limit: int
    offset: int
    window_days: int | None

    def where(self, workspace_id: bytes) -> RunFilter:
        """Return the filter of the page and of one run more, which tells whether another page follows."""
        return RunFilter(
            workspace_id=workspace_id,
            run_type="prompt",
            conversation_id=self.conversation_id,
            call_sid=self.call_sid,
            call_session_id=self.call_session_id,
            prompt_type=self.prompt_type,
            state_name=self.state_name,
            since=self.since,
            until=self.until,
            limit=self.limit + 1,
            offset=self.offset,
            fields=_FIELDS,
        )


def query_of(
    workspace_id: bytes,
    *,
    conversation_id: object,
    call_sid: object,
    prompt_type: object,
    state_name: object,
    from_ts: object,
    to_ts: object,
    limit: object,
    offset: object,
    now: int,
) -> PromptQuery:
    """Return the checked arguments, with a window of seven days up to `now` where nothing else narrows the query.

    Raises InvalidQuery outside the documented ranges, and where a conversation and a call are given together.
    """
    if conversation_id is not None and call_sid is not None:
        raise InvalidQuery("call_sid", "cannot be combined with conversation_id; leave out one of them")
    conversation = (
        None if conversation_id is None else arguments.unique_id("conversation_id", conversation_id, workspace_id)
    )
    call = arguments.call("call_sid", call_sid, longest=LONGEST_CALL_SID)
    since, until = arguments.instant("from_ts", from_ts), arguments.instant("to_ts", to_ts)
    narrowed = any(value is not None for value in (conversation, call, since, until))
    return PromptQuery(
        conversation_id=conversation,
        call_sid=call,
        call_session_id=None if call is None else _session_in(call),
        prompt_type=arguments.text("prompt_type", prompt_type, longest=LONGEST_PROMPT_TYPE),
        state_name=arguments.text("state_name", state_name, longest=LONGEST_STATE_NAME),
        since=since if narrowed else now - WINDOW_DAYS * times.DAY,
        until=until,
        limit=arguments.integer("limit", limit, low=1, high=MAX_LIMIT),
        offset=arguments.integer("offset", offset, low=0, high=MAX_OFFSET),
        window_days=None if narrowed else WINDOW_DAYS,
    )


def list_of(
    rows: Sequence[RunRow], query: PromptQuery, conversation: ConversationRow | None = None
) -> PromptLogListResponse:
    """Return the page of these runs; one more than the query's limit tells that there are more."""
    items = [_entry_of(row) for row in rows[: query.limit]]
    more = len(rows) > query.limit
    following = query.offset + query.limit
    return PromptLogListResponse(
        items=items,
        count=len(items),
        has_more=more,
        next_offset=following if more and following <= MAX_OFFSET else None,
        applied_time_window_days=query.window_days,
        resolved_call_sid=None if conversation is None else _call_of(conversation),
        resolved_conversation_kind=None if conversation is None else _kind_of(conversation),
    )


def _session_in(call_sid: str) -> bytes | None:
    """Return the session that a call_sid filter may stand for: it also takes a session's UUID."""
    session = ids.as_uuid(call_sid)
    return None if session is None else session.bytes


def _kind_of(conversation: ConversationRow) -> Literal["call", "conversation"]:
    return "conversation" if conversation.call_sid is None else "call"


def _call_of(conversation: ConversationRow) -> str | None:
    """Return what to pass as call_sid to find the same prompts; None where no call_sid would be accepted."""
    call = conversation.call_sid
    if call is None:
        return None if conversation.session_id is None else str(uuid_of(conversation.session_id))
    return call if len(call) <= LONGEST_CALL_SID else None


def _entry_of(row: RunRow) -> PromptLogEntry:
    content = parse(row.content)
    whole = complete(row.run_type, row.name, content) or {}
    gaps, lost = _gaps(whole) if content and _may_have_gaps(cast("str", row.content)) else ([], [])
    session = None if row.session_id is None else str(uuid.UUID(bytes=row.session_id))
    return PromptLogEntry(
        event_id=uuid.UUID(bytes=row.id),
        call_sid=row.call_sid,
        workspace_id=uuid.UUID(bytes=row.workspace_id),
        effective_at=times.utc(row.start_time),
        ingested_at=times.utc(row.ingested_at),
        source=row.source,
        source_system=row.source_system,
        prompt_type=row.prompt_type if isinstance(row.prompt_type, str) else _text(whole.get("prompt_type")),
        turn_index=_integer(whole.get("turn_index")),
        system_prompt=_text(whole.get("system_prompt")),
        history=_history(whole.get("history")),
        full_prompt=_text(whole.get("full_prompt")),
        llm_model=_text(whole.get("llm_model")),
        llm_response=_text(whole.get("llm_response")),
        state_name=row.state_name if isinstance(row.state_name, str) else _text(whole.get("state_name")),
        action=_text(whole.get("action")),
        tool_names=_tool_names(whole.get("tool_names")),
        has_tools=bool(whole["tool_names"]) if whole and "tool_names" not in lost else None,
        service_id=uuid_of(row.service_id),
        session_id=session,
        data_parse_error=(content is None and row.content is not None) or bool(gaps) or _was_unreadable(row.attributes),
    )


def _was_unreadable(attributes: str | None) -> bool:
    """Return whether a foreign span held something that could not be read; it is in the run's attributes, raw."""
    if not isinstance(attributes, str):
        return attributes is not None  # damaged
    return "data_parse_error" in attributes and (parse(attributes) or {}).get("data_parse_error") is True


def _may_have_gaps(content: str) -> bool:
    return MISSING[0] in content and MISSING in content  # one letter is looked for at many times the speed


def _gaps(whole: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the keys of what was kept once and is not there any more, at least its beginning; of the latter nothing is
    left, and None takes its place.
    """
    gaps = [key for key in _KEPT_ONCE if _has_gap(whole.get(key))]
    lost = [key for key in gaps if whole[key] in (MISSING, [MISSING])]
    whole.update(dict.fromkeys(lost))
    return gaps, lost


def _has_gap(value: Any) -> bool:
    """Return whether a value that was kept once is not there any more, or its beginning is not."""
    first: Any = cast("list[Any]", value)[:1] if isinstance(value, list) else [value]
    return first == [MISSING]


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else compact_json(value)


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _items(value: Any) -> list[Any]:
    if value is None:
        return []
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _history(value: Any) -> list[dict[str, Any]] | None:
    if value is None:
        return None
    return [item if isinstance(item, dict) else {"content": item} for item in _items(value)]


def _tool_names(value: Any) -> list[str]:
    return [_tool_name(item) for item in _items(value) if item is not None]


def _tool_name(tool: Any) -> str:
    """Return a tool's name; definitions may have been captured whole."""
    if isinstance(tool, dict):
        definition = cast("dict[str, Any]", tool)
        function = definition.get("function")
        inner: Any = cast("dict[str, Any]", function).get("name") if isinstance(function, dict) else None
        name = definition.get("name") or inner
        return name if isinstance(name, str) else compact_json(definition)
    return tool if isinstance(tool, str) else compact_json(tool)
