"""Two workspaces, callers of every kind with real API keys, and clients in process, for the hard tests of the app."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from agenttrace import AgentTrace
from agenttrace.asgi import create_app
from agenttrace.testing import FixedClock

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)

HOME = "11111111-1111-4111-8111-111111111111"
ABROAD = "22222222-2222-4222-8222-222222222222"
NOBODY = "99999999-9999-4999-8999-999999999999"

CONTACT = "4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11"
SESSION = "a63ab83d-2bb8-42ab-8374-23b8e1e276e3"
OWNERLESS = "b63ab83d-2bb8-42ab-8374-23b8e1e276e3"
SESSION_KEY = f"ase_{SESSION}"
AGENT = "agt_support"
TALK = "c0ffee00-0000-4000-8000-000000000000"

ANN = "aaaaaaaa-0000-4000-8000-000000000001"
FRED = "aaaaaaaa-0000-4000-8000-000000000006"
BLUE = "bbbbbbbb-0000-4000-8000-000000000001"
RED = "bbbbbbbb-0000-4000-8000-000000000002"

#: Stands in everything that `record` records.
CANARY = "kestrel"

RUN_LOGS = f"/api/public/run-logs?ai_contact_id={CONTACT}"
ASK_LOGS = "/v1/analytics/ask-ai/logs"
ANALYTICS = "/v1/analytics/ask-ai"
ACTION_LOGS = f"/ai/logs?sessionId={SESSION}"
RESET = f"/ai/sessions?teamId={BLUE}&userId={ANN}"
EVENTS = f"/v2/agents/{AGENT}/sessions/{SESSION_KEY}/events"
PROMPTS = f"/v1/{HOME}/prompt-logs"
SOCKET = f"/ai/ws?sessionId={SESSION}"

NO_LIMITS = {"default": "1000000/minute", "ingest": "1000000/minute"}

_EVERY = ("read", "ingest", "manage")
_USUAL = ("read", "manage")
_ANN: dict[str, Any] = {"user_id": ANN, "team_ids": [BLUE]}

#: What the keys of the callers are made with; those who are not here have none, or none that is good.
KEYS: dict[str, dict[str, Any]] = {
    "revoked": {"role": "owner", "scopes": _EVERY, **_ANN},
    "expired": {"role": "owner", "scopes": _EVERY, **_ANN, "expires": NOW + timedelta(seconds=1)},
    "stranger": {"user_id": "bob", "team_ids": [RED], "scopes": _USUAL},
    "session_owner": {**_ANN, "scopes": _USUAL},
    "teammate": {"user_id": "carl", "team_ids": [BLUE, RED], "scopes": _USUAL},
    "other_workspace": {"workspace_id": ABROAD, "role": "owner", "scopes": _EVERY, **_ANN},
    "admin": {"role": "admin", "user_id": "dora", "scopes": _EVERY},
    "owner": {"role": "owner", "user_id": "erik", "scopes": _EVERY},
    "su": {"role": "su", "user_id": FRED, "scopes": _EVERY},
    "no_read": {"role": "owner", "scopes": ("ingest", "manage"), **_ANN},
    "only_read": {"scopes": ("read",), **_ANN},
}


def record(trace: AgentTrace, workspace: str = HOME, *, word: str = CANARY) -> None:
    """Record a turn with a thought, a tool call, a prompt and a retrieval, and a session that is nobody's."""
    scope: dict[str, Any] = {"workspace_id": workspace, "agent_key": "support", "ai_contact_id": CONTACT}
    about = {"interaction_type": "free_form", "widget_id": word}
    with trace.scope(**scope, session_id=SESSION, conversation_id=TALK, user_id=ANN, team_id=BLUE, attributes=about):
        trace.register_agent("support", word)
        with trace.master("answer", input=word) as turn:
            turn.thinking(word)
            with trace.tool_call("find", input={"query": word}) as call:
                call.output = {"found": word}
            with trace.context("retrieve", query=word) as found:
                found.documents = [word]
            with trace.prompt("reply", model=word, system_prompt=word) as prompt:
                prompt.response = word
            turn.output = word
    with trace.scope(**scope, session_id=OWNERLESS), trace.tool_call("find", input=word):
        pass
    assert trace.flush(30)


def keys_of(trace: AgentTrace, clock: FixedClock) -> dict[str, str]:
    """Return the API keys of the callers; afterwards the clock stands where one has expired and one is revoked."""
    made = {name: trace.keys.create(name=name, **{"workspace_id": HOME, **key}) for name, key in KEYS.items()}
    trace.keys.revoke(made["revoked"].id, workspace_id=HOME)
    clock.advance(1)
    keys = {name: key.key for name, key in made.items()}
    good, other = keys["owner"], keys["admin"]
    return {**keys, "bad": good[:-64] + other[-64:]}


def app_of(trace: AgentTrace, **settings: Any) -> Any:
    """Return an app whose callers have API keys, without rate limits unless they are given."""
    return create_app(trace, **{"rates": NO_LIMITS, **settings})


def bearer(key: str | None) -> dict[str, str]:
    """Return the headers of a caller."""
    return {} if key is None else {"Authorization": f"Bearer {key}"}


async def send(
    app: Any, path: str, key: str | None = None, method: str = "GET", body: Any = None, **headers: str
) -> httpx.Response:
    """Return the answer to one request; a body is sent as JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = httpx.Request(method, f"http://test{path}", headers={**bearer(key), **named}, json=body)
    # Without a client: each would make an SSL context, which takes longer than most requests.
    answer = await httpx.ASGITransport(app, raise_app_exceptions=False).handle_async_request(request)
    await answer.aread()
    return answer


class Socket:
    """A WebSocket's client in process."""

    def __init__(self, app: Any, path: str, headers: Mapping[str, str]) -> None:
        where, _, query = path.partition("?")
        raw = [(name.lower().encode(), value.encode()) for name, value in {"host": "test", **headers}.items()]
        self._scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": where,
            "raw_path": where.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": raw,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "subprotocols": [],
            "extensions": {"websocket.http.response": {}},
        }
        self._app = app
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._out: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._in.put_nowait({"type": "websocket.connect"})

    async def serve(self) -> None:
        """Run the app's side to its end."""
        await self._app(self._scope, self._in.get, self._out.put)

    def leave(self) -> None:
        """Say that the client has gone."""
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1000})

    async def next(self) -> dict[str, Any]:
        """Return the next thing that the app sent."""
        async with asyncio.timeout(30):
            return await self._out.get()

    async def json(self) -> dict[str, Any]:
        """Return the next message."""
        return json.loads((await self.next())["text"])

    def sent(self) -> list[dict[str, Any]]:
        """Return all that the app sent and nobody took."""
        return [self._out.get_nowait() for _ in range(self._out.qsize())]


@contextlib.asynccontextmanager
async def following(app: Any, path: str, key: str | None) -> AsyncIterator[Socket]:
    """Give a socket that the app has accepted."""
    socket = Socket(app, path, bearer(key))
    served = asyncio.create_task(socket.serve())
    try:
        assert (await socket.next())["type"] == "websocket.accept"
        yield socket
    finally:
        socket.leave()
        async with asyncio.timeout(30):
            await served


async def greeted(app: Any, path: str, headers: Mapping[str, str]) -> int:
    """Return 101 where a socket may stay until its client leaves, else the code that it is closed with."""
    socket = Socket(app, path, headers)
    socket.leave()
    async with asyncio.timeout(30):
        await socket.serve()
    accepted, *rest = socket.sent()
    assert accepted["type"] == "websocket.accept"
    return 101 if not rest else rest[0]["code"]
