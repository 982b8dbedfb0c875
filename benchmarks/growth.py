"""What does not grow: the cost of a span with the depth, the open spans, the backlog; of a tree's run with its size.

CPU time of the traced thread, in µs a span; of trees of the asking thread, in µs a run, from SQLite.
"""

from __future__ import annotations

import gc
import os
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.content import SPANS
from benchmarks.figures import Goal, Table, cell, measured, median, said
from benchmarks.ways import SAID, WAYS, Bare, Ours

__all__ = ["backlog", "depth", "goals", "measure", "opened", "tables", "trees"]

SLICE = 20  # turns
NAMES = ("ours", "ours, process")
BESIDE = {"sdk": SAID["sdk"], "nothing": "an empty block"}


def depth(name: str, depths: list[int], spans: int) -> dict[str, list[float]]:
    """Return what a span costs in chains of each depth; "growth": the deepest in parts of the first, side by side.

    Side by side is right after one another, either first in turn: the machine may go at another speed a second later.
    "uncollected" is the same with the garbage collector switched off, which else walks over all that is alive, and so
    makes any code the dearer the more of it is inside one another: also blocks that do nothing (`name` "nothing").
    """
    with tempfile.TemporaryDirectory() as folder:
        way, make = _makes(name, Path(folder))
        found: dict[str, list[float]] = {str(each): [] for each in depths}
        found |= {"growth": [], "uncollected": []}
        ends = (depths[0], depths[-1])
        for number in range(8):
            for deep in depths[1:-1] if number < 3 else []:
                way.settle()
                found[str(deep)].append(_chains(make, deep, spans))
            for kind in ("growth", "uncollected"):
                way.settle()
                if kind == "uncollected":
                    gc.disable()
                pair = {deep: _chains(make, deep, spans) for deep in (ends if number % 2 else ends[::-1])}
                gc.enable()
                found[kind].append(pair[depths[-1]] / pair[depths[0]])
                for deep, taken in pair.items() if kind == "growth" else ():
                    found[str(deep)].append(taken)
        way.settle()
        way.close()
        return found


def _makes(name: str, folder: Path) -> tuple[Any, Callable[[], AbstractContextManager[object]]]:
    """Return a way, and what makes a block of it."""
    if name in NAMES:
        way = WAYS[name](folder)
        way.turn()
        return way, lambda: way.trace.tool_call("deeper")
    bare = Bare(folder)
    if name == "nothing":
        return bare, nullcontext
    return bare, lambda: bare.tracer.start_as_current_span("deeper")


def _chains(make: Callable[[], AbstractContextManager[object]], deep: int, spans: int) -> float:
    times = max(spans // deep, 1)
    started = time.thread_time_ns()
    for _ in range(times):
        with ExitStack() as chain:
            for _ in range(deep):
                chain.enter_context(make())
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
    beside = {name: {"depth": measured("growth", "depth", name=name, depths=sizes, spans=sizes[-1])} for name in BESIDE}
    return beside | {
        name: {
            "depth": measured("growth", "depth", name=name, depths=sizes, spans=sizes[-1]),
            "opened": measured("growth", "opened", name=name, counts=[1, *sizes], turns=40 if quick else 400),
            "backlog": measured("growth", "backlog", name=name, records=10_000 if quick else 100_000),
            "trees": measured("growth", "trees", name=name, sizes=runs),
        }
        for name in NAMES
    }


def tables(found: dict[str, Any]) -> list[Table]:
    """Return what was found as tables."""
    rows = [row for name in NAMES for kind in KINDS for row in _rows(SAID[name], kind, found[name][kind])]
    beside = [row for name, what in BESIDE.items() for row in _rows(what, "depth", found[name]["depth"])]
    return [Table("Growth", ["", "", "at each size", "last, in parts of the first"], [*rows, *beside], NOTE)]


NOTE = (
    "`gc` is Python's garbage collector, which walks over all that is alive; without it the code's own growth remains."
)


def _rows(name: str, kind: str, figures: dict[str, Any]) -> list[list[str]]:
    what, unit = KINDS[kind]
    skipped = said(name, {}, figures)
    if skipped:
        return [skipped]
    sizes = {size: values for size, values in figures.items() if size.isdecimal()}
    cells = "; ".join(f"{int(size):,}: {cell(values, 2)}" for size, values in sizes.items())
    rows = [[f"{name}: {what}", unit, cells, f"{_growth(figures):.2f}"]]
    if "uncollected" in figures:
        rows.append([f"{name}: {what}, without `gc`", unit, "", f"{median(figures['uncollected']):.2f}"])
    return rows


def _growth(figures: dict[str, list[float]]) -> float:
    if "growth" in figures:
        return median(figures["growth"])
    values = [median(each) for size, each in figures.items() if size.isdecimal()]
    return values[-1] / values[0]


def goals(found: dict[str, Any]) -> list[Goal]:
    """Return what was asked for: no growth; half is given to caches and to measuring."""
    ours = found["ours"]
    grown = [Goal(f"growth with the {what}", [_growth(ours[kind])], 1.5) for kind, (what, _) in KINDS.items()]
    uncollected = median(ours["depth"]["uncollected"])
    return [*grown, Goal("growth with the depth, without Python's garbage collector", [uncollected], 1.5)]
