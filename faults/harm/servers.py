"""Servers that fork or restart their workers: gunicorn, Celery, uvicorn's reload; skipped where they are missing."""

from __future__ import annotations

import importlib.util
import re
import signal
import sys
import time
import urllib.request

from faults.child import PATIENCE, Child
from faults.fault import Skipped, fault
from faults.room import Room

WSGI = """
import random
from faults.traced import Traced

traced = Traced()
with traced.span("master"):  # before the workers are forked: their parent's journal is open
    pass


def app(environ, start_response):
    name = environ["PATH_INFO"].strip("/")
    traced.nest(name, random.Random(name))
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""

ASGI = """
import os, random
from faults.traced import Traced

traced = Traced()
with traced.span(f"import-{os.getpid()}"):
    pass


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    name = scope["path"].strip("/")
    await traced.nest_in_tasks(name, random.Random(name))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
"""

CELERY = """
import os, random
from celery import Celery
from faults.traced import Traced, say

traced = Traced()
with traced.span(f"import-{os.getpid()}"):
    pass

app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"}
app.conf.worker_prefetch_multiplier = 1
app.conf.broker_connection_retry_on_startup = True


@app.task(name="work")
def work(name):
    traced.nest(name, random.Random(name))
    say("done", name)


if __name__ == "__main__":
    import sys
    for number in range(int(sys.argv[1])):
        work.delay(f"task{number}")
"""

_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


@fault("gunicorn prefork", times=3)
def gunicorn(room: Room) -> None:
    """Workers that are forked from a master that has recorded, renewed after some requests, and one of them killed."""
    _need("gunicorn")
    (room.folder / "served.py").write_text(WSGI, encoding="utf-8")
    options = ["--preload", "-w", "2", "-b", "127.0.0.1:0", "--max-requests", "15", "--no-control-socket"]
    child = room.start([sys.executable, "-m", "gunicorn", *options, "served:app"])
    address = _address(child)
    for number in range(20 if room.quick else 120):
        _get(f"{address}/request{number}")
    child.send(signal.SIGTERM)
    child.wait()
    room.check(room.read(), torn=1)


@fault("uvicorn --reload", times=3)
def uvicorn(room: Room) -> None:
    """The app's file changes while it serves: each worker is ended and a new one started."""
    _need("uvicorn")
    source = room.folder / "served.py"
    source.write_text(ASGI, encoding="utf-8")
    options = ["--reload", "--port", "0", "--reload-delay", "0.1", "--no-access-log"]
    child = room.start([sys.executable, "-m", "uvicorn", *options, "served:app"])
    address = _address(child)
    workers: set[str] = set()
    for number in range(2 if room.quick else 5):
        workers.add(_served_anew(address, workers, number))
        source.write_text(f"{ASGI}\n# {number}\n", encoding="utf-8")
    child.send(signal.SIGINT)
    child.wait(None)
    room.check(room.read(), torn=len(workers) + 1)


@fault("Celery prefork", times=3, quick=0)
def celery(room: Room) -> None:
    """Workers that Celery forks, each renewed after some tasks."""
    _need("celery")
    for name in ("queue", "control"):
        (room.folder / name).mkdir()
    source = room.folder / "tasks.py"
    source.write_text(CELERY, encoding="utf-8")
    options = ["worker", "--pool", "prefork", "-c", "2", "--max-tasks-per-child", "10", "--loglevel", "WARNING"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    worker = room.start([sys.executable, "-m", "celery", "-A", "tasks", *options, *quiet])
    count = 60
    room.start([sys.executable, str(source), str(count)]).wait()
    worker.wait_for(lambda said: said.count(b"done ") >= count, f"{count} tasks")
    worker.send(signal.SIGTERM)
    worker.wait(None)
    room.check(room.read(), torn=1)


def _need(name: str) -> None:
    if importlib.util.find_spec(name) is None:
        raise Skipped(f"{name} is not installed; pip install --group faults")


def _address(child: Child) -> str:
    deadline = time.monotonic() + PATIENCE
    while (found := _ADDRESS.search(child.stderr())) is None:
        assert child.process.poll() is None, child.stderr()[-3000:]
        assert time.monotonic() < deadline, child.stderr()[-3000:]
        time.sleep(0.02)
    return found[0]


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 - our own server, on loopback
        return answer.read().decode()


def _served_anew(address: str, before: set[str], number: int) -> str:
    """Send requests until a new worker has answered some, and return its name."""
    deadline = time.monotonic() + PATIENCE
    tries = 0
    while time.monotonic() < deadline:
        tries += 1
        try:
            worker = _get(f"{address}/request{number}-{tries}")
        except OSError:  # between two workers
            time.sleep(0.05)
            continue
        if worker not in before:
            return worker
    raise AssertionError("no new worker came after the file had changed")
