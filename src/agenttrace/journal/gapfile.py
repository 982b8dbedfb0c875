"""The file of gaps as who adopts a journal reads it: what was known of dropped records has outlived the process.

Gaps wait in memory for room in the journal. Where the process ends before there is any (the store is down, the disk is
full), whoever adopts the journal finds them here. The file is written over each time: the gaps in it are versions of
the same runs, so an old one that is delivered late, or twice, changes nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agenttrace.journal.folder import GAPS, gap_salt
from agenttrace.journal.frames import Chunk, read_frames
from agenttrace.journal.segment import SAFE

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["read_gaps"]


def read_gaps(folder: str | PathLike[str], process_id: bytes) -> Chunk:
    """Return the gaps that a process had not written when it died, as RUN records. Raises OSError but for no file."""
    try:
        fd = os.open(os.path.join(folder, GAPS), os.O_RDONLY | SAFE)
    except FileNotFoundError:
        return Chunk(0)
    try:
        size = os.fstat(fd).st_size
        return read_frames(
            lambda offset, length: os.pread(fd, length, offset),
            0,
            size,
            gap_salt(process_id),
            max_records=size,
            max_bytes=size + 1,
        )
    finally:
        os.close(fd)
