"""The session reset over HTTP: all of it or nothing, whatever breaks at which step; what it took stays away."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from agenttrace import AgentTrace
from agenttrace.store.dialect import Connection
from agenttrace.store.sql import SQLStore
from agenttrace.store.sqlite import SQLite
from agenttrace.testing import FixedClock
from tests.asgi.asgi_world import (
    ACTION_LOGS,
    ANALYTICS,
    ANN,
    ASK_LOGS,
    BLUE,
    CANARY,
    EVENTS,
    HOME,
    NOW,
    PROMPTS,
    RESET,
    RUN_LOGS,
    SESSION,
    SOCKET,
    app_of,
    following,
    keys_of,
    record,
    send,
)

VIEWS = (RUN_LOGS, ASK_LOGS, ANALYTICS, ACTION_LOGS, EVENTS, PROMPTS)
#: What a reset changes.
TABLES = ("SELECT * FROM session ORDER BY id", "SELECT * FROM event ORDER BY id")
SECOND = "a63ab83d-0000-42ab-8374-23b8e1e276e3"


class Fault:
    """Breaks one statement of a request; the journal's writer, a thread of its own, is left alone."""

    def __init__(self) -> None:
        self.at: int | str | None = None  # which one, or its text
        self.error: type[Exception] = sqlite3.OperationalError
        self.seen: list[str] = []

    def check(self, statement: str) -> None:
        """Count a statement of the request, and raise at the one that was chosen."""
        if self.at is None or "worker" not in threading.current_thread().name:
            return
        self.seen.append(statement)
        if self.at in (len(self.seen), statement):
            raise self.error(f"disk I/O error in {statement}")


