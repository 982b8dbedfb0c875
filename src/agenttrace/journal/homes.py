"""Homes that a journal has lost or could not have, and its way back to a folder. No threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agenttrace.journal.folder import JournalFolder
from agenttrace.journal.memory import MemoryHome

if TYPE_CHECKING:
    from agenttrace.journal.gaps import GapBook
    from agenttrace.journal.shapes import Home

__all__ = ["Stranded", "find_folder", "is_homeless"]


class Stranded(MemoryHome):
    """A home whose folder can be used no more: new segments are in memory, lock and mark stay as long as they can."""

    def __init__(self, lost: Home) -> None:
        super().__init__(lost.process_id)
        self.lost = lost

    def write_mark(self, number: int, offset: int) -> None:
        """Keep the place in the folder before which everything is in the store."""
        self.lost.write_mark(number, offset)

    def keep_gaps(self, gaps: GapBook) -> None:
        """Keep what is known of these gaps in the folder."""
        self.lost.keep_gaps(gaps)

    def remove(self) -> None:
        """Delete the folder."""
        self.lost.remove()

    def forget(self) -> None:
        """Close what a forked child inherited."""
        self.lost.forget()


def is_homeless(home: Home) -> bool:
    """Return whether a journal's folder was deleted, cannot be used, or could not be made."""
    return home.is_lost() if isinstance(home, JournalFolder) else home.path is None


def find_folder(home: Home, root: str, *, started: int) -> tuple[JournalFolder, Home]:
    """Return a folder for the journal that has this home, and what its home was before it had to go on in memory.

    They are the same where the old folder is still there. Raises OSError where there is none and none can be made,
    AttributeError where the platform has no such folders.
    """
    before = home.lost if isinstance(home, Stranded) else home
    if isinstance(before, JournalFolder) and not before.is_lost():
        return before, before
    return JournalFolder(root, started=started, process_id=home.process_id), before
