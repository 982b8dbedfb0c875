"""Sheets: small files that one process writes and others read, whole or not at all: JSON behind its checksum."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Any, cast

import orjson

from agenttrace.journal.frames import crc32
from agenttrace.journal.segment import SAFE

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["Sheet", "read_sheet"]

_HEAD = struct.Struct("<II")
_MOST = 1 << 20
_ATTEMPTS = 3  # a reader may meet a writer in the middle of it


class Sheet:
    """A sheet to be written, by one process at a time; rights 0600."""

    def __init__(self, path: str | PathLike[str]) -> None:
        """Open it, or make it. Raises OSError."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | SAFE, 0o600)
        self._last = b""

    def write(self, values: dict[str, Any]) -> None:
        """Let this be what readers find. Raises OSError."""
        text = orjson.dumps(values, default=str)
        if text != self._last:
            os.pwrite(self._fd, _HEAD.pack(len(text), crc32(text)) + text, 0)
            self._last = text

    def close(self) -> None:
        """Let go of it; it stays as it is."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def read_sheet(path: str | PathLike[str]) -> dict[str, Any]:
    """Return what a sheet says; nothing where there is none, or none that is whole."""
    try:
        fd = os.open(path, os.O_RDONLY | SAFE)
    except OSError:
        return {}
    try:
        for _ in range(_ATTEMPTS):
            found = _whole(os.pread(fd, _MOST, 0))
            if found is not None:
                return found
    except OSError:
        pass
    finally:
        os.close(fd)
    return {}


def _whole(data: bytes) -> dict[str, Any] | None:
    if len(data) < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack_from(data)
    text = data[_HEAD.size : _HEAD.size + length]
    if len(text) != length or crc32(text) != checksum:
        return None
    found: Any = orjson.loads(text)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None
