"""Every error that the five sources document: status, body and headers, and that `openapi.json` describes them so."""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from agenttrace import AgentTrace
from agenttrace.asgi import Principal, websocket
from agenttrace.errors import StoreUnavailable
from agenttrace.testing import FixedClock
from tests.asgi.asgi_error_cases import CASES, GOOD, NO_KEY, coded
from tests.asgi.asgi_world import (
    ABROAD,
    EVENTS,
    HOME,
    NOBODY,
    NOW,
    PROMPTS,
    RUN_LOGS,
    SOCKET,
    Socket,
    app_of,
    greeted,
    keys_of,
    record,
    send,
)


class World:
    """An AgentTrace that recorded, its callers' keys, an app."""

    def __init__(self, trace: AgentTrace, keys: dict[str, str]) -> None:
        self.trace, self.keys, self.app = trace, keys, app_of(trace)
        self.document = _document()

    async def ask(
        self, method: str, path: str, caller: str, app: Any = None, body: Any = None, **headers: str
    ) -> httpx.Response:
        """Return an answer, after checking what holds for all of them and that the document describes it."""
        answer = await send(app or self.app, path, self.keys.get(caller), method, body, **headers)
        check_headers(answer, caller)
        self.document.check(method, path, answer)
        return answer


@functools.cache
def _document() -> Document:
    """Return what any app serves: to make it takes longer than all else here."""
    return Document(app_of(AgentTrace("memory://")).openapi())


