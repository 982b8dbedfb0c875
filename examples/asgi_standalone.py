"""The endpoints alone, as `agenttrace serve` runs them: an API key is made, and a client asks over loopback."""

from __future__ import annotations

import threading
import time

import httpx
import uvicorn

import agenttrace
from agenttrace.asgi import create_app

trace = agenttrace.AgentTrace("sqlite:///asgi_standalone.db")


@trace.master(agent_key="support")
def answer(question: str) -> str:
    return "Hold the button for three seconds."


with trace.scope(session_id="chat-17", user_id="ada"):
    answer("My widget is dark")

key = trace.keys.create(name="dashboard", role="admin", scopes=["read"]).key  # shown this once

server = uvicorn.Server(uvicorn.Config(create_app(trace), host="127.0.0.1", port=0, log_level="warning"))
threading.Thread(target=server.run).start()
while not server.started:
    time.sleep(0.01)
port = server.servers[0].sockets[0].getsockname()[1]  # one that was free

session = trace.query.session("chat-17")
path = f"/v2/agents/agt_support/sessions/{session.key}/events"
with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
    print(client.get(path).json()["code"])
    found = client.get(path, headers={"Authorization": f"Bearer {key}"})
    print(found.headers["X-RateLimit-Remaining"], [event["type"] for event in found.json()["events"]])

server.should_exit = True
trace.shutdown()
