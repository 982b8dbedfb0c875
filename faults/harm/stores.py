"""Stores that are slow, fail, refuse rows, go away, are locked, or were made by a newer agenttrace."""

from __future__ import annotations

import sqlite3
import time

from agenttrace.store.version import SCHEMA_VERSION
from faults.fault import fault
from faults.room import Room

SLOW = """
import sys, threading
from agenttrace import AgentTrace
from faults.traced import Traced, say
from faults.trouble import Slow

store = Slow("traces.db")
store.seconds = float(sys.argv[1])
traced = Traced(trace=AgentTrace(store, exit_timeout=2 * store.seconds))
turns = int(sys.argv[3])
threads = [threading.Thread(target=traced.work, args=(f"{number}", sys.argv[2], turns)) for number in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
say("pending", traced.trace.stats().pending)
"""

FLAKY = """
import sys, time
from agenttrace import AgentTrace
from faults.traced import Traced, say
from faults.trouble import Flaky

store = Flaky("traces.db")
traced = Traced(trace=AgentTrace(store, flush_interval=0.005))
number = 0
while store.failures < int(sys.argv[2]):
    traced.work(f"turn{number}", sys.argv[1], 1)
    number += 1
    time.sleep(0.01)
traced.trace.flush(60)
say("failed", store.failures, traced.trace.stats().retried)
"""

POISON = """
import random, sys
from agenttrace import AgentTrace
from faults.traced import Traced, say
from faults.trouble import Picky

traced = Traced(trace=AgentTrace(Picky("traces.db"), flush_interval=0.05))
traced.work("before", sys.argv[1], 3)
with traced.span("whole") as outer:
    with traced.span("poison", outer) as poison:
        traced.nest("inside", random.Random(sys.argv[1]), poison)
    traced.nest("beside", random.Random(sys.argv[1]), outer)
traced.work("after", sys.argv[1], 3)
traced.trace.flush(60)
stats = traced.trace.stats()
letters = traced.trace.letters.list()
say("stats", stats.dead_letters, stats.pending, sum("does not like" in letter.error for letter in letters))
say("files", sum(letter.file is not None for letter in letters), stats.dead_letters_lost)
"""

RETRY = """
from agenttrace import AgentTrace
from faults.traced import say

with AgentTrace("traces.db") as trace:
    retried = trace.letters.retry()
    say("retried", len(retried.stored), len(retried.refused))
"""

GONE = """
import sys, time
from agenttrace import AgentTrace
from faults.traced import Traced, say
from faults.trouble import Gone

store = Gone("traces.db")
traced = Traced(trace=AgentTrace(store))
traced.work("before", sys.argv[1], 2)
traced.trace.flush(60)
store.is_gone = True
say("away")
back = time.monotonic() + float(sys.argv[2])
number = 0
while time.monotonic() < back:
    traced.work(f"gone{number}", sys.argv[1], 1)
    number += 1
    time.sleep(float(sys.argv[4]))
say("gone", store.attempts, traced.trace.stats().pending)
store.is_gone = False
came_back = time.monotonic()
traced.work("after", sys.argv[1], 2)
say("flushed", traced.trace.flush(60), f"{time.monotonic() - came_back:.1f}")
traced.trace._pipe()._writer.adopt_soon()
traced.trace.flush(60)
say("victim", traced.trace.query.trace(sys.argv[3]).status)
"""

VICTIM = """
import time
from faults.traced import Traced, say

traced = Traced()
with traced.span("victim"):
    traced.trace.flush(60)
    say("ready")
    time.sleep(600)
"""

LOCKED = """
import os, sys, time
from faults.traced import Traced, say

traced = Traced(exit_timeout=float(sys.argv[2]))
number = 0
while not os.path.exists("stop"):
    traced.work(f"turn{number}", sys.argv[1], 1)
    number += 1
    time.sleep(0.01)
say("stopped", traced.trace.stats().pending)
began = time.monotonic()
said = traced.trace.shutdown(float(sys.argv[2]))
say("shut", said, f"{time.monotonic() - began:.1f}")
"""

NEWER = """
import sys
from agenttrace.errors import StoreTooNew
from faults.traced import Traced, say

traced = Traced(exit_timeout=0.5, query_timeout=0.5)
traced.work("turn", sys.argv[1], 5)
say("flushed", traced.trace.flush(0.5))
try:
    list(traced.trace.query.runs())
except StoreTooNew as error:
    say("refused", str(error).replace(" ", "_"))
"""


