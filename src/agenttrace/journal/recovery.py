"""Dead journals: which folders under the root have lost their process, and what stands in them. No store, no threads.

A folder whose lock can be had belongs to a dead process. Whoever has the lock drains the folder and deletes it; two
who try at once meet at the lock.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from agenttrace.journal.folder import remove_folder, try_lock
from agenttrace.journal.folders import read_mark, write_mark
from agenttrace.journal.frames import HEADER_SIZE, Chunk, SegmentHeader, read_batch
from agenttrace.journal.gapfile import read_gaps
from agenttrace.journal.segment import SAFE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agenttrace.journal.settings import JournalSettings

__all__ = ["DeadJournal", "adopt", "last_sign_of", "number_of", "process_id_of"]

_OF_OTHERS = {"status", "running"}  # files that a drainer writes, not the process
_STALE = 60.0  # seconds after which a folder that was never finished is swept away


def adopt(root: str, settings: JournalSettings, *, skip: Callable[[Path, OSError], None]) -> Iterator[DeadJournal]:
    """Yield the journals under `root` whose process has died, each one locked for us.

    Folders that cannot be looked into are given to `skip`.
    """
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            continue
        path = Path(entry.path)
        try:
            if entry.name.startswith("."):
                _sweep(path)
            elif (lock := try_lock(path)) is not None:
                yield _open(path, lock, settings)
        except FileNotFoundError:
            _sweep(path)  # No lock, so no journal: the rest of a removal that did not finish.
        except OSError as error:
            skip(path, error)


def _open(path: Path, lock: int, settings: JournalSettings) -> DeadJournal:
    try:
        return DeadJournal(path, lock, settings)
    except BaseException:
        os.close(lock)
        raise


def _sweep(path: Path) -> None:
    """Delete a folder that was never finished, or not wholly removed, once it has lain there for a while."""
    try:
        if time.time() - path.stat().st_mtime < _STALE:
            return
        lock = try_lock(path)
    except FileNotFoundError:
        lock = -1
    if lock is not None:
        remove_folder(path)
        if lock >= 0:
            os.close(lock)


class DeadJournal:
    """The journal of a dead process, locked for us. Read, commit, and remove it; or release it for another time."""

    def __init__(self, path: Path, lock: int, settings: JournalSettings) -> None:
        self.path = path
        self.damaged = 0
        self._lock = lock
        self._settings = settings
        self._segments = sorted(path.glob("*.seg"))
        number, self._offset = read_mark(path) or (0, HEADER_SIZE)
        self._segments = [s for s in self._segments if number_of(s) >= number]
        if not self._segments or number_of(self._segments[0]) != number:
            self._offset = HEADER_SIZE
        self.process_id = process_id_of(path, self._segments)
        self._fd = -1
        self._gaps_read = False
        self.last_sign = last_sign_of(path)

    def read(self) -> Chunk | None:
        """Return the records that come next, or None at the end. The same ones come again until `commit`.

        Raises OSError where the file cannot be read.
        """
        while self._segments:
            chunk = self._read_segment()
            self.damaged += chunk.damaged
            if chunk.records:
                return chunk
            self._next_segment()
        return self._read_gaps()

    def _read_gaps(self) -> Chunk | None:
        """Return what the process had not written of its gaps, once all else is read."""
        if self._gaps_read:
            return None
        chunk = read_gaps(self.path, self.process_id)
        if not chunk.records:
            self._gaps_read = True
            return None
        return chunk

    def _read_segment(self) -> Chunk:
        path = self._segments[0]
        if self._fd < 0:
            self._fd = os.open(path, os.O_RDONLY | SAFE)
        fd = self._fd
        size = os.fstat(fd).st_size
        return read_batch(
            self._settings,
            lambda offset, length: os.pread(fd, length, offset),
            self._offset,
            size,
            SegmentHeader(number_of(path), self.process_id, size, 0).salt,
        )

    def commit(self, offset: int) -> None:
        """Keep that everything up to this offset is in the store, for the next one who adopts, should we die."""
        if not self._segments:
            self._gaps_read = True
            return
        self._offset = offset
        write_mark(self.path, number_of(self._segments[0]), offset)

    def _next_segment(self) -> None:
        self._close_segment()
        done = self._segments.pop(0)
        self._offset = HEADER_SIZE
        if self._segments:
            write_mark(self.path, number_of(self._segments[0]), HEADER_SIZE)
        else:
            write_mark(self.path, number_of(done) + 1, HEADER_SIZE)
        done.unlink(missing_ok=True)

    def _close_segment(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def remove(self) -> None:
        """Delete the folder and let go of it."""
        remove_folder(self.path)
        self.release()

    def release(self) -> None:
        """Let go of the folder and leave it, as far as it was not drained, to whoever adopts it next."""
        self._close_segment()
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)


def number_of(segment: Path) -> int:
    """Return a segment's number, which its file's name is."""
    return int(segment.stem) if segment.stem.isdecimal() else 0


def process_id_of(path: Path, segments: list[Path]) -> bytes:
    """Return the dead process's id: the folder's name, or what a segment says where the folder was renamed."""
    try:
        named = bytes.fromhex(path.name)
    except ValueError:
        named = b""
    if len(named) == 16:
        return named
    for segment in segments:
        with segment.open("rb") as file:
            header = SegmentHeader.unpack(file.read(HEADER_SIZE))
        if header is not None:
            return header.process_id
    return bytes(16)


def last_sign_of(path: Path) -> int:
    """Return when the process last wrote to its journal, in microseconds."""
    times = [entry.stat().st_mtime_ns // 1000 for entry in os.scandir(path) if entry.name not in _OF_OTHERS]
    return max(times, default=0)
