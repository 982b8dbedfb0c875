"""The order of log records within one microsecond: by their nanoseconds, then as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agenttrace.model.foreign import ForeignLog

__all__ = ["Places", "order_of"]

_MOST: Final = 1 << 14  # instants that are remembered; records of one stand close together
_PLACES: Final = 32  # bits


def order_of(nanoseconds: int) -> int:
    """Return the order of a record that is alone at its instant, in nanoseconds since the epoch."""
    return nanoseconds % 1000 << _PLACES


class Places:
    """Gives records of one span and one instant their places. Those of a request that is sent again get the same."""

    def __init__(self) -> None:
        self._seen: dict[tuple[bytes, bytes, int, int], int] = {}

    def give(self, log: ForeignLog) -> None:
        """Put a record behind those that came before it at its instant."""
        key = (log.trace_id, log.span_id, log.time, log.order)
        place = self._seen.get(key, 0)
        if len(self._seen) >= _MOST:
            self._seen = {}
        self._seen[key] = place + 1
        log.order += place
