"""The audit log of the endpoints: each read becomes one record, under its documented name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agenttrace.asgi.principal import Principal
    from agenttrace.configure import AgentTrace

__all__ = ["Auditor", "action_of"]

_ACTIONS = {
    "agent_event": "agent_events.queried",
    "ingest": "runs.ingested",
    "reset_session": "sessions.reset",
    "websocket": "agent_events.followed",
}


class Auditor:
    """Notes what callers read, in the journal: nothing is written to the database on a read's own way.

    Never blocks and never raises; may be called from the event loop and from any thread. `agenttrace.query.audit` gives
    the notes back.
    """

    def __init__(self, trace: AgentTrace) -> None:
        self._trace = trace

    def note(
        self,
        principal: Principal,
        view: str,
        filters: Mapping[str, object],
        rows: int,
        status: int,
        *,
        request_id: str | None = None,
    ) -> None:
        """Note that this caller asked for a view with these filters, and was answered so many rows and this status."""
        self._trace.audit_trail.note(
            action_of(view),
            workspace_id=principal.workspace_id,
            user_id=principal.user_id,
            key_id=principal.key_id,
            role=principal.role,
            filters=filters,
            rows=rows,
            status=status,
            request_id=request_id,
        )


def action_of(view: str) -> str:
    """Return the name under which a view's reads are noted.

    >>> action_of("prompt_logs"), action_of("reset_session")
    ('prompt_logs.queried', 'sessions.reset')
    """
    return _ACTIONS.get(view) or f"{view}.queried"
