"""The files of a SQLite store: how they are made, and which of them belong together. No SQL.

SQLite finds the write-ahead log of a file, and its index, by their names alone, beside the file that a link leads to.
Where the file itself was removed or replaced under a program that has it open, those of the old one are still there,
and would be read with the new one.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Companions", "Identity", "access_to", "companions_of", "create_file", "identity", "leave_behind"]

#: Device and number of a file.
Identity = tuple[int, int]

#: By suffix what stands beside a file.
Companions = dict[str, Identity]

_SUFFIXES = ("-wal", "-shm")


def identity(path: str) -> Identity | None:
    """Return which file there is at a path, None where there is none. Raises OSError where that cannot be told."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def companions_of(path: str) -> Companions:
    """Return what SQLite keeps beside a file."""
    found = {suffix: identity(path + suffix) for suffix in _SUFFIXES}
    return {suffix: one for suffix, one in found.items() if one is not None}


def access_to(path: str) -> str:
    """Return how a file may be opened, as SQLite has it in URIs: `rw`, `ro`, or `ro&immutable=1`."""
    if os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        return "rw"
    # Who has the file open keeps both beside it. Without them SQLite would have to make them, which it may not.
    if len(companions_of(path)) == len(_SUFFIXES) or _size(path + "-wal"):
        return "ro"
    return "ro&immutable=1"


def create_file(path: str) -> None:
    """Make a file, and its folder, where they are missing, for this user alone."""
    # Only a file that is new may be opened and closed here: closing a second descriptor of a file gives up the locks
    # that SQLite holds on it in this process. SQLite gives -wal and -shm the mode of the file.
    if os.path.exists(path):
        return
    _create_folder(os.path.dirname(path))
    with _alone(path):
        if os.path.exists(path):
            return
        for suffix in _SUFFIXES:
            _remove(path + suffix)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def leave_behind(path: str, companions: Companions) -> None:
    """Remove what stands beside a file that is gone, before another one comes to its name.

    The caller keeps the companions open meanwhile: so no others can have their numbers.
    """
    with suppress(OSError), _alone(path):
        for suffix, known in companions.items():
            if identity(path + suffix) == known:
                _remove(path + suffix)


def _create_folder(path: str) -> None:
    """Make a folder, and those above it that are missing, for this user alone."""
    if not os.path.isdir(path):
        _create_folder(os.path.dirname(path))
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


@contextmanager
def _alone(path: str) -> Generator[None]:
    """Have other processes wait that make or leave files in this folder, as far as it can be locked."""
    folder = None
    try:
        import fcntl

        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_EX)
    except (ImportError, OSError):  # not on this platform, or not on this file system
        pass
    try:
        yield
    finally:
        if folder is not None:
            os.close(folder)
