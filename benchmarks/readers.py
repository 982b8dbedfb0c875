"""Fifty readers while recording goes on: what they do to the traced thread, and what they get.

The readers are fifty threads of another process, which ask for pages of run logs in the same SQLite file. They are let
loose and held back in turn; the traced thread records a turn every millisecond. CPU and wall time of a turn, a span.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.content import SPANS
from benchmarks.figures import ROOT, Goal, Table, cell, environment, measured, median, quantile, rounds, said
from benchmarks.ways import SAID, WAYS

__all__ = ["goals", "measure", "recorded", "tables"]

READERS = 50
CONTACT = "4f9c2a6e-6a5d-4c7b-9a51-0d3f7f0c1b11"
NAMES = ("ours", "ours, process")


def read(path: str) -> None:
    """Read pages with fifty threads while the last line of the input was `go`; print how many at its end."""
    import agenttrace

    trace = agenttrace.AgentTrace(store=path)
    loose, ended, pages = threading.Event(), threading.Event(), [0] * READERS

    def reader(number: int) -> None:
        while not ended.is_set():
            if loose.wait(0.1):
                trace.query.run_logs(ai_contact_id=CONTACT, page=1 + number % 5)
                pages[number] += 1

    crew = [threading.Thread(target=reader, args=[number]) for number in range(READERS)]
    for thread in crew:
        thread.start()
    print("ready", flush=True)
    for line in sys.stdin:
        (loose.set if line.strip() == "go" else loose.clear)()
    ended.set()
    for thread in crew:
        thread.join()
    trace.shutdown()
    print(sum(pages))


def recorded(name: str, turns: int, slices: int) -> dict[str, Any]:
    """Return what a span costs with and without readers, slice by slice."""
    with tempfile.TemporaryDirectory() as folder:
        way = WAYS[name](Path(folder))
        with way.trace.scope(ai_contact_id=CONTACT):
            for _ in range(200):
                way.turn()
            way.settle()
            code = "import sys; from benchmarks.readers import read; read(sys.argv[1])"
            command = [sys.executable, "-c", code, str(way.path)]
            crew = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment()
            )
            assert crew.stdin is not None
            assert crew.stdout is not None
            try:
                if crew.stdout.readline().strip() != "ready":
                    sys.exit("the readers did not come up")
                found: dict[str, list[dict[str, float]]] = {"stop": [], "go": []}
                seconds = 0.0
                for _ in range(slices):
                    for order, figures in found.items():
                        crew.stdin.write(f"{order}\n")
                        crew.stdin.flush()
                        time.sleep(0.05)
                        began = time.perf_counter()
                        figures.append(_slice(way, turns))
                        seconds += (time.perf_counter() - began) * (order == "go")
                pages = int(crew.communicate()[0].split()[-1])
            finally:
                crew.kill()
                crew.wait()
        way.settle()
        way.close()
        keys = ("cpu", "wall", "wall, p99")
        both = {order: {key: median(each[key] for each in figures) for key in keys} for order, figures in found.items()}
        pairs = zip(found["go"], found["stop"], strict=True)
        return both | {"ratio": median(go["cpu"] / stop["cpu"] for go, stop in pairs), "pages": pages / seconds}


def _slice(way: Any, turns: int) -> dict[str, float]:
    cpu, wall = [], []
    for _ in range(turns):
        time.sleep(0.001)
        thread, clock = time.thread_time_ns(), time.perf_counter_ns()
        way.turn()
        cpu.append((time.thread_time_ns() - thread) / SPANS / 1000)
        wall.append((time.perf_counter_ns() - clock) / SPANS / 1000)
    return {"cpu": median(cpu), "wall": median(wall), "wall, p99": quantile(wall, 0.99)}


def measure(*, quick: bool) -> dict[str, Any]:
    """Return ours with and without readers, round by round."""
    turns, slices, count = (40, 4, 1) if quick else (200, 20, 3)
    return {
        "rounds": rounds(
            count, NAMES, lambda name: measured("readers", "recorded", name=name, turns=turns, slices=slices)
        )
    }


def tables(found: dict[str, Any]) -> list[Table]:
    """Return what was found as a table."""
    each = found["rounds"]
    rows = [
        said(name, SAID, each[-1][name])
        or [
            SAID[name],
            *(
                " / ".join(cell([one[name][order][key] for one in each]) for order in ("stop", "go"))
                for key in ("cpu", "wall", "wall, p99")
            ),
            cell([one[name]["ratio"] for one in each], 2),
            cell([one[name]["pages"] for one in each], 0),
        ]
        for name in NAMES
    ]
    heads = ["", "CPU µs a span", "wall", "wall, p99", "ratio of CPU", "pages a second"]
    return [Table("Without / with fifty readers in another process", heads, rows)]


def goals(found: dict[str, Any]) -> list[Goal]:
    """Return what was asked for; a tenth is given to measuring."""
    return [Goal("a span while fifty readers read, to none", [each["ours"]["ratio"] for each in found["rounds"]], 1.1)]
