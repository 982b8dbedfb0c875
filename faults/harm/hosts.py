"""Several hosts on one store: their journals are out of each other's reach, only heartbeats tell who lives."""

from __future__ import annotations

import signal

from faults.child import Child
from faults.fault import fault
from faults.room import Room

#: A process on a host of its own, with a clock of its own that goes `speed` times as fast as others.
HOST = """
import json, os, sys, time
from types import SimpleNamespace
from agenttrace.journal import delivery, folder, heartbeat, life
from faults.traced import Traced, say

name = sys.argv[1]
heartbeat.boot_id = folder.boot_id = lambda: f"boot-of-{name}"
heartbeat.host = lambda: name
real = time.monotonic

def run_by(clock):
    life.time = delivery.time = SimpleNamespace(monotonic=clock)

def wait_for_file(path):
    while not os.path.exists(path):
        time.sleep(0.01)
"""

RECORDING = (
    HOST
    + """
run_by(lambda: real() * 100)  # a heartbeat each 0.15 s
traced = Traced(journal_dir=f"{name}.journal")
with traced.span("done"):
    pass
with traced.span("long") as span:
    waiting = traced.trace.tool_call("approve").pending()
    traced.trace.flush(60)
    say("open", span.run_id, waiting.run_id)
    wait_for_file("wake")
    say("revived", traced.trace.flush(60))
    wait_for_file("end")
traced.trace.flush(60)
"""
)

WATCHING = (
    HOST
    + """
held = SimpleNamespace(now=1_000.0)
run_by(lambda: held.now)
traced = Traced(journal_dir=f"{name}.journal", flush_interval=0.01)
with traced.span("watch"):
    pass
traced.trace.flush(60)
open_run, waiting = sys.argv[2:4]

def status(run):
    return traced.trace.query.trace(run).status

while held.now < 1_120 and status(open_run) == "running":
    say("seen", int(held.now) - 1_000, status(open_run))
    held.now += 5
    time.sleep(0.1)  # some rounds of the writer
say("closed", int(held.now) - 1_000, status(open_run), status(waiting))
if sys.argv[4] == "sleeps":
    open("wake", "w").close()
    wait_for_file("woken")
    said = real() + 60
    while status(open_run) != "running" and real() < said:
        time.sleep(0.05)
    say("again", status(open_run))
    open("end", "w").close()
"""
)


@fault("host: gone for 60 s")
def gone(room: Room) -> None:
    """Its running run is closed by another host, its pending one is not. The minute is one of a held clock."""
    asleep, run, waiting = _recording(room)
    asleep.kill()
    watching = room.start(WATCHING, "host-b", run, waiting, "gone")
    watching.wait()
    _check_closing(room)
    found = room.read(journal_dir="host-c.journal")
    room.expect([row["status"] for row in found.named("approve")] == ["pending"], "the pending run was closed")
    found.runs[:] = [row for row in found.runs if row["name"] != "approve"]
    room.check(found)


@fault("host: taken for gone, and alive")
def sleeping(room: Room) -> None:
    """It slept for a minute, its run was closed, it opens it again and ends it."""
    asleep, run, waiting = _recording(room)
    asleep.send(signal.SIGSTOP)
    watching = room.start(WATCHING, "host-b", run, waiting, "sleeps")
    watching.wait_for(lambda said: b"closed " in said, "the closing of the run")
    asleep.send(signal.SIGCONT)
    (room.folder / "woken").touch()
    watching.wait()
    asleep.wait()
    _check_closing(room)
    room.expect(room.told().said("again") == [["running"]], f"the run is {room.told().said('again')}")
    found = room.read(journal_dir="host-c.journal")
    found.runs[:] = [row for row in found.runs if row["name"] != "approve"]
    room.check(found)


def _recording(room: Room) -> tuple[Child, str, str]:
    """Start a process with an open span and return it, with the ids of its running and its pending run."""
    child = room.start(RECORDING, "host-a")
    child.wait_for(lambda said: b"open " in said, "an open span")
    ((run, waiting),) = child.told().said("open")
    return child, run, waiting


def _check_closing(room: Room) -> None:
    told = room.told()
    seen = [int(at) for at, status in told.said("seen") if status == "running"]
    room.expect(max(seen, default=0) >= 55, f"the run was seen running at {seen} s only")
    ((at, status, waiting),) = told.said("closed")
    room.expect(60 <= int(at) <= 110, f"the run was closed after {at} s")
    room.expect((status, waiting) == ("failed", "pending"), f"the runs are {status} and {waiting}")