@fault("store: slow, a batch a second")
def slow(room: Room) -> None:
    """Traced threads do not wait for it; what it has not taken when the program ends is adopted."""
    child = room.start(SLOW, 0.2 if room.quick else 1.0, room.rng.random(), 10 if room.quick else 40)
    child.wait()
    ((pending,),) = room.told().said("pending")
    room.expect(int(pending) > 0, "the store kept up: nothing was slow")
    room.check(room.read())


@fault("store: fails one batch in three")
def flaky(room: Room) -> None:
    """Before the commit or after it: what is sent again changes nothing."""
    child = room.start(FLAKY, room.rng.random(), 3 if room.quick else 100)
    child.wait()
    ((failures, retried),) = room.told().said("failed")
    room.expect(int(retried) >= int(failures), f"{failures} batches failed, {retried} were tried again")
    room.check(room.read())


@fault("store: refuses one row")
def poison(room: Room) -> None:
    """The row is set aside with its error, the others land; written again to a store that takes it, it is there."""
    room.start(POISON, room.rng.random()).wait()
    ((letters, pending, told),) = room.told().said("stats")
    room.expect((int(letters) > 0, pending) == (True, "0"), f"{letters} dead letters, {pending} records wait")
    room.expect(told == letters, f"{told} of {letters} dead letters are in the table with their error")
    room.expect(room.told().said("files") == [["0", "0"]], f"in files, and lost: {room.told().said('files')}")
    room.expect(not room.read().named("poison"), "the refused row is there")
    room.start(RETRY).wait()
    room.expect(room.told().said("retried") == [[letters, "0"]], f"retried and refused: {room.told().said('retried')}")
    room.check(room.read())


@fault("store: gone and back")
def gone(room: Room) -> None:
    """The journal holds what is recorded meanwhile. A run of a dead process is not taken for abandoned in an outage."""
    victim = room.start(VICTIM)
    victim.wait_word("ready")
    (run,) = victim.told().started
    seconds, pause = (1.5, 0.02) if room.quick else (600, 0.2)
    child = room.start(GONE, room.rng.random(), seconds, run, pause)
    child.wait_word("away")
    victim.kill()
    child.wait(timeout=seconds + 180)
    told = room.told()
    ((attempts, pending),) = told.said("gone")
    room.expect(int(attempts) > 0, "nobody tried to reach the store")
    room.expect(int(pending) > 0, "nothing waited for the store")
    ((flushed, after),) = told.said("flushed")
    room.expect(flushed == "True", "not everything came to the store once it was back")
    room.expect(told.said("victim") == [["running"]], f"the victim is {told.said('victim')} right after an outage")
    room.note(f"gone for {seconds} s; everything was in the store {after} s after its return")
    room.check(room.read())


@fault("store: SQLite locked by another process")
def locked(room: Room) -> None:
    """Nobody waits for the lock but the writer. A program that ends meanwhile leaves its journal to the next one."""
    seconds = 1.0 if room.quick else 30.0
    room.start("from faults.traced import Traced\nTraced().work('first', 1, 1)").wait()
    holder = sqlite3.connect(room.folder / "traces.db", isolation_level=None, timeout=30)
    holder.execute("BEGIN EXCLUSIVE")
    child = room.start(LOCKED, room.rng.random(), 1.0 if room.quick else 2.0)
    child.wait_lines(100)
    time.sleep(seconds)
    (room.folder / "stop").touch()
    child.wait()
    holder.rollback()
    holder.close()
    ((pending,),) = room.told().said("stopped")
    room.expect(int(pending) > 0, "nothing waited for the store")
    ((said, took),) = room.told().said("shut")
    room.expect(said == "False" and float(took) < 10, f"shutdown said {said} after {took} s while the store was locked")
    room.note(f"locked for {seconds:.0f} s")
    room.check(room.read())


@fault("store: schema newer than the library")
def newer(room: Room) -> None:
    """Queries say so; records wait in the journal for a library that knows it."""
    room.start("from faults.traced import Traced\nTraced().work('first', 1, 1)").wait()
    _set_version(room, SCHEMA_VERSION + 1)
    room.start(NEWER, room.rng.random()).wait()
    told = room.told()
    room.expect(told.said("flushed") == [["False"]], "flush said that all is well")
    room.expect(len(told.said("refused")) == 1, "the query was answered")
    _set_version(room, SCHEMA_VERSION)
    room.check(room.read())


def _set_version(room: Room, version: int) -> None:
    connection = sqlite3.connect(room.folder / "traces.db", isolation_level=None)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
