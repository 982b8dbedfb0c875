"""Facts about the events of an agent's session."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from query_contracts import document
from query_rows import NOW, WORKSPACE, event_row, run_row, session_row
from query_shelf import Shelf

from agenttrace.errors import AgentNotFound, EventNotFound, InvalidQuery, SessionNotFound
from agenttrace.model import ids
from agenttrace.model.rows import AgentRow
from agenttrace.query.reader import Query
from agenttrace.query.views.agent_events import page_key_of, position_of

AGENT = "agt_support"


def put_session(shelf: Shelf, given: str | uuid.UUID = "ase_1", agent: str = AGENT) -> bytes:
    """Put an agent and a session that it took part in; give the session's id."""
    session = session_row(given)
    shelf.session_rows.append(session)
    shelf.agent_rows.append(AgentRow(WORKSPACE, agent, None))
    shelf.run_rows.append(run_row(0xFFFF, session_id=session.id, agent_key=agent))
    return session.id


def put_thoughts(shelf: Shelf, *times: int) -> None:
    """Put thoughts at these times; their text is the time."""
    run = shelf.run_rows[0]
    shelf.event_rows += [event_row(run, "thinking", NOW + time, time, data={"content": str(time)}) for time in times]


def put_turn(shelf: Shelf, kinds: str, **fields: Any) -> dict[str, Any]:
    """Put a run of the session and its events; give the arguments that find them."""
    run = run_row(0xAB, session_id=put_session(shelf), agent_key=AGENT, **fields)
    shelf.run_rows.append(run)
    shelf.event_rows += [event_row(run, kind, NOW + index) for index, kind in enumerate(kinds.split())]
    return {"agent_key": AGENT, "session_key": "ase_1"}


def test_a_turn_writes_a_message_and_an_answer(shelf: Shelf, query: Query) -> None:
    """The text is that of the run's input and output."""
    where = put_turn(
        shelf, "input_message agent_output", content={"input": {"question": "Why?"}, "output": ["Be", "cause"]}
    )
    first, second = document(query.agent_events(**where), "agent-events")["events"]
    assert list(first) == ["id", "session_key", "type", "messages", "created_at"]
    assert (first["messages"], second["content"]) == ([{"type": "text", "content": "Why?"}], "Because")
    assert first["created_at"] == "2026-05-18T09:20:00Z"


def test_a_tool_call_writes_its_input_and_output(shelf: Shelf, query: Query) -> None:
    """The call's id is made of the span's where it has none, its name is the run's."""
    content = {"input": {"q": 1}, "output": [2], "tool_configuration": {"k": 5}}
    where = put_turn(shelf, "tool_input tool_output", run_type="tool_call", name="search", content=content)
    first, second = document(query.agent_events(**where), "agent-events")["events"]
    assert list(first)[3:] == ["tool_call_id", "tool_configuration", "tool_name", "tool_input", "created_at"]
    assert first["tool_call_id"] == second["tool_call_id"] == "call_00000000000000ab"
    assert (first["tool_name"], first["tool_configuration"]) == ("search", '{"k":5}')
    assert (first["tool_input"], second["tool_output"]) == ({"q": 1}, [2])


@pytest.mark.parametrize(
    ("stored", "error"),
    [
        (
            {"type": "ValueError", "message": "no", "stack": "..."},
            {"type": "ValueError", "message": "no", "stack": "..."},
        ),
        (None, {"type": None, "message": None, "stack": None}),
    ],
)
def test_a_failed_tool_call_ends_in_its_error(shelf: Shelf, query: Query, stored: Any, error: Any) -> None:
    """Under the one key `error`."""
    where = put_turn(shelf, "tool_output", run_type="tool_call", status="failed", content={"output": 1}, error=stored)
    assert document(query.agent_events(**where), "agent-events")["events"][0]["tool_output"] == {"error": error}


@pytest.mark.parametrize("gone", [True, False])
def test_an_event_whose_content_is_missing_is_shown_empty(shelf: Shelf, query: Query, gone: bool) -> None:
    """The run may be erased, or its content unreadable."""
    where = put_turn(shelf, "input_message tool_input tool_output thinking agent_output", content="{", name="answer")
    if gone:
        shelf.run_rows.pop()
    message, call, result, thought, answer = document(query.agent_events(**where), "agent-events")["events"]
    assert message["messages"] == [{"type": "text", "content": ""}]
    assert (call["tool_input"], result["tool_output"]) == (None, None)
    assert call["tool_name"] == ("" if gone else "answer")
    assert (thought["content"], answer["content"]) == ("", "")


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        ({"content": "Hi"}, [{"type": "text", "content": "Hi"}]),
        ({"messages": [{"type": "text", "content": "Hi"}]}, [{"type": "text", "content": "Hi"}]),
    ],
)
def test_a_message_of_its_own_says_its_data(shelf: Shelf, query: Query, data: Any, messages: Any) -> None:
    """Whatever the run's input was."""
    put_session(shelf)
    shelf.event_rows.append(event_row(shelf.run_rows[0], "input_message", NOW, data=data))
    assert document(query.agent_events(AGENT, "ase_1"), "agent-events")["events"][0]["messages"] == messages


