"""The journal in memory, where files cannot hold it: no mmap, no real locks, a read-only folder, or on request.

It has the same segments, bounds and degradation as the one on disk, but a crash does not survive it.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

from agenttrace.journal.segment import MappedSegment

if TYPE_CHECKING:
    from agenttrace.journal.frames import SegmentHeader
    from agenttrace.journal.gaps import GapBook
    from agenttrace.journal.shapes import Home

__all__ = ["MemoryHome", "MemorySegment", "Stranded"]


class MemorySegment(MappedSegment):
    """One segment in memory: an anonymous map, so that it is written to as a file is."""

    __slots__ = ("_data", "_map")

    def __init__(self, header: SegmentHeader) -> None:
        """Make the map. Raises OSError where memory has no room."""
        self._map = _anonymous(header.size)
        self._data: mmap.mmap | bytes = self._map
        super().__init__(header, self._map)

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only where the segment ends."""
        return self._data[offset : offset + length]

    def fill(self) -> None:
        """Do nothing: memory comes as it is needed, and soon enough."""

    def trim(self) -> int:
        """Give back what lies behind `end`, and return how many bytes that were."""
        spare = self.size - (self.end or self.size)
        if spare > 0:
            self.let_go()
            self._data = self._data[: self.end]
            self._map.close()
            self.size -= spare
        return spare

    def unmap(self) -> None:
        """Mark that nothing is appended any more."""
        self.let_go()

    def can_rest(self) -> bool:
        """Return True: the data stay."""
        return True

    def rest(self) -> None:
        """Mark that nothing is appended any more; the data stay, there is nowhere else to have them from."""
        self.let_go()

    def sync(self) -> None:
        """Do nothing: memory is lost with the power."""

    def remove(self) -> None:
        """Free the memory."""
        self.let_go()
        self._data = b""
        self._map.close()  # whoever is in the middle of an append notices

    def forget(self) -> None:
        """Free the memory."""
        self.remove()


def _anonymous(size: int) -> mmap.mmap:
    if hasattr(mmap, "MAP_PRIVATE"):  # A forked child has a copy of its own.
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return mmap.mmap(-1, size)


class MemoryHome:
    """Makes segments in memory; the counterpart of `JournalFolder`."""

    path = None

    def __init__(self, process_id: bytes | None = None) -> None:
        self.process_id = process_id or os.urandom(16)

    def new_segment(self, header: SegmentHeader) -> MemorySegment:
        """Return a fresh segment."""
        return MemorySegment(header)

    def write_mark(self, number: int, offset: int) -> None:
        """Do nothing: nobody reads on after this process."""

    def read_mark(self) -> tuple[int, int] | None:
        """Return None: nobody else reads it."""
        return None

    def write_open(self, number: int) -> None:
        """Do nothing: nobody else reads it."""

    def reserve_gaps(self, size: int) -> None:
        """Do nothing, as above."""

    def keep_gaps(self, gaps: GapBook) -> None:
        """Do nothing, as above."""

    def remove(self) -> None:
        """Do nothing: there is no folder."""

    def forget(self) -> None:
        """Do nothing: there is no lock."""


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
