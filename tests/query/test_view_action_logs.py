"""Facts about the action logs of a session, and about its reset."""

from __future__ import annotations

import logging
import uuid
from typing import Any

import pytest
from query_contracts import document
from query_rows import NOW, WORKSPACE, at, event_row, run_row, session_row
from query_shelf import Shelf

from agenttrace.errors import InvalidQuery, SessionNotFound
from agenttrace.model import ids
from agenttrace.model.run import Session
from agenttrace.query.reader import Query

SESSION = uuid.UUID("a63ab83d-2bb8-42ab-8374-23b8e1e276e3")


def put_call(shelf: Shelf, span: int = 1, end: int = NOW, session: str | uuid.UUID = SESSION, **fields: Any) -> None:
    """Put a finished tool call of the session, and the session."""
    run = run_row(
        span, run_type="tool_call", name="search", end_time=end, session_id=ids.session_id(WORKSPACE, session), **fields
    )
    shelf.run_rows.append(run)
    shelf.event_rows += [event_row(run, "tool_input", run.start_time), event_row(run, "tool_output", end, 1)]
    if not any(row.id == run.session_id for row in shelf.session_rows):
        shelf.session_rows.append(session_row(session))


@pytest.mark.parametrize(
    ("content", "payload"),
    [
        ({"payload": {"route": "/"}, "input": {"a": 1}, "output": {"b": 2}}, {"route": "/"}),
        ({"payload": [1, 2], "input": {"a": 1}}, {"value": [1, 2]}),
        ({"payload": 0, "input": {"a": 1}}, {"value": 0}),
        ({"payload": {}, "input": {"a": 1}}, {}),
        ({"payload": None, "input": {"a": 1, "b": 1}, "output": {"b": 2}}, {"a": 1, "b": 2}),
        ({"input": {"a": 1}, "output": [3]}, {"a": 1, "output": [3]}),
        ({"input": {"a": 1}, "output": False}, {"a": 1, "output": False}),
        ({"input": {"a": 1}, "output": None}, {"a": 1}),
        ({"input": "text", "output": {"b": 2}}, {"input": "text", "b": 2}),
        ({"output": "done"}, {"output": "done"}),
        (None, {}),
        ("{", {}),
    ],
)
def test_the_payload_is_what_was_persisted_else_input_and_output(
    shelf: Shelf, query: Query, content: Any, payload: dict[str, Any]
) -> None:
    """It always is an object."""
    put_call(shelf, content=content)
    assert document(query.action_logs(session_id=SESSION), "action-logs")["logs"][0]["payload"] == payload


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("2025-06-20T11:58:41+00:00", "2025-06-20T11:58:41.000Z"),
        ("2025-06-20T11:58:41.123999+00:00", "2025-06-20T11:58:41.123Z"),
    ],
)
def test_times_always_have_milliseconds(shelf: Shelf, query: Query, time: str, text: str) -> None:
    """What is finer is cut off."""
    put_call(shelf, end=at(time))
    assert document(query.action_logs(session_id=SESSION), "action-logs")["logs"][0]["createdAt"] == text


@pytest.mark.parametrize(("status", "success"), [("success", True), ("failed", False)])
def test_success_is_the_status_of_the_call(shelf: Shelf, query: Query, status: str, success: bool) -> None:
    """The type is the tool's name, the id the run's."""
    put_call(shelf, status=status, content={"tool_name": "search_clients"})
    log = document(query.action_logs(session_id=SESSION), "action-logs")["logs"][0]
    assert (log["success"], log["type"], log["id"]) == (
        success,
        "search_clients",
        str(uuid.UUID(bytes=shelf.run_rows[0].id)),
    )


@pytest.mark.parametrize("limit", [1, 2, 50, 200])
def test_the_latest_are_listed_newest_first(shelf: Shelf, query: Query, limit: int) -> None:
    """`count` is the number of rows."""
    for span in range(1, 212):
        put_call(shelf, span, end=NOW + span * 1000)
    answer = query.action_logs(session_id=SESSION, limit=limit)
    assert [log.created_at.microsecond for log in answer.logs] == [1000 * (211 - index) for index in range(limit)]
    assert document(answer, "action-logs")["count"] == limit


