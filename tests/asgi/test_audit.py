"""The endpoints' notes: each view under its documented name."""

from __future__ import annotations

import pytest

from agenttrace import AgentTrace
from agenttrace.asgi.audit import Auditor, action_of
from agenttrace.asgi.principal import Principal


@pytest.mark.parametrize(
    ("view", "action"),
    [
        ("run_logs", "run_logs.queried"),
        ("ask_ai_logs", "ask_ai_logs.queried"),
        ("ask_ai_analytics", "ask_ai_analytics.queried"),
        ("action_logs", "action_logs.queried"),
        ("reset_session", "sessions.reset"),
        ("agent_events", "agent_events.queried"),
        ("agent_event", "agent_events.queried"),
        ("websocket", "agent_events.followed"),
        ("prompt_logs", "prompt_logs.queried"),
        ("ingest", "runs.ingested"),
    ],
)
def test_a_view_is_noted_under_its_name(view: str, action: str) -> None:
    """`prompt_logs.queried` is the documented one; its siblings follow it."""
    assert action_of(view) == action


def test_a_note_says_who_asked_for_what() -> None:
    """In the caller's workspace, whatever is named in the filters."""
    who = Principal(workspace_id="acme", user_id="u", role="admin", key_id="0123456789abcdef")
    with AgentTrace("memory://") as trace:
        filters = {"workspace_id": "other", "call_sid": "CA1", "prompt_type": None, "limit": 20}
        Auditor(trace).note(who, "prompt_logs", filters, 3, 200, request_id="req-1")
        (note,) = trace.query.audit(workspace_id="acme")
        assert list(trace.query.audit()) == []
    assert (note.workspace_id, note.user_id, note.key_id) == (who.workspace_id, "u", "0123456789abcdef")
    assert (note.role, note.action, note.rows, note.status) == ("admin", "prompt_logs.queried", 3, 200)
    assert note.filters == {"workspace_id": "other", "call_sid": "CA1", "limit": 20}
    assert note.request_id == "req-1"


def test_a_note_follows_a_new_configuration() -> None:
    """An app outlives its store."""
    with AgentTrace("memory://") as trace:
        auditor = Auditor(trace)
        trace.configure("memory://")
        auditor.note(Principal(workspace_id=None), "run_logs", {}, 0, 200)
        assert len(list(trace.query.audit())) == 1
