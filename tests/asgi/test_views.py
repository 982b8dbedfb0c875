"""Each view over HTTP: its document is the in-process one, its errors have the documented bodies."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from agenttrace import AgentTrace
from agenttrace.model import ids
from tests.asgi.asgi_support import (
    AGENT,
    ANALYTICS,
    ASK_LOGS,
    CONTACT,
    EMPTY_CONTACT,
    EVENTS,
    GOOD,
    OTHER_WORKSPACE,
    PROMPTS,
    RUN_LOGS,
    SESSION,
    SESSION_KEY,
    TALK,
    TEAM,
    UNKNOWN,
    USER,
    WORKSPACE,
    app_of,
    get,
)

UNAUTHORIZED = {"code": "unauthorized", "message": "an API key is needed, and this is none that is valid"}


def dumped(document: Any) -> Any:
    return json.loads(document.model_dump_json(by_alias=True))


async def test_run_logs_are_those_of_the_query(app: Any, world: AgentTrace) -> None:
    """The tree with its descendants, to the field."""
    found = await get(app, f"{RUN_LOGS}?ai_contact_id={CONTACT}", "stranger")
    assert (found.status_code, found.headers["content-type"]) == (200, "application/json")
    assert found.json() == dumped(world.query.run_logs(ai_contact_id=CONTACT, workspace_id=WORKSPACE))
    assert [child["run_type"] for child in found.json()["run_logs"][0]["children"]] == ["tool_call", "prompt"]


async def test_a_contact_without_runs_has_an_empty_page(shared_app: Any) -> None:
    """One that exists: 200."""
    found = await get(shared_app, f"{RUN_LOGS}?ai_contact_id={EMPTY_CONTACT}")
    assert (found.status_code, found.json()) == (200, {"page": 1, "page_size": 20, "total": 0, "run_logs": []})


async def test_action_logs_are_those_of_the_query(app: Any, world: AgentTrace) -> None:
    """With milliseconds and the persisted payload."""
    found = await get(app, f"/ai/logs?sessionId={SESSION}", "member")
    assert found.status_code == 200
    assert found.json() == dumped(world.query.action_logs(session_id=SESSION, workspace_id=WORKSPACE))
    assert found.json()["count"] == 1


async def test_agent_events_are_those_of_the_query(app: Any, world: AgentTrace) -> None:
    """Page by page, and one by one."""
    first = await get(app, f"{EVENTS}?limit=3", "owner-of-session")
    assert first.json() == dumped(world.query.agent_events(AGENT, SESSION_KEY, workspace_id=WORKSPACE, limit=3))
    key = first.json()["metadata"]["page_key"]
    second = await get(app, f"{EVENTS}?limit=3&page_key={key}", "owner-of-session")
    events = [*first.json()["events"], *second.json()["events"]]
    assert [event["type"] for event in events] == ["input_message", "tool_input", "tool_output", "agent_output"]
    assert second.json()["metadata"] == {"page_key": None, "total_count": 4}
    for event in events:
        assert (await get(app, f"{EVENTS}/{event['id']}", "member")).json() == event


async def test_ask_ai_logs_are_those_of_the_query(app: Any, world: AgentTrace) -> None:
    """Apart from when the answer was made."""
    found, expected = await get(app, ASK_LOGS, "member"), dumped(world.query.ask_ai_logs(workspace_id=WORKSPACE))
    assert found.json().keys() == expected.keys()
    assert found.json()["data"] == expected["data"] != []
    assert (found.json()["count"], found.json()["total_pages"]) == (1, 1)


async def test_ask_ai_analytics_sum_up(shared_app: Any) -> None:
    """A summary, and a row for each of the seven days."""
    found = (await get(shared_app, ANALYTICS, "member")).json()
    told = {key: found["summary"][key] for key in ("interactions", "sessions", "users", "failures")}
    assert told == {"interactions": 1, "sessions": 1, "users": 1, "failures": 0}
    assert (found["summary"]["input_tokens"], found["summary"]["output_tokens"]) == (8, 4)
    assert len(found["daily_breakdown"]) == 7
    assert sum(day["interactions"] for day in found["daily_breakdown"]) == 1


async def test_prompt_logs_are_those_of_the_query(app: Any, world: AgentTrace) -> None:
    """For an admin; by conversation as well."""
    found = await get(app, PROMPTS)
    assert found.json() == dumped(world.query.prompt_logs(WORKSPACE))
    by_talk = await get(app, f"{PROMPTS}?conversation_id={TALK}")
    assert (by_talk.json()["count"], by_talk.json()["resolved_conversation_kind"]) == (1, "conversation")


@pytest.mark.parametrize("view", GOOD)
async def test_without_a_principal_there_is_nothing(shared_app: Any, view: str) -> None:
    """401 in the view's shape, with the challenge that RFC 6750 asks for."""
    method, path = GOOD[view]
    found = await get(shared_app, path, None, method)
    expected = {"message": "Unauthorized"} if path.startswith("/ai/") else UNAUTHORIZED
    assert (found.status_code, found.json(), found.headers["www-authenticate"]) == (401, expected, "Bearer")


