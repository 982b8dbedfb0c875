"""Whether a journal has lost its folder or could not have one, and its way back to one. No threads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agenttrace.journal.folder import JournalFolder
from agenttrace.journal.segment import Stranded

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.journal.journal import Journal
    from agenttrace.journal.settings import JournalSettings
    from agenttrace.journal.shapes import Home

__all__ = ["WayHome", "is_homeless"]


def is_homeless(home: Home) -> bool:
    """Return whether a journal's folder was deleted, cannot be used, or could not be made."""
    return home.is_lost() if isinstance(home, JournalFolder) else home.path is None


def _find_folder(home: Home, root: str, *, started: int) -> tuple[JournalFolder, Home]:
    """Return a folder for the journal that has this home, and what its home was before it had to go on in memory.

    They are the same where the old folder is still there. Raises OSError where there is none and none can be made,
    AttributeError where the platform has no such folders.
    """
    before = home.lost if isinstance(home, Stranded) else home
    if isinstance(before, JournalFolder) and not before.is_lost():
        return before, before
    return JournalFolder(root, started=started, process_id=home.process_id), before


class WayHome:
    """Has a journal go on in a folder again, where its own was deleted or could not be used, and one can be had.

    For the thread that drains the journal.
    """

    def __init__(self, journal: Journal, settings: JournalSettings, *, clock: Callable[[], int]) -> None:
        self._journal = journal
        self._settings = settings
        self._clock = clock
        self._pause = settings.sync_interval
        self._next = 0.0

    def step(self) -> None:
        """Look whether the journal needs a folder, and find one, where it is time to."""
        root, journal, now = self._settings.root, self._journal, time.monotonic()
        if root is None or not journal.may_move or now < self._next or not is_homeless(journal.home):
            return
        self._pause = min(2 * self._pause, self._settings.adopt_interval)
        self._next = now + self._pause
        try:
            with journal.tail.held():
                home, before = _find_folder(journal.home, root, started=self._clock())
                journal.move(home, before)
        except (OSError, AttributeError):
            return  # as before; that there is no folder was told when that began
        self._pause = self._settings.sync_interval
