"""Dead letters: records that no store will take, kept in a file for people to look at. Bounded: two files of a size."""

from __future__ import annotations

import binascii
import contextlib
import os
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, NamedTuple

import orjson

from agenttrace.journal.segment import SAFE

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

__all__ = ["DeadLetter", "DeadLetters"]


class DeadLetter(NamedTuple):
    """One record that was set aside, at `time` (µs)."""

    time: int
    kind: int
    payload: bytes


class DeadLetters:
    """Appends to `dead-letters.jsonl` in the journals' root, rights 0600; without a root it keeps nothing.

    One line a record: `time` (µs), `kind`, `process_id`, `error` and the `payload` in base64. A full file becomes
    `dead-letters.1.jsonl`, replacing the last one.
    """

    def __init__(self, root: Path | None, max_bytes: int) -> None:
        self._path = None if root is None else root / "dead-letters.jsonl"
        self._older = None if root is None else root / "dead-letters.1.jsonl"
        self._max_bytes = max_bytes

    def add(self, kind: int, payload: bytes, error: BaseException, *, process_id: bytes, now: int) -> None:
        """Set one record aside. Raises OSError where it cannot be written."""
        if self._path is None:
            return
        line = orjson.dumps(
            {
                "time": now,
                "kind": kind,
                "process_id": process_id.hex(),
                "error": f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace").decode(),
                "payload": b64encode(payload).decode(),
            }
        )
        with _locked(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as fd:
            os.fchmod(fd, 0o600)
            os.write(fd, line + b"\n")
            if os.fstat(fd).st_size > self._max_bytes:
                self._path.replace(self._path.with_name("dead-letters.1.jsonl"))

    def sift(self, goes: Callable[[DeadLetter | None], bool]) -> int:
        """Delete the letters of which `goes` returns True, and return how many; the others stay byte for byte.

        `goes` is given None for a line that cannot be read. Raises OSError where a file cannot be read or written.
        """
        paths = [path for path in (self._older, self._path) if path is not None]
        gone = 0
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                gone += _sift(path, goes)
        return gone


def _sift(path: Path, goes: Callable[[DeadLetter | None], bool]) -> int:
    with _locked(path, os.O_RDONLY) as fd:
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


def _letter(line: bytes) -> DeadLetter | None:
    try:
        found = orjson.loads(line)
        return DeadLetter(int(found["time"]), int(found["kind"]), b64decode(found["payload"], validate=True))
    except (ValueError, TypeError, KeyError, binascii.Error):
        return None


@contextlib.contextmanager
def _locked(path: Path, flags: int) -> Generator[int]:
    """Open a file of letters, alone with it: whoever sifts it puts another one in its place."""
    while True:
        fd = os.open(path, flags | SAFE, 0o600)
        try:
            _lock(fd)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(fd), os.stat(path)):
                    yield fd
                    return
        finally:
            os.close(fd)


def _lock(fd: int) -> None:
    # Where there is no flock there are no journals in files, and one process has the letters to itself.
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX)
