"""How many requests a second each view answers, beside a minimal Starlette app that answers as many constant bytes.

    python benchmarks/http.py [--quick] [--runs 200000] [--seconds 2] [--rounds 3] [--clients 8]

Both apps run under uvicorn, each in a process of its own, and are asked in turn by this one over keep-alive
connections on loopback. The store is a SQLite file of 200,000 runs (`--quick`: 20,000) in trees of five. For each
view the ceiling is the minimal app's rate for a body of the same size; p50 and p99 are the latencies in milliseconds.
The run logs, a page of 20 trees of five runs, must reach a third of their ceiling.

Requests go through 20 pages of each view again and again. What a server has written out of trees that have not changed
since it keeps, so most run logs are not made anew; `--clients 1` shows the latency without waiting for others.
"""

from __future__ import annotations

# ruff: noqa: E402 - see below
import sys

# This file's name is that of a module of the standard library, which must be found instead of it.
sys.path[:] = [folder for folder in sys.path if not folder.endswith("benchmarks")]

import argparse
import asyncio
import itertools
import json
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from agenttrace import AgentTrace
from agenttrace.model import ids
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import batch_of, run_record

WORKSPACE = str(ids.DEFAULT_WORKSPACE)
CONTACTS = 100
SESSIONS = 2_000
TREE = 5
TEXT = "The widget shows a green light once it is connected; hold the button for three seconds to start over. "

SERVED = """
import sys
import uvicorn

kind, store, port = sys.argv[1:]
if kind == "ceiling":
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    bodies = {}

    async def constant(request):
        size = int(request.path_params["size"])
        if size not in bodies:
            bodies[size] = b"x" * size
        return Response(bodies[size], media_type="application/json")

    app = Starlette(routes=[Route("/{size}", constant)])
else:
    import agenttrace
    from agenttrace.asgi import create_app

    app = create_app(agenttrace.AgentTrace(store), rates={"default": "100000000/minute"}, cache_ttl=0)
uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error", access_log=False, lifespan="off")
"""


class Figures(NamedTuple):
    """What one series of requests took."""

    rate: float
    p50: float
    p99: float


# --- the store -------------------------------------------------------------------------------------------------------


def uid(kind: int, number: int) -> str:
    """Return the UUID of a contact, session or user."""
    return f"{kind:08x}-0000-4000-8000-{number:012x}"


def fill(path: Path, runs: int, now: int) -> None:
    """Write trees of five runs: a turn, a retrieval, a tool call, two prompts; spread over the last six days."""
    store = SQLiteStore(path)
    store.open()
    trees = runs // TREE
    for first in range(0, trees, 200):
        numbers = range(first, min(first + 200, trees))
        store.write(batch_of(*(record for number in numbers for record in tree(number, trees, now)), now=now))
    store.close()


