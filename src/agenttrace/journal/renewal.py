"""Getting old records off the disk: every process that has a journal here is asked to begin a new segment.

What is drained is deleted segment by segment, so the segment to which a process appends holds records long after they
are in the store. Whoever erases data asks through a file in the journals' root; writers look at it once a second.
No threads; whoever waits asks again.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from agenttrace.journal.frames import FRAME_SIZE, HEADER_SIZE
from agenttrace.journal.segment import SAFE, unlink
from agenttrace.journal.sheet import read_sheet

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

__all__ = ["ask", "left", "segments", "shown", "stamp"]

_NAME = "renew"


def ask(root: str | PathLike[str]) -> None:
    """Ask the processes whose journals are under `root` to begin new segments. Raises OSError where that fails."""
    if not os.path.isdir(root):
        return
    fresh = os.path.join(root, f".{_NAME}.{os.urandom(8).hex()}")
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE, 0o600))
    try:
        os.replace(fresh, os.path.join(root, _NAME))
    except BaseException:
        unlink(fresh)
        raise


def stamp(root: str | PathLike[str] | None) -> object:
    """Return a value that differs from an earlier one once somebody has asked."""
    if root is None:
        return None
    try:
        found = os.stat(os.path.join(root, _NAME))
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def shown(stamp: object) -> str | None:
    """Return a stamp as text, to be written down; None stays None."""
    return None if stamp is None else repr(stamp)


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
    asked = shown(stamp(os.path.dirname(folder)))
    return asked is not None and read_sheet(os.path.join(folder, "status")).get("renewed") == asked
