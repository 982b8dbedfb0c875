"""Trace ids and span ids where the package was built without a C compiler. They stand for those of `_ids.h`."""

from __future__ import annotations

import random
from itertools import repeat
from typing import Any

__all__ = ["RandomIdsInPython", "seed"]

# A generator of our own: a program that seeds the global one must not make two processes count the same ids.
_random = random.Random()  # noqa: S311 - ids need to be unlikely to meet, not hard to guess # nosec B311
_BIG: repeat[Any] = repeat("big")
_milliseconds = int.to_bytes
_tail = map(int.to_bytes, map(_random.getrandbits, repeat(80)), repeat(10), _BIG).__next__


class RandomIdsInPython:
    """Trace ids that begin with 48 bits of Unix milliseconds, then random bits; random span ids."""

    # Chained built-ins: no Python frame on the way of an id. All bits are zero once in 2**64 spans.
    span = map(int.to_bytes, map(_random.getrandbits, repeat(64)), repeat(8), _BIG).__next__

    @staticmethod
    def trace(now: int) -> bytes:
        """Return the milliseconds in the top 48 bits and 80 random bits: new runs sit together in an index."""
        return _milliseconds(now // 1000, 6, "big") + _tail()


def seed() -> None:
    """Begin anew, from the system's randomness: a forked child must not make its parent's ids."""
    _random.seed()