REFUSED: list[tuple[str, str, str, int, Any]] = [
    ("GET", RUN_LOGS, "member", 400, "invalid_request"),
    ("GET", f"{RUN_LOGS}?ai_contact_id=x", "member", 400, "invalid_request"),
    ("GET", f"{RUN_LOGS}?ai_contact_id={CONTACT.replace('-', '')}", "member", 400, "invalid_request"),
    ("GET", f"{RUN_LOGS}?ai_contact_id={CONTACT}&page=0", "member", 400, "invalid_request"),
    ("GET", f"{RUN_LOGS}?ai_contact_id={CONTACT}&page=1.0", "member", 400, "invalid_request"),
    ("GET", f"{RUN_LOGS}?ai_contact_id={CONTACT}&page=", "member", 400, "invalid_request"),
    ("GET", f"{RUN_LOGS}?ai_contact_id={CONTACT}&page=1&page=2", "member", 400, "invalid_request"),
    ("GET", f"{RUN_LOGS}?ai_contact_id={CONTACT}&page_size=0", "member", 400, "invalid_request"),
    ("GET", f"{RUN_LOGS}?ai_contact_id={CONTACT}&page_size=101", "member", 400, "invalid_request"),
    ("GET", f"{RUN_LOGS}?ai_contact_id={UNKNOWN}", "member", 404, "contact_not_found"),
    ("GET", f"{RUN_LOGS}?ai_contact_id={CONTACT}", "neighbour", 404, "contact_not_found"),
    ("GET", f"{RUN_LOGS}?ai_contact_id={CONTACT}", "ingester", 403, "forbidden"),
    ("GET", f"{ASK_LOGS}?page=0", "member", 400, "invalid_request"),
    ("GET", f"{ASK_LOGS}?limit=0", "member", 400, "invalid_request"),
    ("GET", f"{ASK_LOGS}?start_date=2026-02-30&end_date=2026-03-01", "member", 400, "invalid_request"),
    ("GET", f"{ASK_LOGS}?start_date=2026-03-02&end_date=2026-03-01", "member", 400, "invalid_request"),
    ("GET", f"{ANALYTICS}?start_date=2026-03-02&end_date=2026-03-01", "member", 400, "invalid_request"),
    ("GET", f"{ASK_LOGS}", "ingester", 403, "forbidden"),
    ("GET", "/ai/logs", "member", 400, {"message": "Invalid request"}),
    ("GET", "/ai/logs?sessionId=ase_x", "member", 400, {"message": "Invalid request"}),
    ("GET", f"/ai/logs?sessionId={SESSION}&limit=0", "member", 400, {"message": "Invalid request"}),
    ("GET", f"/ai/logs?sessionId={SESSION}&limit=201", "member", 400, {"message": "Invalid request"}),
    ("GET", f"/ai/logs?sessionId={SESSION}", "stranger", 403, {"message": "Forbidden"}),
    ("GET", f"/ai/logs?sessionId={SESSION}", "ingester", 403, {"message": "Forbidden"}),
    ("GET", f"/ai/logs?sessionId={SESSION}", "neighbour", 404, {"message": "Session not found"}),
    ("GET", f"/ai/logs?sessionId={UNKNOWN}", "member", 404, {"message": "Session not found"}),
    ("DELETE", "/ai/sessions", "owner-of-session", 400, {"message": "Invalid request"}),
    ("DELETE", f"/ai/sessions?teamId={TEAM}", "owner-of-session", 400, {"message": "Invalid request"}),
    ("DELETE", f"/ai/sessions?teamId={TEAM}&userId=x", "owner-of-session", 400, {"message": "Invalid request"}),
    ("DELETE", f"/ai/sessions?teamId={TEAM}&userId={UNKNOWN}", "owner-of-session", 403, {"message": "Forbidden"}),
    ("DELETE", f"/ai/sessions?teamId={UNKNOWN}&userId={USER}", "owner-of-session", 403, {"message": "Forbidden"}),
    ("DELETE", f"/ai/sessions?teamId={TEAM}&userId={USER}", "admin", 403, {"message": "Forbidden"}),
    ("GET", EVENTS.replace("agt_", "support"), "member", 400, "invalid_request"),
    ("GET", EVENTS.replace("ase_", "a"), "member", 400, "invalid_request"),
    ("GET", EVENTS.replace(SESSION_KEY, "ase_%C3%A9"), "member", 400, "invalid_request"),
    ("GET", f"{EVENTS}?limit=0", "member", 400, "invalid_request"),
    ("GET", f"{EVENTS}?limit=101", "member", 400, "invalid_request"),
    ("GET", f"{EVENTS}?page_key=x", "member", 400, "invalid_request"),
    ("GET", EVENTS.replace("agt_support", "agt_other"), "member", 404, "agent_not_found"),
    ("GET", EVENTS.replace("agt_support", "agt_other"), "stranger", 404, "agent_not_found"),
    ("GET", EVENTS.replace(SESSION_KEY, "ase_other"), "member", 404, "session_not_found"),
    ("GET", EVENTS, "neighbour", 404, "agent_not_found"),
    ("GET", EVENTS, "stranger", 403, "forbidden"),
    ("GET", f"{EVENTS}/evt_1", "member", 400, "invalid_request"),
    ("GET", f"{EVENTS}/aev_1", "member", 404, "event_not_found"),
    ("GET", f"{EVENTS}/aev_1", "stranger", 403, "forbidden"),
    ("GET", PROMPTS, "member", 403, "forbidden"),
    ("GET", PROMPTS, "su", 403, "forbidden"),
    ("GET", PROMPTS, "ingester", 403, "forbidden"),
    ("GET", PROMPTS, "neighbour", 404, "not_found"),
    ("GET", PROMPTS.replace(WORKSPACE, OTHER_WORKSPACE), "member", 404, "not_found"),
    ("GET", PROMPTS.replace(WORKSPACE, "x"), "admin", 404, "not_found"),
    ("GET", f"{PROMPTS}?conversation_id={TALK}&call_sid=CA1", "admin", 400, "invalid_request"),
    ("GET", f"{PROMPTS}?conversation_id={UNKNOWN}", "admin", 404, "conversation_not_found"),
    ("GET", "/nowhere", "admin", 404, "not_found"),
    ("POST", RUN_LOGS, "admin", 405, "method_not_allowed"),
    ("POST", "/ai/logs", "admin", 405, {"message": "Method not allowed"}),
]


