"""The WebSocket: each new event of a session and its resets, whichever process writes; who may not listen is told."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from agenttrace import AgentTrace
from tests.asgi.asgi_support import (
    AGENT,
    EVENTS,
    OTHER_WORKSPACE,
    SESSION,
    SESSION_KEY,
    TEAM,
    UNKNOWN,
    USER,
    WORKSPACE,
    app_of,
    get,
    record,
)

SOCKET = f"/ai/ws?sessionId={SESSION}"
THEIRS = "b74bc95e-3cc9-43bc-8485-34c9f2f387f4"
NEIGHBOUR = ("neighbour", f"/ai/ws?sessionId={THEIRS}")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the SQLite file of this module is."""
    path = tmp_path_factory.mktemp("ws") / "traces.db"
    with AgentTrace(path) as trace:
        record(trace)
        with trace.scope(workspace_id=OTHER_WORKSPACE, session_id=THEIRS, agent_key="support"), trace.master("answer"):
            pass
    return path


@pytest.fixture(scope="module")
def url(store: Path) -> Iterator[str]:
    """Give the URL of a real uvicorn on that store."""
    with AgentTrace(store) as trace:
        app = app_of(trace, socket_interval=0.05, max_sockets=3, max_workspace_sockets=2)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        with socket.create_server(("127.0.0.1", 0)) as bound:
            thread = threading.Thread(target=server.run, args=[[bound]])
            thread.start()
            try:
                yield f"ws://127.0.0.1:{bound.getsockname()[1]}"
            finally:
                server.should_exit = True
                thread.join(30)


@asynccontextmanager
async def listening(url: str, caller: str = "member", path: str = SOCKET, **headers: str) -> AsyncIterator[Any]:
    """Give an open socket."""
    sent = {"X-Who": caller, **headers}
    async with connect(url + path, additional_headers=sent, open_timeout=30, close_timeout=5) as socket:
        yield socket


async def message(socket: Any) -> Any:
    """Return the next message."""
    return json.loads(await asyncio.wait_for(socket.recv(), 30))


async def messages(socket: Any, count: int) -> list[Any]:
    """Return the next messages."""
    return [await message(socket) for _ in range(count)]


async def test_each_new_event_is_sent_once_and_in_order(url: str, store: Path) -> None:
    """As the agent events list shows it; what was there before is not sent again."""
    async with listening(url) as socket:
        for word in ("first", "second"):
            with AgentTrace(store) as trace:
                record(trace, word=word)
                events = trace.query.agent_events(AGENT, SESSION_KEY, workspace_id=WORKSPACE, limit=100)
            expected = json.loads(events.model_dump_json(by_alias=True))["events"][-4:]
            assert await messages(socket, 4) == expected


async def test_a_reset_by_another_process_is_told(url: str, store: Path) -> None:
    """And then the events of the turn after it."""
    async with listening(url, "owner-of-session") as socket:
        code = "import sys; from agenttrace import AgentTrace\nwith AgentTrace(sys.argv[1]) as t: t.query.reset_session"
        arguments = f"(workspace_id={WORKSPACE!r}, team_id={TEAM!r}, user_id={USER!r})"
        await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code + arguments, str(store)], check=True)
        told = await message(socket)
        assert told.pop("resetAt").endswith("Z")
        assert told == {"type": "session.reset", "sessionId": SESSION, "sessionKey": SESSION_KEY}
        with AgentTrace(store) as trace:
            record(trace, word="after")
        kinds = [found["type"] for found in await messages(socket, 4)]
        assert kinds == ["input_message", "tool_input", "tool_output", "agent_output"]


@pytest.mark.parametrize(
    ("caller", "path", "code", "reason"),
    [
        ("nobody", SOCKET, 4401, "Unauthorized"),
        ("stranger", SOCKET, 4403, "Forbidden"),
        ("ingester", SOCKET, 4403, "Forbidden"),
        ("neighbour", SOCKET, 4404, "Session not found"),
        ("member", f"/ai/ws?sessionId={UNKNOWN}", 4404, "Session not found"),
        ("member", "/ai/ws?sessionId=x", 4400, "Invalid request"),
        ("member", "/ai/ws", 4400, "Invalid request"),
    ],
)
async def test_who_may_not_listen_is_told_why(url: str, caller: str, path: str, code: int, reason: str) -> None:
    """By a close code of its own, and nothing else."""
    async with listening(url, caller, path) as socket:
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 30)
        assert (socket.close_code, socket.close_reason) == (code, reason)


async def test_a_page_of_another_origin_may_not_listen(url: str) -> None:
    """Browsers would send its user's credentials along."""
    with pytest.raises(InvalidStatus) as refused:
        async with listening(url, Origin="https://evil.example"):
            pass
    assert refused.value.response.status_code == 403
    async with listening(url, Origin=url.replace("ws", "http", 1)):
        pass


async def test_sockets_are_bounded(url: str) -> None:
    """One more than the settings allow is sent away to try again later."""
    async with listening(url), listening(url), listening(url, *NEIGHBOUR), listening(url, *NEIGHBOUR) as fourth:
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(fourth.recv(), 30)
        assert fourth.close_code == 1013


async def test_one_workspace_leaves_room_for_others(url: str) -> None:
    """One more than a workspace may have is sent away, until one of them goes."""
    async with listening(url), listening(url, "admin"):
        async with listening(url) as third:
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(third.recv(), 30)
            assert third.close_code == 4429
            assert third.close_reason == "as many sockets as the settings allow a workspace are open"
        async with listening(url, *NEIGHBOUR) as other:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(other.recv(), 0.5)
    for _ in range(100):  # the server takes its time to see that they left
        async with listening(url) as again:
            with suppress(TimeoutError, ConnectionClosed):
                await asyncio.wait_for(again.recv(), 0.2)
            if again.close_code is None:
                return
    pytest.fail("the places were not given back")


async def test_a_reset_over_http_is_told_at_once(world: AgentTrace) -> None:
    """In the process that serves both; the socket is one of the app's own, without a server."""
    app = app_of(world, socket_interval=3600)
    incoming: asyncio.Queue[Any] = asyncio.Queue()
    outgoing: asyncio.Queue[Any] = asyncio.Queue()
    path, _, query = SOCKET.partition("?")
    scope = {
        "type": "websocket",
        "path": path,
        "query_string": query.encode(),
        "headers": [(b"host", b"test"), (b"x-who", b"member")],
        "subprotocols": [],
    }
    incoming.put_nowait({"type": "websocket.connect"})
    socket = asyncio.create_task(app(scope, incoming.get, outgoing.put))
    assert (await asyncio.wait_for(outgoing.get(), 30))["type"] == "websocket.accept"
    reset = f"/ai/sessions?teamId={TEAM}&userId={USER}"
    told = asyncio.create_task(outgoing.get())
    while not told.done():  # the first look at the store may still be under way
        assert (await get(app, reset, "owner-of-session", "DELETE")).status_code == 204
        await asyncio.wait({told}, timeout=0.05)
    assert json.loads(told.result()["text"])["type"] == "session.reset"
    assert (await get(app, EVENTS, "member")).json()["events"] == []
    incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await asyncio.wait_for(socket, 30)
