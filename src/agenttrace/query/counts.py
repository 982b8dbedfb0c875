"""How many runs or events match a filter, counted once as long as nothing changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.store.protocol import EventFilter, RunFilter, Store

__all__ = ["Counts"]

_MOST = 500


class Counts:
    """Remembers counts, each with the state of the store that it is from. Safe in several threads.

    What is checked at each question is the store, not a clock: a count is never older than the question.
    """

    def __init__(self) -> None:
        self._known: dict[RunFilter | EventFilter, tuple[object, int]] = {}

    def of(self, store: Store, where: RunFilter) -> int:
        """Return `store.count_runs(where)`; the fields of the filter are hashable."""
        key = replace(where, after=None, limit=None, offset=0, fields=None)
        return self._of(store, key, lambda: store.count_runs(where))

    def of_events(self, store: Store, where: EventFilter) -> int:
        """Return `store.count_events(where)`; the fields of the filter are hashable."""
        return self._of(store, replace(where, after=None, limit=None), lambda: store.count_events(where))

    def _of(self, store: Store, key: RunFilter | EventFilter, count: Callable[[], int]) -> int:
        state, known = store.state(), self._known
        found = known.get(key)
        if found is not None and state is not None and found[0] == state:
            return found[1]
        # Counted after the state was asked for: it may be newer than its state, never older.
        number = count()
        if state is not None:
            if len(known) >= _MOST:
                known.clear()
            known[key] = (state, number)
        return number
