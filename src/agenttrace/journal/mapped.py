"""What all segments have in common: a map that is written to without a lock, and how that is brought to an end.

`mmap.write`, or the same in C (`_tail.h`), copies a frame to the map's position and moves that, in one call with
the GIL. So a whole frame that is written by one call is there wholly or not at all, for every thread, signal handler
and finalizer, and `mmap.tell` is always a place between two frames. (A kill in the middle of the copy can tear the last
frame; its checksum tells.)
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from agenttrace.journal.frames import HEADER_SIZE, frame_at

if TYPE_CHECKING:
    import mmap

    from agenttrace.journal.frames import SegmentHeader

__all__ = ["MappedSegment"]


class MappedSegment:
    """A fresh map with a segment's header; `end` is None while records may be written to it."""

    __slots__ = ("buffer", "end", "number", "salt", "size")

    buffer: mmap.mmap | None
    end: int | None
    number: int
    salt: int
    size: int

    def __init__(self, header: SegmentHeader, buffer: mmap.mmap) -> None:
        buffer.write(header.pack())
        self.buffer = buffer
        self.number = header.number
        self.size = header.size
        self.salt = header.salt
        self.end = None

    def published(self) -> int:
        """Return where the last whole frame ends. Hold the tail's lock, so that nobody seals meanwhile."""
        buffer = self.buffer
        if self.end is None and buffer is not None:
            with suppress(ValueError):  # closed: a forked child meets its parent's segment
                return buffer.tell()
        return HEADER_SIZE if self.end is None else self.end

    def let_go(self) -> mmap.mmap | None:
        """Give the map away; whoever gets it may close it."""
        buffer, self.buffer = self.buffer, None
        return buffer

    def seal(self) -> None:
        """End the segment: nothing is written to it any more, not even by a thread that took its `write` before.

        Why no frame is lost: positions only grow, and from the seek on there is no room, so every later `write` raises
        ValueError and its caller goes on to the next segment. A frame that another thread writes between `tell` and
        `seek` begins where `tell` said, or right behind another such frame. It is complete by the time of the seek,
        and what follows the last one was never written to: zeros, where no frame begins. So walking from the one
        place to the other finds the end. If an interrupt comes before the end is kept, the next attempt takes the
        whole segment for used; a reader passes over zeros.
        """
        buffer = self.buffer
        if self.end is not None or buffer is None:
            return
        end = buffer.tell()
        buffer.seek(0, os.SEEK_END)
        while (length := frame_at(buffer, end)) is not None:
            end += length
        self.end = end
