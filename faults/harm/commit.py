"""The writer dies between the store's commit and the read mark: what is delivered twice must be stored once."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing

from faults.fault import fault
from faults.room import Room

DYING = """
import os, signal, sys
from agenttrace.journal.journal import Journal
from agenttrace.journal.recovery import DeadJournal
from faults.traced import Traced, say

whose, at = sys.argv[1], int(sys.argv[2])
kind = {"own": Journal, "adopted": DeadJournal}[whose]
real, commits = kind.commit, []

def commit(self, offset):
    commits.append(offset)
    if len(commits) == at:
        os.kill(os.getpid(), signal.SIGKILL)
    real(self, offset)

kind.commit = commit
traced = Traced(flush_interval=0.005)
traced.work(sys.argv[3], sys.argv[3])
"""


@fault("writer killed before its mark", times=10)
def before_the_mark(room: Room) -> None:
    """Kill a process as its writer has committed, and the one that adopts its journal, too, at the same place."""
    rounds = 1 if room.quick else 5
    room.times = 2 * rounds
    for number in range(rounds):
        label = f"{room.rng.randrange(10**9)}x{number}"
        own = room.start(DYING, "own", room.rng.randrange(1, 4 if room.quick else 12), f"{label}.own")
        own.wait(-signal.SIGKILL)
        room.expect(_rows(room), "the store had committed nothing when the writer was killed")
        adopter = room.start(DYING, "adopted", 1, f"{label}.adopter")
        adopter.wait(-signal.SIGKILL)
    room.check(room.read(), in_flight=2 * rounds)


def _rows(room: Room) -> int:
    """Return how many runs stand in the store's file."""
    with closing(sqlite3.connect(f"file:{room.folder / 'traces.db'}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM run").fetchone()[0])
