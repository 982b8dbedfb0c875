"""One process of several does a thing, every so often: whoever holds the lock of a file that says when it was done."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from agenttrace.journal.segment import SAFE

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SharedTurn"]


class SharedTurn:
    """The right to do something once in `interval` microseconds, among the processes that share a folder.

    Without a folder each process has a turn of its own. Not for several threads at once.
    """

    def __init__(self, folder: Path | None, name: str, interval: int) -> None:
        self._path = None if folder is None else folder / name
        self._interval = interval
        self._last: int | None = None
        self._fd = -1

    def take(self, now: int) -> bool:
        """Return whether it is this process's turn; then `give` has to be called in the end."""
        if self._path is None or not self._path.parent.is_dir():
            return self._is_due(self._last, now)
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | SAFE, 0o600)
            if _lock(self._fd) and self._is_due(self._read(), now):
                return True
        except OSError:
            pass
        self._close()
        return False

    def give(self, now: int | None) -> None:
        """End the turn; `now` is when the thing was done, None where it was not."""
        if now is not None:
            self._last = now
            if self._fd >= 0:
                with contextlib.suppress(OSError):
                    os.pwrite(self._fd, now.to_bytes(8, "big"), 0)
        self._close()

    def _is_due(self, last: int | None, now: int) -> bool:
        # A clock that was set back does not hold it up for long.
        return last is None or not last <= now < last + self._interval

    def _read(self) -> int | None:
        data = os.pread(self._fd, 8, 0)
        return int.from_bytes(data, "big") if len(data) == 8 else None

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _lock(fd: int) -> bool:
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
