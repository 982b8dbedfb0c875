"""Every endpoint and every kind of caller, against statuses that were written down from the contracts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agenttrace import AgentTrace
from agenttrace.testing import FixedClock
from tests.asgi.asgi_world import (
    ABROAD,
    ACTION_LOGS,
    AGENT,
    ANALYTICS,
    ANN,
    ASK_LOGS,
    CANARY,
    EVENTS,
    FRED,
    HOME,
    NOBODY,
    NOW,
    OWNERLESS,
    PROMPTS,
    RED,
    RESET,
    RUN_LOGS,
    SESSION_KEY,
    SOCKET,
    app_of,
    greeted,
    keys_of,
    record,
    send,
)

EVENT = "/v2/agents/{agent_key}/sessions/{session_key}/events/{event_id}"
TEMPLATES = {
    "/api/public/run-logs": RUN_LOGS,
    ASK_LOGS: ASK_LOGS,
    ANALYTICS: ANALYTICS,
    "/ai/logs": ACTION_LOGS,
    "/ai/sessions": RESET,
    "/v2/agents/{agent_key}/sessions/{session_key}/events": EVENTS,
    "/v1/{workspace_id}/prompt-logs": PROMPTS,
}

CALLERS = (
    "none",
    "bad",
    "revoked",
    "expired",
    "stranger",
    "session_owner",
    "teammate",
    "other_workspace",
    "admin",
    "owner",
    "su",
    "no_read",
    "only_read",
)

#: Statuses in the order of CALLERS: nobody's (4), members' (a stranger, the session's owner, a member of the owner's
#: team), that of another workspace's owner, the roles' (admin, owner, su), an owner's key without `read`, the session's
#: user with nothing but `read`.
TABLE: dict[str, tuple[str, str, str]] = {
    # Any key of the workspace with the read scope; the other workspace has no such contact.
    "run logs": ("GET", RUN_LOGS, "401 401 401 401  200 200 200  404  200 200 200  403 200"),
    "run logs of nobody": (
        "GET",
        f"/api/public/run-logs?ai_contact_id={NOBODY}",
        "401 401 401 401  404 404 404  404  404 404 404  403 404",
    ),
    # The other workspace has rows of its own, which are none.
    "ask ai logs": ("GET", ASK_LOGS, "401 401 401 401  200 200 200  200  200 200 200  403 200"),
    "ask ai": ("GET", ANALYTICS, "401 401 401 401  200 200 200  200  200 200 200  403 200"),
    # The session's owner, active members of the owner's team, su, admin, owner.
    "action logs": ("GET", ACTION_LOGS, "401 401 401 401  403 200 200  404  200 200 200  403 200"),
    "action logs of an ownerless session": (
        "GET",
        f"/ai/logs?sessionId={OWNERLESS}",
        "401 401 401 401  403 403 403  404  200 200 200  403 403",
    ),
    "action logs of no session": (
        "GET",
        f"/ai/logs?sessionId={NOBODY}",
        "401 401 401 401  404 404 404  404  404 404 404  403 404",
    ),
    # The caller's own sessions, in a team of which the caller is a member, or su; in the caller's workspace.
    "reset": ("DELETE", RESET, "401 401 401 401  403 204 403  204  403 403 403  204 403"),
    "reset in a team that is not mine": (
        "DELETE",
        f"/ai/sessions?teamId={RED}&userId={ANN}",
        "401 401 401 401  403 403 403  403  403 403 403  403 403",
    ),
    "reset by su": (
        "DELETE",
        f"/ai/sessions?teamId={RED}&userId={FRED}",
        "401 401 401 401  403 403 403  403  403 403 204  403 403",
    ),
    "agent events": ("GET", EVENTS, "401 401 401 401  403 200 200  404  200 200 200  403 200"),
    "agent events of no agent": (
        "GET",
        f"/v2/agents/agt_none/sessions/{SESSION_KEY}/events",
        "401 401 401 401  404 404 404  404  404 404 404  403 404",
    ),
    "agent events of no session": (
        "GET",
        f"/v2/agents/{AGENT}/sessions/ase_none/events",
        "401 401 401 401  404 404 404  404  404 404 404  403 404",
    ),
    "one event": ("GET", EVENT, "401 401 401 401  403 200 200  404  200 200 200  403 200"),
    "no event": ("GET", f"{EVENTS}/aev_none", "401 401 401 401  403 404 404  404  404 404 404  403 404"),
    # Admin and owner, and nobody else: su is none of them.
    "prompt logs": ("GET", PROMPTS, "401 401 401 401  403 403 403  404  200 200 403  403 403"),
    "prompt logs of the other workspace": (
        "GET",
        f"/v1/{ABROAD}/prompt-logs",
        "401 401 401 401  404 404 404  200  404 404 404  404 404",
    ),
    "prompt logs of no workspace": (
        "GET",
        f"/v1/{NOBODY}/prompt-logs",
        "401 401 401 401  404 404 404  404  404 404 404  404 404",
    ),
    # The scope ingest, whatever the role: into the caller's own workspace.
    "traces": ("POST", "/v1/traces", "401 401 401 401  403 403 403  200  200 200 200  200 403"),
    "logs": ("POST", "/v1/logs", "401 401 401 401  403 403 403  200  200 200 200  200 403"),
    # For everybody: they tell nothing that is recorded.
    "health": ("GET", "/healthz", "200 200 200 200  200 200 200  200  200 200 200  200 200"),
    "readiness": ("GET", "/readyz", "200 200 200 200  200 200 200  200  200 200 200  200 200"),
    "document": ("GET", "/openapi.json", "200 200 200 200  200 200 200  200  200 200 200  200 200"),
    "no such path": ("GET", "/ai/other", "404 404 404 404  404 404 404  404  404 404 404  404 404"),
}

#: The same of the WebSocket: 101 where it stays open, else how it is closed.
SOCKETS: dict[str, tuple[str, str]] = {
    "socket": (SOCKET, "4401 4401 4401 4401  4403 101 101  4404  101 101 101  4403 101"),
    "socket of an ownerless session": (
        f"/ai/ws?sessionId={OWNERLESS}",
        "4401 4401 4401 4401  4403 4403 4403  4404  101 101 101  4403 4403",
    ),
    "socket of no session": (
        f"/ai/ws?sessionId={NOBODY}",
        "4401 4401 4401 4401  4404 4404 4404  4404  4404 4404 4404  4403 4404",
    ),
}

#: What shows recorded text to those who are let in.
TELLING = {"run logs", "ask ai logs", "action logs", "action logs of an ownerless session", "agent events", "one event"}
TELLING |= {"prompt logs"}


class World:
    """An app over what one workspace recorded, and its callers' keys."""

    def __init__(self, trace: AgentTrace, clock: FixedClock) -> None:
        record(trace)
        page = trace.query.agent_events(AGENT, SESSION_KEY, workspace_id=HOME)
        self.event = f"{EVENTS}/{page.events[0].id}"
        self.trace = trace
        self.keys = keys_of(trace, clock)
        self.app = app_of(trace)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give the app."""
    clock = FixedClock(NOW)
    with AgentTrace(tmp_path / "traces.db", clock=clock) as trace:
        yield World(trace, clock)


def statuses(text: str) -> dict[str, int]:
    """Return a row of the table, by caller."""
    return dict(zip(CALLERS, map(int, text.split()), strict=True))


@pytest.mark.parametrize("endpoint", TABLE)
async def test_each_caller_gets_the_status_of_the_table(world: World, endpoint: str) -> None:
    """By `Authorization: Bearer` as by `X-API-Key`; who gets no 200 sees no word of what was recorded."""
    method, path, row = TABLE[endpoint]
    path = world.event if path == EVENT else path
    body = {} if method == "POST" else None
    found: dict[str, int] = {}
    for caller in CALLERS:
        key = world.keys.get(caller)
        answer = await send(world.app, path, key, method, body)
        twin = await send(world.app, path, None, method, body, **({} if key is None else {"X_API_Key": key}))
        assert twin.status_code == answer.status_code
        assert (CANARY in answer.text) == (answer.status_code == 200 and endpoint in TELLING and _at_home(caller))
        assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)
        found[caller] = answer.status_code
    assert found == statuses(row)


@pytest.mark.parametrize("endpoint", SOCKETS)
async def test_each_caller_gets_the_close_code_of_the_table(world: World, endpoint: str) -> None:
    """By `Authorization: Bearer` as by `X-API-Key`."""
    path, row = SOCKETS[endpoint]
    for name in ("Authorization", "X-API-Key"):
        found: dict[str, int] = {}
        for caller in CALLERS:
            key = world.keys.get(caller)
            value = f"Bearer {key}" if name == "Authorization" else key
            found[caller] = await greeted(world.app, path, {} if key is None else {name: str(value)})
        assert found == statuses(row)


def test_the_table_has_every_route(world: World) -> None:
    """A new route needs a row."""
    paths = {(method.upper(), path) for path, item in world.app.openapi()["paths"].items() for method in item}
    known = {(method, _template(path)) for method, path, _ in TABLE.values()}
    assert paths <= known
    others = {getattr(route, "path", None) for route in world.app.routes} - {path for _, path in paths}
    assert others == {"/openapi.json", "/ai/ws"}


async def test_a_reset_in_another_workspace_leaves_the_equal_session_alone(world: World) -> None:
    """The other workspace's owner has the same user id and the same team."""
    before = (await send(world.app, EVENTS, world.keys["admin"])).text
    assert (await send(world.app, RESET, world.keys["other_workspace"], "DELETE")).status_code == 204
    assert (await send(world.app, RESET, world.keys["su"], "DELETE")).status_code == 403
    assert (await send(world.app, RESET, world.keys["only_read"], "DELETE")).status_code == 403
    assert (await send(world.app, EVENTS, world.keys["admin"])).text == before


