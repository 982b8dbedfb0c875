"""Tracing switched off: what it costs, and that it touches nothing."""

from __future__ import annotations

import json

from faults.fault import fault
from faults.room import Room

SILENT = """
import json, os, sys, threading
import agenttrace
from faults.traced import say

happened = []

def watch(event, arguments):
    if event == "open" and str(arguments[0]).endswith((".py", ".pyc", ".so")):
        return  # an import
    if event.startswith(("open", "socket.", "mmap.", "os.mkdir", "os.open", "sqlite3.", "_thread.", "subprocess.")):
        happened.append(f"{event} {arguments[0] if arguments else ''}")

sys.addaudithook(watch)
options = {} if len(sys.argv) < 2 else json.loads(sys.argv[1])
trace = agenttrace.AgentTrace(store="traces.db", **options)
agenttrace.configure("more.db", **options)

@trace.master
def turn(question):
    with trace.tool_call("look", input=question) as call:
        call.output = [question]
    agenttrace.current().thinking("hm")
    return question

@agenttrace.tool_call
def stream():
    yield 1

for number in range(100):
    turn("why?")
    list(stream())
ok = trace.flush(1) and trace.shutdown(1)
threads = [thread.name for thread in threading.enumerate()]
say("quiet", json.dumps([happened, ok, threads, os.listdir(".")]).replace(" ", ""))
"""

COST = """
import sys, time
import agenttrace
from benchmarks.ways import record_turn
from faults.traced import say

def bare(query, limit):
    return ["a page", "another page"]

def ways(trace):
    search = trace.tool_call(bare)

    def block():
        with trace.context("retrieve", query="how?") as span:
            span.documents = bare("how?", 5)

    return {"call": lambda: search(query="how?", limit=5), "block": block, "turn": lambda: record_turn(trace)}

made = {"bare": lambda: bare(query="how?", limit=5)}
traces = {"on": agenttrace.AgentTrace("on.db"), "off": agenttrace.AgentTrace("off.db", enabled=False)}
for name, trace in traces.items():
    made |= {f"{kind} {name}": way for kind, way in ways(trace).items()}
best = dict.fromkeys(made, 1e9)
for _ in range(int(sys.argv[1])):
    for name, call in made.items():
        began = time.perf_counter_ns()
        for _ in range(500):
            call()
        best[name] = min(best[name], (time.perf_counter_ns() - began) / 500_000)
for name, took in best.items():
    say("cost", *name.split(), took)
for name, trace in traces.items():
    trace.flush(60)
for name, trace in traces.items():
    began = time.process_time_ns()
    for _ in range(1000):
        made[f"turn {name}"]()
    trace.flush(60)
    say("cost", "all", name, (time.process_time_ns() - began) / 1_000_000)
"""

#: What may be left of the cost of recording: of what the traced thread pays, at its best, and of all threads' CPU time.
SHARE = {"call": 0.1, "turn": 0.15, "block": 0.15, "all": 0.1}
SAID = {
    "call": "a decorated call",
    "turn": "the turn of the benchmarks",
    "block": "a block with two short texts",
    "all": "a turn, all threads until it is stored",
}


@fault("switched off")
def silent(room: Room) -> None:
    """`enabled=False` and `AGENTTRACE_DISABLED=1`: no file, no thread, no connection."""
    room.times = 2
    ways: list[tuple[str, dict[str, str]]] = [('{"enabled": false}', {}), ("{}", {"AGENTTRACE_DISABLED": "1"})]
    for options, env in ways:
        child = room.start(SILENT, options, env=env)
        child.wait()
        ((said,),) = child.told().said("quiet")
        happened, ok, threads, listed = json.loads(said)
        room.expect(not happened, f"{options} {env}: {happened[:5]}")
        room.expect(ok, f"{options} {env}: flush and shutdown have something to wait for")
        room.expect(threads == ["MainThread"], f"{options} {env}: threads {threads}")
        files = [name for name in listed if not name.startswith(("child", "__pycache__"))]
        room.expect(not files, f"{options} {env}: files {files}")


@fault("what it costs when switched off", quick=0)
def cost(room: Room) -> None:
    """A decorated call, a turn, the smallest of blocks: the lowest of many rounds; and a turn until it is stored."""
    child = room.start(COST, 60)
    child.wait()
    took = {tuple(words[:-1]): float(words[-1]) for words in child.told().said("cost")}
    bare = took["bare",]
    for kind in SHARE:
        on, off = took[kind, "on"], took[kind, "off"]
        share = (off - bare) / (on - bare)
        room.note(f"{SAID[kind]}: {on:.2f} µs recorded, {off:.2f} switched off, {bare:.2f} without us: {share:.3f}")
        room.expect(
            share < SHARE[kind],
            f"{SAID[kind]} that is switched off costs {share:.3f} of a recorded one, not under {SHARE[kind]}",
        )
