"""Rate limits: how often a caller may ask for a view. Counted in this process's memory, by the `limits` library."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from limits import RateLimitItem, parse_many
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from agenttrace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["DEFAULT_RATE", "INGEST_RATE", "Limit", "RateLimits"]

DEFAULT_RATE = "60/minute"
#: Where runs are sent in: an exporter sends a batch every few seconds, and a key may be shared by many processes.
INGEST_RATE = "6000/minute"

#: How many counters are kept before those whose window has passed are dropped.
_SWEEP_AT = 10_000


class Limit(NamedTuple):
    """What became of one request: whether it may go on, and what the X-RateLimit headers say."""

    allowed: bool
    limit: int
    remaining: int
    reset_at: int  # seconds since the epoch, rounded up: then the window is over and `remaining` is `limit` again
    retry_after: int  # seconds from now to then, at least 1
    is_first_refused: bool = False  # the first request of the window that may not go on

    def headers(self) -> dict[str, str]:
        """Return X-RateLimit-Limit, -Remaining and -Reset, and Retry-After where the request may not go on.

        >>> Limit(False, 60, 0, 1_767_225_660, 60).headers()["Retry-After"]
        '60'
        """
        found = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_at),
        }
        return found if self.allowed else {**found, "Retry-After": str(self.retry_after)}

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Return X-RateLimit-Limit, -Remaining and -Reset as ASGI has headers."""
        return [
            (b"x-ratelimit-limit", b"%d" % self.limit),
            (b"x-ratelimit-remaining", b"%d" % self.remaining),
            (b"x-ratelimit-reset", b"%d" % self.reset_at),
        ]


class RateLimits:
    """Counts requests by view and caller. Safe in several threads; each process counts for itself.

    `rates` names a rate a view, as text such as "100/minute" or "10 per second" (the notation of `limits`); "default"
    is for all views that are not named, 60 a minute if it is not given either. A window begins with a caller's first
    request and lasts as long as the rate says; requests that were refused count as well. `clock` returns seconds since
    the epoch.

    Raises ConfigurationError for a rate that is none.

    >>> limits = RateLimits({"run_logs": "2/minute"}, clock=lambda: 1000.0)
    >>> [limits.hit("run_logs", "key-1").allowed for _ in range(3)]
    [True, True, False]
    >>> limits.hit("run_logs", "key-2").remaining
    1
    """

    def __init__(self, rates: Mapping[str, str] | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._rates = {view: _rate(view, text) for view, text in {"default": DEFAULT_RATE, **(rates or {})}.items()}
        self._storage = _Counters(clock)
        self._limiter = FixedWindowRateLimiter(self._storage)

    def hit(self, view: str, who: str) -> Limit:
        """Count one request of this caller for this view, and return what is left."""
        rate = self._rates.get(view) or self._rates["default"]
        allowed = self._limiter.hit(rate, view, who)
        # The limiter's own figures would cost as much again.
        count, end = self._storage.window(rate.key_for(view, who))
        wait = max(1, math.ceil(end - self._clock()))
        first = count == rate.amount + 1
        return Limit(allowed, rate.amount, max(0, rate.amount - count), math.ceil(end), wait, first)


def _rate(view: str, text: str) -> RateLimitItem:
    try:
        (rate,) = parse_many(text)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"rates: {view}: must be one rate such as '60/minute', got {text!r}") from error
    if rate.amount < 1:
        raise ConfigurationError(f"rates: {view}: must allow 1 request or more, got {text!r}")
    return rate


class _Counters(Storage):
    """Counters of fixed windows, bounded, with a clock that tests can hold.

    The library's own memory storage starts a thread every few requests to clear what is over; here an insertion does.
    """

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[int, float]] = {}
        self._sweep_at = _SWEEP_AT

    @property
    def base_exceptions(self) -> type[Exception]:
        """Return what the storage raises when it fails: memory does not."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, in a window that begins now where none is open, and return how many there are."""
        now = self._clock()
        with self._lock:
            count, end = self._windows.get(key, (0, 0.0))
            if end <= now:
                count, end = 0, now + expiry
                self._sweep(now)
            self._windows[key] = count + amount, end
            return count + amount

    def window(self, key: str) -> tuple[int, float]:
        """Return how many there are in the window that is open, and when it ends, in seconds since the epoch."""
        now = self._clock()
        count, end = self._windows.get(key, (0, now))
        return (count if end > now else 0), end

    def get(self, key: str) -> int:
        """Return how many there are in the window that is open."""
        return self.window(key)[0]

    def get_expiry(self, key: str) -> float:
        """Return when the window ends, in seconds since the epoch."""
        return self.window(key)[1]

    def check(self) -> bool:
        """Return True: memory is always there."""
        return True

    def reset(self) -> int:
        """Forget everything, and return how much that was."""
        with self._lock:
            count = len(self._windows)
            self._windows.clear()
            return count

    def clear(self, key: str) -> None:
        """Forget one counter."""
        with self._lock:
            self._windows.pop(key, None)

    def _sweep(self, now: float) -> None:
        if len(self._windows) < self._sweep_at:
            return
        self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
        # What is left is in use: look again once it has doubled, so that sweeping stays cheap.
        self._sweep_at = max(_SWEEP_AT, 2 * len(self._windows))
