"""The scan: every row of a store, its files as they are, and every record of its journals. Changes nothing."""

from __future__ import annotations

import itertools
import os
import uuid
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson

from agenttrace.journal.frames import HEADER_SIZE, SegmentHeader, read_frames
from agenttrace.journal.recovery import number_of, process_id_of
from agenttrace.journal.segment import SAFE
from agenttrace.location import file_of
from agenttrace.store.protocol import Inspectable
from agenttrace.verify.finder import Finder
from agenttrace.verify.report import Report, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from agenttrace.store.protocol import Store, StoredRow

__all__ = ["scan"]

_WINDOW = 4 << 20
_OVERLAP = 64 << 10
_RECORDS = 1000
_BYTES = 4 << 20


def scan(
    make: Callable[[], Store],
    *,
    place: str | None,
    roots: Sequence[str],
    canaries: Iterable[str] = (),
    files: bool = False,
    close: bool = True,
) -> Report:
    """Return where secrets lie: in the store that `make` gives, and under the journal folders `roots`.

    `place` is the store's file or folder, where it has one. With `files` that file is read as it is, with SQLite's
    write-ahead log: only where nothing in this process has it open, since SQLite's locks would go. `close`: nobody
    else uses the store. Raises nothing of the store's: what could not be looked at stands in `problems`.
    """
    tally, finder = Tally(), Finder(canaries)
    file = file_of(place)
    if file is not None and not file.exists():
        tally.problem(f"there is no store at {place}")
    else:
        _store(make, tally, finder, close=close)
        if files and file is not None and file.is_file():
            for path in (file, *(file.with_name(file.name + end) for end in ("-wal", "-journal"))):
                _plain_file(path, "file", tally, finder)
    for root in roots:
        _root(Path(root), tally, finder)
    return tally.report()


def _store(make: Callable[[], Store], tally: Tally, finder: Finder, *, close: bool) -> None:
    try:
        store = make()
        try:
            if not isinstance(store, Inspectable):
                tally.problem(f"{type(store).__name__} does not show its rows; only its journals were read")
                return
            for row in store.stored_rows():
                tally.rows += 1
                _row(row, tally, finder)
        finally:
            if close:
                store.close()
    except Exception as error:  # noqa: BLE001 - whatever a driver raises, it belongs into the report
        tally.problem(f"the store: {type(error).__name__}: {error}")


def _row(row: StoredRow, tally: Tally, finder: Finder) -> None:
    for column, value in row.values.items():
        finds = list(finder.value(value))
        if finds:
            key = " ".join(_part(part, finder) for part in row.key)
            tally.add(finds, "store", row.table, column=column, row=key or None)


def _part(value: object, finder: Finder) -> str:
    if isinstance(value, bytes):
        return str(uuid.UUID(bytes=value)) if len(value) == 16 else value.hex()
    return finder.label(str(value))


def _root(root: Path, tally: Tally, finder: Finder) -> None:
    """Look at all files below a journal folder, whoever they belong to."""
    if not root.exists():
        return
    for path in _below(root, tally):
        if path.suffix == ".seg":
            _segment(path, tally, finder)
            _plain_file(path, "journal", tally, finder)
        elif "dead-letters" in path.name and path.suffix == ".jsonl":
            _letters(path, tally, finder)
        else:
            _plain_file(path, "journal", tally, finder)


def _below(root: Path, tally: Tally) -> Iterator[Path]:
    for folder, _, names in os.walk(root, onerror=lambda error: _unread(Path(error.filename or root), error, tally)):
        yield from (Path(folder, name) for name in sorted(names) if not Path(folder, name).is_symlink())


def _unread(path: Path, error: OSError, tally: Tally) -> None:
    # A journal that its writer has drained is gone: nothing is there any more.
    if not isinstance(error, FileNotFoundError):
        tally.problem(f"{path}: {error.strerror or type(error).__name__}")


def _plain_file(path: Path, place: str, tally: Tally, finder: Finder) -> None:
    try:
        for data in _windows(path):
            tally.bytes += len(data)
            tally.add(finder.plain(data), place, str(path))
    except OSError as error:
        _unread(path, error, tally)


def _windows(path: Path) -> Iterator[bytes]:
    """Yield a file in pieces that overlap, so that what stands at a border is seen whole."""
    with open(os.open(path, os.O_RDONLY | SAFE), "rb") as file:
        before = b""
        while piece := file.read(_WINDOW):
            yield before + piece
            before = piece[-_OVERLAP:]


def _segment(path: Path, tally: Tally, finder: Finder) -> None:
    """Look at every record of a segment, those that are in the store already, too."""
    try:
        process = process_id_of(path.parent, [path])
        for number, (_, payload) in enumerate(_records(path, process), 1):
            tally.records += 1
            tally.add(finder.record(payload), "journal", str(path), row=f"record {number}")
    except OSError as error:
        _unread(path, error, tally)


def _records(path: Path, process: bytes) -> Iterator[tuple[int, bytes]]:
    fd = os.open(path, os.O_RDONLY | SAFE)
    try:
        size, offset = os.fstat(fd).st_size, HEADER_SIZE
        salt = SegmentHeader(number_of(path), process, size, 0).salt
        while offset < size:
            chunk = read_frames(
                lambda at, length: os.pread(fd, length, at),
                offset,
                size,
                salt,
                max_records=_RECORDS,
                max_bytes=_BYTES,
            )
            yield from chunk.records
            if chunk.offset <= offset:
                return
            offset = chunk.offset
    finally:
        os.close(fd)


def _letters(path: Path, tally: Tally, finder: Finder) -> None:
    """Look at dead letters in a file, whose records stand there in base64."""
    try:
        with open(os.open(path, os.O_RDONLY | SAFE), "rb") as lines:
            for number, line in enumerate(lines, 1):
                tally.records += 1
                tally.add(_letter(line, finder), "dead letters", str(path), row=f"line {number}")
    except OSError as error:
        _unread(path, error, tally)


def _letter(line: bytes, finder: Finder) -> Iterator[Any]:
    try:
        found: Any = orjson.loads(line)
        payload = b64decode(found["payload"], validate=True)
    except (ValueError, TypeError, KeyError):
        return finder.plain(line)
    others = {name: value for name, value in cast("dict[str, Any]", found).items() if name != "payload"}
    return itertools.chain(finder.record(payload), finder.record(orjson.dumps(others)))
