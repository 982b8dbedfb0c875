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
from faults.traced import say

rounds = int(sys.argv[1])
ways = {"on": agenttrace.AgentTrace(store="on.db"), "off": agenttrace.AgentTrace(store="off.db", enabled=False)}
arguments = {"query": "how do I switch it on?", "limit": 5}

def calls(trace):
    @trace.tool_call
    def search(query, limit):
        return ["a page", "another page"]

    def call():
        search(**arguments)
        with trace.context("retrieve", query="how?") as span:
            span.documents = ["a page"]
    return call

def bare(query, limit):
    return ["a page", "another page"]

made = {name: calls(trace) for name, trace in ways.items()}
made["bare"] = lambda: bare(**arguments)
best = dict.fromkeys(made, 1e9)
for _ in range(rounds):
    for name, call in made.items():
        began = time.perf_counter_ns()
        for _ in range(500):
            call()
        best[name] = min(best[name], (time.perf_counter_ns() - began) / 1000)
say("cost", best["on"], best["off"], best["bare"])
"""

SHARE = 0.1


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
    """Under a tenth of what recording costs; the lowest of many rounds, both in turn."""
    child = room.start(COST, 60)
    child.wait()
    ((on, off, bare),) = [[float(word) for word in words] for words in child.told().said("cost")]
    share = (off - bare) / (on - bare)
    room.note(
        f"a turn of two spans: {on:.2f} µs recorded, {off:.2f} µs switched off, {bare:.2f} µs without us: {share:.3f}"
    )
    room.expect(share < SHARE, f"switched off costs {share:.3f} of recording, not under {SHARE}")
