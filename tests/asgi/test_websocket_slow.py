"""A WebSocket client that is slow: what waits for it is bounded, nothing is lost; one that takes nothing is left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agenttrace import AgentTrace
from agenttrace.query.follow import SessionFollower
from tests.asgi.asgi_support import SESSION, app_of, record

HANDSHAKE = {
    "type": "websocket",
    "path": "/ai/ws",
    "query_string": f"sessionId={SESSION}".encode(),
    "headers": [(b"host", b"test"), (b"x-who", b"member")],
    "subprotocols": [],
}


class Client:
    """The other end of a socket; it takes messages while `open` is set."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.waiting = asyncio.Event()
        self.taken: list[Any] = []
        self.accepted = asyncio.Event()
        self._changed = asyncio.Condition()
        self._came = asyncio.Queue[Any]()
        self._came.put_nowait({"type": "websocket.connect"})

    async def receive(self) -> Any:
        return await self._came.get()

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.accept":
            self.accepted.set()
            return
        self.waiting.set()
        await self.open.wait()
        async with self._changed:
            self.taken.append(message)
            self._changed.notify_all()

    async def has(self, count: int) -> None:
        """Return once so many messages were taken."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: len(self.taken) >= count), 30)

    def leave(self) -> None:
        self._came.put_nowait({"type": "websocket.disconnect", "code": 1000})


@asynccontextmanager
async def connected(world: AgentTrace) -> AsyncIterator[tuple[Client, asyncio.Task[None]]]:
    client = Client()
    task = asyncio.create_task(app_of(world, socket_interval=0.01)(dict(HANDSHAKE), client.receive, client.send))
    await asyncio.wait_for(client.accepted.wait(), 30)
    try:
        yield client, task
    finally:
        client.open.set()
        client.leave()
        await asyncio.wait_for(task, 30)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many events each look at the store gave that gave any."""
    found: list[int] = []
    news: Callable[[SessionFollower], Any] = SessionFollower.news

    def counted(self: SessionFollower) -> Any:
        told = news(self)
        if told.events:
            found.append(len(told.events))
        return told

    monkeypatch.setattr(SessionFollower, "news", counted)
    return found


async def test_what_waits_for_a_slow_client_is_one_page(world: AgentTrace, pages: list[int]) -> None:
    """The rest stays in the store, and comes whole and in order once the client takes it."""
    async with connected(world) as (client, _):
        record(world, word="0")
        await asyncio.wait_for(client.waiting.wait(), 30)
        for number in range(1, 60):
            record(world, word=str(number))
        assert len(pages) == 1
        client.open.set()
        await client.has(240)
        told = [json.loads(message["text"]) for message in client.taken]
        ids = [message["id"] for message in told]
        assert ids == sorted(set(ids))
        asked = [message["messages"][0]["content"] for message in told if message["type"] == "input_message"]
        assert asked == [f"Where is my {number}?" for number in range(60)]
        assert max(pages) <= 100


async def test_a_client_that_takes_nothing_is_left(world: AgentTrace, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a minute; here it is a moment. It does not take the close either."""
    monkeypatch.setattr("agenttrace.asgi.websocket._PATIENCE", 0.05)
    monkeypatch.setattr("agenttrace.asgi.websocket._FAREWELL", 0.05)
    async with connected(world) as (client, task):
        record(world)
        await asyncio.wait_for(asyncio.shield(task), 30)
        assert client.taken == []