@pytest.mark.parametrize(("method", "path", "caller", "status", "body"), REFUSED)
async def test_errors_have_their_documented_bodies(
    shared_app: Any, method: str, path: str, caller: str, status: int, body: Any
) -> None:
    """`{"message": ...}` in the documented words for action logs, `{"code", "message"}` elsewhere."""
    found = await get(shared_app, path, caller, method)
    assert found.status_code == status, found.text
    if isinstance(body, dict):
        assert found.json() == body
    else:
        assert found.json().keys() == {"code", "message"}
        assert found.json()["code"] == body


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("offset=-1", "offset"),
        ("offset=10001", "offset"),
        ("call_sid=" + "x" * 65, "call_sid"),
        ("prompt_type=" + "x" * 65, "prompt_type"),
        ("state_name=" + "x" * 129, "state_name"),
        ("conversation_id=x", "conversation_id"),
        ("from_ts=yesterday", "from_ts"),
        ("limit=1&limit=2", "limit"),
    ],
)
async def test_prompt_logs_answer_422_as_fastapi_does(shared_app: Any, query: str, where: str) -> None:
    """`detail` names the place; who may not ask is told nothing of it."""
    found = await get(shared_app, f"{PROMPTS}?{query}")
    assert found.status_code == 422
    assert [error["loc"] for error in found.json()["detail"]] == [["query", where]]
    assert {"type", "loc", "msg"} <= found.json()["detail"][0].keys()
    assert (await get(shared_app, f"{PROMPTS}?{query}", "member")).status_code == 403
    assert (await get(shared_app, f"{PROMPTS}?{query}", None)).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        f"{RUN_LOGS}?ai_contact_id={CONTACT.upper()}&page=1&page_size=1",
        f"{RUN_LOGS}?ai_contact_id={CONTACT}&page=999999999999999999999999&page_size=100",
        f"{ASK_LOGS}?page=1&limit=1",
        f"{ASK_LOGS}?limit=500",
        f"{ASK_LOGS}?limit=501",
        f"{ASK_LOGS}?limit={'9' * 1000}&page={'9' * 1000}",
        f"{ASK_LOGS}?start_date=2024-02-29&end_date=2025-02-27",
        f"/ai/logs?sessionId={SESSION}&limit=1",
        f"/ai/logs?sessionId={SESSION}&limit=200",
        f"{EVENTS}?limit=1",
        f"{EVENTS}?limit=100",
        f"{PROMPTS}?limit=1&offset=0",
        f"{PROMPTS}?limit=200&offset=10000",
        f"{PROMPTS}?call_sid={'x' * 64}&prompt_type={'x' * 64}&state_name={'x' * 128}",
    ],
)
async def test_the_edges_of_the_ranges_are_inside(shared_app: Any, path: str) -> None:
    """The smallest and the largest value that is documented is answered."""
    assert (await get(shared_app, path)).status_code == 200


