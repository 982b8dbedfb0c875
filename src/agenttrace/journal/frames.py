"""Frames: how a record lies in a segment, and how records are found again, past damage if need be. Pure.

A segment begins with a header of 64 bytes. Frames follow, each at a multiple of 8: a header of 16 bytes (length,
checksum, kind, magic), the payload, and zeros up to the next multiple of 8. The checksum starts from a seed made of the
segment's salt and the kind: a frame of another segment, or whose kind was changed, does not verify. The offset is not
part of it, because whoever writes a frame learns its place only by writing. It is not needed: segments are fresh zeros
in the beginning, frames never move, and a segment is never reused, so no old frame can lie where a new one is expected.
A frame that a kill tore in the middle of its copy has no magic or no valid checksum.

An echo repeats a part of another frame's payload without its bytes, as the end of a run says again what its start
said, and a prompt the conversation so far: a frame whose kind has the bit ECHO, and whose payload begins with five
numbers of 4 bytes, `source`, `start`, `place`, `length` and `rest`. At `place` of this payload belong `length` bytes of
that of the frame at the offset `source`, from `start` on. The `rest` bytes that follow belong to a value that begins in
them. The other frame stands before it in the same segment, which goes away as a whole, and is no echo. Readers get
whole payloads; where the other frame is damaged, one that says that a part of it is lacking (`degrade.lacking`).

Whoever is to overwrite frames of a segment to which a process still appends first writes in the last 4 bytes of the
segment's header from which offset on frames may be named from now on. They are 0 in the beginning, and the header's
checksum leaves them out.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import repeat
from typing import TYPE_CHECKING, Final

from agenttrace.journal.degrade import lacking
from agenttrace.slices import in_slices

try:
    from agenttrace.journal import _native
except ImportError:  # built without a compiler
    from zlib import crc32

    _native = None
else:
    crc32 = _native.crc32

if TYPE_CHECKING:
    from mmap import mmap

    from agenttrace.journal.settings import JournalSettings

__all__ = [
    "BOUND",
    "BOUND_AT",
    "ECHO",
    "ECHO_SIZE",
    "FRAME",
    "FRAME_SIZE",
    "HEADER_SIZE",
    "MAGIC",
    "NATIVE",
    "SKIP",
    "Chunk",
    "SegmentHeader",
    "crc32",
    "decode",
    "decode_in_python",
    "encode",
    "encode_in_python",
    "frame_at",
    "frame_length",
    "next_frame",
    "read_batch",
    "read_frames",
]

HEADER_SIZE = 64
FRAME = struct.Struct("<IIII")
FRAME_SIZE = FRAME.size
MAGIC = 0xA9C7E5D3

# What follows a payload, by the last three bits of its length.
_PADDING = tuple(bytes(-size % 8) for size in range(8))

#: The kind of a frame that holds nothing.
SKIP = 0
#: A bit of the kind of an echo.
ECHO = 1 << 31
_ECHO = struct.Struct("<IIIII")
ECHO_SIZE = _ECHO.size

#: Where in a segment's header it says which frames may be named, and how.
BOUND_AT = 60
BOUND = struct.Struct("<I")

Read = Callable[[int, int], bytes]

_HEADER = struct.Struct("<8sIIQ16sQQI4x")
_HEADER_MAGIC = b"ATRACEJ\n"
_FORMAT = 3
_FORMATS = (1, _FORMAT)  # that can be read; the first had no echoes
_MAGIC_BYTES = MAGIC.to_bytes(4, "little")
_MAGIC_AT = 12
_CHUNK = 256 << 10
_FEW = 256  # records
_SOURCES, _SOURCE_BYTES = 16, 4 << 20  # what is kept at hand of frames, for their echoes: as much as an appender keeps
#: What is taken apart in one go, with the GIL held: some 20 µs. Several large records, since those that others name are
#: looked up anew each time.
_DECODED_AT_ONCE = 16
_BYTES_AT_ONCE = 128 << 10


class SegmentHeader:  # no named tuple, which would take longer to make than a span: every importing program waits
    """The first 64 bytes of a segment. Never changed."""

    __slots__ = ("created", "number", "process_id", "size")

    def __init__(self, number: int, process_id: bytes, size: int, created: int) -> None:
        self.number = number
        self.process_id = process_id
        self.size = size
        self.created = created

    @property
    def salt(self) -> int:
        """The salt of this segment's checksums. It stems from the random process id, so it outlives a bad header."""
        return crc32(self.process_id + self.number.to_bytes(8, "little"))

    def pack(self) -> bytes:
        """Return the header as it lies in the segment."""
        fields = (_HEADER_MAGIC, _FORMAT, self.salt, self.number, self.process_id, self.size, self.created)
        return _HEADER.pack(*fields, crc32(_HEADER.pack(*fields, 0)))

    @classmethod
    def unpack(cls, data: bytes) -> SegmentHeader | None:
        """Return the header that stands in `data`, or None where it is damaged or of another format."""
        if len(data) < HEADER_SIZE:
            return None
        *fields, checksum = _HEADER.unpack(data[:HEADER_SIZE])
        magic, version, _salt, number, process_id, size, created = fields
        if magic != _HEADER_MAGIC or version not in _FORMATS or checksum != crc32(_HEADER.pack(*fields, 0)):
            return None
        return cls(number, process_id, size, created)


