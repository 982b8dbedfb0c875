"""Which starts of runs need not be stored, since their end stands behind them. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from agenttrace.model.versions import RANK_END, RANK_START
from agenttrace.model.wire import FIXED, RUN, VERSION
from agenttrace.slices import in_slices

__all__ = ["NATIVE", "mark", "mark_in_python", "superseded"]

Records = list[tuple[int, bytes]]

_ENVELOPE = FIXED.size + VERSION.size
_RANK, _FLAGS = FIXED.size + 20, FIXED.size + 22
_AT_ONCE = 32  # records, of less than a microsecond each, before other threads get a turn


def superseded(records: Records) -> set[int]:
    """Return the places of those starts of runs, among these records, that a later end repeats in all but its own part.

    Whoever has the end needs no such start: it has the same ids, times, scope and content, and less of it.
    """
    ends: dict[bytes, int] = {}
    found: set[int] = set()
    for behind in in_slices(range(len(records), 0, -_AT_ONCE), 1):
        mark(records, ends, found, max(behind - _AT_ONCE, 0), behind)
    return found


def mark_in_python(records: Records, ends: dict[bytes, int], found: set[int], first: int, behind: int, /) -> None:
    """Add to `found` which of the records from `first` up to `behind` are superseded, the last one first.

    `ends` has the places of ends that stand further behind, by what is the same in all versions of a run.
    """
    for place in range(behind - 1, first - 1, -1):
        kind, payload = records[place]
        if kind != RUN or len(payload) <= _ENVELOPE:
            continue
        what, rank = payload[: FIXED.size], payload[_RANK]
        if rank == RANK_END:
            ends.setdefault(what, place)
        elif rank == RANK_START and not payload[_FLAGS] and what in ends:
            end = records[ends[what]][1]
            cut = end.find(b"\n", _ENVELOPE)
            if cut >= 0 and payload.startswith(end[_ENVELOPE : cut + 1], _ENVELOPE):
                found.add(place)


def _best() -> Callable[[Records, dict[bytes, int], set[int], int, int], None]:
    try:
        from agenttrace.model import _superseded
    except ImportError:  # built without a compiler
        return mark_in_python
    return _superseded.mark


#: `mark_in_python`, or the same in C (`_superseded.c`).
mark: Final = _best()
#: Whether it is the compiled one.
NATIVE: Final = mark is not mark_in_python