def tree(number: int, trees: int, now: int) -> list[tuple[int, bytes]]:
    """Return the records of one tree."""
    start = now - 6 * 86_400_000_000 + number * (6 * 86_400_000_000 // trees)
    contact = number % CONTACTS
    scope = {
        "agent_key": f"agt_{contact % 10}",
        "session_id": uid(2, number % SESSIONS),
        "ai_contact_id": uid(1, contact),
        "user_id": uid(3, number % SESSIONS),
        "conversation_id": uid(5, number % SESSIONS),
    }
    spans: list[tuple[str, str, dict[str, object], dict[str, str] | None]] = [
        ("master", "answer", {"input": {"question": TEXT[:50]}, "output": TEXT}, {"interaction_type": "free_form"}),
        ("context", "retrieve", {"query": TEXT[:50], "documents": [{"title": "Guide", "text": TEXT}]}, None),
        ("tool_call", "search_kb", {"input": {"query": TEXT[:40], "max": 5}, "output": [TEXT]}, None),
        ("prompt", "choose", PROMPT | {"llm_response": "search_kb"}, None),
        ("prompt", "engage", PROMPT | {"llm_response": TEXT}, None),
    ]
    return [
        run_record(
            index + 1,
            trace=(start // 1000 << 80) | number + 1,
            parent=1 if index else None,
            run_type=kind,
            name=name,
            start=start + index * 1000,
            end=start + index * 1000 + 900 + 5000 * (not index),
            seq=number * 20 + index * 2,
            turn=start,
            scope=scope,
            content=content,
            **({"attributes": attributes} if attributes else {}),
            **({"prompt_type": name} if kind == "prompt" else {}),
        )
        for index, (kind, name, content, attributes) in enumerate(spans)
    ]


PROMPT: dict[str, object] = {
    "system_prompt": TEXT,
    "history": [{"role": "user", "content": TEXT[:50]}],
    "llm_model": "gpt-5",
    "usage": {"input_tokens": 120, "output_tokens": 30},
}


# --- servers and clients ---------------------------------------------------------------------------------------------


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Server:
    """One of the two apps, in a process of its own."""

    def __init__(self, kind: str, store: Path) -> None:
        self.port = free_port()
        command = [sys.executable, "-c", SERVED, kind, str(store), str(self.port)]
        self._process = subprocess.Popen(command)

    async def ready(self) -> None:
        """Wait until it listens."""
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                if self._process.poll() is not None:
                    sys.exit("a server ended at once")
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(20)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """Send a request over a connection that stays, and return the body of its answer, which must be a 200."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b" 200 " not in head[:20]:
        sys.exit(f"not answered: {head.decode()}")
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    return await reader.readexactly(length)


async def one_body(port: int, request: bytes) -> bytes:
    """Return the body of one answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    try:
        return await ask(reader, writer, request)
    finally:
        writer.close()


async def measure(port: int, requests: list[bytes], seconds: float, clients: int) -> list[float]:
    """Return the latencies of all requests that so many clients made in a time; they go through the list in turn."""
    taken: list[float] = []
    turn = itertools.cycle(requests)
    end = time.perf_counter() + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
        while (before := time.perf_counter()) < end:
            await ask(reader, writer, next(turn))
            taken.append(time.perf_counter() - before)
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return taken


def figures(taken: list[float], seconds: float) -> Figures:
    """Return the rate, and the latencies that half and all but one in a hundred stay below."""
    ordered = sorted(taken)
    at = lambda share: ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000  # noqa: E731
    return Figures(len(ordered) / seconds, at(0.5), at(0.99))


def http(path: str, key: str = "") -> bytes:
    """Return a GET request."""
    extra = f"Authorization: Bearer {key}\r\n" if key else ""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{extra}\r\n".encode()


def views(key: str, count: int = 20) -> dict[str, list[bytes]]:
    """Return the requests of each view, each for several contacts, sessions or pages."""
    sessions = [(uid(2, number), f"agt_{number % CONTACTS % 10}") for number in range(count)]
    paths = {
        "run logs": [f"/api/public/run-logs?ai_contact_id={uid(1, number)}&page_size=20" for number in range(count)],
        "agent events": [f"/v2/agents/{agent}/sessions/ase_{session}/events" for session, agent in sessions],
        "action logs": [f"/ai/logs?sessionId={session}" for session, _ in sessions],
        "Ask AI logs": [f"/v1/analytics/ask-ai/logs?page={number + 1}" for number in range(count)],
        "prompt logs": [f"/v1/{WORKSPACE}/prompt-logs?offset={20 * number}" for number in range(count)],
    }
    return {view: [http(path, key) for path in each] for view, each in paths.items()}


def verify(name: str, body: bytes) -> None:
    """Exit where an answer is not what it should be: measured is only what is right."""
    found = json.loads(body)
    if name == "run logs":
        sizes = {1 + len(root["children"]) for root in found["run_logs"]}
        if len(found["run_logs"]) != 20 or sizes != {TREE}:
            sys.exit(f"run logs: expected 20 trees of {TREE} runs, found {len(found['run_logs'])} of {sizes}")
    elif not next(value for value in found.values() if isinstance(value, list)):
        sys.exit(f"{name}: the answer is empty")


async def compare(ours: Server, ceiling: Server, key: str, given: argparse.Namespace) -> float:
    """Print a line a view, and return the run logs' ratio."""
    ratio = 0.0
    print(f"{'view':14} {'bytes':>7} {'req/s':>8} {'p50':>7} {'p99':>7}   {'ceiling':>8} {'p50':>7} {'p99':>7}   ratio")
    for name, requests in views(key).items():
        body = await one_body(ours.port, requests[0])
        verify(name, body)
        constant = [http(f"/{len(body)}")]
        await measure(ours.port, requests, 0.3, given.clients)
        await measure(ceiling.port, constant, 0.3, given.clients)
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(given.rounds):
            taken[0].extend(await measure(ours.port, requests, given.seconds, given.clients))
            taken[1].extend(await measure(ceiling.port, constant, given.seconds, given.clients))
        our, most = (figures(part, given.seconds * given.rounds) for part in taken)
        print(
            f"{name:14} {len(body):7} {our.rate:8.0f} {our.p50:7.2f} {our.p99:7.2f}   "
            f"{most.rate:8.0f} {most.p50:7.2f} {most.p99:7.2f}   {our.rate / most.rate:.3f}"
        )
        ratio = our.rate / most.rate if name == "run logs" else ratio
    return ratio


def main() -> None:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="a small store, and little time")
    arguments.add_argument("--seconds", type=float, default=2.0, help="seconds a round")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--runs", type=int, default=200_000, help="runs in the store, 10,000 or more")
    arguments.add_argument("--clients", type=int, default=8)
    given = arguments.parse_args()
    runs = 20_000 if given.quick else given.runs
    if given.quick:
        given.seconds, given.rounds = 0.3, 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traces.db"
        now = time.time_ns() // 1000
        started = time.perf_counter()
        fill(path, runs, now)
        print(f"store: {runs} runs, {path.stat().st_size >> 20} MiB, written in {time.perf_counter() - started:.1f} s")
        with AgentTrace(path) as trace:
            key = trace.keys.create(name="benchmark", role="admin").key
        servers = [Server("ours", path), Server("ceiling", path)]
        try:
            ratio = asyncio.run(started_up(servers, key, given))
        finally:
            for server in servers:
                server.stop()
    print(f"run logs reach {ratio:.3f} of the ceiling   (at least 0.333 is asked for)")


async def started_up(servers: list[Server], key: str, given: argparse.Namespace) -> float:
    """Compare the servers, once both listen."""
    for server in servers:
        await server.ready()
    return await compare(servers[0], servers[1], key, given)


if __name__ == "__main__":
    main()