class Chunk:  # no dataclass, as above
    """Records in the order in which they were appended, and where reading goes on."""

    def __init__(self, offset: int, damaged: int = 0) -> None:
        self.offset = offset
        self.records: list[tuple[int, bytes]] = []
        self.taken = 0  # bytes of the segment that their frames take
        self.damaged = damaged


def frame_length(size: int) -> int:
    """Return how many bytes of a segment a payload of this size takes."""
    return (FRAME_SIZE + size + 7) & -8


def encode_in_python(kind: int, payload: bytes, salt: int) -> bytes:
    """Return a whole frame, as it lies in the segment with this salt."""
    size = len(payload)
    return FRAME.pack(size, crc32(payload, salt ^ kind), kind, MAGIC) + payload + _PADDING[size & 7]


def decode_in_python(
    data: bytes, at: int, salt: int, verify: bool, most: int, size: int, base: int, sources: dict[int, bytes | None], /
) -> tuple[list[tuple[int, bytes]], int, bool]:
    """Return the whole frames that follow one another here as (kind, payload), and where the next one begins.

    At most so many, and no more once their payloads are of this size; `verify` checks their checksums. Echoes whose
    other frame is in these data as well, which begin at `base` of the segment, or before them and its payload among
    `sources`, by offset, are made whole; the last value says whether all were.
    """
    found: list[tuple[int, bytes]] = []
    is_whole = True
    while len(found) < most and size > 0 and (frame := _frame_at(data, at, salt, verify)) is not None:
        kind, payload = frame
        following = at + frame_length(len(payload))
        if kind & ECHO:
            source = _source_of(payload)
            if source < base:
                there = sources.get(source)
            else:
                there = _source_at(data, source - base, salt, verify) if source - base < at else None
            made = None if there is None else _whole(payload, there)
            is_whole &= made is not None
            kind, payload = (kind, payload) if made is None else (kind & ~ECHO, made)
        found.append((kind, payload))
        size -= len(payload)
        at = following
    return found, at, is_whole


def _frame_at(data: bytes, at: int, salt: int, verify: bool) -> tuple[int, bytes] | None:
    """Return the whole frame at a place as (kind, payload); None where there is none."""
    if not 0 <= at <= len(data) - FRAME_SIZE:
        return None
    length, checksum, kind, magic = FRAME.unpack_from(data, at)
    payload = data[at + FRAME_SIZE : at + FRAME_SIZE + length]
    if magic != MAGIC or len(payload) != length or (verify and crc32(payload, salt ^ kind) != checksum):
        return None
    return kind, payload