def test_hidden_and_log_events_are_neither_shown_nor_counted(shelf: Shelf, query: Query) -> None:
    """Nor are those of other sessions."""
    put_session(shelf)
    put_thoughts(shelf, 1)
    run = shelf.run_rows[0]
    shelf.event_rows += [event_row(run, "log", NOW), event_row(run, "input_message", NOW + 5, hidden=True)]
    shelf.event_rows.append(event_row(run_row(3, session_id=bytes(16)), "thinking", NOW))
    page = query.agent_events(AGENT, "ase_1")
    assert (len(page.events), page.metadata.total_count) == (1, 1)


def test_pages_follow_each_other_until_the_key_is_null(shelf: Shelf, query: Query) -> None:
    """A full last page has no key either."""
    put_session(shelf)
    put_thoughts(shelf, *range(40))
    first = query.agent_events(AGENT, "ase_1")
    assert first.metadata.page_key == page_key_of(first.events[-1].id)
    second = query.agent_events(AGENT, "ase_1", page_key=first.metadata.page_key)
    assert (second.metadata.page_key, second.metadata.total_count) == (None, 40)
    assert [event.content for event in [*first.events, *second.events]] == [str(time) for time in range(40)]  # type: ignore[union-attr]


def test_a_page_key_whose_event_is_gone_still_works(shelf: Shelf, query: Query) -> None:
    """It needs no look-up."""
    put_session(shelf)
    put_thoughts(shelf, 1, 2, 3)
    key = query.agent_events(AGENT, "ase_1", limit=2).metadata.page_key
    del shelf.event_rows[1]
    assert [event.content for event in query.agent_events(AGENT, "ase_1", page_key=key).events] == ["3"]  # type: ignore[union-attr]


@settings(max_examples=60, deadline=None)
@given(
    st.sets(st.integers(0, 60), min_size=1, max_size=25),
    st.lists(st.sets(st.integers(0, 60), max_size=6), max_size=12),
    st.integers(1, 7),
)
def test_what_was_there_at_page_one_is_seen_once(there: set[int], arriving: list[set[int]], limit: int) -> None:
    """Whatever arrives between two pages, before or after the place that was reached."""
    shelf, seen = Shelf(), list[str]()
    query, key = Query(shelf), None
    put_session(shelf)
    put_thoughts(shelf, *there)
    while True:
        page = query.agent_events(AGENT, "ase_1", limit=limit, page_key=key)
        seen += [event.content for event in page.events]  # type: ignore[union-attr]
        key = page.metadata.page_key
        if key is None:
            break
        known = {row.created_at - NOW for row in shelf.event_rows}
        put_thoughts(shelf, *((arriving.pop() if arriving else set()) - known))
    assert [int(text) for text in seen] == sorted({int(text) for text in seen})
    assert there <= {int(text) for text in seen}


@pytest.mark.parametrize("limit", [0, -1, 101, True, "20", 2.0, None])
def test_a_limit_outside_1_to_100_is_an_invalid_query(shelf: Shelf, query: Query, limit: Any) -> None:
    """1 and 100 are allowed."""
    put_session(shelf)
    put_thoughts(shelf, *range(101))
    with pytest.raises(InvalidQuery, match=r"^limit: "):
        query.agent_events(AGENT, "ase_1", limit=limit)
    assert [len(query.agent_events(AGENT, "ase_1", limit=good).events) for good in (1, 100)] == [1, 100]


def encoded(text: str) -> str:
    """Return text in base64."""
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "key",
    [
        "",
        "aev_1",
        "eyJldmVudF9pZCI6ImFldl8xIn0",
        encoded('{"event_id":"aev_1"}') + "\n",
        encoded('{"event_id": "aev_1"}'),
        encoded('{"event_id":"aev_"}'),
        encoded('{"event_id":"aev_1\'"}'),
        encoded('{"event_id":7}'),
        encoded('{"event_id":"aev_1","more":1}'),
        encoded('["aev_1"]'),
        encoded("{}"),
        encoded("{"),
        "ä",
        7,
        b"eyJldmVudF9pZCI6ImFldl8xIn0=",
        True,
    ],
)
def test_a_page_key_that_is_not_ours_is_an_invalid_query(query: Query, key: Any) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(InvalidQuery, match=r"^page_key: "):
        query.agent_events(AGENT, "ase_1", page_key=key)


@given(st.from_regex(r"aev_[0-9a-zA-Z_-]+", fullmatch=True))
def test_a_page_key_gives_its_event_back(event_id: str) -> None:
    """And is JSON in base64, as in the published example; it needs no escape in a URL."""
    key = page_key_of(event_id)
    assert position_of(key) == event_id
    assert json.loads(base64.b64decode(key)) == {"event_id": event_id}
    assert not set("+/") & set(key)


