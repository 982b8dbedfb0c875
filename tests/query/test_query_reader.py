"""Facts about Query itself: what it waits for, runs, traces, sessions, and its awaitable twin."""

from __future__ import annotations

import inspect
import logging
import threading
import uuid
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import Any

import pytest
from query_rows import CONTACT, NOW, TRACE, WORKSPACE, run_row, session_row
from query_shelf import Shelf

from agenttrace import query as query_room
from agenttrace.errors import InvalidQuery, RunNotFound, SessionNotFound
from agenttrace.model import ids
from agenttrace.query.reader import Query

STARTED = datetime(2026, 5, 18, 9, 20, tzinfo=UTC)


def put(shelf: Shelf, number: int, **fields: Any) -> None:
    """Put runs, one a microsecond, named by their place."""
    for index in range(number):
        trace = TRACE + len(shelf.run_rows)
        shelf.run_rows.append(run_row(1, trace=trace, name=str(index), start_time=NOW + index, **fields))


def test_an_answer_waits_for_the_records_of_this_process(shelf: Shelf) -> None:
    """Once an answer, before the store is read; the store may be made at the first question."""
    order: list[str] = []

    def wait() -> bool:
        order.append("wait")
        return True

    def store() -> Shelf:
        order.append("store")
        return shelf

    query = Query(store, wait=wait)
    assert order == []
    query.ask_ai_logs()
    runs = query.runs()
    assert order == ["wait", "store"]
    list(runs)
    assert order == ["wait", "store"] * 2


def test_an_answer_that_may_lack_records_says_so(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    """A warning is logged, and the answer is given all the same."""
    with caplog.at_level(logging.WARNING, "agenttrace"):
        assert Query(shelf, wait=lambda: False).sessions() == []
    assert [(record.name, record.levelname) for record in caplog.records] == [("agenttrace", "WARNING")]
    assert "may lack" in caplog.text


def test_nothing_is_logged_where_the_wait_was_short(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    """Or where there is nothing to wait for."""
    Query(shelf, wait=lambda: True).sessions()
    Query(shelf).sessions()
    assert caplog.records == []


def test_a_wrong_argument_is_told_without_waiting(shelf: Shelf) -> None:
    """No store is asked."""
    with pytest.raises(InvalidQuery):
        Query(shelf, wait=lambda: pytest.fail("waited")).trace("no uuid")


def test_a_trace_is_the_run_and_all_below_it(shelf: Shelf, query: Query) -> None:
    """Children oldest first; what is above or beside it is not there."""
    shelf.run_rows += [
        run_row(1),
        run_row(2, 1, content={"input": "Why?"}, error={"type": "E"}, attributes={"a": 1}),
        run_row(4, 2, start_time=NOW + 2, end_time=None, status="running"),
        run_row(3, 2, start_time=NOW + 1, end_time=NOW + 3),
        run_row(5, 1),
    ]
    run = query.trace(uuid.UUID(bytes=shelf.run_rows[1].id))
    assert [child.span_id for child in run.children] == ["0000000000000003", "0000000000000004"]
    assert [child.duration for child in run.children] == [timedelta(microseconds=2), None]
    assert len(list(run.walk())) == 3
    assert (run.id, run.parent_id) == tuple(str(uuid.UUID(bytes=shelf.run_rows[index].id)) for index in (1, 0))
    assert (run.trace_id, run.start_time) == (f"{TRACE:032x}", STARTED)
    assert run.content == {"input": "Why?", "output": None}
    assert (run.error, run.attributes) == ({"type": "E", "message": None, "stack": None}, {"a": 1})


def test_a_trace_of_10_000_levels_is_walked(shelf: Shelf, query: Query) -> None:
    """Nor does its text go down the tree."""
    shelf.run_rows += [run_row(span, span - 1 or None) for span in range(1, 10_001)]
    run = query.trace(str(uuid.UUID(bytes=shelf.run_rows[0].id)))
    assert [int(below.span_id, 16) for below in run.walk()] == list(range(1, 10_001))
    assert len(repr(run)) < 2_000
    assert run == query.trace(run.id)


def test_an_unknown_run_is_not_found(shelf: Shelf, query: Query) -> None:
    """Nor is one of another workspace."""
    put(shelf, 1)
    run = uuid.UUID(bytes=shelf.run_rows[0].id)
    for wanted, workspace in ((uuid.uuid4(), None), (run, "other")):
        with pytest.raises(RunNotFound, match=str(wanted)):
            query.trace(wanted, workspace_id=workspace)


@pytest.mark.parametrize(("limit", "shown"), [(None, 1203), (1, 1), (500, 500), (501, 501), (1203, 1203), (5000, 1203)])
def test_runs_come_newest_first_page_by_page(shelf: Shelf, query: Query, limit: int | None, shown: int) -> None:
    """Each once, up to the limit."""
    put(shelf, 1203)
    runs = list(query.runs(limit=limit))
    assert [run.name for run in runs] == [str(1202 - index) for index in range(shown)]


def test_runs_are_fetched_as_they_are_asked_for(shelf: Shelf, query: Query) -> None:
    """A short look reads one page."""
    put(shelf, 1203)
    next(query.runs())
    assert len(shelf.asked) == 1


@pytest.mark.parametrize(
    ("given", "field", "stored"),
    [
        ({"run_type": "tool_call"}, "run_type", "tool_call"),
        ({"status": "failed"}, "status", "failed"),
        ({"name": "x"}, "name", "x"),
        ({"since": STARTED}, "since", NOW),
        ({"until": "2026-05-18T09:20:00Z"}, "until", NOW),
        ({"agent_key": "support"}, "agent_key", "agt_support"),
        ({"session_id": "chat"}, "session_id", ids.session_id(WORKSPACE, "chat")),
        ({"conversation_id": "talk"}, "conversation_id", ids.entity_id(WORKSPACE, "talk")),
        ({"ai_contact_id": CONTACT}, "ai_contact_id", CONTACT.bytes),
        ({"call_sid": "CA1"}, "call_sid", "CA1"),
        ({"roots_only": True}, "roots_only", True),
    ],
)
def test_runs_are_chosen_by_the_store(shelf: Shelf, query: Query, given: Any, field: str, stored: Any) -> None:
    """Ids may have any form that a scope takes."""
    list(query.runs(**given))
    assert getattr(shelf.asked[0], field) == stored


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("limit", 0),
        ("limit", True),
        ("status", "done"),
        ("status", 7),
        ("since", "yesterday"),
        ("run_type", 7),
        ("agent_key", ""),
        ("session_id", ""),
        ("ai_contact_id", ""),
        ("workspace_id", 7),
    ],
)
def test_runs_with_wrong_arguments_fail_at_once(query: Query, parameter: str, value: Any) -> None:
    """Not when the first run is asked for."""
    with pytest.raises(InvalidQuery) as caught:
        query.runs(**{parameter: value})
    assert caught.value.parameter == parameter


