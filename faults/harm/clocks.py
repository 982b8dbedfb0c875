"""Clocks that jump."""

from __future__ import annotations

from faults.fault import fault
from faults.room import Room

BACK = """
import random, sys, time
from faults.traced import Traced

back = 0
traced = Traced(clock=lambda: time.time_ns() - back)
rng = random.Random(sys.argv[1])
traced.work(f"before-{sys.argv[2]}", sys.argv[1], 3)
with traced.span(f"across-{sys.argv[2]}") as across:
    traced.nest(f"early-{sys.argv[2]}", rng, across)
    back = 3_600_000_000_000
    traced.nest(f"late-{sys.argv[2]}", rng, across)
traced.work(f"after-{sys.argv[2]}", sys.argv[1], 3)
back = 0
held = traced.span(f"held-{sys.argv[2]}").__enter__()
if sys.argv[2] == "flushed":
    traced.trace.flush(60)
back = 3_600_000_000_000
"""


@fault("clock: an hour back")
def back(room: Room) -> None:
    """No span ends before it began, and one that is open when the program ends is closed all the same."""
    for how in ("flushed", "not"):
        room.start(BACK, room.rng.random(), how).wait()
    found = room.read()
    for held in [*found.named("held-flushed"), *found.named("held-not")]:
        room.expect((held["error"] or {}).get("type") == "abandoned", f"a span that was left open is {held['status']}")
    room.check(found)