def _source_at(data: bytes, at: int, salt: int, verify: bool) -> bytes | None:
    """Return the payload of a whole frame that may be named; None where there is none."""
    found = _frame_at(data, at, salt, verify)
    return None if found is None or found[0] & ECHO else found[1]


def _source_of(echo: bytes) -> int:
    """Return the offset of the frame that an echo repeats; -1 where this is none."""
    return _ECHO.unpack_from(echo)[0] if len(echo) >= ECHO_SIZE else -1


def _whole(echo: bytes, payload: bytes) -> bytes | None:
    """Return the payload that an echo stands for, by that which it repeats; None where that does not fit."""
    _, start, place, length, _ = _ECHO.unpack_from(echo)
    own = echo[ECHO_SIZE:]
    if place > len(own) or start + length > len(payload):
        return None
    return own[:place] + payload[start : start + length] + own[place:]


def _what_is_left(echo: bytes) -> bytes:
    """Return an echo's own part, without the value of which only an end is in it."""
    own = echo[ECHO_SIZE:]
    if len(echo) < ECHO_SIZE:
        return own
    _, _, place, _, rest = _ECHO.unpack_from(echo)
    return own[:place] + own[place + rest :]


if _native is None:
    encode, decode = encode_in_python, decode_in_python
else:
    encode, decode = _native.encode, _native.decode
#: Whether these are the compiled ones (`_frame.h`).
NATIVE: Final = encode is not encode_in_python


def frame_at(data: mmap, offset: int) -> int | None:
    """Return how long the frame at this offset is, by its header alone, or None where none begins."""
    if offset + FRAME_SIZE > len(data):
        return None
    size, _checksum, _kind, magic = FRAME.unpack_from(data, offset)
    return frame_length(size) if magic == MAGIC else None


def read_frames(
    read: Read,
    start: int,
    end: int,
    salt: int,
    *,
    max_records: int,
    max_bytes: int,
    verify: bool = True,
    resync: bool = True,
    living: bool = False,
) -> Chunk:
    """Return the records between two offsets of a segment, as many as fit the limits (at least one).

    Where no whole record stands, reading goes on at the next place where one does, and the place counts as damaged.
    Zeros up to the end are no damage: nothing was written there. In a `living` segment reading ends at such a place:
    somebody may be about to write there.
    """
    window = _Window(read, end, salt, verify)
    chunk = Chunk(start)
    size = 0
    for _ in in_slices(repeat(None), 1):
        if len(chunk.records) >= max_records or size >= max_bytes or chunk.offset + FRAME_SIZE > end:
            break
        most = min(max_records - len(chunk.records), _DECODED_AT_ONCE)
        found, following = window.frames(chunk.offset, most, min(max_bytes - size, _BYTES_AT_ONCE))
        if not found and living:
            break
        if not found:
            _pass_damage(window, chunk, resync=resync)
            continue
        records = [record for record in found if record[0] != SKIP]
        chunk.records += records
        size += sum([len(payload) for _, payload in records])
        chunk.taken += following - chunk.offset
        chunk.offset = following
    return chunk


def next_frame(read: Read, start: int, end: int, salt: int) -> int | None:
    """Return the first offset from `start` on at which a whole frame of this segment stands; None: there is none."""
    return _Window(read, end, salt, verify=True).next_frame(start)


def read_batch(
    settings: JournalSettings, read: Read, start: int, end: int, salt: int, *, living: bool = False, few: bool = False
) -> Chunk:
    """Return what `read_frames` does, within the limits that these settings have for a batch, or fewer records."""
    return read_frames(
        read,
        start,
        end,
        salt,
        max_records=min(settings.batch_records, _FEW) if few else settings.batch_records,
        max_bytes=settings.batch_bytes,
        verify=settings.verify,
        resync=settings.resync,
        living=living,
    )


