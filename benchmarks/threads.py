"""Sixteen threads that record at once, against one: CPU time of the calling threads, a span of the turn."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.content import SPANS
from benchmarks.figures import Goal, Table, cell, measured, median, rounds, said
from benchmarks.ways import SAID, WAYS

__all__ = ["crowds", "goals", "measure", "tables"]

NAMES = ("ours", "ours, process", "sdk")
MANY = 16


def crowd(way: Any, threads: int, turns: int) -> float:
    """Return the CPU time of the calling threads a span, in µs, when so many share these turns."""
    taken: list[int] = []
    together = threading.Barrier(threads)
    each = turns // threads

    def record() -> None:
        together.wait()
        started = time.thread_time_ns()
        for _ in range(each):
            way.turn()
        taken.append(time.thread_time_ns() - started)

    crew = [threading.Thread(target=record) for _ in range(threads)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return sum(taken) / (each * threads * SPANS) / 1000


def crowds(name: str, turns: int, times: int) -> dict[str, float]:
    """Return what a span costs one thread, and one of sixteen, right after one another, either first in turn.

    The ratio is that of such pairs: the machine may go at another speed a second later.
    """
    with tempfile.TemporaryDirectory() as folder:
        way = WAYS[name](Path(folder))
        crowd(way, 1, MANY)
        found: dict[int, list[float]] = {1: [], MANY: []}
        for number in range(times):
            way.settle()
            for threads in (1, MANY) if number % 2 else (MANY, 1):
                found[threads].append(crowd(way, threads, turns))
        way.settle()
        way.close()
        one, many = found.values()
        ratio = median(each / alone for alone, each in zip(one, many, strict=True))
        return {"one": median(one), "many": median(many), "ratio": ratio}


def measure(*, quick: bool) -> dict[str, Any]:
    """Return each way's figures, round by round."""
    turns, times, count = (320, 2, 1) if quick else (1_600, 10, 3)
    return {
        "rounds": rounds(count, NAMES, lambda name: measured("threads", "crowds", name=name, turns=turns, times=times))
    }


def tables(found: dict[str, Any]) -> list[Table]:
    """Return what was found as a table."""
    each = found["rounds"]
    keys = {"one": 1, "many": 1, "ratio": 2}
    rows = [
        said(name, SAID, each[-1][name])
        or [SAID[name], *(cell([one[name][key] for one in each], digits) for key, digits in keys.items())]
        for name in NAMES
    ]
    return [Table("Sixteen threads at once, CPU µs a span", ["", "one thread", "one of sixteen", "ratio"], rows)]


def goals(found: dict[str, Any]) -> list[Goal]:
    """Return what was asked for; a tenth is given to measuring."""
    return [
        Goal(
            "a span in one of sixteen threads, to one thread", [each["ours"]["ratio"] for each in found["rounds"]], 1.1
        )
    ]
