"""A living journal, read from outside while its process appends to it. No store, no threads.

The process writes down to which segment it appends once the one before is sealed; so the end of what is written in a
segment is its end for good where that number is greater. In the segment that is appended to, a frame that is not whole
yet is no damage: reading waits there.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING
from zlib import crc32

from agenttrace.journal.folder import Mark
from agenttrace.journal.frames import (
    BOUND,
    BOUND_AT,
    FRAME,
    FRAME_SIZE,
    HEADER_SIZE,
    MAGIC,
    SKIP,
    Chunk,
    SegmentHeader,
    next_frame,
    read_batch,
)
from agenttrace.journal.recovery import number_of, process_id_of
from agenttrace.journal.segment import SAFE, segment_name

if TYPE_CHECKING:
    from pathlib import Path

    from agenttrace.journal.settings import JournalSettings

__all__ = ["LivingJournal"]

_ZEROS = bytes(1 << 18)


class LivingJournal:
    """Reads what a living process has appended, keeps how far that is in the store, and deletes segments behind it."""

    def __init__(self, path: Path, settings: JournalSettings) -> None:
        """Open it. Raises OSError where the folder is gone or may not be entered."""
        self.path = path
        self.process_id = process_id_of(path, [])
        self._settings = settings
        self._mark = Mark(path)
        self._number, self._offset = self._mark.read() or (0, HEADER_SIZE)
        self._fd = -1
        self._synced = 0

    def read(self) -> Chunk | None:
        """Return the records that come next, or None where there are none yet. The same ones come until `commit`.

        Raises OSError where they cannot be read.
        """
        while True:
            complete = self._mark.open_segment() > self._number
            chunk = self._read(complete=complete) if self._open() else Chunk(self._offset)
            if chunk.records or chunk.damaged:
                return chunk
            if not complete or not self._next_segment():
                return None

    def _open(self) -> bool:
        if self._fd < 0 and self._number:
            with suppress(FileNotFoundError):  # there may be another one, or the folder is gone
                self._fd = os.open(self._segment(self._number), os.O_RDWR | SAFE)
        return self._fd >= 0

    def look(self) -> None:
        """Raise FileNotFoundError where the process, or who has adopted it, has removed the journal."""
        os.stat(self.path / "lock")

    def _segment(self, number: int) -> Path:
        return self.path / segment_name(number)

    def _read(self, *, complete: bool) -> Chunk:
        size = os.fstat(self._fd).st_size
        chunk = self._frames(size, living=True)
        if chunk.records:
            return chunk
        if complete:
            return self._frames(size, living=False)
        return self._past_damage(size)

    def _frames(self, size: int, *, living: bool) -> Chunk:
        return read_batch(self._settings, self._pread, self._offset, size, self._salt, living=living)

    def _past_damage(self, size: int) -> Chunk:
        """Return the records behind a damaged place; none where the place may be one that is being written to.

        Frames are written one after the other, so a whole one behind a place says that the place was written before.
        """
        head = self._pread(self._offset, FRAME_SIZE)
        if not any(head) or (following := next_frame(self._pread, self._offset + 8, size, self._salt)) is None:
            return Chunk(self._offset)
        again = self._frames(size, living=True)
        return again if again.records else Chunk(following, damaged=1)

    def _pread(self, offset: int, length: int) -> bytes:
        return os.pread(self._fd, length, offset)

    @property
    def _salt(self) -> int:
        return SegmentHeader(self._number, self.process_id, 0, 0).salt

    def commit(self, offset: int) -> None:
        """Keep that everything up to this offset is in the store: for the process, and for who reads on after us."""
        self._offset = offset
        self._mark.write(self._number, offset)

    def _next_segment(self) -> bool:
        """Go on to the segment that follows one that is complete, delete that, and return whether there is one."""
        following = min((number for number in self._numbers() if number > self._number), default=None)
        if following is None:
            return False
        self._close_segment()
        done, self._number = self._number, following
        self.commit(HEADER_SIZE)
        if done:
            self._segment(done).unlink(missing_ok=True)
        return True

    def _numbers(self) -> list[int]:
        names = os.listdir(self.path)
        return [number_of(self.path / name) for name in names if name.endswith(".seg")]

    def claim(self) -> tuple[int, int] | None:
        """Have the process name nothing any more of what was committed of the open segment, and return where that ends.

        What it has appended before it learns of this may name it still, and is read before `wipe`.
        """
        if not self._open():
            return None
        os.pwrite(self._fd, BOUND.pack(self._offset), BOUND_AT)
        return self._number, self._offset

    def wipe(self, claimed: tuple[int, int] | None) -> bool:
        """Overwrite what was claimed with one empty frame: the process may keep the segment for long.

        Return whether it is not another one by now, of which nothing was claimed.
        """
        if not self._open():
            return claimed is None
        number, end = claimed or (0, 0)
        if number != self._number:
            return False
        if end > HEADER_SIZE:
            self._blank(HEADER_SIZE, end - HEADER_SIZE)
        return True

    def _blank(self, start: int, length: int) -> None:
        size = length - FRAME_SIZE
        checksum = self._salt ^ SKIP
        for at in range(0, size, len(_ZEROS)):
            piece = _ZEROS[: size - at]
            checksum = crc32(piece, checksum)
            os.pwrite(self._fd, piece, start + FRAME_SIZE + at)
        os.pwrite(self._fd, FRAME.pack(size, checksum, SKIP, MAGIC), start)
        os.fsync(self._fd)

    def sync(self) -> None:
        """Make what the process has appended so far safe from the loss of power."""
        for number in sorted(number for number in self._numbers() if number >= self._synced):
            fd = os.open(self._segment(number), os.O_RDONLY | SAFE)
            try:
                getattr(os, "fdatasync", os.fsync)(fd)
            finally:
                os.close(fd)
            self._synced = number

    def _close_segment(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def close(self) -> None:
        """Let go of it; the rest is for who reads on."""
        self._close_segment()
        self._mark.close()