async def test_the_workspace_of_a_path_may_be_spelt_in_any_case(shared_app: Any) -> None:
    """A UUID is a UUID."""
    assert (await get(shared_app, PROMPTS.replace(WORKSPACE, WORKSPACE.upper()))).status_code == 200


async def test_a_reset_clears_and_answers_nothing(app: Any, world: AgentTrace) -> None:
    """204, also when there is nothing left to clear; the runs stay."""
    method, path = GOOD["reset_session"]
    told: list[str] = []
    world.query.on_reset(lambda session: told.append(session.id))
    for caller in ("owner-of-session", "su", "owner-of-session"):
        found = await get(app, path, caller, method)
        assert (found.status_code, found.content) == (204, b"")
    assert told == [SESSION] * 3
    assert (await get(app, EVENTS, "member")).json()["events"] == []
    assert (await get(app, f"/ai/logs?sessionId={SESSION}", "member")).json()["count"] == 0
    assert (await get(app, f"{RUN_LOGS}?ai_contact_id={CONTACT}")).json()["total"] == 1


async def test_a_reset_needs_a_key_that_may_manage(world: AgentTrace) -> None:
    """A key that may only read changes nothing."""
    from agenttrace.asgi import Principal

    reader = Principal(workspace_id=WORKSPACE, user_id=USER, team_ids=(TEAM,), scopes=("read",))
    method, path = GOOD["reset_session"]
    found = await get(app_of(world, auth=lambda _: reader), path, None, method)
    assert (found.status_code, found.json()) == (403, {"message": "Forbidden"})


