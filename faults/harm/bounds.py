"""The journal's bound: records shrink before they go, and what went is counted in the stored traces."""

from __future__ import annotations

import signal
import time

from faults.bounds import check_bounded
from faults.fault import fault
from faults.room import Room

BOUNDED = """
import sys, time
from agenttrace import AgentTrace
from faults.fat import Fat
from faults.traced import say
from faults.trouble import Gone

store = Gone("traces.db")
traced = Fat(trace=AgentTrace(store, journal_max_bytes=1 << 20, exit_timeout=float(sys.argv[3])))
traced.turns("before", 1)
traced.trace.flush(60)
store.is_gone = True
traced.turns("full", int(sys.argv[1]))
if sys.argv[2] == "back":
    store.is_gone = False
    traced.until_whole("after")
    traced.tell()
else:
    say("dropped", traced.trace.stats().dropped, 0)
if sys.argv[2] == "killed":
    time.sleep(600)
"""

_TURNS = 250  # enough for all levels


@fault("journal full: degrade before drop")
def degrade(room: Room) -> None:
    """Whole, previews, skeletons, gaps; in the end, when the store is back, whole again."""
    room.start(BOUNDED, _TURNS if room.quick else 10 * _TURNS, "back", 60).wait()
    room.expect(room.told().said("whole") == [["True"]], "records are not whole again")
    room.expect(room.told().said("flushed") == [["True"]], "not everything came to the store")
    check_bounded(room, room.read(), reason="journal full")


@fault("journal full: the program ends, the store is away")
def ends(room: Room) -> None:
    """What it dropped is known to whoever adopts its journal."""
    room.start(BOUNDED, _TURNS, "exit", 0.2).wait()
    check_bounded(room, room.read(), reason="journal full")


@fault("journal full: killed, the store is away")
def killed(room: Room) -> None:
    """What it dropped is known as of the second before."""
    child = room.start(BOUNDED, _TURNS, "killed", 1)
    child.wait_for(lambda said: b"dropped" in said, "what it dropped")
    time.sleep(2)  # the writer looks once a second
    child.send(signal.SIGKILL)
    child.wait(-signal.SIGKILL)
    check_bounded(room, room.read(), reason="journal full")