class Breakable:
    """A connection whose statements can fail."""

    def __init__(self, connection: Connection, fault: Fault) -> None:
        self._connection, self._fault = connection, fault

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Run one statement, or fail."""
        self._fault.check(sql)
        return self._connection.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> Any:
        """Run one statement for each of these, or fail."""
        self._fault.check(sql)
        return self._connection.executemany(sql, parameters)


class Dialect(SQLite):
    """SQLite whose writing connections can fail."""

    def __init__(self, path: Path, fault: Fault) -> None:
        super().__init__(path)
        self._fault = fault

    def connect(self) -> Connection:
        """Return a connection."""
        return cast("Connection", Breakable(super().connect(), self._fault))


class World:
    """An app over a store that can be broken, with two sessions of one user."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.fault = FixedClock(NOW), Fault()
        self.path = folder / "traces.db"
        store = SQLStore(Dialect(self.path, self.fault), clock=lambda: self.clock() // 1000)
        self.trace = AgentTrace(store, journal_dir=folder / "journal", clock=self.clock, flush_interval=0.01)
        record(self.trace)
        with self.trace.scope(workspace_id=HOME, agent_key="support", session_id=SECOND, user_id=ANN, team_id=BLUE):
            turn("second", self.trace)
        assert self.trace.flush(30)
        self.keys = keys_of(self.trace, self.clock)
        self.app = app_of(self.trace, cache_ttl=0)

    async def views(self) -> list[str]:
        """Return the body of every view."""
        second = [path.replace(SESSION, SECOND) for path in (ACTION_LOGS, EVENTS)]
        answers = [await send(self.app, path, self.keys["admin"]) for path in (*VIEWS, *second)]
        assert [answer.status_code for answer in answers] == [200] * len(answers)
        return [answer.text for answer in answers]

    def rows(self) -> list[Any]:
        """Return what the tables that a reset changes hold, whether it shows or not."""
        connection = sqlite3.connect(self.path)
        found = [connection.execute(select).fetchall() for select in TABLES]
        connection.close()
        return found


def turn(word: str, trace: AgentTrace) -> None:
    """Record a turn with a tool call."""
    with trace.master("answer", input=word) as made:
        with trace.tool_call("find", input=word):
            pass
        made.output = word


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give the app."""
    made = World(tmp_path)
    yield made
    assert made.trace.shutdown(30)


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (sqlite3.OperationalError, 503, "Service unavailable"),
        (sqlite3.IntegrityError, 500, "Internal server error"),
        (RuntimeError, 500, "Internal server error"),
    ],
)
async def test_a_fault_at_any_step_leaves_everything_as_it_was(
    world: World, error: type[Exception], status: int, message: str
) -> None:
    """An error without the statement; every view and every row are the same; no listener is told; then it works."""
    world.fault.error = error
    told: list[str] = []
    world.trace.query.on_reset(lambda session: told.append(session.id))
    views, rows = await world.views(), world.rows()
    steps = 0
    while True:
        steps += 1
        world.fault.seen, world.fault.at = [], steps
        answer = await send(world.app, RESET, world.keys["session_owner"], "DELETE")
        world.fault.at = None
        if answer.status_code == 204:
            break
        assert (answer.status_code, answer.json()) == (status, {"message": message})
        assert ("retry-after" in answer.headers) == (status == 503)
        assert await world.views() == views
        assert world.rows() == rows
        assert told == []
        assert steps < 50
    # To begin, to find the sessions, three statements for each of the two, to commit; the last time nothing broke.
    assert len(statements := world.fault.seen) >= 9
    assert (steps, statements[-1]) == (len(statements) + 1, "COMMIT")
    assert sorted(told) == sorted([SESSION, SECOND])
    assert world.rows() != rows


async def test_a_reset_takes_every_session_of_the_user_and_leaves_the_runs(world: World) -> None:
    """Action logs and events are gone; run logs, Ask AI logs and prompt logs are what they were."""
    before = await world.views()
    assert (await send(world.app, RESET, world.keys["session_owner"], "DELETE")).status_code == 204
    logs, analytics, prompts, after = 0, 2, 5, await world.views()
    for place in (logs, 1, analytics, prompts):
        assert after[place] == before[place]
    for place in (3, 6):
        assert '"count":0,"logs":[]' in after[place]
    for place in (4, 7):
        assert after[place] == '{"events":[],"metadata":{"page_key":null,"total_count":0}}'


async def test_late_records_do_not_bring_a_session_back(world: World) -> None:
    """Neither those of a turn that was open at the reset, nor those delivered twice, nor another process's."""
    scope: dict[str, Any] = {"workspace_id": HOME, "agent_key": "support", "session_id": SESSION}
    owner = {"user_id": ANN, "team_id": BLUE}
    late = AgentTrace(world.path, clock=FixedClock(NOW))
    with late, world.trace.scope(**scope, **owner), late.scope(**scope, **owner):
        mine, theirs = world.trace.master("mine", input="late"), late.master("theirs", input="late")
        with mine, theirs:
            call = world.trace.tool_call("find", input="late")
            with call:
                assert world.trace.flush(30)
                world.clock.advance(1)
                assert (await send(world.app, RESET, world.keys["session_owner"], "DELETE")).status_code == 204
                call.output = "late"
            world.clock.advance(1)
            with world.trace.tool_call("find_more", input="late") as more:
                more.output = "late"
            theirs.thinking("late")
            mine.output = theirs.output = "late"
        assert world.trace.flush(30)
        assert late.flush(30)
    empty = '{"events":[],"metadata":{"page_key":null,"total_count":0}}'
    assert (await send(world.app, EVENTS, world.keys["admin"])).text == empty
    assert (await send(world.app, ACTION_LOGS, world.keys["admin"])).json()["logs"] == []
    assert world.trace.query.session(SESSION, workspace_id=HOME).last_message_at is None
    world.clock.advance(1)
    with world.trace.scope(**scope, **owner):
        turn("new", world.trace)
    assert world.trace.flush(30)
    found = (await send(world.app, EVENTS, world.keys["admin"])).json()["events"]
    assert [event["type"] for event in found] == ["input_message", "tool_input", "tool_output", "agent_output"]
    assert (await send(world.app, ACTION_LOGS, world.keys["admin"])).json()["count"] == 1
    assert world.trace.query.session(SESSION, workspace_id=HOME).last_message_at is not None


async def test_a_socket_is_told_of_the_reset_after_it_happened(world: World) -> None:
    """Not of one that failed; then of what comes later."""
    async with following(world.app, SOCKET, world.keys["teammate"]) as socket:
        assert world.trace.flush(30)
        world.fault.at = "COMMIT"
        assert (await send(world.app, RESET, world.keys["session_owner"], "DELETE")).status_code == 503
        world.fault.at = None
        assert (await send(world.app, RESET, world.keys["session_owner"], "DELETE")).status_code == 204
        message = await socket.json()
        expected = {"type": "session.reset", "sessionId": SESSION, "sessionKey": f"ase_{SESSION}"}
        assert {key: message[key] for key in expected} == expected
        assert message["resetAt"].endswith("Z")
        assert (await send(world.app, EVENTS, world.keys["admin"])).json()["events"] == []
        world.clock.advance(1)
        with world.trace.scope(workspace_id=HOME, agent_key="support", session_id=SESSION, user_id=ANN, team_id=BLUE):
            turn("later", world.trace)
        assert world.trace.flush(30)
        types = [(await socket.json())["type"] for _ in range(4)]
        assert types == ["input_message", "tool_input", "tool_output", "agent_output"]


async def test_a_reset_empties_the_answers_that_were_kept(world: World) -> None:
    """Those of its own workspace."""
    app = app_of(world.trace)
    states = [(await send(app, ASK_LOGS, world.keys["owner"])).headers["x-cache"] for _ in range(2)]
    abroad = [(await send(app, ASK_LOGS, world.keys["other_workspace"])).headers["x-cache"] for _ in range(2)]
    assert (states, abroad) == (["MISS", "HIT"], ["MISS", "HIT"])
    assert (await send(app, RESET, world.keys["session_owner"], "DELETE")).status_code == 204
    again = await send(app, ASK_LOGS, world.keys["owner"])
    assert again.headers["x-cache"] == "MISS"
    assert CANARY in again.text
    assert (await send(app, ASK_LOGS, world.keys["other_workspace"])).headers["x-cache"] == "HIT"
