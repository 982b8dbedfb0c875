"""The file of gaps: a small one, reserved ahead, so that what is known of dropped records outlives the process.

Gaps wait in memory for room in the journal. Where the process ends before there is any (the store is down, the disk is
full), whoever adopts the journal finds them here. The file is written over each time: the gaps in it are versions of
the same runs, so an old one that is delivered late, or twice, changes nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agenttrace.journal.frames import Chunk, SegmentHeader, encode, frame_length, read_frames
from agenttrace.journal.segment import SAFE, reserve, unlink
from agenttrace.model.wire import RUN

if TYPE_CHECKING:
    from os import PathLike

    from agenttrace.journal.gaps import GapBook

__all__ = ["GapFile", "read_gaps"]

_NAME = "gaps"


def _salt(process_id: bytes) -> int:
    return SegmentHeader(0, process_id, 0, 0).salt


class GapFile:
    """The file of a living process's gaps, in its journal folder, rights 0600."""

    def __init__(self, folder: str, process_id: bytes, size: int) -> None:
        """Make and reserve it. Raises OSError where the disk has no room or the folder is gone."""
        self._salt = _salt(process_id)
        self._size = size
        self._written = 0
        path = os.path.join(folder, _NAME)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | SAFE, 0o600)
        try:
            os.fchmod(self._fd, 0o600)
            reserve(self._fd, size)
        except BaseException:
            self.close()
            unlink(path)
            raise

    def write(self, gaps: GapBook) -> None:
        """Write these gaps in the place of those before. Raises OSError."""
        text = b"".join(encode(RUN, payload, self._salt) for payload in gaps.payloads(self._size, frame_length))
        os.pwrite(self._fd, text.ljust(self._written, b"\0"), 0)
        self._written = len(text)

    def close(self) -> None:
        """Close it."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def read_gaps(folder: str | PathLike[str], process_id: bytes) -> Chunk:
    """Return the gaps that a process had not written when it died, as RUN records. Raises OSError but for no file."""
    try:
        fd = os.open(os.path.join(folder, _NAME), os.O_RDONLY | SAFE)
    except FileNotFoundError:
        return Chunk(0)
    try:
        size = os.fstat(fd).st_size
        return read_frames(
            lambda offset, length: os.pread(fd, length, offset),
            0,
            size,
            _salt(process_id),
            max_records=size,
            max_bytes=size + 1,
        )
    finally:
        os.close(fd)
