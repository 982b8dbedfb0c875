"""Dead letters: records that no store will take, kept in a file for people to look at. Bounded: two files of a size."""

from __future__ import annotations

import os
from base64 import b64encode
from typing import TYPE_CHECKING

import orjson

from agenttrace.journal.segment import SAFE

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DeadLetters"]


class DeadLetters:
    """Appends to `dead-letters.jsonl` in the journals' root, rights 0600; without a root it keeps nothing.

    One line a record: `time` (µs), `kind`, `process_id`, `error` and the `payload` in base64. A full file becomes
    `dead-letters.1.jsonl`, replacing the last one.
    """

    def __init__(self, root: Path | None, max_bytes: int) -> None:
        self._path = None if root is None else root / "dead-letters.jsonl"
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
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | SAFE, 0o600)
        try:
            os.fchmod(fd, 0o600)
            os.write(fd, line + b"\n")
            full = os.fstat(fd).st_size > self._max_bytes
        finally:
            os.close(fd)
        if full:
            self._path.replace(self._path.with_name("dead-letters.1.jsonl"))
