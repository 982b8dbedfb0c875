"""What lies under a journal root, seen from outside: journals, the living and the dead, and dead letters. Read only.

Whether a process lives is asked of its lock, for a moment and shared: an adopter that tries at that very moment comes
again later. Nothing is locked, written or moved for longer.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from agenttrace.journal.drainerseen import DrainerSeen, inspect_drainer
from agenttrace.journal.folders import is_alive, journals_in, read_mark, read_owner
from agenttrace.journal.frames import HEADER_SIZE, SegmentHeader, frame_length, read_frames
from agenttrace.journal.gapfile import read_gaps
from agenttrace.journal.letterbox import LettersSeen, inspect_letters
from agenttrace.journal.recovery import last_sign_of, number_of, process_id_of
from agenttrace.journal.rights import Exposed, exposed
from agenttrace.journal.segment import SAFE
from agenttrace.model.times import utc
from agenttrace.model.wire import AUDIT, RUN, read_note, read_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

__all__ = ["JournalSeen", "RootSeen", "inspect_root"]

_RECORDS = 1000  # at once
_BYTES = 4 << 20


@dataclass(slots=True, frozen=True, kw_only=True)
class JournalSeen:
    """One journal folder, and what of it is not in the store yet."""

    path: Path
    process_id: str
    pid: int | None
    host: str | None
    boot_id: str | None
    started: datetime | None
    writer: str | None  # who drains it: a "thread" of its process, or another "process"
    alive: bool | None  # None: that could not be told
    last_sign: datetime | None  # when its process last wrote to it; one that lives and is idle does not
    bytes: int  # on the disk
    records: int  # that are not in the store yet
    backlog_bytes: int  # what those take
    oldest: datetime | None  # when the first of those was appended, about
    damaged: int  # places in a dead journal where no whole record can be read
    complete: bool  # False: time ran out, and there are more records
    problem: str | None  # why it could not be looked into


@dataclass(slots=True, frozen=True, kw_only=True)
class RootSeen:
    """One folder of journals."""

    path: Path
    exists: bool
    free_bytes: int | None  # of the disk, for this user
    journals: tuple[JournalSeen, ...]  # by folder
    drainer: DrainerSeen | None  # who drains for others, or did last
    dead_letters: LettersSeen
    exposed: tuple[Exposed, ...]  # what others than its owner may reach, or what is somebody else's
    problem: str | None


def inspect_root(root: Path, *, since: datetime, deadline: float) -> RootSeen:
    """Return what lies under `root`; letters set aside at or after `since` count as new.

    Reading stops at `deadline`, in monotonic seconds; what was not read by then is said to be incomplete. Never raises
    because of what is, or is not, on the disk.
    """
    problem, folders = None, list[Path]()
    try:
        folders = [Path(path) for path in sorted(journals_in(root))]
    except FileNotFoundError:
        pass
    except OSError as error:
        problem = _words(error)
    return RootSeen(
        path=root,
        exists=os.path.lexists(root),
        free_bytes=_free(root),
        journals=tuple(seen for folder in folders if (seen := _journal(folder, deadline)) is not None),
        drainer=inspect_drainer(root),
        dead_letters=inspect_letters(root, since=since, deadline=deadline),
        exposed=tuple(_exposed(root, folders)),
        problem=problem,
    )


def _journal(path: Path, deadline: float) -> JournalSeen | None:
    """Return what a folder holds; None where it went meanwhile, or is the rest of one that went."""
    unknown = JournalSeen(
        path=path,
        process_id=path.name,
        pid=None,
        host=None,
        boot_id=None,
        started=None,
        writer=None,
        alive=None,
        last_sign=None,
        bytes=0,
        records=0,
        backlog_bytes=0,
        oldest=None,
        damaged=0,
        complete=True,
        problem=None,
    )
    try:
        alive = is_alive(path)
        sizes = [entry.stat(follow_symlinks=False).st_size for entry in os.scandir(path)]
        seen = replace(unknown, alive=alive, bytes=sum(sizes), last_sign=utc(last_sign_of(path)), **_owner(path))
        return _backlog(seen, deadline)
    except FileNotFoundError:
        return None
    except OSError as error:
        return replace(unknown, problem=_words(error))


def _owner(path: Path) -> dict[str, Any]:
    """Return what `owner.json` says, as far as it is what it should be."""
    said = read_owner(path)
    kinds = {"pid": int, "host": str, "boot_id": str, "started": int, "writer": str}
    known = {name: said[name] for name, kind in kinds.items() if type(said.get(name)) is kind}
    return known | {"started": utc(known["started"])} if "started" in known else known


def _backlog(seen: JournalSeen, deadline: float) -> JournalSeen:
    """Return the same with its records that are not in the store."""
    segments = sorted(seen.path.glob("*.seg"))
    process = process_id_of(seen.path, segments)
    number, offset = read_mark(seen.path) or (0, HEADER_SIZE)
    for segment in segments:
        if number_of(segment) < number:
            continue
        start = offset if number_of(segment) == number else HEADER_SIZE
        try:
            seen = _segment(seen, segment, start, process, deadline)
        except FileNotFoundError:
            continue  # The store has it by now.
        if not seen.complete:
            break
    return _gaps(replace(seen, process_id=process.hex()), process)


def _gaps(seen: JournalSeen, process: bytes) -> JournalSeen:
    """Return the same with the gaps that wait for room."""
    payloads = [payload for _, payload in read_gaps(seen.path, process).records]
    size = sum(frame_length(len(payload)) for payload in payloads)
    return replace(seen, records=seen.records + len(payloads), backlog_bytes=seen.backlog_bytes + size)


def _segment(seen: JournalSeen, path: Path, start: int, process: bytes, deadline: float) -> JournalSeen:
    fd = os.open(path, os.O_RDONLY | SAFE)
    try:
        size = os.fstat(fd).st_size
        created = SegmentHeader.unpack(os.pread(fd, HEADER_SIZE, 0))
        salt = SegmentHeader(number_of(path), process, size, 0).salt
        offset = start
        while offset < size:
            if time.monotonic() >= deadline:
                return replace(seen, complete=False)
            # What a living process is about to write is no damage: reading ends there.
            chunk = read_frames(
                lambda at, length: os.pread(fd, length, at),
                offset,
                size,
                salt,
                max_records=_RECORDS,
                max_bytes=_BYTES,
                resync=seen.alive is False,
            )
            seen = replace(
                seen,
                records=seen.records + len(chunk.records),
                backlog_bytes=seen.backlog_bytes + chunk.taken,
                damaged=seen.damaged + (chunk.damaged if seen.alive is False else 0),
            )
            if seen.oldest is None and chunk.records:
                since = 0 if created is None else created.created
                seen = replace(seen, oldest=_appended(*chunk.records[0], since))
            if chunk.offset <= offset:
                break
            offset = chunk.offset
        return seen
    finally:
        os.close(fd)


def _appended(kind: int, payload: bytes, since: int) -> datetime | None:
    """Return when a record was appended, as far as it tells: what is imported tells of other times.

    `since` is when its segment was made.
    """
    try:
        found = _time(kind, payload)
    except (ValueError, TypeError, KeyError, AttributeError):
        found = 0
    at = max(found, since)
    return utc(at) if at else None


def _time(kind: int, payload: bytes) -> int:
    if kind == RUN:
        run = read_run(payload)
        return run.start if run.end is None else run.end
    if kind == AUDIT:
        return read_note(payload)[0]
    head: Any = orjson.loads(payload.partition(b"\n")[0])
    return int(head.get("end") or head.get("start") or head["time"])


def _exposed(root: Path, folders: list[Path]) -> Iterator[Exposed]:
    # Whoever may write to the root can put other folders in the place of ours; what may be read there is names only.
    yield from exposed(root, 0o022)
    yield from (found for path in root.glob("dead-letters*.jsonl") for found in exposed(path, 0o077))
    for folder in folders:
        yield from exposed(folder, 0o077)
        yield from (found for path in _files(folder) for found in exposed(path, 0o077))


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _free(path: Path) -> int | None:
    """Return how much room the disk has on which the folder is, or would be made."""
    for place in (path, *path.parents):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def _words(error: OSError) -> str:
    return f"{error.strerror or type(error).__name__}"
