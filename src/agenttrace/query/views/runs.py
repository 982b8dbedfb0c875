"""Runs and sessions as users see them, from their rows, and the filters that choose runs. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agenttrace.model import times
from agenttrace.model.content import complete, error_of, parse
from agenttrace.model.run import Run, Session
from agenttrace.query import arguments
from agenttrace.query.document import optional_uuid_text, uuid_text
from agenttrace.store.protocol import RunFilter

if TYPE_CHECKING:
    from agenttrace.model.rows import RunRow, SessionRow

__all__ = ["STATUSES", "after", "filter_of", "run_of", "session_of"]

STATUSES = ("pending", "running", "success", "failed")


def run_of(row: RunRow) -> Run:
    """Return the run of a row, without children."""
    return Run(
        id=uuid_text(row.id),
        trace_id=row.trace_id.hex(),
        span_id=row.span_id.hex(),
        parent_id=optional_uuid_text(row.parent_id),
        run_type=row.run_type,
        name=row.name,
        status=row.status,
        start_time=times.utc(row.start_time),
        end_time=None if row.end_time is None else times.utc(row.end_time),
        content=complete(row.run_type, row.name, parse(row.content)),
        error=error_of(row.error),
        workspace_id=uuid_text(row.workspace_id),
        agent_key=row.agent_key,
        session_id=optional_uuid_text(row.session_id),
        conversation_id=optional_uuid_text(row.conversation_id),
        call_sid=row.call_sid,
        ai_contact_id=optional_uuid_text(row.ai_contact_id),
        user_id=row.user_id,
        team_id=row.team_id,
        attributes=parse(row.attributes) or {},
    )


def session_of(row: SessionRow) -> Session:
    """Return the session of a row."""
    return Session(
        workspace_id=uuid_text(row.workspace_id),
        id=uuid_text(row.id),
        key=row.key,
        agent_key=row.agent_key,
        user_id=row.user_id,
        team_id=row.team_id,
        conversation_id=optional_uuid_text(row.conversation_id),
        call_sid=row.call_sid,
        created_at=times.utc(row.created_at),
        last_message_at=None if row.last_message_at is None else times.utc(row.last_message_at),
        reset_at=None if row.reset_at is None else times.utc(row.reset_at),
    )


def filter_of(
    *,
    workspace_id: object,
    run_type: object,
    status: object,
    name: object,
    since: object,
    until: object,
    roots_only: bool,
    agent_key: object,
    session_id: object,
    conversation_id: object,
    call_sid: object,
    ai_contact_id: object,
) -> RunFilter:
    """Return the filter of these arguments; ids may have any form that a scope takes. Raises InvalidQuery."""
    workspace = arguments.workspace(workspace_id)
    return RunFilter(
        workspace_id=workspace,
        run_type=arguments.text("run_type", run_type),
        status=arguments.choice("status", status, STATUSES),
        name=arguments.text("name", name),
        since=arguments.instant("since", since),
        until=arguments.instant("until", until),
        roots_only=roots_only,
        agent_key=None if agent_key is None else arguments.agent("agent_key", agent_key),
        session_id=None if session_id is None else arguments.session("session_id", workspace, session_id),
        conversation_id=arguments.entity("conversation_id", workspace, conversation_id),
        call_sid=arguments.call("call_sid", call_sid),
        ai_contact_id=arguments.entity("ai_contact_id", workspace, ai_contact_id),
    )


def after(where: RunFilter, row: RunRow | None, *, limit: int) -> RunFilter:
    """Return the filter of the page that begins after this run, or of the first page."""
    return replace(where, after=None if row is None else (row.start_time, row.id), limit=limit)