def _pass_damage(window: _Window, chunk: Chunk, *, resync: bool) -> None:
    """Move to the next good frame, or to the end where there is none."""
    following = window.next_frame(chunk.offset + 8) if resync else None
    if following is not None or not window.is_blank(chunk.offset):
        chunk.damaged += 1
    chunk.offset = window.end if following is None else following


class _Window:
    """A piece of a segment in memory, moved along as frames are asked for."""

    __slots__ = ("_base", "_data", "_read", "_salt", "_sources", "_verify", "end")

    def __init__(self, read: Read, end: int, salt: int, verify: bool) -> None:
        self.end = end
        self._read = read
        self._salt = salt
        self._verify = verify
        self._base = 0
        self._data = b""
        self._sources: dict[int, bytes | None] = {}  # payloads of frames that were looked up for an echo, by offset

    def _at(self, offset: int, length: int) -> int:
        """Return where `offset` is in the window, after making sure that `length` bytes follow (if they exist)."""
        at = offset - self._base
        if at < 0 or at + length > len(self._data):
            self._data = self._read(offset, min(max(length, _CHUNK), self.end - offset))
            self._base = offset
            at = 0
        return at

    def frames(self, offset: int, most: int, size: int) -> tuple[list[tuple[int, bytes]], int]:
        """Return what `decode` does of the frames from this offset on, which is one at least if it is whole."""
        at = self._at(offset, FRAME_SIZE)
        if at + FRAME_SIZE > len(self._data):
            return [], offset
        length, _checksum, _kind, magic = FRAME.unpack_from(self._data, at)
        if magic != MAGIC or offset + FRAME_SIZE + length > self.end:
            return [], offset
        at = self._at(offset, FRAME_SIZE + length)
        piece = (self._data, at, self._salt, self._verify, most, size, self._base, self._sources)
        found, following, is_whole = decode(*piece)
        if not is_whole:
            found = [self._resolved(*record) if record[0] & ECHO else record for record in found]
        return found, self._base + following

    def _resolved(self, kind: int, payload: bytes) -> tuple[int, bytes]:
        """Return an echo whole, by a frame that may stand before this window."""
        source = _source_of(payload)
        if source not in self._sources:
            self._keep(source, self._source(source))
        there = self._sources[source]
        made = None if there is None else _whole(payload, there)
        if made is None:
            made = lacking(kind & ~ECHO, _what_is_left(payload))
        return kind & ~ECHO, made

    def _keep(self, source: int, payload: bytes | None) -> None:
        """Have a frame at hand for the echoes that follow, and let go of those that were looked up first."""
        kept = self._sources
        kept[source] = payload
        while len(kept) > 1 and (len(kept) > _SOURCES or sum(map(len, filter(None, kept.values()))) > _SOURCE_BYTES):
            del kept[next(iter(kept))]

    def _source(self, offset: int) -> bytes | None:
        head = self._read(offset, FRAME_SIZE) if HEADER_SIZE <= offset < self.end else b""
        length = FRAME.unpack(head)[0] if len(head) == FRAME_SIZE else self.end
        if offset + FRAME_SIZE + length > self.end:
            return None
        return _source_at(self._read(offset, FRAME_SIZE + length), 0, self._salt, self._verify)

    def is_blank(self, offset: int) -> bool:
        at = self._at(offset, FRAME_SIZE)
        return not any(self._data[at : at + FRAME_SIZE])

    def next_frame(self, offset: int) -> int | None:
        """Return the first offset from here on at which a good frame stands."""
        while offset + FRAME_SIZE <= self.end:
            at = self._at(offset, FRAME_SIZE)
            found = self._data.find(_MAGIC_BYTES, at + _MAGIC_AT)
            if found < 0:
                # A magic may straddle the border of two windows: the last 16 bytes are looked at again.
                beyond = self._base + len(self._data) - FRAME_SIZE + 8
                offset = max(offset + 8, beyond & -8)
                continue
            candidate = self._base + found - _MAGIC_AT
            offset = (candidate + 8) & -8
            if candidate % 8 == 0 and self.frames(candidate, 1, 1)[0]:
                return candidate
        return None
