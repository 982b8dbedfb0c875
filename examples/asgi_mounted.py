"""The endpoints inside a FastAPI app that exists already, for its own users: no API keys."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI

import agenttrace
from agenttrace.asgi import Principal, create_app

CONTACT = "4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11"
SESSIONS = {"cookie-of-ada": "ada"}  # what the app knows of its users


def signed_in(request: Any) -> Principal | None:
    """Return who is signed in; the app's own way to tell."""
    user = SESSIONS.get(request.cookies.get("session", ""))
    return None if user is None else Principal(workspace_id="acme", user_id=user, team_ids=["support"])


@agenttrace.master(agent_key="support")
def answer(question: str) -> str:
    return "Hold the button for three seconds."


app = FastAPI()
app.mount("/trace", create_app(auth=signed_in))


async def main() -> None:
    with agenttrace.scope(workspace_id="acme", session_id="chat-17", ai_contact_id=CONTACT, user_id="ada"):
        answer("My widget is dark")
    path = f"/trace/api/public/run-logs?ai_contact_id={CONTACT}"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        print((await client.get(path)).status_code)
        found = (await client.get(path, headers={"Cookie": "session=cookie-of-ada"})).json()
    print(found["total"], found["run_logs"][0]["content"])


asyncio.run(main())
agenttrace.shutdown()
