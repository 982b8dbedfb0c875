"""What filters mean, in plain Python over the rows that were written: what stores are compared to. No store here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from agenttrace.model.rows import AuditRow, EventRow, RunRow, SessionRow

__all__ = ["audit_that_fit", "events_that_fit", "page_of", "runs_that_fit", "sessions_that_fit"]

#: Fields of a filter that a field of the row with the same name equals.
_SAME = (
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
    "user_id",
    "team_id",
    "key_id",
    "action",
)


def runs_that_fit(runs: Iterable[RunRow], where: dict[str, Any]) -> list[RunRow]:
    """Return the runs that match a RunFilter of these fields, pages aside, newest first."""
    found = [run for run in runs if _fits(run, where, _RUNS)]
    return sorted(found, key=lambda run: (-run.start_time, run.id))


def events_that_fit(events: Iterable[EventRow], where: dict[str, Any]) -> list[EventRow]:
    """Return the events that match an EventFilter of these fields, `after` and `limit` included."""
    newest = where.get("newest_first", False)
    found = sorted((event for event in events if _fits(event, where, _EVENTS)), key=lambda event: event.id)
    return page_of(found[::-1] if newest else found, {"limit": where.get("limit")})


def sessions_that_fit(
    sessions: Iterable[SessionRow], agents: dict[bytes, set[str]], where: dict[str, Any]
) -> list[SessionRow]:
    """Return the sessions that match a SessionFilter of these fields, pages included; `agents` took part in them."""
    wanted = {**where}
    agent = wanted.pop("agent_key", None)
    found = [row for row in sessions if _fits(row, wanted, _SESSIONS)]
    found = [row for row in found if agent is None or agent in agents[row.id]]
    return page_of(sorted(found, key=lambda row: (-row.created_at, row.id)), where)


def audit_that_fit(notes: Iterable[AuditRow], where: dict[str, Any]) -> list[AuditRow]:
    """Return the notes that match an AuditFilter of these fields, pages included."""
    found = [note for note in notes if _fits(note, where, _AUDIT)]
    return page_of(sorted(found, key=lambda note: note.id, reverse=True), where)


def page_of(rows: Sequence[Any], where: dict[str, Any]) -> list[Any]:
    """Return the rows that `limit` and `offset` leave."""
    start, limit = where.get("offset", 0), where.get("limit")
    return list(rows[start:] if limit is None else rows[start : start + limit])


def _fits(row: Any, where: dict[str, Any], rules: dict[str, Callable[[Any, Any, dict[str, Any]], bool]]) -> bool:
    return all(
        rules[name](row, value, where) if name in rules else getattr(row, name) == value
        for name, value in where.items()
        if name in rules or name in _SAME
    )


def _by_call(run: RunRow, call: str, where: dict[str, Any]) -> bool:
    session = where.get("call_session_id")
    return run.call_sid == call or (session is not None and run.session_id == session)


_RUNS: dict[str, Callable[[RunRow, Any, dict[str, Any]], bool]] = {
    "ids": lambda run, wanted, _: run.id in wanted,
    "since": lambda run, time, _: run.start_time >= time,
    "until": lambda run, time, _: run.start_time < time,
    "abandoned": lambda run, wanted, _: not wanted or (run.status == "failed" and '"abandoned"' in (run.error or "")),
    "roots_only": lambda run, wanted, _: run.is_root or not wanted,
    "interaction_types": lambda run, wanted, _: run.interaction_type in wanted,
    "call_sid": _by_call,
}
_EVENTS: dict[str, Callable[[EventRow, Any, dict[str, Any]], bool]] = {
    "types": lambda event, wanted, _: event.type in wanted,
    "id": lambda event, wanted, _: event.id == wanted,
    "after": lambda event, last, where: event.id < last if where.get("newest_first") else event.id > last,
}
_SESSIONS: dict[str, Callable[[SessionRow, Any, dict[str, Any]], bool]] = {
    "ids": lambda row, wanted, _: row.id in wanted,
}
_AUDIT: dict[str, Callable[[AuditRow, Any, dict[str, Any]], bool]] = {
    "since": lambda note, time, _: note.created_at >= time,
    "until": lambda note, time, _: note.created_at < time,
    "after": lambda note, last, _: note.id < last,
}
