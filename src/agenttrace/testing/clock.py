"""A clock that stands still and ids that count, so that what a test records is the same every time."""

from __future__ import annotations

import itertools
from datetime import datetime

__all__ = ["CountedIds", "FixedClock"]


class FixedClock:
    """A clock in nanoseconds since the epoch that moves only when told to.

    >>> from datetime import UTC
    >>> clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    >>> clock.advance(1.5)
    >>> clock()
    1767225601500000000
    """

    def __init__(self, start: datetime) -> None:
        self.set(start)

    def set(self, instant: datetime) -> None:
        """Show this instant; raises ValueError where it names no time zone."""
        if instant.tzinfo is None:
            raise ValueError(f"instant: must be aware, as datetime(..., tzinfo=UTC) is, got {instant!r}")
        whole = int(instant.replace(microsecond=0).timestamp())
        self._now = (whole * 1_000_000 + instant.microsecond) * 1000

    def advance(self, seconds: float) -> None:
        """Move by so many seconds; a negative number goes back."""
        self._now += round(seconds * 1_000_000_000)

    def __call__(self) -> int:
        """Return the instant in nanoseconds since the epoch."""
        return self._now


class CountedIds:
    """Ids that count from one: trace ids keep their leading milliseconds, span ids are the bare number.

    A trace id has the number twice, the second time right behind the milliseconds: so the runs of different traces lie
    apart in a store, as those of random ids do, although the clock stands still.
    """

    def __init__(self) -> None:
        self._traces = itertools.count(1)
        self._spans = itertools.count(1)

    def trace(self, now: int) -> bytes:
        """Return the milliseconds of `now` (µs), then the number."""
        number = next(self._traces)
        return (now // 1000).to_bytes(6, "big") + (number & 0xFFFF).to_bytes(2, "big") + number.to_bytes(8, "big")

    def span(self) -> bytes:
        """Return the number."""
        return next(self._spans).to_bytes(8, "big")
