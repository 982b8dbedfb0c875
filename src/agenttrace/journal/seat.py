"""The seat of the drainer: at most one process drains the journals of a root, and others can tell, and wake it.

    <root>/drain.lock   flock, held by the drainer
          /drain.wake   a named pipe that the drainer reads: where somebody reads it, there is a drainer
          /drain.start  flock, held by a drainer that is being started, until it has its seat
          /drain.state  what the drainer says of itself (`sheet.py`)

Whether there is a drainer is asked of the pipe, never of a pid; asking takes no lock that a starting one would meet.
"""

from __future__ import annotations

import os
import select
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from agenttrace.journal.folder import make_private
from agenttrace.journal.segment import SAFE
from agenttrace.journal.sheet import Sheet, read_sheet

if TYPE_CHECKING:
    from os import PathLike

    StrPath = str | PathLike[str]

__all__ = ["Seat", "announce", "is_starting", "is_taken", "said", "wake"]

_LOCK, _WAKE, _START, _STATE = "drain.lock", "drain.wake", "drain.start", "drain.state"
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_PIECE = 4096
_LONGEST = 86_400.0  # seconds of one wait
_LOOK = 0.02  # seconds between two attempts to get the lock


def is_taken(root: StrPath) -> bool:
    """Return whether a drainer is at work under `root`."""
    fd = _door(root)
    if fd >= 0:
        os.close(fd)
    return fd >= 0


def wake(root: StrPath) -> bool:
    """Have the drainer look at the journals now, and return whether there is one."""
    fd = _door(root)
    if fd < 0:
        return False
    try:
        # Opened to be read as well, the pipe has a reader whatever the drainer does: no SIGPIPE.
        also = os.open(os.path.join(root, _WAKE), os.O_RDONLY | _NO_WAIT | SAFE)
        try:
            with suppress(BlockingIOError):  # full: it is awake
                os.write(fd, b"w")
        finally:
            os.close(also)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def announce(root: StrPath) -> int | None:
    """Return the lock of whoever starts a drainer, to be handed to it; None where one is being started. Raises OSError.

    It is above 3, so that it can be made a process's descriptor 3.
    """
    lock = _take_lock(os.path.join(root, _START))
    if lock is None or lock > 3:
        return lock
    higher = _higher(lock)
    os.close(lock)
    return higher


def is_starting(root: StrPath) -> bool:
    """Return whether a drainer is being started: where it is not, and none is there, it has ended before it began."""
    try:
        lock = _take_lock(os.path.join(root, _START))
    except OSError:
        return False
    if lock is not None:
        os.close(lock)
    return lock is None


def _higher(lock: int) -> int:
    import fcntl

    return fcntl.fcntl(lock, fcntl.F_DUPFD_CLOEXEC, 4)


def said(root: StrPath) -> dict[str, Any]:
    """Return what the drainer under `root`, or the last one there was, said of itself."""
    return read_sheet(os.path.join(root, _STATE))


def _door(root: StrPath) -> int:
    """Return a descriptor to write to the pipe, or -1 where nobody reads it."""
    try:
        fd = os.open(os.path.join(root, _WAKE), os.O_WRONLY | _NO_WAIT | SAFE)
    except OSError:
        return -1
    if stat.S_ISFIFO(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    return -1


class Seat:
    """The drainer's place under a root, from `take` to `leave`. For one thread."""

    def __init__(self, root: StrPath, lock: int) -> None:
        self.root = root
        self._lock = lock
        self._pipe = -1
        self._state = Sheet(os.path.join(root, _STATE))

    @classmethod
    def take(cls, root: StrPath, *, patience: float) -> Seat | None:
        """Return the seat, or None where somebody has it. Raises OSError where the folder cannot be used.

        Whoever has the lock and does not read the pipe is just coming or going: that is waited for.
        """
        make_private(root)
        deadline = time.monotonic() + patience
        while (lock := _take_lock(os.path.join(root, _LOCK))) is None:
            if is_taken(root) or time.monotonic() >= deadline:
                return None
            time.sleep(_LOOK)
        try:
            return cls(root, lock)
        except BaseException:
            os.close(lock)
            raise

    def open(self) -> None:
        """Let others see that somebody drains, and be woken by them. Raises OSError."""
        path = os.path.join(self.root, _WAKE)
        self.shut()
        with suppress(FileNotFoundError):
            if not stat.S_ISFIFO(os.lstat(path).st_mode):
                os.unlink(path)
        with suppress(FileExistsError):
            os.mkfifo(path, 0o600)
            os.chmod(path, 0o600)
        # To be read and written: it never ends, though the last who wrote has closed it.
        self._pipe = os.open(path, os.O_RDWR | _NO_WAIT | SAFE)

    def shut(self) -> None:
        """Let others see that nobody drains any more."""
        pipe, self._pipe = self._pipe, -1
        if pipe >= 0:
            os.close(pipe)

    def wait(self, seconds: float) -> bool:
        """Wait so long, shorter if woken, and return whether somebody woke us."""
        look = select.poll()
        look.register(self._pipe, select.POLLIN)
        if not look.poll(min(max(seconds, 0.0), _LONGEST) * 1000):
            return False
        with suppress(BlockingIOError):
            while len(os.read(self._pipe, _PIECE)) == _PIECE:
                pass
        return True

    def poke(self) -> None:
        """End a wait. May be called from a signal handler."""
        with suppress(OSError):
            os.write(self._pipe, b"s")

    def is_ours(self) -> bool:
        """Return whether lock and pipe are still those that others find; the pipe is made anew where it is not."""
        if not _is_same(self._lock, os.path.join(self.root, _LOCK)):
            return False
        if not _is_same(self._pipe, os.path.join(self.root, _WAKE)):
            self.open()
        return True

    def say(self, **values: Any) -> None:
        """Say something of the drainer to those who look."""
        self._state.write(values)

    def leave(self) -> None:
        """Give the seat up."""
        self.shut()
        self._state.close()
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)


def _take_lock(path: StrPath) -> int | None:
    import fcntl

    fd = os.open(path, os.O_RDWR | os.O_CREAT | SAFE, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_same(fd, path):
            return fd
    except BlockingIOError:
        pass
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return None


def _is_same(fd: int, path: StrPath) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path, follow_symlinks=False))
    except OSError:
        return False
