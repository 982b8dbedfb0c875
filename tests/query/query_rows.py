"""Make rows for the tests of this folder: every field has a value unless the test names it."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from agenttrace.model import ids, times
from agenttrace.model.rows import EventRow, RunRow, SessionRow
from agenttrace.model.versions import RANK_END, version

WORKSPACE = ids.DEFAULT_WORKSPACE.bytes
CONTACT = uuid.UUID("3f0c1d3e-7f1c-4a8f-9a54-0a6c2f6f2a11")
TRACE = 0x0190_0000_0000_0000_0000_0000_0000_0001
NOW = times.micros(datetime(2026, 5, 18, 9, 20, tzinfo=UTC))


def at(text: str) -> int:
    """Return the time of ISO 8601 text."""
    return times.micros(datetime.fromisoformat(text))


def run_row(span: int, parent: int | None = None, *, trace: int = TRACE, **fields: Any) -> RunRow:
    """Return a run's row; `content`, `error` and `attributes` may be objects."""
    start = fields.get("start_time", NOW)
    values: dict[str, Any] = {
        "workspace_id": WORKSPACE,
        "id": ids.run_id(trace, span),
        "trace_id": trace.to_bytes(16, "big"),
        "span_id": span.to_bytes(8, "big"),
        "parent_id": None if parent is None else ids.run_id(trace, parent),
        "is_root": parent is None,
        "run_type": "master",
        "name": "answer",
        "status": "success",
        "start_time": start,
        "end_time": start,
        "version": version(RANK_END, 0, 0),
        "process_id": None,
        "turn_time": start,
        "seq": span,
        "end_seq": None,
        **dict.fromkeys(_NULL),
        "source": "agenttrace",
        "ingested_at": NOW,
        **fields,
    }
    for name in ("content", "error", "attributes"):
        if isinstance(values[name], dict):
            values[name] = json.dumps(values[name])
    return RunRow(**values)


_NULL = (
    "agent_key",
    "session_id",
    "conversation_id",
    "call_sid",
    "ai_contact_id",
    "user_id",
    "team_id",
    "prompt_type",
    "state_name",
    "interaction_type",
    "widget_id",
    "placement_id",
    "deployment_type",
    "source_system",
    "service_id",
    "content",
    "error",
    "attributes",
)


def event_row(run: RunRow, kind: str, time: int, seq: int = 0, *, data: Any = None, hidden: bool = False) -> EventRow:
    """Return the row of an event of a run's session."""
    return EventRow(
        workspace_id=run.workspace_id,
        id=ids.event_id(time, seq, int.from_bytes(run.span_id, "big")),
        session_id=run.session_id,
        run_id=run.id,
        type=kind,
        created_at=time,
        turn_time=run.turn_time,
        hidden=hidden,
        data=None if data is None else json.dumps(data),
    )


def session_row(given: str | uuid.UUID, *, workspace: bytes = WORKSPACE, **fields: Any) -> SessionRow:
    """Return a session's row, from what the user gave as its id."""
    values: dict[str, Any] = {
        "workspace_id": workspace,
        "id": ids.session_id(workspace, given),
        "key": ids.session_key(workspace, given),
        "agent_key": None,
        "user_id": None,
        "team_id": None,
        "conversation_id": None,
        "call_sid": None,
        "created_at": NOW,
        "last_message_at": None,
        "reset_at": None,
        **fields,
    }
    return SessionRow(**values)
