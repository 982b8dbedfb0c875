"""Stores that misbehave on request, for the programs that are harmed: SQLite, with trouble before or after a commit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from agenttrace.errors import StoreRejected, StoreUnavailable
from agenttrace.store.sqlite import SQLiteStore

__all__ = ["Flaky", "Gone", "Picky", "Slow"]

Write = Callable[[Any], None]


class _Troubled(SQLiteStore):
    """A SQLite store whose writes go through `trouble(write, batch)`."""

    def write(self, batch: Any) -> None:
        """Write a batch, or not."""
        self.trouble(super().write, batch)

    def trouble(self, write: Write, batch: Any) -> None:
        """Do what the store does wrong."""
        raise NotImplementedError


class Slow(_Troubled):
    """Takes `seconds` for each batch."""

    seconds = 1.0

    def trouble(self, write: Write, batch: Any) -> None:
        """Wait, then write."""
        time.sleep(self.seconds)
        write(batch)


class Flaky(_Troubled):
    """Fails one batch in three; every other time only after the commit, so that the writer sends it again."""

    writes = 0
    failures = 0

    def trouble(self, write: Write, batch: Any) -> None:
        """Write, and fail before or after that."""
        self.writes += 1
        if self.writes % 3:
            write(batch)
            return
        self.failures += 1
        if self.failures % 2:
            write(batch)
        raise StoreUnavailable("one in three")


class Picky(_Troubled):
    """Refuses batches in which a run has the name `refused`."""

    refused = "poison"

    def trouble(self, write: Write, batch: Any) -> None:
        """Write, or refuse."""
        if any(run.name == self.refused for run in batch.runs.values()):
            raise StoreRejected(f"it does not like {self.refused}")
        write(batch)


class Gone(_Troubled):
    """Cannot be reached while `is_gone`."""

    is_gone = False
    attempts = 0  # while it was gone

    def trouble(self, write: Write, batch: Any) -> None:
        """Write, or say that it is out of reach."""
        if self.is_gone:
            self.attempts += 1
            raise StoreUnavailable("out of reach")
        write(batch)
