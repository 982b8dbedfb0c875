"""Bursts that outrun the writer: what is kept, and in which form, and what memory they take; and turns 5 ms apart.

Memory is the process's own (`RssAnon`): the journal's mapped pages are the page cache's, which the system takes back.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.content import SPANS
from benchmarks.figures import Goal, Table, cell, measured, quantile, rounds, said
from benchmarks.ways import SAID, WAYS, Unavailable

__all__ = ["burst", "goals", "measure", "paced", "tables"]

GIB = 1 << 30
APART = 0.005  # seconds
STEPS = 100  # times that memory is looked at during a burst


def burst(name: str, turns: int, journal: int | None = None) -> dict[str, Any]:
    """Return what became of a burst, with a journal of so many bytes at most."""
    with tempfile.TemporaryDirectory() as folder:
        way = WAYS[name](Path(folder), **({} if journal is None else {"journal_max_bytes": journal}))
        for _ in range(20):
            way.turn()
        way.settle()
        before, seen, traced = memory(), [], 0
        process, began = time.process_time_ns() + way.others(), time.perf_counter()
        for step in range(STEPS):
            started = time.thread_time_ns()
            for _ in range(turns // STEPS):
                way.turn()
            traced += time.thread_time_ns() - started
            seen.append({"spans": (step + 1) * (turns // STEPS) * SPANS, "anon": memory(), "waiting": waiting(way)})
        recorded = time.perf_counter() - began
        while way.busy():
            seen.append({"spans": None, "anon": memory(), "waiting": waiting(way)})
            time.sleep(0.2)
        way.settle()
        durable = time.perf_counter() - began
        process = time.process_time_ns() + way.others() - process
        spans = turns // STEPS * STEPS * SPANS
        way.close()
        return {
            "spans": spans,
            "traced": traced / spans / 1000,
            "all": process / spans / 1000,
            "seconds": recorded,
            "durable": durable,
            "before": before,
            "peak": max(each["anon"] for each in seen),
            "waiting": max(each["waiting"] for each in seen),
            "memory": seen[:: max(len(seen) // 50, 1)],
            **kept(way, spans),
        }


def kept(way: Any, spans: int) -> dict[str, float]:
    """Return the parts of the spans that are in the store whole, as previews, as skeletons."""
    if way.table is None:
        return {}
    connection = sqlite3.connect(way.path)
    try:
        found = connection.execute(f"SELECT count(*) FROM {way.table}").fetchone()[0] - 20 * SPANS
        cut = {}
        for form in ("preview", "skeleton") if way.table == "run" else ():
            sql = "SELECT count(*) FROM run WHERE attributes LIKE ?"
            cut[form] = connection.execute(sql, (f'%"degraded":"{form}"%',)).fetchone()[0] / spans
    finally:
        connection.close()
    return {"kept": found / spans, "whole": found / spans - sum(cut.values()), **cut}


def memory() -> int:
    """Return the bytes of this process that are no file's. Linux only; else Unavailable."""
    if not sys.platform.startswith("linux"):
        raise Unavailable("the memory of a process is read as Linux tells it")
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise Unavailable("this kernel does not tell what memory is a process's own")


def waiting(way: Any) -> int:
    """Return the bytes that wait in the journal; 0 for other ways."""
    return way.trace.stats().backlog_bytes if hasattr(way, "trace") else 0


def paced(name: str, turns: int) -> dict[str, float]:
    """Return what a turn costs when there is one every 5 ms: caches are cold, the writer has time."""
    with tempfile.TemporaryDirectory() as folder:
        way = WAYS[name](Path(folder))
        for _ in range(20):
            way.turn()
        way.settle()
        traced, wall = [], []
        process = time.process_time_ns() + way.others()
        for _ in range(turns):
            time.sleep(APART)
            thread, clock = time.thread_time_ns(), time.perf_counter_ns()
            way.turn()
            traced.append((time.thread_time_ns() - thread) / SPANS / 1000)
            wall.append((time.perf_counter_ns() - clock) / SPANS / 1000)
        way.settle()
        process = time.process_time_ns() + way.others() - process
        way.close()
        return {
            "traced": quantile(traced, 0.5),
            "wall": quantile(wall, 0.5),
            "wall, p99": quantile(wall, 0.99),
            "all": process / turns / SPANS / 1000,
        }