def test_only_finished_calls_that_are_visible_are_listed(shelf: Shelf, query: Query) -> None:
    """Running calls, hidden events and calls whose run is gone have no row."""
    put_call(shelf, 1)
    put_call(shelf, 2)
    shelf.event_rows[-1].hidden = True
    put_call(shelf, 3)
    shelf.run_rows.pop()
    assert query.action_logs(session_id=SESSION).count == 1


@pytest.mark.parametrize("limit", [0, -1, 201, True, "50", 1.0, None])
def test_a_limit_outside_1_to_200_is_an_invalid_query(query: Query, limit: Any) -> None:
    """So is what is no integer."""
    with pytest.raises(InvalidQuery, match=r"^limit: "):
        query.action_logs(session_id=SESSION, limit=limit)


@pytest.mark.parametrize("session", ["", None, 7, b"x"])
def test_what_is_no_session_id_is_an_invalid_query(query: Query, session: Any) -> None:
    """The error names the parameter."""
    with pytest.raises(InvalidQuery, match=r"^session_id: "):
        query.action_logs(session_id=session)


def test_a_session_may_be_given_in_any_form(shelf: Shelf, query: Query) -> None:
    """Its UUID, its key, or the text that the user gave it."""
    put_call(shelf, 1)
    put_call(shelf, 2, session="chat 42")
    for given in (SESSION, str(SESSION), f"ase_{SESSION}"):
        assert query.action_logs(session_id=given).session_id == SESSION
    known = query.action_logs(session_id="chat 42").session_id
    for given in (known, f"ase_{known}"):
        assert query.action_logs(session_id=given).session_id == known
        assert query.session(given).key == f"ase_{known}"


@pytest.mark.parametrize("workspace", [None, "other"])
def test_an_unknown_session_is_not_found(shelf: Shelf, query: Query, workspace: str | None) -> None:
    """Nor is one of another workspace."""
    put_call(shelf)
    unknown = uuid.uuid4() if workspace is None else SESSION
    with pytest.raises(SessionNotFound, match=str(unknown)):
        query.action_logs(session_id=unknown, workspace_id=workspace)
    with pytest.raises(SessionNotFound):
        query.session(unknown, workspace_id=workspace)


def test_listeners_hear_of_each_session_that_was_reset(shelf: Shelf, query: Query) -> None:
    """After the commit, with the session as it is then; nothing to reset tells nobody."""
    user, team = uuid.uuid4(), uuid.uuid4()
    for name in ("one", "two", "other"):
        shelf.session_rows.append(
            session_row(name, user_id=str(user), team_id="t" if name == "other" else str(team), last_message_at=NOW)
        )
    heard: list[Session] = []
    forget = query.on_reset(heard.append)
    query.reset_session(team_id=str(team).upper(), user_id=user)
    assert [uuid.UUID(session.id).bytes for session in heard] == [row.id for row in shelf.session_rows[:2]]
    assert all(session.reset_at is not None and session.last_message_at is None for session in heard)
    query.reset_session(team_id=team, user_id="nobody")
    forget()
    forget()
    query.reset_session(team_id=team, user_id=user)
    assert len(heard) == 2


def test_a_listener_that_fails_is_logged(shelf: Shelf, query: Query, caplog: pytest.LogCaptureFixture) -> None:
    """The reset is done, and the others hear of it."""
    shelf.session_rows.append(session_row("one", user_id="u", team_id="t"))
    heard: list[Session] = []

    def fail(_: Session) -> None:
        raise RuntimeError("no")

    query.on_reset(fail)
    query.on_reset(heard.append)
    with caplog.at_level(logging.ERROR, "agenttrace"):
        query.reset_session(team_id="t", user_id="u")
    assert len(heard) == 1
    assert "ase_" in caplog.text


@pytest.mark.parametrize("parameter", ["team_id", "user_id"])
@pytest.mark.parametrize("value", ["", None, 7])
def test_a_reset_needs_a_team_and_a_user(query: Query, parameter: str, value: Any) -> None:
    """The error names what is missing."""
    with pytest.raises(InvalidQuery, match=rf"^{parameter}: "):
        query.reset_session(**{"team_id": "t", "user_id": "u", parameter: value})