@pytest.mark.parametrize("agent", ["support", "agt_support"])
@pytest.mark.parametrize(
    "given", ["chat 42", "ase_chat-42", "ase_chat 42", "ase_", "ä", str(uuid.UUID(int=5)), uuid.UUID(int=5)]
)
def test_a_session_is_found_by_what_the_user_called_it(shelf: Shelf, query: Query, agent: str, given: Any) -> None:
    """And by its key and its UUID; the key fits the documented pattern."""
    session = put_session(shelf, given)
    put_thoughts(shelf, 1)
    key = ids.session_key(WORKSPACE, given)
    for form in (given, key, uuid.UUID(bytes=session), str(uuid.UUID(bytes=session))):
        events = document(query.agent_events(agent, form), "agent-events")["events"]
        assert [event["session_key"] for event in events] == [key]


def test_an_agent_is_found_by_what_the_user_called_it(shelf: Shelf, query: Query) -> None:
    """Characters off the pattern were replaced when it was recorded."""
    put_session(shelf, agent=ids.agent_key("agt_my agent"))
    assert query.agent_events("my agent", "ase_1").metadata.total_count == 0
    assert query.agent_events("agt_my agent", "ase_1").metadata.total_count == 0


@pytest.mark.parametrize(
    ("agent", "session", "parameter"),
    [
        ("", "ase_1", "agent_key"),
        (None, "ase_1", "agent_key"),
        (7, "ase_1", "agent_key"),
        ("agt_", "ase_1", "agent_key"),
        ("agt_a b", "ase_1", "agent_key"),
        ("agt_a\n", "ase_1", "agent_key"),
        (AGENT, "", "session_key"),
        (AGENT, None, "session_key"),
        (AGENT, "ase_", "session_key"),
        (AGENT, "ase_a b", "session_key"),
        (AGENT, "ase_a\n", "session_key"),
        ("agt_unknown", "ase_a/b", "session_key"),
    ],
)
def test_keys_off_their_pattern_are_invalid_queries(
    shelf: Shelf, query: Query, agent: Any, session: Any, parameter: str
) -> None:
    """Unless something was recorded under that very text."""
    put_session(shelf)
    with pytest.raises(InvalidQuery) as caught:
        query.agent_events(agent, session)
    assert caught.value.parameter == parameter


def test_the_agent_must_exist_then_the_session_then_their_bond(shelf: Shelf, query: Query) -> None:
    """In this order; another workspace's do not exist."""
    put_session(shelf)
    with pytest.raises(AgentNotFound, match="agt_unknown"):
        query.agent_events("unknown", "ase_unknown")
    with pytest.raises(SessionNotFound, match="ase_unknown"):
        query.agent_events(AGENT, "ase_unknown")
    with pytest.raises(AgentNotFound):
        query.agent_events(AGENT, "ase_1", workspace_id=uuid.uuid4())
    shelf.agent_rows.append(AgentRow(WORKSPACE, "agt_other", None))
    with pytest.raises(SessionNotFound):
        query.agent_events("agt_other", "ase_1")


def test_a_registered_session_belongs_to_its_agent(shelf: Shelf, query: Query) -> None:
    """Before the first run of either."""
    shelf.session_rows.append(session_row("ase_new", agent_key=AGENT))
    shelf.agent_rows.append(AgentRow(WORKSPACE, AGENT, None))
    assert document(query.agent_events(AGENT, "ase_new"), "agent-events") == {
        "events": [],
        "metadata": {"page_key": None, "total_count": 0},
    }


def test_one_event_is_found_by_its_id(shelf: Shelf, query: Query) -> None:
    """As its page shows it."""
    where = put_turn(shelf, "input_message tool_input", content={"input": "Why?"})
    for event in query.agent_events(**where).events:
        assert query.agent_event(**where, event_id=event.id) == event


def test_an_event_that_does_not_show_is_not_found(shelf: Shelf, query: Query) -> None:
    """Unknown, hidden, or a log."""
    put_session(shelf)
    run = shelf.run_rows[0]
    shelf.event_rows += [event_row(run, "log", NOW), event_row(run, "input_message", NOW, 1, hidden=True)]
    for event_id in ("aev_unknown", *(row.id for row in shelf.event_rows)):
        with pytest.raises(EventNotFound, match=event_id):
            query.agent_event(AGENT, "ase_1", event_id)


@pytest.mark.parametrize("event_id", ["", "1", "aev_", "aev_a b", "aev_1\n", None, 7])
def test_an_event_id_off_its_pattern_is_an_invalid_query(query: Query, event_id: Any) -> None:
    """The error names the parameter."""
    with pytest.raises(InvalidQuery, match=r"^event_id: "):
        query.agent_event(AGENT, "ase_1", event_id)
