"""Ends of a process, wanted and unwanted, at random instants, while three threads and their tasks record."""

from __future__ import annotations

import select
import signal
from collections.abc import Callable

from faults.child import Child
from faults.fault import fault
from faults.room import Room

WORKING = """
import os, random, sys, threading
from faults.traced import Traced, say

seed, interval, end = sys.argv[1:]
traced = Traced(flush_interval=float(interval))
works = [traced.work, traced.work_in_tasks]
for number, work in enumerate(works):
    threading.Thread(target=work, args=(f"{seed}.{number}", seed), daemon=True).start()
if end == "os._exit":
    threading.Thread(target=lambda: (sys.stdin.read(1), os._exit(3)), daemon=True).start()
turns = random.Random(seed).randrange(1, 10) if end in ("return", "raise") else None
traced.work(f"{seed}.main", seed, turns)
if end == "raise":
    raise RuntimeError("the end")
"""

IMPORTED = """
import sys, threading
from faults.traced import Traced

traced = Traced(flush_interval=30)
with traced.span("whole"):
    pass
with traced.span("failing") as outer:
    with traced.span("inside", outer):
        raise ImportError("no such thing")
"""

THREADS = 3


def _ended(
    room: Room, end: str, code: int | None, harm: Callable[[Child], None] = lambda child: None, *, torn: int = 0
) -> None:
    """Start ten processes over one store, one after the other: each adopts what the one before it left."""
    count = room.times = 2 if room.quick else 10
    for number in range(count):
        interval = room.rng.choice([0.001, 0.02, 0.1, 30])
        child = room.start(WORKING, f"{room.rng.randrange(10**9)}x{number}", interval, end)
        if end not in ("return", "raise"):
            child.wait_lines(room.rng.randrange(1, 600))
            select.select([], [], [], room.rng.random() * 0.02)
        harm(child)
        child.wait(code)
    room.check(room.read(), in_flight=THREADS * count, torn=torn * count)


@fault("kill -9", times=50)
def kill(room: Room) -> None:
    """SIGKILL from outside."""
    _ended(room, "none", -signal.SIGKILL, lambda child: child.send(signal.SIGKILL), torn=1)


@fault("SIGTERM", times=5)
def terminate(room: Room) -> None:
    """SIGTERM where nobody handles it: the process dies of it, no exit handler runs."""
    _ended(room, "none", -signal.SIGTERM, lambda child: child.send(signal.SIGTERM), torn=1)


@fault("os._exit", times=5)
def leave(room: Room) -> None:
    """`os._exit` in a thread that records nothing itself."""
    _ended(room, "os._exit", 3, lambda child: child.type("\n"), torn=1)


@fault("Ctrl-C", times=5)
def interrupt(room: Room) -> None:
    """A KeyboardInterrupt wherever the main thread is, inside agenttrace too; then the exit, beside two threads."""
    # No matter with which status: Python forgets that it was an interrupt if a module compiles a text at the exit.
    _ended(room, "none", None, lambda child: child.send(signal.SIGINT), torn=1)


@fault("exit with threads running", times=5)
def exit_beside_threads(room: Room) -> None:
    """The main thread returns while daemon threads record: they stop wherever they are."""
    _ended(room, "return", 0, torn=1)


@fault("uncaught exception", times=5)
def uncaught(room: Room) -> None:
    """The same where the main thread raises."""
    _ended(room, "raise", 1, torn=1)


@fault("exception at import", times=5)
def fail_at_import(room: Room) -> None:
    """A module records and then cannot be imported; the program ends of it."""
    (room.folder / "imported.py").write_text(IMPORTED, encoding="utf-8")
    child = room.start("import imported")
    child.wait(1)
    found = room.read()
    room.check(found)
    statuses = {run["name"]: run["status"] for run in found.runs}
    room.expect(statuses == {"whole": "success", "failing": "failed", "inside": "failed"}, f"statuses {statuses}")
    room.expect("no such thing" in child.stderr(), "the user's exception did not reach the user")
