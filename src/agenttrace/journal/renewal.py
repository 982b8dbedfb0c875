"""Getting old records off the disk: every process that has a journal here is asked to begin a new segment.

What is drained is deleted segment by segment, so the segment to which a process appends holds records long after they
are in the store. Whoever erases data asks through a file in the journals' root; writers look at it once a second.
No threads; whoever waits asks again.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from agenttrace.journal.frames import FRAME_SIZE, HEADER_SIZE
from agenttrace.journal.segment import SAFE
from agenttrace.journal.sheet import read_sheet

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ask", "left", "segments", "shown", "stamp"]

_NAME = "renew"


def ask(root: Path) -> None:
    """Ask the processes whose journals are under `root` to begin new segments. Raises OSError where that fails."""
    if not root.is_dir():
        return
    fresh = root / f".{_NAME}.{os.urandom(8).hex()}"
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE, 0o600))
    try:
        fresh.replace(root / _NAME)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def stamp(root: Path | None) -> object:
    """Return a value that differs from an earlier one once somebody has asked."""
    if root is None:
        return None
    try:
        found = os.stat(root / _NAME)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def shown(stamp: object) -> str | None:
    """Return a stamp as text, to be written down; None stays None."""
    return None if stamp is None else repr(stamp)


def segments(root: Path | None) -> set[Path]:
    """Return the segments with records of all journals under `root`, of living processes and dead ones."""
    found: set[Path] = set()
    if root is None:
        return found
    with contextlib.suppress(OSError):
        for folder in [entry.path for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False)]:
            with contextlib.suppress(OSError):
                paths = [Path(entry.path) for entry in os.scandir(folder) if entry.name.endswith(".seg")]
                found.update(path for path in paths if _has_records(path))
    return found


def _has_records(segment: Path) -> bool:
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


def left(known: Iterable[Path]) -> set[Path]:
    """Return the folders of those segments that still hold what they held. Numbers are never used again.

    A drainer cannot have another process begin a new segment: it overwrites what is stored, and writes that down.
    """
    return {path.parent for path in known if path.exists() and not _is_wiped(path.parent)}


def _is_wiped(folder: Path) -> bool:
    asked = shown(stamp(folder.parent))
    return asked is not None and read_sheet(folder / "status").get("renewed") == asked
