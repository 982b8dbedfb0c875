"""Whether a row fits a filter of `store.protocol`. Pure; order, pages and `after` are the caller's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agenttrace.model.ids import canonical

if TYPE_CHECKING:
    from agenttrace.model.rows import AuditRow, EventRow, RunRow, SessionRow
    from agenttrace.store.protocol import AuditFilter, EventFilter, RunFilter, SessionFilter

__all__ = ["ABANDONED_SIGN", "RUN_EQUALS", "audit_matches", "event_matches", "run_matches", "session_matches"]

#: What the error of an abandoned run begins with: its type comes first.
ABANDONED_SIGN = '{"type":"abandoned",'

#: The fields of a RunFilter that a run's field of the same name must equal.
RUN_EQUALS = (
    "run_type",
    "status",
    "name",
    "agent_key",
    "session_id",
    "conversation_id",
    "ai_contact_id",
    "widget_id",
    "placement_id",
    "deployment_type",
    "prompt_type",
    "state_name",
)


def run_matches(run: RunRow, where: RunFilter) -> bool:
    """Return whether a run fits, `ids` and `after` aside."""
    return (
        run.workspace_id == where.workspace_id
        and all(_equals(run, where, name) for name in RUN_EQUALS)
        and (where.since is None or run.start_time >= where.since)
        and (where.until is None or run.start_time < where.until)
        and (run.is_root or not where.roots_only)
        and (not where.abandoned or _is_abandoned(run))
        and (where.interaction_types is None or run.interaction_type in where.interaction_types)
        and _fits_call(run, where)
    )


def event_matches(row: EventRow, where: EventFilter) -> bool:
    """Return whether an event fits and shows, `after` aside."""
    return (
        row.workspace_id == where.workspace_id
        and row.session_id == where.session_id
        and not row.hidden
        and row.type in where.types
        and (where.id is None or row.id == where.id)
    )


def session_matches(row: SessionRow, where: SessionFilter, agents: set[tuple[bytes, bytes, str]]) -> bool:
    """Return whether a session fits; an agent fits that took part in it."""
    return (
        row.workspace_id == where.workspace_id
        and (where.ids is None or row.id in where.ids)
        and (where.agent_key is None or (row.workspace_id, row.id, where.agent_key) in agents)
        and (where.user_id is None or row.user_id == canonical(where.user_id))
        and (where.team_id is None or row.team_id == canonical(where.team_id))
    )


def audit_matches(note: AuditRow, where: AuditFilter) -> bool:
    """Return whether a note of the audit log fits, `after` aside."""
    return (
        note.workspace_id == where.workspace_id
        and (where.action is None or note.action == where.action)
        and (where.user_id is None or note.user_id == where.user_id)
        and (where.key_id is None or note.key_id == where.key_id)
        and (where.since is None or note.created_at >= where.since)
        and (where.until is None or note.created_at < where.until)
    )


def _equals(run: RunRow, where: RunFilter, name: str) -> bool:
    wanted = getattr(where, name)
    return wanted is None or getattr(run, name) == wanted


def _is_abandoned(run: RunRow) -> bool:
    return run.status == "failed" and (run.error or "").startswith(ABANDONED_SIGN)


def _fits_call(run: RunRow, where: RunFilter) -> bool:
    if where.call_sid is None:
        return True
    same_session = where.call_session_id is not None and run.session_id == where.call_session_id
    return run.call_sid == where.call_sid or same_session