def test_sessions_are_chosen_by_agent_user_and_team(shelf: Shelf, query: Query) -> None:
    """Newest first; UUIDs in any spelling."""
    user = uuid.uuid4()
    shelf.session_rows += [
        session_row("one", agent_key="agt_support", user_id=str(user), team_id="t", created_at=NOW),
        session_row("two", created_at=NOW + 1, last_message_at=NOW, reset_at=NOW + 2),
    ]
    assert [session.created_at for session in query.sessions()] == [STARTED + timedelta(microseconds=1), STARTED]
    assert [len(query.sessions(**where)) for where in ({"limit": 1}, {"workspace_id": "other"})] == [1, 0]
    for where in ({"agent_key": "support"}, {"user_id": str(user).upper()}, {"user_id": user}, {"team_id": "t"}):
        assert [session.user_id for session in query.sessions(**where)] == [str(user)]
    with pytest.raises(InvalidQuery, match=r"^limit: "):
        query.sessions(limit=0)


async def test_each_method_has_an_awaitable_twin(shelf: Shelf) -> None:
    """With the same answers and errors, in another thread."""
    threads: set[int] = set()

    def wait() -> bool:
        threads.add(threading.get_ident())
        return True

    put(shelf, 250, ai_contact_id=CONTACT.bytes)
    query = Query(shelf, wait=wait, clock=lambda: NOW)
    assert query.aio is query.aio
    assert await query.aio.run_logs(ai_contact_id=CONTACT) == query.run_logs(ai_contact_id=CONTACT)
    threads.clear()
    assert [run.name async for run in query.aio.runs(limit=201)] == [str(249 - index) for index in range(201)]
    with pytest.raises(SessionNotFound):
        await query.aio.action_logs(session_id="unknown")
    with pytest.raises(InvalidQuery):
        query.aio.runs(limit=0)
    assert threading.get_ident() not in threads


def test_the_twin_lacks_no_method(query: Query) -> None:
    """But those that do not wait, and the one whose answer is made as it is read."""
    methods = {name for name, _ in inspect.getmembers(query, inspect.ismethod) if not name.startswith("_")}
    assert methods - set(vars(query.aio)) == {
        "ask_ai_window",
        "forget",
        "on_reset",
        "run_logs_kept",
        "run_logs_text",
    }
    assert set(vars(query.aio)) <= methods


def test_the_module_has_each_method(query: Query) -> None:
    """They are those of the default AgentTrace's query; no submodule stands in their way."""
    names = {name for name in dir(Query) if not name.startswith("_")}
    assert names == query_room._NAMES
    assert names <= set(dir(query_room))
    assert not [name for name in names if find_spec(f"agenttrace.query.{name}")]
    with pytest.raises(AttributeError, match="unknown"):
        query_room.unknown  # noqa: B018
