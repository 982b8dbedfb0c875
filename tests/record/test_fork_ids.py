"""Fork: parent and child make different ids, and an end from the process that began a span wins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

PROGRAM = """
import json, os, sys
from agenttrace.model.wire import RUN, read_run
from agenttrace.record.makers import Makers
from agenttrace.record.recorder import Recorder

records = []
recorder = Recorder()
recorder.append = lambda kind, payload: records.append((kind, payload))
recorder.enabled = recorder.strict = True
make = Makers(recorder)
BODY
"""

DUMP = """
def dump(where):
    found = [read_run(payload) for kind, payload in records if kind == RUN]
    runs = [[one.trace.hex(), one.span.hex(), one.rank, one.revision, one.status] for one in found]
    os.write(1, (json.dumps([where, runs]) + chr(10)).encode())
"""


def run(body: str) -> dict[str, list[list[Any]]]:
    """Run a program that forks, and return what each of its processes recorded."""
    program = PROGRAM.replace("BODY", DUMP + body)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return dict(json.loads(line) for line in done.stdout.splitlines())


def test_children_make_ids_of_their_own() -> None:
    """After a fork, parent, children and grandchildren share no trace and no span id."""
    found = run(
        """
with make.master("before"):
    pass
records.clear()
def work(where):
    for _ in range(50):
        with make.master("turn"), make.tool_call("tool"):
            pass
    dump(where)
for number in range(3):
    if os.fork() == 0:
        if number == 2 and os.fork() == 0:
            work("grandchild")
            os._exit(0)
        if number == 2:
            os.wait()
        work(f"child {number}")
        os._exit(0)
for _ in range(3):
    os.wait()
work("parent")
"""
    )
    assert set(found) == {"parent", "child 0", "child 1", "child 2", "grandchild"}
    traces = [{run[0] for run in runs} for runs in found.values()]
    spans = [{run[1] for run in runs} for runs in found.values()]
    assert sum(map(len, traces)) == len(set.union(*traces)) == 250
    assert sum(map(len, spans)) == len(set.union(*spans)) == 500


def test_the_end_of_the_process_that_began_a_span_wins() -> None:
    """A forked child holds a copy of every open span; its end of one counts less than the parent's."""
    found = run(
        """
with make.master("turn"):
    if os.fork() == 0:
        try:
            raise ValueError("in the child")
        except ValueError as error:
            import agenttrace.record.span as span
            span.current().end(error=error)
        dump("child")
        os._exit(0)
    os.wait()
dump("parent")
"""
    )
    child, parent = found["child"][-1], found["parent"][-1]
    assert child[:3] == parent[:3]
    assert (child[4], parent[4]) == ("failed", "success")
    assert parent[3] > child[3]


def test_the_childs_end_loses_however_often_it_writes() -> None:
    """Many versions that a child writes of an inherited span do not outgrow the parent's one end."""
    found = run(
        """
with make.master("turn") as turn:
    if os.fork() == 0:
        for _ in range(100):
            turn.pending()
            turn.start()
        turn.end(error="child")
        dump("child")
        os._exit(0)
    os.wait()
dump("parent")
"""
    )
    child, parent = found["child"][-1], found["parent"][-1]
    assert child[2] == parent[2]
    assert parent[3] > child[3]


def test_a_span_that_a_child_began_is_the_childs() -> None:
    """In the child its own spans are at home, below the parent's open span."""
    found = run(
        """
with make.master("turn") as turn:
    if os.fork() == 0:
        with make.tool_call("inner"):
            pass
        dump("child")
        os._exit(0)
    os.wait()
    with make.tool_call("inner"):
        pass
dump("parent")
"""
    )
    child, inner, outer = found["child"][-1], found["parent"][-2], found["parent"][-1]
    assert child[0] == inner[0] == outer[0]
    assert child[1] != inner[1]
    assert child[3] == inner[3]
