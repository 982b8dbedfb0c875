"""Dead letters seen from outside: how many lie in a journal root, and what the newest one's error is. Read only."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import orjson

from agenttrace.journal.deadletters import letter_files
from agenttrace.journal.segment import SAFE
from agenttrace.model.times import micros, utc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

__all__ = ["LettersSeen", "inspect_letters"]


@dataclass(slots=True, frozen=True, kw_only=True)
class LettersSeen:
    """The records that a store refused, and did not set aside either, as they lie in files."""

    count: int
    recent: int  # of those, set aside within the time that was asked about
    bytes: int
    newest: datetime | None
    last_error: str | None  # the newest one's
    files: tuple[Path, ...]  # the oldest first
    complete: bool  # False: time ran out, or a file may not be read; there may be more


def inspect_letters(root: Path, *, since: datetime, deadline: float) -> LettersSeen:
    """Return what lies there; letters at or after `since` are recent. Reading stops at `deadline` (monotonic)."""
    count = recent = size = newest = 0
    last_error: str | None = None
    files: list[Path] = []
    complete = True
    for path in letter_files(root):
        try:
            size += path.stat().st_size
            files.append(path)
            for line in _lines(path):
                at, error = _letter(line)
                count, recent = count + 1, recent + (at >= micros(since))
                if at >= newest:
                    newest, last_error = at, error or last_error
                if time.monotonic() >= deadline:
                    complete = False
                    break
        except FileNotFoundError:
            continue
        except OSError:
            complete = False
    return LettersSeen(
        count=count,
        recent=recent,
        bytes=size,
        newest=utc(newest) if newest else None,
        last_error=last_error,
        files=tuple(files),
        complete=complete,
    )


def _lines(path: Path) -> Iterator[bytes]:
    with open(os.open(path, os.O_RDONLY | SAFE), "rb") as lines:
        yield from lines


def _letter(line: bytes) -> tuple[int, str | None]:
    """Return the time and the error of a letter; one that cannot be read is as old as can be."""
    try:
        found: Any = orjson.loads(line)
    except ValueError:
        return 0, None
    if not isinstance(found, dict):
        return 0, None
    said = cast("dict[str, Any]", found)
    at, error = said.get("time"), said.get("error")
    return at if isinstance(at, int) else 0, error if isinstance(error, str) else None
