"""Dead letters in files: records that a store neither takes nor sets aside, kept for people to look at.

One line of JSON a letter: `time` (µs), `kind`, `process_id`, `error` and the `payload` in base64. They go to
`dead-letters.jsonl` in the journals' root, rights 0600; a full file gets the next number, as `dead-letters.7.jsonl`.
"""

from __future__ import annotations

import binascii
import contextlib
import errno
import os
import re
from base64 import b64decode, b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from agenttrace.journal.segment import SAFE
from agenttrace.model.letters import dead_letter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from os import PathLike

    from agenttrace.model.rows import DeadLetterRow

__all__ = ["DeadLetters", "letter_files"]

_CURRENT = "dead-letters.jsonl"
_NUMBERED = re.compile(r"dead-letters\.([0-9]{1,9})\.jsonl\Z", re.A)
_FILES = 8  # about so many share the room


def letter_files(root: Path) -> list[Path]:
    """Return the files of dead letters in a root, the oldest first, the one that is written to last."""
    numbered = sorted((number, path) for path in root.glob("dead-letters.*.jsonl") if (number := _number(path)))
    current = root / _CURRENT
    return [path for _, path in numbered] + ([current] if current.exists() else [])


class DeadLetters:
    """The dead letters in one root, `max_bytes` in all; without a root it keeps nothing.

    Nothing that is kept makes room for what comes: once the files are full, further letters are lost.
    """

    def __init__(self, root: str | PathLike[str] | None, max_bytes: int) -> None:
        self._root = None if root is None else Path(root)
        self._max_bytes = max_bytes

    def add(self, letter: DeadLetterRow) -> bool:
        """Set a letter aside and return True; False where there is no room for it. Raises OSError as writing does."""
        if self._root is None:
            return False
        line = _line(letter)
        with _locked(self._root / _CURRENT, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as fd:
            os.fchmod(fd, 0o600)
            size = os.fstat(fd).st_size
            files = letter_files(self._root)
            if sum(map(_size, files)) + len(line) > self._max_bytes:
                return False
            _write(fd, line, size)
            if size + len(line) > self._max_bytes // _FILES:
                last = max((_number(path) for path in files), default=0)
                (self._root / _CURRENT).rename(self._root / f"dead-letters.{last + 1}.jsonl")
        return True

    def letters(self) -> Iterator[tuple[Path, DeadLetterRow | None]]:
        """Yield each letter with its file, the oldest first; None is a line that cannot be read. Raises OSError."""
        for path in [] if self._root is None else letter_files(self._root):
            with contextlib.suppress(FileNotFoundError), open(os.open(path, os.O_RDONLY | SAFE), "rb") as lines:
                for line in lines:
                    yield path, _letter(line)

    def sift(self, goes: Callable[[DeadLetterRow | None], bool]) -> int:
        """Delete the letters of which `goes` returns True, and return how many; the others stay byte for byte.

        `goes` is given None for a line that cannot be read. Raises OSError where a file cannot be read or written.
        """
        if self._root is None:
            return 0
        # The present file first: one that is full meanwhile has a number by then, and its turn comes.
        gone = _sift(self._root / _CURRENT, goes)
        return gone + sum(_sift(path, goes) for path in letter_files(self._root) if path.name != _CURRENT)


def _line(letter: DeadLetterRow) -> bytes:
    return (
        orjson.dumps(
            {
                "time": letter.time,
                "kind": letter.kind,
                "process_id": letter.process_id.hex(),
                "error": letter.error,
                "payload": b64encode(letter.payload).decode(),
            }
        )
        + b"\n"
    )


def _write(fd: int, line: bytes, size: int) -> None:
    """Append a line, whole or not at all."""
    try:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(fd, rest) or _no_room() :]
    except OSError:
        os.ftruncate(fd, size)
        raise


def _no_room() -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _number(path: Path) -> int:
    """Return the number in a file's name, 0 where there is none."""
    found = _NUMBERED.match(path.name)
    return int(found[1]) if found else 0


def _size(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _sift(path: Path, goes: Callable[[DeadLetterRow | None], bool]) -> int:
    with contextlib.suppress(FileNotFoundError), _locked(path, os.O_RDONLY) as fd:
        return _sift_locked(fd, path, goes)
    return 0


def _sift_locked(fd: int, path: Path, goes: Callable[[DeadLetterRow | None], bool]) -> int:
    gone = 0
    rest = path.with_name(f".{path.name}")
    out = os.open(rest, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | SAFE, 0o600)
    with open(fd, "rb", closefd=False) as lines, open(out, "wb") as kept:
        for line in lines:
            if goes(_letter(line)):
                gone += 1
            else:
                kept.write(line)
    if not gone:
        rest.unlink()
    elif rest.stat().st_size:
        rest.replace(path)
    else:
        rest.unlink()
        path.unlink()
    return gone


def _letter(line: bytes) -> DeadLetterRow | None:
    try:
        found = orjson.loads(line)
        payload = b64decode(found["payload"], validate=True)
        process = bytes.fromhex(found.get("process_id") or "").ljust(16, b"\0")[:16]
        error = str(found.get("error") or "")
        return dead_letter(int(found["kind"]), payload, error, process_id=process, now=int(found["time"]))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, binascii.Error):
        return None


@contextlib.contextmanager
def _locked(path: Path, flags: int) -> Generator[int]:
    """Open a file of letters, alone with it: whoever sifts it puts another one in its place."""
    while True:
        fd = os.open(path, flags | SAFE, 0o600)
        try:
            _lock(fd)
            if _is_at(fd, path):
                yield fd
                return
        finally:
            os.close(fd)


def _is_at(fd: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(fd), os.stat(path))
    return False


def _lock(fd: int) -> None:
    # Where there is no flock there are no journals in files, and one process has the letters to itself.
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX)