async def test_raw_prompts_may_be_switched_off() -> None:
    """Then prompt logs are 503 for those who might read them otherwise."""
    with AgentTrace("memory://", raw_prompts=False) as trace:
        app = app_of(trace)
        found = await get(app, PROMPTS)
        assert (found.status_code, found.json()["code"]) == (503, "store_unavailable")
        assert int(found.headers["retry-after"]) >= 1
        assert (await get(app, PROMPTS, "member")).status_code == 403


@pytest.mark.parametrize("view", GOOD)
async def test_a_store_out_of_reach_is_503(app: Any, world: AgentTrace, view: str) -> None:
    """In the view's shape, with Retry-After."""
    store = world._pipe().open_store_once()
    method, path = GOOD[view]
    store.close()
    found = await get(app, path, "owner-of-session" if method == "DELETE" else "admin", method)
    store.open()
    assert (found.status_code, int(found.headers["retry-after"]) >= 1) == (503, True)
    assert found.json().get("code", "store_unavailable") == "store_unavailable"
    if path.startswith("/ai/"):
        assert found.json() == {"message": "Service unavailable"}


@pytest.mark.parametrize("view", GOOD)
async def test_a_500_tells_nothing(
    app: Any, world: AgentTrace, view: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the body nor the log has the message of what failed: it may hold SQL or a payload."""

    def fail() -> Any:
        raise RuntimeError("SELECT secret FROM payloads")

    monkeypatch.setattr(world.query, "_store", fail)
    monkeypatch.setattr(world.query, "_reset_listeners", [])
    method, path = GOOD[view]
    found = await get(app, path, "owner-of-session" if method == "DELETE" else "admin", method)
    assert found.status_code == 500
    assert "secret" not in found.text + caplog.text
    assert "Traceback" not in found.text
    assert "RuntimeError" in caplog.text
    assert found.headers["x-request-id"] in caplog.text
    assert found.json() == (
        {"message": "Internal server error"}
        if path.startswith("/ai/")
        else {"code": "internal_error", "message": "something went wrong; the request id leads to the log"}
    )


async def test_a_session_of_another_owner_is_hidden_behind_its_agent(shared_app: Any) -> None:
    """Whoever may not read it learns that it exists only where its agent does: 404 comes before 403."""
    assert ids.AGENT_KEY.match(AGENT)
    assert uuid.UUID(SESSION)
    assert (await get(shared_app, EVENTS.replace(AGENT, "agt_nobody"), "stranger")).status_code == 404


async def test_a_store_that_hangs_is_given_up(world: AgentTrace, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 after the timeout; the thread that hangs counts until it is done, then others are answered again."""
    import threading

    release = threading.Event()
    app = app_of(world, threads=1, store_timeout=0.2)
    original = world.query.session
    monkeypatch.setattr(world.query, "session", lambda *a, **k: (release.wait(30), original(*a, **k))[1])
    path = f"/ai/logs?sessionId={SESSION}"
    assert (await get(app, path)).status_code == 503
    assert (await get(app, f"{RUN_LOGS}?ai_contact_id={CONTACT}")).status_code == 503
    release.set()
    app.state.service.pool._timeout = 30
    assert (await get(app, f"{RUN_LOGS}?ai_contact_id={CONTACT}")).status_code == 200
    assert (await get(app, path)).status_code == 200


async def test_auth_may_be_any_callable(world: AgentTrace) -> None:
    """Sync or async; what is no principal is a fault of the program, and one that fails with 403 is believed."""
    from starlette.exceptions import HTTPException

    async def later(request: Any) -> Any:
        return who_admin

    def forbids(request: Any) -> Any:
        raise HTTPException(403, "blocked")

    from tests.asgi.asgi_support import CALLERS

    who_admin = CALLERS["admin"]
    assert (await get(app_of(world, auth=later), PROMPTS)).status_code == 200
    assert (await get(app_of(world, auth=lambda _: {"role": "admin"}), PROMPTS)).status_code == 500
    assert (await get(app_of(world, auth=forbids), PROMPTS)).status_code == 403
