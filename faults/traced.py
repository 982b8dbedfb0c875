"""For the programs that are harmed: records, and writes down on a pipe what each call had returned from.

`FAULTS_PIPE` names the pipe. A line is one write and shorter than what a pipe takes at once, so threads and forked
children do not mix theirs.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
import traceback
from types import TracebackType
from typing import Any, Self

from agenttrace import AgentTrace

__all__ = ["Traced", "TracedSpan", "say"]

#: Opened at once: later there may be no right or no descriptor left to do it. -1: this is no program that is harmed.
_pipe = os.open(os.environ["FAULTS_PIPE"], os.O_WRONLY) if "FAULTS_PIPE" in os.environ else -1


def say(*words: object) -> None:
    """Write a line of words down, for the process that does the harm. Words hold no blanks."""
    os.write(_pipe, (" ".join(map(str, words)) + "\n").encode())


class Traced:
    """Makes spans that are acknowledged on the pipe, with how long each call took.

    Args:
        trace: what records; left out: a new AgentTrace on `store`, with these settings.
    """

    def __init__(self, store: str = "traces.db", trace: AgentTrace | None = None, **settings: Any) -> None:
        self.trace = AgentTrace(store=store, **settings) if trace is None else trace
        self.count = 0

    def span(self, name: str, inside: TracedSpan | None = None, **more: Any) -> TracedSpan:
        """Return a span to be entered. The program says what it is inside of: that is what the parent must be."""
        return TracedSpan(self, name, inside, more)

    def nest(self, name: str, rng: random.Random, inside: TracedSpan | None = None, depth: int = 0) -> None:
        """Record a random tree of spans, of up to six levels."""
        with self.span(name, inside) as span:
            for number in range(rng.randrange(4) if depth < 5 else 0):
                self.nest(f"{name}.{number}", rng, span, depth + 1)

    def work(self, label: str, seed: object, turns: int | None = None) -> None:
        """Record random trees, so many or without end."""
        rng = random.Random(f"{seed} {label}")
        number = 0
        while turns is None or number < turns:
            self.nest(f"{label}-{number}", rng)
            number += 1

    async def nest_in_tasks(
        self, name: str, rng: random.Random, inside: TracedSpan | None = None, depth: int = 0
    ) -> None:
        """Record a random tree of spans whose children are tasks, all under way at once."""
        with self.span(name, inside) as span:
            await asyncio.sleep(0)
            count = rng.randrange(4) if depth < 3 else 0
            below = (self.nest_in_tasks(f"{name}.{number}", rng, span, depth + 1) for number in range(count))
            await asyncio.gather(*below)

    def work_in_tasks(self, label: str, seed: object, turns: int | None = None) -> None:
        """Record random trees of tasks, two side by side, so many times or without end."""
        rng = random.Random(f"{seed} {label}")

        async def work() -> None:
            number = 0
            while turns is None or number < turns:
                await asyncio.gather(*(self.nest_in_tasks(f"{label}{side}-{number}", rng) for side in "ab"))
                number += 1

        asyncio.run(work())


class TracedSpan:
    """One span. What agenttrace raises is written down and goes no further; what the block raises passes.

    A forked child that leaves through the block of its parent acknowledges nothing: the run is the parent's.
    """

    def __init__(self, traced: Traced, name: str, inside: TracedSpan | None, more: dict[str, Any]) -> None:
        self.name = name
        self.run_id = "-"
        self.span: Any = None
        self._traced, self._inside, self._more = traced, inside, more
        self._pid = os.getpid()

    def __enter__(self) -> Self:
        """Enter the span, and acknowledge it."""
        began = time.perf_counter_ns()
        try:
            self.span = self._traced.trace.span("step", self.name, input=f"{self.name} in", **self._more)
            self.span.__enter__()
            took = time.perf_counter_ns() - began
            self.run_id = self.span.run_id
        except Exception:  # noqa: BLE001 - that is what is counted
            _raised()
        else:
            outer = "-" if self._inside is None else self._inside.run_id
            say("start", self.run_id, outer, self.name, self._measured(took))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        """Leave the span, and acknowledge that."""
        began = time.perf_counter_ns()
        try:
            if error is None:
                self.span.output = f"{self.name} out"
            self.span.__exit__(kind, error, frames)
            took = time.perf_counter_ns() - began
        except Exception:  # noqa: BLE001 - that is what is counted
            _raised()
        else:
            if self._pid == os.getpid():
                say("end", self.run_id, "success" if error is None else "failed", self._measured(took))

    def _measured(self, took: int) -> int:
        """Return the time, as a negative one where it is of the first span: that opens the journal."""
        self._traced.count += 1
        return took if self._traced.count > 2 else -took


def _raised() -> None:
    lines = traceback.format_exc().strip().split("\n")
    say("raised", "_".join(lines[-3:])[:1000].replace(" ", "_"))
