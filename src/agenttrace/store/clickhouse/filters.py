"""Filters of `store.protocol` become conditions, and for runs the key by which they are looked up. Text only."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agenttrace.model.ids import canonical, time_id
from agenttrace.store.clickhouse.schema import KEY_FILTERS
from agenttrace.store.clickhouse.text import Where, among, literal
from agenttrace.store.match import ABANDONED_SIGN, RUN_EQUALS

if TYPE_CHECKING:
    from agenttrace.store.protocol import AuditFilter, EventFilter, RunFilter, SessionFilter

__all__ = ["Cursor", "audit_where", "event_where", "key_where", "run_where", "session_where"]


class Cursor(NamedTuple):
    """A place in the order of runs, newest first: what comes after it."""

    start_time: int
    id: bytes


def run_where(where: RunFilter) -> Where:
    """Return the condition of the runs that match, `ids` and `after` aside, on the table of runs."""
    found = Where().equal(workspace_id=where.workspace_id).plus("NOT deleted")
    found = found.equal(**{name: getattr(where, name) for name in RUN_EQUALS})
    if where.since is not None:
        found = found.plus(f"start_time >= {literal(where.since)}")
    if where.until is not None:
        found = found.plus(f"start_time < {literal(where.until)}")
    if where.roots_only:
        found = found.plus("is_root")
    if where.abandoned:
        found = found.plus("status = 'failed'", f"startsWith(ifNull(error, ''), {literal(ABANDONED_SIGN)})")
    if where.interaction_types is not None:
        found = found.plus(among("interaction_type", where.interaction_types))
    return found.plus(*_call(where))


def key_where(where: RunFilter, after: Cursor | None = None) -> Where:
    """Return the condition of lookup rows: of every run that matches there is one, and of few others."""
    found = Where().equal(workspace_id=where.workspace_id).plus(_key(where))
    found = found.equal(**{name: getattr(where, name, None) for name in KEY_FILTERS})
    if where.interaction_types is not None:
        found = found.plus(among("interaction_type", where.interaction_types))
    if where.since is not None:
        found = found.plus(f"back <= {-where.since}")
    if where.until is not None:
        found = found.plus(f"back > {-where.until}")
    if after is not None:
        back = -after.start_time
        found = found.plus(f"back >= {back}", f"(back > {back} OR id > {literal(after.id)})")
    return found


def event_where(where: EventFilter, sessions: str, *, paged: bool) -> Where:
    """Return the condition of a session's visible events; `sessions` is the sessions' table, `paged`: with `after`."""
    found = Where().equal(workspace_id=where.workspace_id, with_session=True, session_id=where.session_id)
    found = found.plus(visible(where.workspace_id, where.session_id, sessions), among("type", where.types))
    found = found.equal(id=where.id)
    if paged and where.after is not None:
        found = found.plus(f"id {'<' if where.newest_first else '>'} {literal(where.after)}")
    return found


def visible(workspace: bytes, session: bytes, sessions: str) -> str:
    """Return the condition that an event of this session shows: no reset of the session has taken it away."""
    one = Where().equal(workspace_id=workspace, id=session).sql
    last = f"SELECT (max(reset_stamp), ifNull(max(reset_at), {-1 << 63})) FROM {sessions} WHERE {one}"  # noqa: S608
    return f"NOT deleted AND NOT hidden AND stamp > tupleElement(({last}) AS reset, 1) AND turn_time > reset.2"


def session_where(where: SessionFilter, took_part: str) -> Where:
    """Return the condition of sessions; `took_part` is the table that says which agents did in which session."""
    found = Where().equal(workspace_id=where.workspace_id)
    if where.ids is not None:
        found = found.plus(among("id", where.ids))
    if where.team_id is not None:
        found = found.equal(team_id=canonical(where.team_id))
    if where.user_id is not None:
        found = found.equal(user_id=canonical(where.user_id))
    if where.agent_key is not None:
        agents = Where().equal(workspace_id=where.workspace_id, agent_key=where.agent_key).sql
        found = found.plus(f"id IN (SELECT session_id FROM {took_part} WHERE {agents})")  # noqa: S608
    return found


def audit_where(where: AuditFilter) -> Where:
    """Return the condition of notes of the audit log; times become ids, which sort by them."""
    found = Where().equal(
        workspace_id=where.workspace_id, action=where.action, user_id=where.user_id, key_id=where.key_id
    )
    for sign, bound in ((">=", where.since), ("<", where.until)):
        if bound is not None:
            found = found.plus(f"id {sign} {literal(time_id(bound, 0))}")
    return found if where.after is None else found.plus(f"id < {literal(where.after)}")


def _call(where: RunFilter) -> tuple[str, ...]:
    if where.call_sid is None:
        return ()
    call = f"ifNull(call_sid = {literal(where.call_sid)}, 0)"
    if where.call_session_id is None:
        return (call,)
    return (f"({call} OR ifNull(session_id = {literal(where.call_session_id)}, 0))",)


def _key(where: RunFilter) -> str:
    """Return the condition of the fewest lookup rows that have all runs that match."""
    if where.roots_only and where.ai_contact_id is not None:
        return _one("contact", where.ai_contact_id)
    if where.conversation_id is not None:
        return _one("conversation", where.conversation_id)
    if where.call_sid is not None:
        call = _one("call", where.call_sid)
        return call if where.call_session_id is None else f"({call} OR {_one('session', where.call_session_id)})"
    if where.session_id is not None:
        return _one("session", where.session_id)
    return _one("time" if where.interaction_types is None else "interaction", b"")


def _one(kind: str, value: bytes | str) -> str:
    return f"(kind = '{kind}' AND value = {literal(value) if value else chr(39) * 2})"
