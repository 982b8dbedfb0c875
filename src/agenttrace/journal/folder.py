"""The folder of one process's journal: its lock, its owner, its read mark. No segments' contents, no threads.

    <root>/<process id>/lock          flock, held as long as the process lives
                       /owner.json    who made it, for people and for adoption
                       /mark          how far the writer has come
                       /gaps          what is known of records that found no room
                       /00000001.seg  segments

A folder is made under a dotted name, locked, and then renamed, so nobody meets a journal half made. Whether its process
lives is known by the lock alone, never by a pid.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
from typing import TYPE_CHECKING

from agenttrace.journal.frames import SegmentHeader, crc32, encode, frame_length
from agenttrace.journal.segment import SAFE, FileSegment, reserve, unlink
from agenttrace.model.wire import RUN

try:
    # Not when it is needed, which is in the traced thread: an interrupt within an import leaves the import lock held.
    import fcntl
except ImportError:
    fcntl = None

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    from agenttrace.journal.degrade import GapBook

__all__ = [
    "GAPS",
    "OPEN_LOCK",
    "RENEWAL",
    "GapFile",
    "JournalFolder",
    "LockError",
    "Mark",
    "boot_id",
    "gap_salt",
    "make_private",
    "mark_of",
    "place_of_mark",
    "remove_folder",
    "renewal_stamp",
    "try_lock",
]

#: The file of gaps in a folder.
GAPS = "gaps"

#: The file in the journals' root by which somebody asks for new segments, see `renewal.py`.
RENEWAL = "renew"

_MARK = struct.Struct("<QQI")
_OPEN_AT = 32  # behind the mark: the number of the segment to which records are appended
#: How lock and mark are opened.
OPEN_LOCK = os.O_RDWR | SAFE

_forks = 0


def _count_fork() -> None:
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_count_fork, after_in_parent=_count_fork)


def boot_id() -> str:
    """Return which boot of this host this is, or nothing where the system does not say."""
    try:
        fd = os.open("/proc/sys/kernel/random/boot_id", os.O_RDONLY)  # at the end of the interpreter `open` is gone
    except OSError:
        return ""
    try:
        return os.read(fd, 64).decode("ascii", "replace").strip()
    except OSError:
        return ""
    finally:
        os.close(fd)


class LockError(OSError):
    """There are no locks here, or one is granted twice: a journal could not tell the living from the dead."""


def make_private(path: str | PathLike[str]) -> None:
    """Make a folder, with its parents, that only this user can enter, whatever the umask; an existing one stays."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    if above:
        make_private(above)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
        os.chmod(path, 0o700)


def renewal_stamp(root: str | PathLike[str] | None) -> object:
    """Return a value that differs from an earlier one once somebody has asked for a renewal (`renewal.ask`)."""
    if root is None:
        return None
    try:
        found = os.stat(os.path.join(root, RENEWAL))
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def try_lock(path: str | PathLike[str]) -> int | None:
    """Return a descriptor that holds the lock of a journal folder, or None while somebody else does.

    Raises OSError where there is no lock file or it may not be opened.
    """
    lock = os.path.join(path, "lock")
    fd = os.open(lock, OPEN_LOCK)
    try:
        _flock(fd)
        if os.fstat(fd).st_nlink == 0:  # The one who adopted it has just removed it.
            raise FileNotFoundError(lock)
    except BlockingIOError:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    return fd


def _flock(fd: int) -> None:
    if fcntl is None:
        raise LockError("no flock on this platform")
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def place_of_mark(data: bytes) -> tuple[int, int] | None:
    """Return the segment number and offset that a read mark says, or None where it is damaged."""
    if len(data) < _MARK.size:
        return None
    number, offset, checksum = _MARK.unpack_from(data)
    return (number, offset) if checksum == crc32(data[: _MARK.size - 4]) else None


class Mark:
    """The mark of a journal that another process appends to, open to be read and written."""

    def __init__(self, path: str | PathLike[str]) -> None:
        """Open it. Raises OSError where the folder is gone."""
        self._fd = os.open(os.path.join(path, "mark"), OPEN_LOCK)

    def read(self) -> tuple[int, int] | None:
        """Return the segment number and offset before which everything is stored, or None where nothing is yet."""
        return place_of_mark(os.pread(self._fd, _MARK.size, 0))

    def write(self, number: int, offset: int) -> None:
        """Write down that everything before this place is in the store."""
        os.pwrite(self._fd, mark_of(number, offset), 0)

    def open_segment(self) -> int:
        """Return the number of the segment to which records are appended: those with lesser ones are complete."""
        return int.from_bytes(os.pread(self._fd, 8, _OPEN_AT), "little")

    def close(self) -> None:
        """Let go of it."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def mark_of(number: int, offset: int) -> bytes:
    """Return a read mark."""
    data = struct.pack("<QQ", number, offset)
    return data + crc32(data).to_bytes(4, "little")


def _private_file(path: str) -> int:
    fd = os.open(path, OPEN_LOCK | os.O_CREAT | os.O_EXCL, 0o600)
    os.fchmod(fd, 0o600)
    return fd


def gap_salt(process_id: bytes) -> int:
    """Return the salt of the frames in the file of gaps."""
    return SegmentHeader(0, process_id, 0, 0).salt


class GapFile:
    """The file of a living process's gaps, in its journal folder, reserved ahead, rights 0600; see `gapfile.py`."""

    def __init__(self, folder: str, process_id: bytes, size: int) -> None:
        """Make and reserve it. Raises OSError where the disk has no room or the folder is gone."""
        self._salt = gap_salt(process_id)
        self._size = size
        self._written = 0
        path = os.path.join(folder, GAPS)
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


