"""How long the traced thread waits: in its own calls, and in a loop of small I/O, with and without us.

The traced program is one thread, so that nobody but the writer competes with it for the GIL. The same program runs
with recording on and off, in turn; of each the run with the lowest p99.9 counts, since other programs only add. The
first second, in which the writer loads what it needs, is not in it.
"""

from __future__ import annotations

from array import array
from pathlib import Path

from faults.fault import fault
from faults.room import Room

PAUSES = """
import os, sys, time
from array import array
from time import perf_counter_ns
import agenttrace

way, enabled, count = sys.argv[1], sys.argv[2] == "on", int(sys.argv[3])
trace = agenttrace.AgentTrace(store="traces.db", enabled=enabled)
taken = array("q", bytes(8 * count))
source, sink = os.pipe()
payload = {"query": "how do I switch it on?", "limit": 5, "filters": {"product": "widget", "language": "en"}}


@trace.tool_call
def search(query, limit, filters):
    return ["a page", "another page"]


search(**payload)
assert trace.flush(20)
time.sleep(float(sys.argv[4]))
for number in range(count):
    if way == "io":
        search(**payload)
    began = perf_counter_ns()
    if way == "io":
        os.write(sink, b"x")
        os.read(source, 1)
    else:
        search(**payload)
    taken[number] = perf_counter_ns() - began
open(f"{way}-{sys.argv[2]}.bin", "wb").write(taken.tobytes())
assert trace.shutdown(60)
"""

LIMIT = 100_000  # ns
ROUNDS = 4


@fault("pauses in its own calls")
def calls(room: Room) -> None:
    """Each call of a decorated function, while the writer stores what it records."""
    best = _measured(room, "call")
    room.tally.pauses.extend(best["on"])
    _judge(room, best, "a call")


@fault("pauses in small I/O")
def small_io(room: Room) -> None:
    """One byte through a pipe between two recorded calls: each of the two lets go of the GIL to a busy writer."""
    best = _measured(room, "io")
    room.tally.pauses.extend(best["on"])
    _judge(room, best, "the I/O")


def _measured(room: Room, way: str) -> dict[str, array[int]]:
    count, settle = (2_000, 0) if room.quick else (100_000, 1)
    best: dict[str, array[int]] = {}
    for _ in range(1 if room.quick else ROUNDS):
        for state in ("on", "off"):
            room.start(PAUSES, way, state, count, settle).wait()
            taken = _read(room.folder / f"{way}-{state}.bin")
            if state not in best or _at(taken, 0.999) < _at(best[state], 0.999):
                best[state] = taken
    for state, taken in best.items():
        figures = ", ".join(f"{name} {_at(taken, share) / 1000:,.1f}" for name, share in SHARES.items())
        room.note(f"recording {state}: {figures} µs, of {len(taken):,}")
    return best


SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "longest": 1.0}


def _read(path: Path) -> array[int]:
    taken = array("q")
    taken.frombytes(path.read_bytes())
    return taken


def _at(taken: array[int], share: float) -> int:
    ordered = sorted(taken)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _judge(room: Room, best: dict[str, array[int]], what: str) -> None:
    """Hold what recording adds against the limit; the short form measures nothing that means anything."""
    added = _at(best["on"], 0.999) - _at(best["off"], 0.999)
    if not room.quick:
        room.expect(added < LIMIT, f"recording adds {added / 1000:.0f} µs to p99.9 of {what}: {LIMIT // 1000} at most")
