"""The folders of journals as others find them: which there are, whether their processes live, who made them.

For whoever adopts, drains or examines journals; what a process needs for its own is `folder.py`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

import orjson

from agenttrace.journal.folder import OPEN_LOCK, mark_of, place_of_mark
from agenttrace.journal.segment import SAFE

try:
    import fcntl
except ImportError:
    fcntl = None

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["is_alive", "journals_in", "read_mark", "read_owner", "write_mark"]


def journals_in(root: str | PathLike[str]) -> list[str]:
    """Return the paths of the journals under `root`, of living processes and dead ones. Raises OSError without one."""
    with os.scandir(root) as entries:
        return [entry.path for entry in entries if not entry.name.startswith(".") and _is_folder(entry)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:  # it went meanwhile
        return False


def is_alive(path: str | PathLike[str]) -> bool | None:
    """Return whether somebody holds the lock of a journal folder; None where that cannot be told.

    Raises OSError as `try_lock` does.
    """
    fd = os.open(os.path.join(path, "lock"), os.O_RDONLY | SAFE)
    try:
        if fcntl is None:
            return None
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)


def read_mark(path: str | PathLike[str]) -> tuple[int, int] | None:
    """Return the segment number and offset of a folder's read mark, or None where it is missing or damaged."""
    try:
        return place_of_mark(_read(os.path.join(path, "mark")))
    except OSError:
        return None


def write_mark(path: str | PathLike[str], number: int, offset: int) -> None:
    """Write the read mark of a folder that was adopted."""
    fd = os.open(os.path.join(path, "mark"), OPEN_LOCK | os.O_CREAT, 0o600)
    try:
        os.pwrite(fd, mark_of(number, offset), 0)
    finally:
        os.close(fd)


def read_owner(path: str | PathLike[str]) -> dict[str, Any]:
    """Return what `owner.json` of a folder says; nothing where it cannot be read."""
    try:
        found: Any = orjson.loads(_read(os.path.join(path, "owner.json")))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
