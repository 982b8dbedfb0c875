"""Turns: how long the writer's thread works before it lets other threads have the GIL."""

from __future__ import annotations

import time
from typing import Final

__all__ = ["Turns"]

# Seconds for which a turn was given away: somebody computes, and gives it back only when made to.
_CONTESTED: Final = 0.001


class Turns:
    """The length of a turn, in whatever the work is counted. For one thread.

    A program that waits for I/O wants the GIL back at once: turns are short. One that computes keeps it for a whole
    switch interval each time, and the work would only pile up: turns lengthen as long as that is so.
    """

    __slots__ = ("_longest", "_short", "length")

    def __init__(self, short: int, longest: int) -> None:
        self._short = short
        self._longest = longest
        self.length = short

    def give_way(self) -> int:
        """Give other threads a turn, and return the length of the next one."""
        started = time.monotonic()
        time.sleep(0)
        contested = time.monotonic() - started > _CONTESTED
        self.length = min(self.length * 2, self._longest) if contested else self._short
        return self.length
