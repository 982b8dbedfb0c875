"""Upkeep of the store, a step at a time: where the settings ask for one, and when it is time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agenttrace.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.journal.settings import Counters, JournalSettings
    from agenttrace.store.protocol import Store

__all__ = ["Tending"]


class Tending:
    """Does `settings.upkeep` to the store that `open_store` gives. For one thread."""

    def __init__(self, settings: JournalSettings, open_store: Callable[[], Store], counters: Counters) -> None:
        self._settings = settings
        self._open_store = open_store
        self._counters = counters
        self._next = time.monotonic() + settings.upkeep_delay

    def step(self) -> None:
        """Do a step where it is time for one. A failure of the store is no matter: it is tried again."""
        upkeep = self._settings.upkeep
        if upkeep is None or time.monotonic() < self._next:
            return
        pause = self._settings.upkeep_pause
        try:
            pause = upkeep(self._open_store())
        except StoreError as error:
            self._counters.last_error = f"{type(error).__name__}: {error}"
        finally:
            self._next = time.monotonic() + pause
