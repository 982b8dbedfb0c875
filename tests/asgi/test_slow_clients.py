"""Clients that leave midway, take nothing, or send what is slow: nobody waits for them, and it is no error of ours."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from agenttrace import AgentTrace
from agenttrace.asgi import Settings, middleware
from agenttrace.asgi.middleware import Gate
from agenttrace.asgi.routers import health, otlp
from agenttrace.errors import StoreUnavailable
from tests.asgi.asgi_support import CONTACT, RUN_LOGS, WORKSPACE, app_of, client_of, get


def scope_of(method: str, path: str, **headers: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


async def test_half_an_export_is_no_error_of_the_server(world: AgentTrace, caplog: pytest.LogCaptureFixture) -> None:
    """A client may end at any time: the log tells of no defect, and the note has the client's status."""
    came = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(came)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = {"x_who": "admin", "content_type": "application/json", "content_length": "10"}
    await app_of(world)(scope_of("POST", "/v1/traces", **headers), receive, send)
    assert sent[0]["status"] == 400
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    (note,) = [note for note in world.query.audit(workspace_id=WORKSPACE) if note.action == "runs.ingested"]
    assert (note.rows, note.status) == (0, 400)


@pytest.mark.parametrize("first", [True, False])
async def test_a_streamed_answer_that_nobody_takes_is_cut(monkeypatch: pytest.MonkeyPatch, first: bool) -> None:
    """After a while, at whatever piece: what was made of it is let go."""
    monkeypatch.setattr(middleware, "_PATIENCE", 0.01)
    let_go: list[bool] = []
    pieces = 0

    async def stream(_: Any, __: Any, send: Any) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(3):
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
        finally:
            let_go.append(True)

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        nonlocal pieces
        if message["type"] == "http.response.body":
            pieces += 1
            if first or pieces == 3:
                await asyncio.Event().wait()

    with pytest.raises(Exception, match=r"^$") as cut:
        async with asyncio.timeout(30):
            await Gate(stream, Settings())(scope_of("GET", "/x"), receive, send)
    assert (type(cut.value).__name__, let_go, pieces) == ("_Broken", [True], 1 if first else 3)


async def test_a_client_that_left_is_not_answered() -> None:
    """Servers say so by an error of the connection: it ends the answer, and nothing else."""

    async def stream(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ClientDisconnect

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    await Gate(stream, Settings())(scope_of("GET", "/x"), receive, send)
    assert sent == ["http.response.start"]


async def test_what_is_slow_to_take_in_holds_up_nobody_who_reads(
    world: AgentTrace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exports have threads of their own: those of the questions are everybody's."""
    app, free, begun = app_of(world, threads=2, store_timeout=2), threading.Event(), threading.Semaphore(0)

    def take(*_: Any) -> tuple[int, int]:
        begun.release()
        assert free.wait(60)
        return 0, 0

    monkeypatch.setattr(otlp, "_take", take)
    async with client_of(app) as client, asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(client.post("/v1/traces", json={}))
        for _ in range(2):
            assert await asyncio.to_thread(begun.acquire, timeout=60)
        answer = await get(app, f"{RUN_LOGS}?ai_contact_id={CONTACT}&page=1")
        free.set()
    assert answer.status_code == 200


async def test_a_store_that_hangs_is_asked_by_one_probe_at_a_time(
    world: AgentTrace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Probes need no key, and must not take the threads of those who have one: meanwhile the last answer holds."""
    monkeypatch.setattr(health, "_HOLDS", -1.0)
    app, asked = app_of(world), asyncio.Event()
    waiting, free = 0, asyncio.Event()

    async def ask(*_: Any, **__: Any) -> None:
        nonlocal waiting
        waiting += 1
        asked.set()
        await free.wait()
        raise StoreUnavailable("away")

    assert (await get(app, "/readyz", None)).status_code == 200
    monkeypatch.setattr(app.state.service, "ask", ask)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(get(app, "/readyz", None))
        await asked.wait()
        others = [await get(app, "/readyz", None) for _ in range(5)]
        free.set()
    assert ({other.status_code for other in others}, waiting) == ({200}, 1)
    assert first.result().status_code == 503
