"""Make trace ids and span ids.

Where the package was built with a C compiler `RandomIds` are those of `_ids.h`, else those of `randomids`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.record.parameters import Ids

__all__ = ["RandomIds"]


def _best() -> tuple[type[Ids], Callable[[], object]]:
    try:
        from agenttrace.record import _native
    except ImportError:  # built without a compiler
        from agenttrace.record.randomids import RandomIdsInPython, seed

        return RandomIdsInPython, seed

    class RandomIdsInC:
        """Trace ids that begin with 48 bits of Unix milliseconds, then random bits; random span ids."""

        span, trace = staticmethod(_native.new_span_id), staticmethod(_native.new_trace_id)

    return RandomIdsInC, lambda: _native.seed(os.urandom(32))


RandomIds, _seed = _best()
_seed()

os.register_at_fork(after_in_child=_seed)
