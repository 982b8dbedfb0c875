"""Whatever was recorded, each view's document is valid by its published schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from query_contracts import document
from query_recording import Recording
from query_rows import CONTACT, NOW

from agenttrace.query.reader import Query

SESSIONS = ("ase_1", "chat 42", "a63ab83d-2bb8-42ab-8374-23b8e1e276e3")
AGENTS = ("support", "agt_other", "my agent")

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    "input",
    "output",
    "payload",
    "tool_name",
    "tool_call_id",
    "tool_configuration",
    "query",
    "documents",
    "prompt_type",
    "turn_index",
    "system_prompt",
    "history",
    "full_prompt",
    "llm_model",
    "llm_response",
    "state_name",
    "action",
    "tool_names",
    "usage",
    "behaviour",
]
SCOPES = st.fixed_dictionaries(
    {},
    optional={
        "agent_key": st.sampled_from(AGENTS),
        "session_id": st.sampled_from(SESSIONS),
        "ai_contact_id": st.just(str(CONTACT)),
        "conversation_id": st.sampled_from(["talk", str(CONTACT)]),
        "call_sid": st.sampled_from(["CA1", "x" * 70]),
    },
)
RUNS = st.fixed_dictionaries(
    {
        "run_type": st.sampled_from(["master", "tool_call", "context", "prompt", "predefined_behaviour", "rerank"]),
        "name": st.text("ab", min_size=1, max_size=4),
        "start": st.integers(NOW - 10**6, NOW + 10**6) | st.integers(0, 2 * NOW),
        "content": st.none() | st.dictionaries(st.sampled_from(KEYS), VALUES) | st.sampled_from(["{", "[]", "1"]),
    },
    optional={
        "end": st.integers(NOW - 10**6, NOW + 2 * 10**6),
        "parent": st.integers(1, 12).map(lambda number: 2 * number),
        "scope": SCOPES,
        "error": st.just({"type": "E", "message": "no", "stack": None}),
        "attributes": st.fixed_dictionaries(
            {"interaction_type": st.sampled_from(["free_form", "search"])},
            optional={"widget_id": VALUES, "agent_name": VALUES},
        ),
        "prompt_type": WORDS,
        "provider": WORDS,
        "service": WORDS,
        "spread": st.just(True),
    },
)
EVENTS = st.tuples(
    st.sampled_from(["thinking", "input_message", "agent_output", "log"]),
    st.dictionaries(st.sampled_from(["content", "messages"]), VALUES) | st.none(),
    st.integers(NOW - 10**6, NOW + 10**6),
    SCOPES,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(RUNS, max_size=12), st.lists(EVENTS, max_size=6), st.booleans())
def test_any_recording_gives_valid_documents(runs: list[Any], events: list[Any], failed: bool) -> None:
    """All five views, on all their pages."""
    recording = Recording(NOW)
    for run in runs:
        status = {"status": "failed"} if failed and "end" in run else {}
        recording.run(**run, **status)
    for kind, data, time, scope in events:
        recording.event(kind, data, time=time, scope=scope)
    recording.entity("contact", str(CONTACT))
    for session in SESSIONS:
        recording.entity("session", session, agent_key=AGENTS[0])
    query = Query(recording.written(), clock=lambda: NOW)
    _check_contact(query, json.loads(json.dumps(runs)))
    assert document(query.ask_ai_logs(), "ask-ai-logs")["count"] == query.ask_ai_logs(limit=1).total_pages
    for filters in ({}, {"from_ts": "1970-01-01"}, {"call_sid": "CA1"}, {"call_sid": SESSIONS[2]}):
        document(query.prompt_logs(None, **filters), "prompt-logs")
    for session in SESSIONS:
        _check_session(query, session)


def _check_contact(query: Query, runs: list[Any]) -> None:
    page = document(query.run_logs(ai_contact_id=CONTACT, page_size=100), "run-logs")
    assert page["total"] == len(page["run_logs"])
    shown = [log.id for root in query.run_logs(ai_contact_id=CONTACT, page_size=100).run_logs for log in root.walk()]
    assert len(shown) == len(set(shown)) <= len(runs)


def _check_session(query: Query, session: str) -> None:
    calls = document(query.action_logs(session_id=session), "action-logs")
    events = list(_events(query, session))
    assert sum(event["type"] == "tool_output" for event in events) == calls["count"]
    assert [event["id"] for event in events] == sorted({event["id"] for event in events})


def _events(query: Query, session: str) -> Iterator[Any]:
    key, total = None, 0
    while True:
        page = document(query.agent_events(AGENTS[0], session, limit=3, page_key=key), "agent-events")
        yield from page["events"]
        key, total = page["metadata"]["page_key"], total + len(page["events"])
        if key is None:
            assert total == page["metadata"]["total_count"]
            return
