"""Filters of `store.protocol` become SQL conditions. Text only: nothing runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from agenttrace.model.ids import canonical, time_id
from agenttrace.store.match import ABANDONED_SIGN, RUN_EQUALS
from agenttrace.store.sql_text import marks

if TYPE_CHECKING:
    from agenttrace.store.protocol import AuditFilter, EventFilter, RunFilter, SessionFilter

__all__ = ["Where", "audit_where", "event_where", "run_wheres", "session_where"]

#: Values that partial indexes name: a parameter in their place would hide the index from the planner.
_LITERAL = {("run_type", "prompt"): "run_type = 'prompt'", ("status", "running"): "status = 'running'"}


class Where(NamedTuple):
    """A condition, its parameters, and the index that serves it: without statistics SQLite guesses badly."""

    sql: str
    values: tuple[Any, ...]
    served_by: str | None = None

    def plus(self, sql: str, *values: Any) -> Where:
        """Return this and another condition."""
        return self._replace(sql=f"{self.sql} AND {sql}", values=(*self.values, *values))


def run_wheres(where: RunFilter, *, paged: bool) -> list[Where]:
    """Return conditions of which each matching run fits exactly one; `paged`: with `after`. `ids` is the caller's."""
    found = Where("workspace_id = ?", (where.workspace_id,), None if where.ids is not None else _run_index(where))
    for name in RUN_EQUALS:
        value = getattr(where, name)
        if value is not None:
            literal = _LITERAL.get((name, value))
            found = found.plus(literal) if literal else found.plus(f"{name} = ?", value)
    found = _time(_kind(found, where), where)
    if paged and where.after is not None:
        start, last = where.after
        found = found.plus("start_time <= ? AND (start_time < ? OR id > ?)", start, start, last)
    return _call(found, where)


def event_where(where: EventFilter, *, paged: bool) -> Where:
    """Return the condition of a session's visible events; `paged`: with `after`."""
    index = "event_session" if where.id is None else None
    found = Where("workspace_id = ? AND session_id = ? AND NOT hidden", (where.workspace_id, where.session_id), index)
    found = found.plus(*_among("type", where.types))
    if where.id is not None:
        found = found.plus("id = ?", where.id)
    if paged and where.after is not None:
        found = found.plus("id < ?" if where.newest_first else "id > ?", where.after)
    return found


def session_where(where: SessionFilter) -> Where:
    """Return the condition of sessions."""
    index = "session_owner" if where.team_id is not None and where.user_id is not None else "session_time"
    found = Where("workspace_id = ?", (where.workspace_id,), None if where.ids is not None else index)
    if where.ids is not None:
        found = found.plus(*_among("id", where.ids))
    if where.team_id is not None:
        found = found.plus("team_id = ?", canonical(where.team_id))
    if where.user_id is not None:
        found = found.plus("user_id = ?", canonical(where.user_id))
    if where.agent_key is not None:
        found = found.plus(
            "EXISTS (SELECT 1 FROM session_agent AS took WHERE took.workspace_id = session.workspace_id "
            "AND took.session_id = session.id AND took.agent_key = ?)",
            where.agent_key,
        )
    return found


def audit_where(where: AuditFilter) -> Where:
    """Return the condition of notes of the audit log. Times become ids, which sort by them: the keys serve them."""
    index = "audit_user" if where.user_id is not None else None if where.action is None else "audit_action"
    found = Where("workspace_id = ?", (where.workspace_id,), index)
    for name in ("action", "user_id", "key_id"):
        if getattr(where, name) is not None:
            found = found.plus(f"{name} = ?", getattr(where, name))
    for sign, bound in ((">=", where.since), ("<", where.until)):
        if bound is not None:
            found = found.plus(f"id {sign} ?", time_id(bound, 0))
    return found if where.after is None else found.plus("id < ?", where.after)


def _run_index(where: RunFilter) -> str:
    if where.run_type == "prompt":
        return _prompt_index(where)
    if where.interaction_types is not None:
        return "run_interaction"
    return "run_root_contact" if where.roots_only and where.ai_contact_id is not None else "run_time"


def _prompt_index(where: RunFilter) -> str:
    if where.conversation_id is not None:
        return "run_prompt_conversation"
    if where.call_sid is not None:
        return "run_prompt_call"
    return "run_prompt_time" if where.session_id is None else "run_prompt_session"


def _kind(found: Where, where: RunFilter) -> Where:
    if where.roots_only:
        found = found.plus("is_root")
    if where.abandoned:
        found = found.plus("status = 'failed' AND substr(error, 1, ?) = ?", len(ABANDONED_SIGN), ABANDONED_SIGN)
    if where.interaction_types is not None:
        found = found.plus("interaction_type IS NOT NULL").plus(*_among("interaction_type", where.interaction_types))
    return found


def _time(found: Where, where: RunFilter) -> Where:
    if where.since is not None:
        found = found.plus("start_time >= ?", where.since)
    return found if where.until is None else found.plus("start_time < ?", where.until)


def _call(found: Where, where: RunFilter) -> list[Where]:
    """Return one condition, or two where a call's session counts as well: each then has an index of its own."""
    if where.call_sid is None:
        return [found]
    by_call = found.plus("call_sid = ?", where.call_sid)
    if where.call_session_id is None:
        return [by_call]
    if where.run_type == "prompt":
        found = found._replace(served_by="run_prompt_session")
    other = found.plus("session_id = ? AND (call_sid IS NULL OR call_sid <> ?)", where.call_session_id, where.call_sid)
    return [by_call, other]


def _among(column: str, values: Any) -> tuple[Any, ...]:
    distinct = tuple(dict.fromkeys(values))
    return (f"{column} IN ({marks(len(distinct))})", *distinct) if distinct else ("1 = 0",)