class Document:
    """The served `openapi.json`."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._routes = [(_pattern(path), item) for path, item in document["paths"].items()]

    def check(self, method: str, path: str, answer: httpx.Response) -> None:
        """Assert that the status is described, the body is what it is described as, the headers are there."""
        where = path.partition("?")[0]
        item = next(item for pattern, item in self._routes if pattern.fullmatch(where))
        described = item[method.lower()]["responses"][str(answer.status_code)]
        for name in described.get("headers", {}):
            assert name in answer.headers
        if "content" in described:
            schema = {**described["content"]["application/json"]["schema"], "components": self._document["components"]}
            jsonschema.validate(answer.json(), schema)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", path))


def check_headers(answer: httpx.Response, caller: str) -> None:
    """Assert what every error and every answer of a view has."""
    known = answer.status_code != 401
    for name in ("limit", "remaining", "reset"):
        assert (re.fullmatch("[0-9]+", answer.headers.get(f"x-ratelimit-{name}", "")) is not None) == known, caller
    assert answer.headers.get("www-authenticate") == (None if known else "Bearer")
    assert (re.fullmatch("[1-9][0-9]*", answer.headers.get("retry-after", "")) is not None) == (
        answer.status_code in (429, 503)
    )
    assert "x-cache" not in answer.headers or answer.status_code == 200
    assert answer.headers["x-request-id"]
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")
    assert answer.status_code == 204 or answer.headers["content-type"] == "application/json"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give a world that the tests only read."""
    yield from _world(tmp_path_factory.mktemp("errors"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a world of its own to each test."""
    yield from _world(tmp_path)


def _world(folder: Path, **settings: Any) -> Iterator[World]:
    clock = FixedClock(NOW)
    with AgentTrace(folder / "traces.db", clock=clock, **settings) as trace:
        record(trace)
        yield World(trace, keys_of(trace, clock))


@pytest.mark.parametrize(("method", "path", "caller", "status", "body"), CASES)
async def test_an_error_is_the_documented_one(
    shared: World, method: str, path: str, caller: str, status: int, body: Any
) -> None:
    """Status, body and headers; nothing beside what is documented."""
    answer = await shared.ask(method, path, caller)
    found = answer.json()
    assert (answer.status_code, found if isinstance(body, dict) else found["code"]) == (status, body)
    if not isinstance(body, dict):
        assert found.keys() == {"code", "message"}
        assert found["message"]


@pytest.mark.parametrize(
    ("query", "kind", "loc", "message"),
    [
        ("limit=0", "greater_than_equal", "limit", "Input should be greater than or equal to 1"),
        ("limit=201", "less_than_equal", "limit", "Input should be less than or equal to 200"),
        ("offset=-1", "greater_than_equal", "offset", "Input should be greater than or equal to 0"),
        ("offset=10001", "less_than_equal", "offset", "Input should be less than or equal to 10000"),
        (f"call_sid={65 * 'x'}", "string_too_long", "call_sid", "String should have at most 64 characters"),
        (f"prompt_type={65 * 'x'}", "string_too_long", "prompt_type", "String should have at most 64 characters"),
        (f"state_name={129 * 'x'}", "string_too_long", "state_name", "String should have at most 128 characters"),
    ],
)
async def test_prompt_logs_refuse_values_as_fastapi_does(
    shared: World, query: str, kind: str, loc: str, message: str
) -> None:
    """422 with a `detail` in the published shape."""
    answer = await shared.ask("GET", f"{PROMPTS}?{query}", "admin")
    assert (answer.status_code, list(answer.json())) == (422, ["detail"])
    (found,) = answer.json()["detail"]
    assert (found["type"], found["loc"], found["msg"]) == (kind, ["query", loc], message)


@pytest.mark.parametrize("view", GOOD)
async def test_a_rate_that_is_used_up_is_429(world: World, view: str) -> None:
    """In the view's own shape, with the time to wait; another view and another caller are not counted."""
    method, path, caller = GOOD[view]
    app = app_of(world.trace, rates={view: "1/hour", "default": "5/hour"})
    assert (await world.ask(method, path, caller, app)).status_code in (200, 204, 404)
    answer = await world.ask(method, path, caller, app)
    assert answer.status_code == 429
    assert answer.json() == (
        {"message": "Too many requests"}
        if path.startswith("/ai/")
        else coded("rate_limit_exceeded", "more than 1 requests; wait")
    )
    limits = {name: answer.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining")}
    assert limits == {"limit": "1", "remaining": "0"}
    assert 0 < int(answer.headers["retry-after"]) <= 3600
    assert (await world.ask(method, path, "su", app)).status_code != 429
    for other in GOOD.keys() - {view}:
        assert (await world.ask(*GOOD[other], app)).status_code != 429


@pytest.mark.parametrize("view", GOOD)
async def test_a_store_that_is_out_of_reach_is_503(world: World, view: str) -> None:
    """In the view's own shape, with Retry-After; also where the store has to say who is asking."""
    method, path, caller = GOOD[view]
    expected = (
        {"message": "Service unavailable"}
        if path.startswith("/ai/")
        else coded("store_unavailable", "the store is out of reach or busy; try again later")
    )
    assert (await world.ask(method, path, caller)).status_code in (200, 204, 404)
    store = world.trace._pipe().open_store_once()
    store.close()
    answer = await world.ask(method, path, caller, app_of(world.trace))
    assert (answer.status_code, answer.json()) == (503, expected)
    unknown = await send(world.app, path, world.keys["admin"], method)
    assert (unknown.status_code, unknown.json()) == (503, expected)
    assert int(unknown.headers["retry-after"]) >= 1
    # A key that cannot be one needs no store to be refused.
    assert (await send(world.app, path, "nonsense", method)).status_code == 401
    ready = await send(app_of(world.trace), "/readyz")
    assert (ready.status_code, ready.json()) == (503, {"status": "unavailable"})
    assert (await send(world.app, "/healthz")).status_code == 200
    store.open()
    assert (await world.ask(method, path, caller)).status_code in (200, 204, 404)


@pytest.mark.parametrize("view", GOOD)
async def test_a_handler_that_blows_up_is_500_and_tells_nothing(
    world: World, view: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither body nor headers nor log has the error's message; the log has its kind and the request's id."""

    def fail() -> Any:
        raise RuntimeError("SELECT secret FROM payloads")

    method, path, caller = GOOD[view]
    assert (await world.ask(method, path, caller)).status_code in (200, 204, 404)
    monkeypatch.setattr(world.trace.query, "_store", fail)
    answer = await world.ask(method, path, caller, app_of(world.trace), X_Request_ID="req-7")
    assert answer.status_code == 500
    assert answer.json() == (
        {"message": "Internal server error"}
        if path.startswith("/ai/")
        else coded("internal_error", "something went wrong; the request id leads to the log")
    )
    for word in ("secret", "SELECT", "Traceback", "RuntimeError", ".py"):
        assert word not in answer.text + repr(answer.headers)
    assert "secret" not in caplog.text
    assert "RuntimeError" in caplog.text
    assert "req-7" in caplog.text


async def test_raw_prompts_that_are_switched_off_are_503(tmp_path: Path) -> None:
    """For those who might read them; the other callers are told what they are told otherwise."""
    for world in _world(tmp_path, raw_prompts=False):
        answer = await world.ask("GET", PROMPTS, "admin")
        assert answer.status_code == 503
        assert answer.json() == coded("store_unavailable", "the store is out of reach or busy; try again later")
        for caller, status in (("none", 401), ("su", 403), ("other_workspace", 404)):
            assert (await world.ask("GET", PROMPTS, caller)).status_code == status


async def test_the_authentication_comes_before_the_parameters(shared: World) -> None:
    """And the workspace before the role, and the role before the values."""
    assert (await shared.ask("GET", f"{PROMPTS}?limit=x", "none")).status_code == 401
    assert (await shared.ask("GET", f"{PROMPTS}?limit=x", "other_workspace")).status_code == 404
    assert (await shared.ask("GET", f"{PROMPTS}?limit=x", "teammate")).status_code == 403
    assert (await shared.ask("GET", "/ai/logs", "none")).status_code == 401
    assert (await shared.ask("GET", "/ai/logs", "no_read")).status_code == 403
    assert (await shared.ask("DELETE", "/ai/sessions", "only_read")).status_code == 403
    assert (await shared.ask("GET", f"{EVENTS}?limit=0", "stranger")).status_code == 400


@pytest.mark.parametrize(
    ("path", "caller", "code"),
    [
        ("/ai/ws", "session_owner", 4400),
        ("/ai/ws?sessionId=x", "session_owner", 4400),
        (SOCKET, "expired", 4401),
        (SOCKET, "stranger", 4403),
        (f"/ai/ws?sessionId={NOBODY}", "session_owner", 4404),
    ],
)
async def test_a_socket_is_closed_with_the_status_of_its_refusal(
    shared: World, path: str, caller: str, code: int
) -> None:
    """4000 and the status that the same refusal has over HTTP."""
    assert await greeted(shared.app, path, {"X-API-Key": shared.keys[caller]}) == code


async def test_a_socket_says_that_it_cannot_serve(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """1013 where the store is out of reach, 1011 where something is broken, 4429 where there were too many."""
    key = {"X-API-Key": world.keys["owner"]}
    app = app_of(world.trace, rates={"websocket": "1/hour"})
    assert await greeted(app, SOCKET, key) == 101
    assert await greeted(app, SOCKET, key) == 4429
    for error, code in ((StoreUnavailable("away"), 1013), (RuntimeError("SELECT"), 1011)):

        def fail(error: Exception = error) -> Any:
            raise error

        monkeypatch.setattr(world.trace.query, "_store", fail)
        assert await greeted(app_of(world.trace), SOCKET, key) == code


@pytest.mark.parametrize(
    ("left", "code"),
    [
        (None, 4401),
        (Principal(workspace_id=HOME, role="owner", scopes=["manage"]), 4403),
        (Principal(workspace_id=HOME, role="member"), 4403),
        (Principal(workspace_id=ABROAD, role="owner"), 4403),
    ],
)
async def test_a_socket_ends_with_the_right_to_it(
    shared: World, monkeypatch: pytest.MonkeyPatch, left: Principal | None, code: int
) -> None:
    """Whoever loses the key, the scope, the role or the workspace while listening is told by a close code."""
    monkeypatch.setattr(websocket, "_ASK_AGAIN", -1.0)
    principals = iter([Principal(workspace_id=HOME, role="owner")])
    app = app_of(shared.trace, auth=lambda _: next(principals, left), socket_interval=0.01)
    socket = Socket(app, SOCKET, {})
    async with asyncio.timeout(30):
        await socket.serve()
    accepted, closed = socket.sent()
    assert (accepted["type"], closed["type"], closed["code"]) == ("websocket.accept", "websocket.close", code)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://[", "null", "", "http://test@evil", "http://test:80"]
)
async def test_a_page_of_another_origin_gets_no_socket(shared: World, origin: str) -> None:
    """Before the handshake, whatever it calls itself; the server's answer to that is 403."""
    socket = Socket(shared.app, SOCKET, {"Origin": origin, "X-API-Key": shared.keys["owner"]})
    await socket.serve()
    assert [sent["type"] for sent in socket.sent()] == ["websocket.close"]


OTLP: list[tuple[str, str, Any, dict[str, str], int, Any]] = [
    ("/v1/traces", "none", {}, {}, 401, {"code": 16, "message": NO_KEY["message"]}),
    ("/v1/traces", "only_read", {}, {}, 403, {"code": 7, "message": "the key lacks the scope ingest"}),
    ("/v1/logs", "only_read", {}, {}, 403, {"code": 7, "message": "the key lacks the scope ingest"}),
    ("/v1/traces", "no_read", [], {}, 400, {"code": 3, "message": "body: no JSON object"}),
    (
        "/v1/logs",
        "no_read",
        {},
        {"Content_Type": "text/plain"},
        415,
        {"code": 3, "message": "content type: must be application/x-protobuf or application/json, got 'text/plain'"},
    ),
    ("/v1/traces", "no_read", {}, {"Content_Encoding": "gzip"}, 400, 3),
]


@pytest.mark.parametrize(("path", "caller", "body", "headers", "status", "expected"), OTLP)
async def test_an_export_is_refused_as_otlp_says(
    shared: World, path: str, caller: str, body: Any, headers: dict[str, str], status: int, expected: Any
) -> None:
    """With a `google.rpc.Status`, in JSON to who sends JSON, and with what is left of the rate."""
    answer = await shared.ask("POST", path, caller, body=body, **headers)
    found = answer.json() if isinstance(expected, dict) else answer.json()["code"]
    assert (answer.status_code, found) == (status, expected)


async def test_an_export_may_be_too_often_or_in_vain(world: World) -> None:
    """429 and 503, with Retry-After, which exporters obey."""
    app = app_of(world.trace, rates={"ingest": "1/hour"})
    assert (await world.ask("POST", "/v1/traces", "no_read", app, {})).status_code == 200
    answer = await world.ask("POST", "/v1/logs", "no_read", app, {})
    assert (answer.status_code, answer.json()["code"]) == (429, 8)
    store = world.trace._pipe().open_store_once()
    store.close()
    answer = await send(app_of(world.trace), "/v1/traces", world.keys["su"], "POST", {})
    store.open()
    assert (answer.status_code, answer.json()["code"]) == (503, 14)
    assert int(answer.headers["retry-after"]) >= 1
    # One was taken, one was refused at once, and who asked for the third is not known.
    notes = [(note.action, note.rows, note.status) for note in world.trace.query.audit(workspace_id=HOME)]
    assert sorted(notes) == [("runs.ingested", 0, 200), ("runs.ingested", 0, 429)]


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/nowhere", 404, coded("not_found", "Not Found")),
        ("GET", "/ai/nowhere", 404, {"message": "Not found"}),
        ("POST", RUN_LOGS, 405, coded("method_not_allowed", "Method Not Allowed")),
        ("PUT", "/ai/sessions", 405, {"message": "Method not allowed"}),
        ("GET", "/v1/traces", 405, coded("method_not_allowed", "Method Not Allowed")),
    ],
)
async def test_what_is_no_route_has_the_shape_of_its_neighbours(
    shared: World, method: str, path: str, status: int, body: Any
) -> None:
    """404 and 405."""
    answer = await send(shared.app, path, shared.keys["owner"], method)
    assert (answer.status_code, answer.json()) == (status, body)
