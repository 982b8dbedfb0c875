"""Whatever a program records through the makers, each view's document is valid by its published schema."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from query_contracts import document

from agenttrace import AgentTrace, errors
from tests.e2e.programs import AGENTS, CONTACTS, SESSIONS, TALK, Block, programs, run


@pytest.fixture(scope="module")
def shared() -> Iterator[AgentTrace]:
    """Give one AgentTrace for all programs; each has a workspace of its own."""
    with tempfile.TemporaryDirectory() as folder, AgentTrace(store=Path(folder) / "traces.db") as trace:
        yield trace


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=programs())
def test_any_program_gives_valid_documents(shared: AgentTrace, program: list[Block]) -> None:
    """All five views, on all their pages; and no span is lost or shown twice."""
    workspace = uuid.uuid4()
    with shared.scope(workspace_id=workspace):
        begun = run(shared, program)
        for contact in CONTACTS:
            shared.register_contact(contact)
        for session in SESSIONS:
            shared.register_session(session, agent_key=AGENTS[0])
    ids = [str(found.id) for found in shared.query.runs(workspace_id=workspace)]
    assert len(ids) == len(set(ids)) == begun
    for contact in CONTACTS:
        check_contact(shared, workspace, contact)
    for session in SESSIONS:
        check_session(shared, workspace, session)
    for kind in (None, "search"):
        document(shared.query.ask_ai_logs(workspace_id=workspace, interaction_type=kind), "ask-ai-logs")
    check_prompts(shared, workspace)
    stats = shared.stats()
    assert (stats.internal_errors, stats.dead_letters, stats.dropped, stats.last_error) == (0, 0, 0, None)


def check_contact(trace: AgentTrace, workspace: uuid.UUID, contact: Any) -> None:
    seen: list[str] = []
    page = 1
    while True:
        answer = trace.query.run_logs(workspace_id=workspace, ai_contact_id=contact, page=page, page_size=2)
        shown = document(answer, "run-logs")
        seen += [str(log.id) for root in answer.run_logs for log in root.walk()]
        if page * 2 >= shown["total"]:
            break
        page += 1
    assert len(seen) == len(set(seen))
    roots = trace.query.runs(workspace_id=workspace, ai_contact_id=contact, roots_only=True)
    assert {str(run.id) for run in roots} <= set(seen)


def check_session(trace: AgentTrace, workspace: uuid.UUID, session: str) -> None:
    calls = document(trace.query.action_logs(workspace_id=workspace, session_id=session, limit=200), "action-logs")
    events = list(pages(trace, workspace, session))
    assert sum(event["type"] == "tool_output" for event in events) == calls["count"]
    assert [event["id"] for event in events] == sorted({event["id"] for event in events})


def pages(trace: AgentTrace, workspace: uuid.UUID, session: str) -> Iterator[Any]:
    key, total = None, 0
    while True:
        answer = trace.query.agent_events(AGENTS[0], session, workspace_id=workspace, limit=4, page_key=key)
        page = document(answer, "agent-events")
        yield from page["events"]
        key, total = page["metadata"]["page_key"], total + len(page["events"])
        if key is None:
            assert total == page["metadata"]["total_count"]
            return


def check_prompts(trace: AgentTrace, workspace: uuid.UUID) -> None:
    for filters in ({}, {"from_ts": "1970-01-01"}, {"call_sid": "CA1"}, {"call_sid": SESSIONS[2]}):
        document(trace.query.prompt_logs(workspace, **filters), "prompt-logs")
    prompts = sum(run.run_type == "prompt" for run in trace.query.runs(workspace_id=workspace))
    assert trace.query.prompt_logs(workspace, limit=100).count == min(prompts, 100)
    conversations = {str(run.conversation_id) for run in trace.query.runs(workspace_id=workspace)}
    if str(TALK) in conversations:
        document(trace.query.prompt_logs(workspace, conversation_id=TALK), "prompt-logs")
    else:
        with pytest.raises(errors.ConversationNotFound):
            trace.query.prompt_logs(workspace, conversation_id=TALK)