async def test_two_keys_that_differ_prove_nobody(world: World) -> None:
    """Nor does a good one beside a bad one, nor a good one under another scheme, nor in the query."""
    good, bad = world.keys["owner"], world.keys["bad"]
    tries: list[dict[str, Any]] = [
        {"Authorization": f"Bearer {good}", "X_API_Key": bad},
        {"Authorization": f"Bearer {bad}", "X_API_Key": good},
        {"Authorization": f"Basic {good}"},
        {"Authorization": f"Basic {good}", "X_API_Key": good},
        {"Authorization": good},
        {"Cookie": f"Authorization={good}"},
    ]
    for headers in tries:
        assert (await send(world.app, RUN_LOGS, None, **headers)).status_code == 401
    assert (await send(world.app, f"{RUN_LOGS}&api_key={good}&access_token={good}")).status_code == 401


async def test_a_key_that_is_revoked_ends_at_once(world: World) -> None:
    """In the process that revokes it, also where it was just used."""
    key = world.keys["admin"]
    assert (await send(world.app, PROMPTS, key)).status_code == 200
    (row,) = [row for row in world.trace.keys.list(workspace_id=HOME) if row.name == "admin"]
    world.trace.keys.revoke(row.id, workspace_id=HOME)
    assert (await send(world.app, PROMPTS, key)).status_code == 401
    assert await greeted(world.app, SOCKET, {"X-API-Key": key}) == 4401


def _at_home(caller: str) -> bool:
    return caller != "other_workspace"


def _template(path: str) -> str:
    """Return the route that a path of the table is for."""
    return next((known for known, example in TEMPLATES.items() if example == path), path)
