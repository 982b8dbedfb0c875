"""What still stands in journals of what was stored before somebody erased data: see `renewal`. No threads."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from agenttrace.journal import renewal
from agenttrace.journal.folder import renewal_stamp
from agenttrace.journal.frames import FRAME_SIZE, HEADER_SIZE
from agenttrace.journal.segment import SAFE
from agenttrace.journal.sheet import read_sheet

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

__all__ = ["left", "segments"]


def segments(root: str | PathLike[str] | None) -> set[str]:
    """Return the segments with records of all journals under `root`, of living processes and dead ones."""
    found: set[str] = set()
    if root is None:
        return found
    with contextlib.suppress(OSError):
        for folder in [entry.path for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False)]:
            with contextlib.suppress(OSError):
                paths = [entry.path for entry in os.scandir(folder) if entry.name.endswith(".seg")]
                found.update(path for path in paths if _has_records(path))
    return found


def _has_records(segment: str) -> bool:
    """Return whether something was written behind a segment's header; True where that cannot be seen."""
    try:
        fd = os.open(segment, os.O_RDONLY | SAFE)
        try:
            return any(os.pread(fd, FRAME_SIZE, HEADER_SIZE))
        finally:
            os.close(fd)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def left(known: Iterable[str]) -> set[str]:
    """Return the folders of those segments that still hold what they held. Numbers are never used again.

    A drainer cannot have another process begin a new segment: it overwrites what is stored, and writes that down.
    """
    folders = {os.path.dirname(path) for path in known if os.path.exists(path)}
    return {folder for folder in folders if not _is_wiped(folder)}


def _is_wiped(folder: str) -> bool:
    asked = renewal.shown(renewal_stamp(os.path.dirname(folder)))
    return asked is not None and read_sheet(os.path.join(folder, "status")).get("renewed") == asked