PACED = ("ours", "ours, process", "sdk", "exporter")
BURSTS = ("ours", "ours, process", "exporter")
SMALL = 64 << 20  # bytes: a journal that is too small for the burst


def measure(*, quick: bool) -> dict[str, Any]:
    """Return the bursts of every way, those with a small journal, and the turns that are 5 ms apart."""
    turns, small, apart, count = (4_000, 8 << 20, 100, 1) if quick else (200_000, SMALL, 1_000, 3)

    def one(name: str) -> dict[str, Any]:
        return measured("bursts", "burst", name=name, turns=turns, journal=4 * GIB if "ours" in name else None)

    def cut(name: str) -> dict[str, Any]:
        return measured("bursts", "burst", name=name, turns=2_000 if quick else 60_000, journal=small)

    return {
        "bursts": {name: one(name) for name in BURSTS},
        "small": {"bytes": small, **{name: cut(name) for name in BURSTS[:2]}},
        "paced": rounds(count, PACED, lambda name: measured("bursts", "paced", name=name, turns=apart)),
    }


def tables(found: dict[str, Any]) -> list[Table]:
    """Return what was found as tables."""
    spans = next((each["spans"] for each in found["bursts"].values() if "spans" in each), 0)
    small, apart = found["small"], found["paced"]
    return [
        Table(
            f"A burst of {spans:,} spans",
            [
                "",
                "kept",
                "traced thread, µs",
                "all threads, µs",
                "own memory before, peak, MB",
                "journal at most, MB",
                "s",
            ],
            [_burst_row(name, each) for name, each in found["bursts"].items()],
            "Ours with `journal_max_bytes` at 4 GiB; the last column: until recorded, and until durable.",
        ),
        Table(
            f"The same with a journal of {small['bytes'] >> 20} MiB",
            ["", "whole", "preview", "skeleton", "lost", "traced thread, µs"],
            [_cut_row(name, each) for name, each in small.items() if name != "bytes"],
            "Records get smaller before they get fewer, and nobody waits.",
        ),
        Table(
            "One turn every 5 ms",
            ["", "traced thread, CPU µs a span", "wall, µs a span", "wall, p99", "all threads, CPU µs a span"],
            [
                said(name, SAID, apart[-1][name])
                or [
                    SAID[name],
                    *(cell([each[name][key] for each in apart]) for key in ("traced", "wall", "wall, p99", "all")),
                ]
                for name in PACED
            ],
            "All threads: with the sleeping and waking of each.",
        ),
    ]


def _burst_row(name: str, each: dict[str, Any]) -> list[str]:
    return said(name, SAID, each) or [
        SAID[name],
        f"{each['kept']:.1%}",
        f"{each['traced']:.1f}",
        f"{each['all']:.1f}",
        f"{each['before'] / 1e6:.0f}, {each['peak'] / 1e6:.0f}",
        f"{each['waiting'] / 1e6:.0f}" if "ours" in name else "",
        f"{each['seconds']:.1f}, {each['durable']:.1f}",
    ]


def _cut_row(name: str, each: dict[str, Any]) -> list[str]:
    shares = ("whole", "preview", "skeleton")
    return said(name, SAID, each) or [
        SAID[name],
        *(f"{each[share]:.1%}" for share in shares),
        f"{1 - each['kept']:.1%}",
        f"{each['traced']:.1f}",
    ]


def goals(found: dict[str, Any]) -> list[Goal]:
    """Return what was asked for."""
    ours = found["bursts"]["ours"]
    if "skipped" in ours:
        return []
    return [
        Goal("spans not kept whole in the long burst, parts", [1 - ours["whole"]], 0),
        Goal("memory that the long burst adds, MB", [(ours["peak"] - ours["before"]) / 1e6], 32),
    ]
