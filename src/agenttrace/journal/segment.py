"""Segments: pieces of the journal that are reserved before use. A file segment is memory-mapped, and read by file.

Where files cannot hold the journal, or on request, its segments are in memory: no mmap, no real locks, a read-only
folder. They have the same bounds and degradation then, but do not survive a crash.

Reserving comes before mapping: a full disk is an OSError at creation, never a SIGBUS at a store through the map.
Segments are never reused; a drained one is unlinked.

All maps are written to without a lock. `mmap.write`, or the same in C (`_tail.h`), copies a frame to the map's position
and moves that, in one call with the GIL. So a whole frame that is written by one call is there wholly or not at all,
for every thread, signal handler and finalizer, and `mmap.tell` is always a place between two frames. (A kill in the
middle of the copy can tear the last frame; its checksum tells.)
"""

from __future__ import annotations

import errno
import mmap
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from agenttrace.journal.frames import HEADER_SIZE, frame_at

if TYPE_CHECKING:
    from os import PathLike

    from agenttrace.journal.degrade import GapBook
    from agenttrace.journal.frames import SegmentHeader
    from agenttrace.journal.shapes import Home

__all__ = [
    "SAFE",
    "FileSegment",
    "MappedSegment",
    "MemoryHome",
    "MemorySegment",
    "Stranded",
    "reserve",
    "segment_name",
    "unlink",
]

#: Flags of every file that is opened here: it does not pass to other programs, and a link is not followed.
SAFE = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)

#: Bytes that may be written before the writer's thread has made pages present.
_FIRST = 128 << 10
_ZEROS = bytes(1 << 20)
_NOT_SUPPORTED = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTSUP}


def segment_name(number: int) -> str:
    """Return the file name of a segment; names sort by number."""
    return f"{number:08d}.seg"


def reserve(fd: int, size: int) -> None:
    """Give an empty file `size` bytes that exist on the disk. Raises OSError where there is no room."""
    allocate = getattr(os, "posix_fallocate", None)
    if allocate is not None:
        try:
            allocate(fd, 0, size)
        except OSError as error:
            if error.errno not in _NOT_SUPPORTED:
                raise
        else:
            return
    written = 0
    while written < size:
        written += os.pwrite(fd, _ZEROS[: size - written], written)


def _touch_singly(buffer: mmap.mmap) -> None:
    """Have the first pages come one by one: else the first write brings megabytes, in milliseconds (readahead)."""
    advise, advice = getattr(buffer, "madvise", None), getattr(mmap, "MADV_RANDOM", None)
    if advise is not None and advice is not None:
        with suppress(OSError):  # it is only advice
            advise(advice, 0, min(_FIRST, len(buffer)))


def unlink(path: str) -> None:
    """Delete a file, if it is still there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def _create(path: str, size: int) -> tuple[int, mmap.mmap]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | SAFE, 0o600)
    try:
        os.fchmod(fd, 0o600)
        reserve(fd, size)
        buffer = mmap.mmap(fd, size)
        _touch_singly(buffer)
        return fd, buffer
    except BaseException:
        os.close(fd)
        unlink(path)
        raise


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


class FileSegment(MappedSegment):
    """One reserved file of a journal, mapped while records are appended to it."""

    __slots__ = ("_fd", "_path")

    def __init__(self, folder: str | PathLike[str], header: SegmentHeader) -> None:
        """Create the file, rights 0600. Raises OSError where the disk has no room or the folder is gone."""
        self._path = os.path.join(folder, segment_name(header.number))
        self._fd, buffer = _create(self._path, header.size)
        super().__init__(header, buffer)

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only where the segment ends."""
        if self._fd < 0:
            self._fd = os.open(self._path, os.O_RDWR | SAFE)
        return os.pread(self._fd, length, offset)

    def fill(self) -> None:
        """Write zeros, in large pieces: what is in memory then costs who appends hardly a page fault.

        Other threads run meanwhile. Where it fails the file goes, and the OSError is raised.
        """
        try:
            for at in range(mmap.PAGESIZE, self.size, len(_ZEROS)):  # the header stays
                os.pwrite(self._fd, _ZEROS[: self.size - at], at)
        except OSError:
            self.remove()
            raise

    def trim(self) -> int:
        """Give back what lies behind `end`, and return how many bytes that were."""
        spare = self.size - (self.end or self.size)
        if spare <= 0 or self._fd < 0:
            return 0
        self.unmap()
        os.ftruncate(self._fd, self.size - spare)
        self.size -= spare
        return spare

    def unmap(self) -> None:
        """Let go of the map of a segment to which nothing is appended any more."""
        buffer = self.let_go()
        if buffer is not None:
            buffer.close()

    def rest(self) -> None:
        """Close the file too; reading opens it again."""
        self.unmap()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def can_rest(self) -> bool:
        """Return whether the file could be opened again: nobody has deleted it."""
        return self._fd < 0 or os.fstat(self._fd).st_nlink > 0

    def sync(self) -> None:
        """Return when what was written is safe from the loss of power. Other threads run meanwhile."""
        # msync through mmap.flush would hold the GIL for as long as the disk takes.
        if self._fd >= 0:
            getattr(os, "fdatasync", os.fsync)(self._fd)

    def remove(self) -> None:
        """Close and unlink the file."""
        self.rest()
        unlink(self._path)

    def forget(self) -> None:
        """Close a forked child's copies of the map and the file."""
        self.rest()


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