class JournalFolder:
    """A locked journal folder of this process. It stays locked until it is removed or the process ends."""

    def __init__(
        self, root: str | PathLike[str], *, started: int, writer: str = "thread", process_id: bytes | None = None
    ) -> None:
        """Make the folder. Raises OSError where that is not possible, LockError where locks mean nothing.

        `writer` says who drains it: a "thread" of this process, or another "process". `process_id` is that of a journal
        whose folder was lost.
        """
        self.process_id = process_id or os.urandom(16)
        name = self.process_id.hex()
        self.path = os.path.join(root, name)
        make_private(root)
        unfinished = os.path.join(root, f".{name}")
        os.mkdir(unfinished, 0o700)
        self._lock = -1
        self._mark = -1
        self._gaps: GapFile | None = None
        try:
            os.chmod(unfinished, 0o700)
            self._fill(unfinished, started, writer)
            os.rename(unfinished, self.path)
        except BaseException:
            self.forget()
            _remove_unfinished(unfinished)
            raise

    def _fill(self, folder: str, started: int, writer: str) -> None:
        self._lock = self._take_lock(folder)
        second = try_lock(folder)
        if second is not None:
            os.close(second)
            raise LockError(f"{os.path.dirname(folder)}: one lock was granted twice")
        owner = {
            "process_id": self.process_id.hex(),
            "pid": os.getpid(),
            "host": os.uname().nodename,
            "boot_id": boot_id(),
            "started": started,
            "writer": writer,
        }
        fd = _private_file(os.path.join(folder, "owner.json"))
        try:
            os.write(fd, json.dumps(owner).encode())
        finally:
            os.close(fd)
        self._mark = _private_file(os.path.join(folder, "mark"))

    def _take_lock(self, folder: str) -> int:
        """Create and lock the lock file, once more if a fork came in between: the child would hold the lock too."""
        path = os.path.join(folder, "lock")
        for _ in range(100):
            forks = _forks
            fd = self._lock = _private_file(path)
            _flock(fd)
            if forks == _forks:
                return fd
            os.close(fd)
            self._lock = -1
            os.unlink(path)
        raise BlockingIOError(f"{folder}: this process forks without a pause")

    def is_lost(self) -> bool:
        """Return whether somebody has deleted it."""
        try:
            return os.fstat(self._lock).st_nlink == 0
        except OSError:
            return True

    def new_segment(self, header: SegmentHeader) -> FileSegment:
        """Return a fresh segment. Raises OSError where the disk has no room or the folder is gone."""
        return FileSegment(self.path, header)

    def write_mark(self, number: int, offset: int) -> None:
        """Write down that everything before this place is in the store."""
        os.pwrite(self._mark, mark_of(number, offset), 0)

    def read_mark(self) -> tuple[int, int] | None:
        """Return the place before which everything is in the store, as another process wrote it down; None: not yet."""
        return place_of_mark(os.pread(self._mark, _MARK.size, 0))

    def write_open(self, number: int) -> None:
        """Write down to which segment records are appended: nothing comes to those with lesser numbers any more."""
        os.pwrite(self._mark, number.to_bytes(8, "little"), _OPEN_AT)

    def reserve_gaps(self, size: int) -> None:
        """Make room for what `keep_gaps` writes. Raises OSError where there is none."""
        if self._gaps is None:
            self._gaps = GapFile(self.path, self.process_id, size)

    def keep_gaps(self, gaps: GapBook) -> None:
        """Keep what is known of these gaps, in the place of what was kept before, for whoever adopts the journal."""
        if self._gaps is not None:
            self._gaps.write(gaps)

    def remove(self) -> None:
        """Delete the folder, its lock last, and let go of the lock."""
        remove_folder(self.path)
        self.forget()

    def forget(self) -> None:
        """Close the descriptors. In a forked child this leaves the parent's lock as it is."""
        lock, self._lock = self._lock, -1
        mark, self._mark = self._mark, -1
        for fd in (lock, mark):
            if fd >= 0:
                os.close(fd)
        gaps, self._gaps = self._gaps, None
        if gaps is not None:
            gaps.close()


def _remove_unfinished(path: str) -> None:
    _remove(path, ("lock", "owner.json", "mark"))  # not what is there: perhaps no descriptor is left to look


def remove_folder(path: str | PathLike[str]) -> None:
    """Delete a journal folder; what cannot be deleted stays."""
    with contextlib.suppress(OSError):
        _remove(path, sorted(os.listdir(path), key=lambda name: (name == "lock", name)))


def _remove(path: str | PathLike[str], names: Iterable[str]) -> None:
    with contextlib.suppress(OSError):
        for name in names:
            unlink(os.path.join(path, name))
        os.rmdir(path)
