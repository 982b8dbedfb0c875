"""An app over a small recorded world, and clients for it, for the tests of this folder."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx

from agenttrace import AgentTrace
from agenttrace.asgi import Principal, create_app

CONTACT = "4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11"
EMPTY_CONTACT = "4f9c2a6e-6a5d-4c7b-9a51-000000000000"
SESSION = "a63ab83d-2bb8-42ab-8374-23b8e1e276e3"
SESSION_KEY = f"ase_{SESSION}"
AGENT = "agt_support"
TALK = "c0ffee00-0000-4000-8000-000000000000"
USER = "aaaaaaaa-0000-4000-8000-000000000001"
TEAM = "bbbbbbbb-0000-4000-8000-000000000001"
WORKSPACE = "11111111-1111-4111-8111-111111111111"
OTHER_WORKSPACE = "22222222-2222-4222-8222-222222222222"
UNKNOWN = "99999999-9999-4999-8999-999999999999"

RATES = {"default": "1000000/minute"}

#: Callers by what they send as X-Who.
CALLERS = {
    "owner-of-session": Principal(workspace_id=WORKSPACE, user_id=USER, team_ids=(TEAM,)),
    "member": Principal(workspace_id=WORKSPACE, user_id="mate", team_ids=(TEAM,)),
    "stranger": Principal(workspace_id=WORKSPACE, user_id="stranger", team_ids=("elsewhere",)),
    "admin": Principal(workspace_id=WORKSPACE, user_id="admin", role="admin"),
    "owner": Principal(workspace_id=WORKSPACE, user_id="owner", role="owner"),
    "su": Principal(workspace_id=WORKSPACE, user_id=USER, role="su"),
    "neighbour": Principal(workspace_id=OTHER_WORKSPACE, user_id=USER, team_ids=(TEAM,), role="owner"),
    "ingester": Principal(workspace_id=WORKSPACE, user_id=USER, role="owner", scopes=("ingest",)),
}

EVENTS = f"/v2/agents/{AGENT}/sessions/{SESSION_KEY}/events"
PROMPTS = f"/v1/{WORKSPACE}/prompt-logs"
RUN_LOGS = "/api/public/run-logs"
ASK_LOGS = "/v1/analytics/ask-ai/logs"
ANALYTICS = "/v1/analytics/ask-ai"

#: One good request a view: its method, path and query.
GOOD = {
    "run_logs": ("GET", f"{RUN_LOGS}?ai_contact_id={CONTACT}"),
    "ask_ai_logs": ("GET", ASK_LOGS),
    "ask_ai_analytics": ("GET", ANALYTICS),
    "action_logs": ("GET", f"/ai/logs?sessionId={SESSION}"),
    "reset_session": ("DELETE", f"/ai/sessions?teamId={TEAM}&userId={USER}"),
    "agent_events": ("GET", EVENTS),
    "prompt_logs": ("GET", PROMPTS),
}


def who(request: Any) -> Principal | None:
    """Authenticate by the name that a test sends."""
    return CALLERS.get(request.headers.get("x-who", ""))


def record(trace: AgentTrace, workspace: str = WORKSPACE, *, word: str = "widget") -> None:
    """Record one turn with a tool call and a prompt, in all scopes that the views ask for."""
    trace.register_agent("support", "Support")
    scope = {"session_id": SESSION, "ai_contact_id": CONTACT, "conversation_id": TALK, "user_id": USER, "team_id": TEAM}
    with trace.scope(workspace_id=workspace, agent_key="support", **scope, attributes={"interaction_type": "search"}):
        trace.register_contact(EMPTY_CONTACT)
        with trace.master("answer", input=f"Where is my {word}?") as turn:
            with trace.tool_call("search_kb", input={"query": word}) as call:
                call.output = {"found": 1}
            with trace.prompt("engage_user", model="gpt-5", system_prompt="Be kind.") as prompt:
                prompt.response = f"Under the {word}."
                prompt.usage(input_tokens=8, output_tokens=4)
            turn.output = f"Under the {word}."
    assert trace.flush(30)


def app_of(trace: AgentTrace, **settings: Any) -> Any:
    """Return an app whose callers name themselves, without rate limits unless they are given."""
    return create_app(trace, **{"auth": who, "rates": RATES, **settings})


@contextlib.asynccontextmanager
async def client_of(app: Any, caller: str | None = "admin", **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client that calls the app in this process."""
    headers = {} if caller is None else {"X-Who": caller}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers, **options) as client:
        yield client


async def get(app: Any, path: str, caller: str | None = "admin", method: str = "GET", **headers: str) -> httpx.Response:
    """Return the answer to one request."""
    async with client_of(app, caller) as client:
        return await client.request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )


SERVER = """
import json, os, socket, sys
import uvicorn
from agenttrace import AgentTrace
from agenttrace.asgi import create_app
from tests.asgi.asgi_support import who
store, settings = sys.argv[1], json.loads(sys.argv[2])
kind = settings.pop("auth", "who")
options = {"who": {"auth": who}, "keys": {}, "none": {"auth": None}}[kind]
app = create_app(AgentTrace(store), **options, **settings)
server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
# Where the protocol is not named, asyncio leaves Nagle's algorithm on, and each answer is 40 ms late.
bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
bound.bind(("127.0.0.1", 0))
print(bound.getsockname()[1], flush=True)
server.run(sockets=[bound])
"""


@contextlib.contextmanager
def served(store: Path, **settings: Any) -> Iterator[str]:
    """Give the URL of a real uvicorn on loopback, in a process of its own, that serves a SQLite store."""
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(store), json.dumps({"rates": RATES, **settings})],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.strip(), "the server ended at once"
        port = int(line)
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(30) is not None
        process.stdout.close()


def wait_for(port: int) -> None:
    """Return once somebody listens on the port."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as found:
            if found.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("nobody listens")
