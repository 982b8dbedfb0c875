"""For the programs that are harmed: turns whose spans hold much, so that journals, disks and stores fill up."""

from __future__ import annotations

import time

from faults.bounds import HEAVY
from faults.traced import Traced, say

__all__ = ["Fat"]

_CHILDREN = 5


class Fat(Traced):
    """Makes spans that hold much. Each one has its fat from some time between its start and its end on."""

    fat = 2_000  # characters

    def turns(self, label: str, count: int) -> None:
        """Record so many turns of a root and its children."""
        for number in range(count):
            with self.span(f"{label}-{number}") as root:
                for child in range(_CHILDREN):
                    with self.span(f"{label}-{number}.{child}", root) as span:
                        span.span.input = "y" * self.fat
                root.span.input = "y" * self.fat

    def heavy(self, label: str, count: int) -> None:
        """Record so many heavy spans; their names begin with `heavy`."""
        for number in range(count):
            with self.span(f"heavy-{label}-{number}") as span:
                span.span.input = HEAVY

    def until_whole(self, label: str) -> None:
        """Record turns until one of them has neither been cut nor lost, and everything is in the store."""
        deadline = time.monotonic() + 60
        number, lost = 0, True
        while lost and time.monotonic() < deadline:
            before = self._lost()
            self.turns(f"{label}{number}", 1)
            self.trace.flush(60)
            lost = self._lost() > before
            number += 1
            time.sleep(0.02)
        say("whole", not lost)

    def tell(self) -> None:
        """Say how many records were dropped and cut, and whether the store has the rest."""
        flushed = self.trace.flush(60) and self.trace.flush(60)  # gaps find room once the first one is over
        stats = self.trace.stats()
        say("dropped", stats.dropped, stats.degraded)
        say("flushed", flushed)

    def _lost(self) -> int:
        stats = self.trace.stats()
        return stats.dropped + stats.degraded
