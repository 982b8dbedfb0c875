"""What does not grow: the cost of a span with the depth, the open spans, the backlog; of a tree's run with its size.

CPU time of the traced thread, in µs a span; of trees of the asking thread, in µs a run, from SQLite.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.content import SPANS
from benchmarks.figures import Goal, Table, cell, measured, median, said
from benchmarks.ways import SAID, WAYS, Ours

__all__ = ["backlog", "depth", "goals", "measure", "opened", "tables", "trees"]

SLICE = 20  # turns
NAMES = ("ours", "ours, process")


def depth(name: str, depths: list[int], spans: int) -> dict[str, list[float]]:
    """Return what a span costs in chains of each depth; "growth": the deepest in parts of the first, side by side.

    Side by side is right after one another, either first in turn: the machine may go at another speed a second later.
    """
    with tempfile.TemporaryDirectory() as folder:
        way = WAYS[name](Path(folder))
        way.turn()
        found: dict[str, list[float]] = {str(each): [] for each in depths}
        found["growth"] = []
        for number in range(8):
            for deep in depths[1:-1] if number < 3 else []:
                way.settle()
                found[str(deep)].append(_chains(way, deep, spans))
            way.settle()
            ends = (depths[0], depths[-1])
            pair = {deep: _chains(way, deep, spans) for deep in (ends if number % 2 else ends[::-1])}
            for deep, taken in pair.items():
                found[str(deep)].append(taken)
            found["growth"].append(pair[depths[-1]] / pair[depths[0]])
        way.settle()
        way.close()
        return found


def _chains(way: Ours, deep: int, spans: int) -> float:
    times = max(spans // deep, 1)
    started = time.thread_time_ns()
    for _ in range(times):
        with ExitStack() as chain:
            for _ in range(deep):
                chain.enter_context(way.trace.tool_call("deeper"))
    return (time.thread_time_ns() - started) / (times * deep) / 1000


def opened(name: str, counts: list[int], turns: int) -> dict[str, list[float]]:
    """Return what a span of a turn costs while so many others are open."""
    with tempfile.TemporaryDirectory() as folder:
        way = WAYS[name](Path(folder))
        found: dict[str, list[float]] = {str(each): [] for each in counts}
        spans: list[Any] = []
        _turns(way, SLICE)
        for _ in range(3):
            for count in counts:
                while len(spans) < count:
                    spans.append(way.trace.span("waiting", "open").start())
                way.settle()
                found[str(count)].append(median(_turns(way, SLICE) for _ in range(turns // SLICE)))
            while spans:
                spans.pop().end()
        way.close()
        return found


def backlog(name: str, records: int) -> dict[str, list[float]]:
    """Return what a span of a turn costs while the backlog grows to so many records: nobody stores them."""
    with tempfile.TemporaryDirectory() as folder, _held(name, Path(folder)) as way:
        each = 2 * SPANS * SLICE  # records a slice: a start and an end a span
        taken = [_turns(way, SLICE) for _ in range(records // each)]
        waits = way.trace.stats().pending
        tenth = max(len(taken) // 10, 1)
        first, last = taken[1 : tenth + 1], taken[-tenth:]
        return {"0": [median(first)], str(records): [median(last)], "pending": [waits]}


@contextmanager
def _held(name: str, folder: Path) -> Iterator[Any]:
    """Have a way whose records wait: its drainer is stopped, or its store is out of reach."""
    if name == "ours, process":
        way = WAYS[name](folder)
        os.kill(way.drainer.process.pid, signal.SIGSTOP)
        try:
            yield way
        finally:
            os.kill(way.drainer.process.pid, signal.SIGCONT)
            way.close()
        return

    import agenttrace
    from agenttrace.errors import StoreUnavailable
    from agenttrace.store.memory import MemoryStore

    class Away(MemoryStore):
        def write(self, _: Any) -> Any:
            raise StoreUnavailable("away")

    way = Ours.__new__(Ours)
    way.trace = agenttrace.configure(Away(), journal_dir=folder / "journal")
    yield way
    way.trace.shutdown(0.1)


def _turns(way: Ours, turns: int) -> float:
    started = time.thread_time_ns()
    for _ in range(turns):
        way.turn()
    return (time.thread_time_ns() - started) / turns / SPANS / 1000


def trees(name: str, sizes: list[int]) -> dict[str, list[float]]:
    """Return what `query.trace` takes a run of a tree of each size."""
    from agenttrace.model import ids
    from agenttrace.store.urls import open_store
    from agenttrace.testing.records import batch_of, run_record

    start = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp()) * 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/traces.db")
        store.open()
        found: dict[str, list[float]] = {str(size): [] for size in sizes}
        roots: dict[int, Any] = {}
        for size in sizes:
            start += 86_400_000_000  # runs of two traces of one millisecond would have the same ids
            trace = start // 1000 << 80
            roots[size] = uuid.UUID(bytes=ids.run_id(trace, 1))
            for first in range(0, size, 1000):
                records = [
                    run_record(
                        number + 1,
                        trace=trace,
                        parent=(number + 9) // 10 if number else None,
                        start=start + number,
                        end=start + number + 5,
                        seq=number * 2,
                        turn=start,
                        content={"input": {"query": "q"}, "output": ["a"]},
                    )
                    for number in range(first, min(first + 1000, size))
                ]
                store.write(batch_of(*records))
        store.close()
        way = WAYS[name](Path(folder))
        for _ in range(3):
            for size in sizes:
                began = time.thread_time()
                tree = way.trace.query.trace(roots[size])
                found[str(size)].append((time.thread_time() - began) / size * 1e6)
                assert sum(1 for _ in _walk(tree)) == size, "the tree is not whole"
        way.close()
        return found


def _walk(tree: Any) -> Any:
    stack = [tree]
    while stack:
        run = stack.pop()
        yield run
        stack.extend(run.children)


KINDS = {
    "depth": ("depth of the chain", "µs a span"),
    "opened": ("spans that are open", "µs a span of the turn"),
    "backlog": ("records that wait", "µs a span of the turn"),
    "trees": ("runs of the tree", "µs a run, `query.trace`"),
}


def measure(*, quick: bool) -> dict[str, Any]:
    """Return each way's figures at each size."""
    sizes = [10, 100, 1_000] if quick else [10, 100, 1_000, 10_000]
    runs = [1_000, 10_000] if quick else [1_000, 10_000, 100_000]
    return {
        name: {
            "depth": measured("growth", "depth", name=name, depths=sizes, spans=sizes[-1]),
            "opened": measured("growth", "opened", name=name, counts=[1, *sizes], turns=40 if quick else 400),
            "backlog": measured("growth", "backlog", name=name, records=10_000 if quick else 100_000),
            "trees": measured("growth", "trees", name=name, sizes=runs),
        }
        for name in NAMES
    }


def tables(found: dict[str, Any]) -> list[Table]:
    """Return what was found as a table."""
    rows = []
    for name in NAMES:
        for kind, (what, unit) in KINDS.items():
            row = said(name, SAID, found[name][kind])
            if not row:
                figures = {size: values for size, values in found[name][kind].items() if size.isdecimal()}
                cells = "; ".join(f"{int(size):,}: {cell(values, 2)}" for size, values in figures.items())
                row = [f"{SAID[name]}: {what}", unit, cells, f"{_growth(found[name][kind]):.2f}"]
            rows.append(row)
    return [Table("Growth", ["", "", "at each size", "last, in parts of the first"], rows)]


def _growth(figures: dict[str, list[float]]) -> float:
    if "growth" in figures:
        return median(figures["growth"])
    values = [median(each) for size, each in figures.items() if size.isdecimal()]
    return values[-1] / values[0]


def goals(found: dict[str, Any]) -> list[Goal]:
    """Return what was asked for: no growth; half is given to caches and to measuring."""
    ours = found["ours"]
    return [Goal(f"growth with the {what}", [_growth(ours[kind])], 1.5) for kind, (what, _) in KINDS.items()]
