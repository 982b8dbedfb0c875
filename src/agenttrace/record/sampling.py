"""Sampling: with `respect_sampling`, what lies below a foreign span that was not sampled is not recorded either."""

from __future__ import annotations

from agenttrace.model.wire import EVENT, LOG, RUN, SPAN
from agenttrace.record.recorder import Append

__all__ = ["Sampled"]

_MOST = 1 << 16
_NAMED = (EVENT, SPAN, LOG)
_HEX = slice(10, 42)  # behind `{"trace":"`


class Sampled:
    """Passes records on, unless their trace was named as not sampled; the last 65,536 such traces are known."""

    def __init__(self, append: Append) -> None:
        self._append = append
        self._unsampled: dict[bytes, None] = {}

    def mute(self, trace: bytes) -> None:
        """Forget what is recorded of a trace from now on."""
        if len(self._unsampled) >= _MOST:
            self._unsampled.pop(next(iter(self._unsampled)), None)
        self._unsampled[trace] = None

    def append(self, kind: int, payload: bytes) -> None:
        """Append a record, or forget it."""
        if self._unsampled and _trace(kind, payload) in self._unsampled:
            return
        self._append(kind, payload)


def _trace(kind: int, payload: bytes) -> bytes | None:
    if kind == RUN:
        return payload[:16]
    try:
        return bytes.fromhex(payload[_HEX].decode()) if kind in _NAMED else None
    except ValueError:
        return None
