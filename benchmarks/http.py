"""How many requests a second each view answers, beside a minimal Starlette app that answers as many constant bytes.

    python benchmarks/http.py [--quick] [--runs 200000] [--seconds 0.5] [--rounds 15] [--clients 8]

Both apps run under uvicorn, each in a process of its own, and are asked by this one over keep-alive connections on
loopback. The store is a SQLite file of 200,000 runs (`--quick`: 20,000) in trees of five. For each view the ceiling is
the minimal app's rate for a body of the same size. The two are asked in turn, in short rounds, since a machine's speed
changes: the ratio is the median of the rounds' ratios. p50 and p99 are latencies in milliseconds, cpu is what a request
takes of the server's processor time in milliseconds, all threads together (on Linux; the client has its share of the
same processors, and it is the same for both). The run logs, a page of 20 trees of five runs, must reach a third.

Requests go through 20 pages of each view again and again. What a server has written out of pages that have not changed
since it keeps, so these run logs are not made anew: `cold` goes through 2,000 pages instead, more than are kept.
`--clients 1` shows the latency without waiting for others.
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
import os
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from agenttrace import AgentTrace
from agenttrace.model import ids
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import batch_of, run_record

if TYPE_CHECKING:
    from collections.abc import Iterator

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


class Round(NamedTuple):
    """What one series of requests took: requests a second, their latencies, processor time a request in ms."""

    rate: float
    taken: list[float]
    cpu: float


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

    def cpu(self) -> float:
        """Return the processor time that it has taken, in ms; 0 where nobody says."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

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


async def measure(port: int, turn: Iterator[bytes], seconds: float, clients: int) -> list[float]:
    """Return the latencies of all requests that so many clients made in a time."""
    taken: list[float] = []
    end = time.perf_counter() + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
        while (before := time.perf_counter()) < end:
            await ask(reader, writer, next(turn))
            taken.append(time.perf_counter() - before)
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return taken


async def one_round(server: Server, requests: Iterator[bytes], seconds: float, clients: int) -> Round:
    """Return what a series of requests took."""
    before = server.cpu()
    taken = await measure(server.port, requests, seconds, clients)
    return Round(len(taken) / seconds, taken, (server.cpu() - before) / len(taken))


def shown(rounds: list[Round]) -> str:
    """Return the median rate and cpu, and the latencies that half and all but one in a hundred stay below."""
    ordered = sorted(taken for each in rounds for taken in each.taken)
    p50, p99 = (ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000 for share in (0.5, 0.99))
    rate, cpu = statistics.median(each.rate for each in rounds), statistics.median(each.cpu for each in rounds)
    return f"{rate:8.0f} {p50:7.2f} {p99:7.2f} {cpu:6.2f}"


def http(path: str, key: str = "") -> bytes:
    """Return a GET request."""
    extra = f"Authorization: Bearer {key}\r\n" if key else ""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{extra}\r\n".encode()


def views(key: str, trees: int, count: int = 20) -> dict[str, list[bytes]]:
    """Return the requests of each view, each for several contacts, sessions or pages."""
    sessions = [(uid(2, number), f"agt_{number % CONTACTS % 10}") for number in range(count)]
    paths = {
        "run logs": [f"/api/public/run-logs?ai_contact_id={uid(1, number)}&page_size=20" for number in range(count)],
        "run logs, cold": [
            f"/api/public/run-logs?ai_contact_id={uid(1, contact)}&page_size=20&page={page + 1}"
            for page in range(min(20, trees // CONTACTS // 20))
            for contact in range(CONTACTS)
        ],
        "agent events": [f"/v2/agents/{agent}/sessions/ase_{session}/events" for session, agent in sessions],
        "action logs": [f"/ai/logs?sessionId={session}" for session, _ in sessions],
        "Ask AI logs": [f"/v1/analytics/ask-ai/logs?page={number + 1}" for number in range(count)],
        "prompt logs": [f"/v1/{WORKSPACE}/prompt-logs?offset={20 * number}" for number in range(count)],
    }
    return {view: [http(path, key) for path in each] for view, each in paths.items()}


def verify(name: str, body: bytes) -> None:
    """Exit where an answer is not what it should be: measured is only what is right."""
    found = json.loads(body)
    if name.startswith("run logs"):
        sizes = {1 + len(root["children"]) for root in found["run_logs"]}
        if len(found["run_logs"]) != 20 or sizes != {TREE}:
            sys.exit(f"run logs: expected 20 trees of {TREE} runs, found {len(found['run_logs'])} of {sizes}")
    elif not next(value for value in found.values() if isinstance(value, list)):
        sys.exit(f"{name}: the answer is empty")


async def compare(ours: Server, ceiling: Server, key: str, given: argparse.Namespace) -> float:
    """Print a line a view, and return the run logs' ratio."""
    found = 0.0
    head = f"{'req/s':>8} {'p50':>7} {'p99':>7} {'cpu':>6}"
    print(f"{'view':14} {'bytes':>7} {head}   {head.replace('  req/s', 'ceiling')}   ratio")
    for name, requests in views(key, given.runs // TREE).items():
        body = await one_body(ours.port, requests[0])
        verify(name, body)
        turn, constant = itertools.cycle(requests), itertools.repeat(http(f"/{len(body)}"))
        pairs: list[tuple[Round, Round]] = []
        for number in range(given.rounds + 1):
            one = await one_round(ours, turn, given.seconds, given.clients)
            other = await one_round(ceiling, constant, given.seconds, given.clients)
            if number:  # the first warms up
                pairs.append((one, other))
        ratio = statistics.median(one.rate / other.rate for one, other in pairs)
        mine, most = (shown([pair[side] for pair in pairs]) for side in (0, 1))
        print(f"{name:14} {len(body):7} {mine}   {most}   {ratio:.3f}", flush=True)
        found = ratio if name == "run logs" else found
    return found


def main() -> None:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="a small store, and little time")
    arguments.add_argument("--seconds", type=float, default=0.5, help="seconds a round")
    arguments.add_argument("--rounds", type=int, default=15, help="rounds of either app, in turn")
    arguments.add_argument("--runs", type=int, default=200_000, help="runs in the store, 10,000 or more")
    arguments.add_argument("--clients", type=int, default=8)
    given = arguments.parse_args()
    if given.quick:
        given.runs, given.seconds, given.rounds = 20_000, 0.2, 3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traces.db"
        now = time.time_ns() // 1000
        started = time.perf_counter()
        fill(path, given.runs, now)
        took, size = time.perf_counter() - started, path.stat().st_size >> 20
        print(f"store: {given.runs} runs, {size} MiB, written in {took:.1f} s")
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
