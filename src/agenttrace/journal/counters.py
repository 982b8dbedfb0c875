"""Counters that the parts of the pipeline advance; `journal.stats` is what users see of them."""

from __future__ import annotations

__all__ = ["Counters"]


class Counters:
    """The counters behind `Stats`. Each one is advanced by one thread at a time."""

    written: int = 0
    settled: int = 0  # records of the current journal that were dealt with
    degraded: int = 0
    dropped: int = 0
    retried: int = 0
    damaged: int = 0
    adopted: int = 0
    skipped: int = 0
    dead_letters: int = 0
    dead_letters_lost: int = 0
    heartbeats: int = 0
    abandoned: int = 0
    internal_errors: int = 0
    last_error: str | None = None
