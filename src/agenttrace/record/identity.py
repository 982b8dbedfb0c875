"""Make trace ids and span ids.

Where the package was built with a C compiler `RandomIds` are those of `_ids.c`.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from itertools import repeat
from typing import Any, Protocol

__all__ = ["Ids", "RandomIds", "RandomIdsInPython"]

# A generator of our own: a program that seeds the global one must not make two processes count the same ids.
_random = random.Random()  # noqa: S311 - ids need to be unlikely to meet, not hard to guess # nosec B311
_BIG: repeat[Any] = repeat("big")
_milliseconds = int.to_bytes
_tail = map(int.to_bytes, map(_random.getrandbits, repeat(80)), repeat(10), _BIG).__next__


class Ids(Protocol):
    """Where trace ids and span ids come from. Called from any thread; must not block."""

    def trace(self, now: int) -> bytes:
        """Return the 16 bytes of a new trace id, not all zero; `now` is in microseconds since the epoch."""
        ...

    def span(self) -> bytes:
        """Return the 8 bytes of a new span id, not all zero."""
        ...


class RandomIdsInPython:
    """Trace ids that begin with 48 bits of Unix milliseconds, then random bits; random span ids."""

    # Chained built-ins: no Python frame on the way of an id. All bits are zero once in 2**64 spans.
    span = map(int.to_bytes, map(_random.getrandbits, repeat(64)), repeat(8), _BIG).__next__

    @staticmethod
    def trace(now: int) -> bytes:
        """Return the milliseconds in the top 48 bits and 80 random bits: new runs sit together in an index."""
        return _milliseconds(now // 1000, 6, "big") + _tail()


def _best() -> tuple[type[Ids], Callable[[], object]]:
    try:
        from agenttrace.record import _ids
    except ImportError:  # built without a compiler
        return RandomIdsInPython, _random.seed

    class RandomIdsInC:
        span, trace = staticmethod(_ids.span), staticmethod(_ids.trace)

    return RandomIdsInC, lambda: _ids.seed(os.urandom(32))


RandomIds, _seed = _best()
_seed()

os.register_at_fork(after_in_child=_seed)
