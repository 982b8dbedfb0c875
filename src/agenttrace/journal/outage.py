"""Outages of the store, as a log tells them: once when one has lasted, and once when it is over."""

from __future__ import annotations

import logging
import time

__all__ = ["Outage"]

_logger = logging.getLogger("agenttrace")

#: Seconds: what is over sooner, as a restart or another's lock, is nobody's concern.
_ALARM = 3.0


class Outage:
    """Hears how each attempt to reach the store ended. For one thread."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._told = False

    def failed(self, error: Exception) -> None:
        """Note that the store was out of reach, and tell it where that has lasted."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
        if not self._told and now - self._since >= _ALARM:
            self._told = True
            _logger.warning("the store cannot be used (%s); what is recorded waits, and it is tried again", error)

    def over(self) -> None:
        """Note that the store has done what it was asked."""
        if self._since is None:
            return
        if self._told:
            _logger.warning("the store can be used again, after %.0f seconds", time.monotonic() - self._since)
        self._since, self._told = None, False
