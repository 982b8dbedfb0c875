"""A cache of whole answers, in this process's memory: bounded, by caller, emptied when data is erased."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from agenttrace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["DEFAULT_TTL", "MAX_TTL", "AnswerCache", "AnswerKey"]

DEFAULT_TTL = 60
MAX_TTL = 1_800

_MAX_BYTES = 32 << 20
_OVERHEAD = 512  # bytes that an entry takes besides its answer, roughly


class AnswerKey(NamedTuple):
    """What an answer is kept under: no caller ever gets another one's."""

    workspace_id: str
    who: str  # Principal.who
    view: str
    parameters: Hashable  # everything that the answer depends on


class _Entry(NamedTuple):
    answer: bytes
    end: float


class AnswerCache:
    """Keeps answers for `ttl` seconds, 0 (it keeps nothing: `enabled` is False) to 1,800. Safe in several threads.

    It holds at most `max_bytes`; the answer that was used longest ago goes first, and one that alone takes more than
    a quarter is not kept. `clock` returns seconds that only grow.

    Raises ConfigurationError for a `ttl` outside its range.

    >>> cache = AnswerCache(60, clock=lambda: 0.0)
    >>> key = AnswerKey("workspace", "key-1", "ask_ai_logs", (("page", 1),))
    >>> cache.put(key, b"{}", since=cache.state)
    >>> cache.get(key), cache.get(key._replace(who="key-2"))
    (b'{}', None)
    >>> cache.clear("workspace")
    >>> cache.get(key) is None
    True
    """

    def __init__(
        self,
        ttl: float = DEFAULT_TTL,
        clock: Callable[[], float] = time.monotonic,
        *,
        max_bytes: int = _MAX_BYTES,
    ) -> None:
        if not isinstance(ttl, int | float) or isinstance(ttl, bool) or not 0 <= ttl <= MAX_TTL:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"ttl: must be 0 to {MAX_TTL} seconds, got {ttl!r}")
        self.enabled = ttl > 0
        self._ttl = ttl
        self._clock = clock
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[AnswerKey, _Entry] = OrderedDict()
        self._bytes = 0
        self._clears = 0

    @property
    def state(self) -> int:
        """Return a mark of how often the cache was emptied: to be taken before an answer is made, see `put`."""
        return self._clears

    def get(self, key: AnswerKey) -> bytes | None:
        """Return the answer, or None where there is none or its time is over."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if entry.end <= self._clock():
                self._drop(key)
                return None
            self._entries.move_to_end(key)
            return entry.answer

    def put(self, key: AnswerKey, answer: bytes, *, since: int | None = None) -> None:
        """Keep an answer, unless the cache was emptied after `since`: then it may hold what was erased."""
        size = _size(answer)
        if not self.enabled or size > self._max_bytes // 4:
            return
        with self._lock:
            if since is not None and since != self._clears:
                return
            self._drop(key)
            self._entries[key] = _Entry(answer, self._clock() + self._ttl)
            self._bytes += size
            while self._bytes > self._max_bytes:
                self._drop(next(iter(self._entries)))

    def clear(self, workspace_id: str | None = None) -> None:
        """Forget the answers of a workspace, or all of them."""
        with self._lock:
            self._clears += 1
            for key in [key for key in self._entries if workspace_id in (None, key.workspace_id)]:
                self._drop(key)

    def _drop(self, key: AnswerKey) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= _size(entry.answer)


def _size(answer: bytes) -> int:
    return len(answer) + _OVERHEAD
