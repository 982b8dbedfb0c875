"""The slowest: one span, and a loop of small I/O in the traced thread, while the writer works at full speed.

A backlog is recorded first, and samples of one kind are taken as long as there is one, in a loop without a pause. A
sample is a piece of work of some microseconds, with a span round it (without us: the work alone), or a read of 64 bytes
from a file, which gives up the GIL. Wall time, since waiting for the GIL is what it is about; so other programs on the
machine are in it, with us and without.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.content import SPANS
from benchmarks.figures import Goal, Table, cell, measured, quantile, rounds, said
from benchmarks.ways import SAID, WAYS

__all__ = ["goals", "measure", "slowest", "tables"]

BLOCK = 250  # samples between two looks whether the writer still works
BACKLOG = 1_500  # turns
NAMES = ("alone", "ours", "ours, process", "exporter, large queue")
NAMED = {"alone": "without tracing", **SAID}
PARTS = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


def work() -> int:
    """Do some microseconds of work."""
    return sum(range(300))


def slowest(name: str, samples: int, backlog: int) -> dict[str, Any]:
    """Return the quantiles of the samples of each kind, in µs."""
    with tempfile.TemporaryDirectory() as folder:
        way = WAYS[name](Path(folder)) if name in WAYS else None
        path = Path(folder) / "small"
        path.write_bytes(b"x" * 4096)
        handle = os.open(path, os.O_RDONLY)
        acts: dict[str, Callable[[], object]] = {"span": _spanned(way), "io": lambda: os.pread(handle, 64, 0)}
        taken: dict[str, list[float]] = {kind: [] for kind in acts}
        for kind, act in acts.items():
            turns = backlog
            while (few := len(taken[kind])) < samples:
                taken[kind] += _window(way, act, turns, kind == "span")
                turns *= 1 if len(taken[kind]) > few else 2  # the backlog was gone too soon
        if way is not None:
            way.settle()
            way.close()
        os.close(handle)
        return {kind: {part: quantile(each, at) for part, at in PARTS.items()} for kind, each in taken.items()}


def _window(way: Any, act: Callable[[], object], backlog: int, are_spans: bool) -> list[float]:
    """Record a backlog of turns, and take samples until it is gone; the first block only warms up."""
    if way is not None:
        way.settle()
        for _ in range(backlog):
            way.turn()
        _made(way, backlog * SPANS)
    samples: list[float] = []
    for number in range(40):
        found = _block(act)
        _made(way, BLOCK * are_spans)
        if way is not None and not way.busy():
            break
        samples += found if number else []
    return samples


def _made(way: Any, spans: int) -> None:
    """Tell a way that counts what it exports how many more spans there are."""
    if hasattr(way, "made"):
        way.made += spans


def _block(act: Callable[[], object]) -> list[float]:
    found: list[float] = []
    clock = time.perf_counter_ns
    for _ in range(BLOCK):
        started = clock()
        act()
        found.append((clock() - started) / 1000)
    return found


def _spanned(way: Any) -> Callable[[], object]:
    if way is None:
        return work
    if hasattr(way, "trace"):

        def ours() -> None:
            with way.trace.tool_call("work") as call:
                call.output = work()

        return ours

    def theirs() -> None:
        with way.tracer.start_as_current_span("work") as span:
            span.set_attribute("output", work())

    return theirs


def measure(*, quick: bool) -> dict[str, Any]:
    """Return each way's quantiles, round by round."""
    samples, count = (2_000, 2) if quick else (20_000, 5)
    return {
        "rounds": rounds(
            count, NAMES, lambda name: measured("tail", "slowest", name=name, samples=samples, backlog=BACKLOG)
        )
    }


def tables(found: dict[str, Any]) -> list[Table]:
    """Return what was found as a table."""
    rows = []
    for name in NAMES:
        cells = said(name, NAMED, found["rounds"][-1][name])
        rows.append(
            cells or [NAMED[name], *(cell(_of(found, name, kind, part)) for kind in ("span", "io") for part in PARTS)]
        )
    heads = [f"{what}, {part}" for what in ("work in a span", "a small read") for part in PARTS]
    return [Table("The slowest, while the writer works at full speed, wall µs", ["", *heads], rows)]


def _of(found: dict[str, Any], name: str, kind: str, part: str) -> list[float]:
    return [each[name][kind][part] for each in found["rounds"] if "skipped" not in each[name]]


def goals(found: dict[str, Any]) -> list[Goal]:
    """Return what was asked for."""
    return [
        Goal(
            f"p99.9 of {what}, over that without us, µs",
            [
                ours - alone
                for ours, alone in zip(*(_of(found, name, kind, "p99.9") for name in ("ours", "alone")), strict=True)
            ],
            100,
        )
        for kind, what in (("span", "one span"), ("io", "a small read"))
    ]
