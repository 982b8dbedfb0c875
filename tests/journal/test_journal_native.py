"""The compiled frame encoder writes what the one in Python writes."""

from __future__ import annotations

import gc
import itertools
import mmap
import shutil
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agenttrace.journal import ahead
from agenttrace.journal import tail as tail_module
from agenttrace.journal.frames import (
    ECHO,
    HEADER_SIZE,
    NATIVE,
    decode,
    decode_in_python,
    encode,
    encode_in_python,
    frame_length,
    next_frame,
    read_frames,
)
from agenttrace.journal.tail import Tail

Advise = Callable[[mmap.mmap, int, int, int], None]
SALTS = st.integers(0, 2**32 - 1)


@given(st.integers(0, 255), st.binary(max_size=700), SALTS)
@example(1, b"", 0)
@example(1, bytes(64), 2**32 - 1)
@example(255, bytes(range(256)) * 5, 7)
def test_both_encoders_give_the_same_frame(kind: int, payload: bytes, salt: int) -> None:
    """Every length, whatever its remainder by 8, 16 and 64, has the same header, checksum and padding."""
    assert encode(kind, payload, salt) == encode_in_python(kind, payload, salt)


@pytest.mark.parametrize("size", [*range(270), 1023, 4096, 1 << 20])
def test_checksums_agree_at_every_edge(size: int) -> None:
    """The steps of 8, 16 and 64 bytes meet without a gap."""
    payload = (b"\x00\xff\x80\x7fagent" * (size // 8 + 1))[:size]
    assert encode(3, payload, 0xDEADBEEF) == encode_in_python(3, payload, 0xDEADBEEF)


@pytest.mark.parametrize("arguments", [(1, "text", 0), (-1, b"", 0), ("1", b"", 0)])
def test_what_is_no_frame_is_an_error(arguments: tuple[object, ...]) -> None:
    """Neither encoder takes what has no place in a frame's header."""
    for way in (encode, encode_in_python):
        with pytest.raises((TypeError, OverflowError, struct.error)):
            way(*arguments)  # type: ignore[arg-type]


def echo_of(source: int, start: int, place: int, length: int, own: bytes, rest: int = 0) -> bytes:
    """Return the payload of an echo."""
    return struct.pack("<IIIII", source, start, place, length, rest) + own


#: A payload, or an echo of one before it, which may be wrong in any of its numbers.
RECORDS = st.lists(
    st.tuples(st.integers(0, 255), st.binary(max_size=90))
    | st.tuples(st.integers(0, 8), *[st.integers(0, 60)] * 3, st.binary(max_size=60)),
    max_size=8,
)


def laid_out(records: list[tuple[Any, ...]], salt: int, base: int) -> bytes:
    """Return frames that follow one another; an echo's source is the frame of that number, or none."""
    data, places = b"", []
    for record in records:
        places.append(len(data))
        if len(record) == 5:
            number, start, place, length, own = record
            source = base + (places[number] if number < len(places) else number * 8)
            record = (number | ECHO, echo_of(source & 0xFFFFFFFF, start, place, length, own))
        data += encode(*record, salt)
    return data


@given(
    RECORDS,
    *(SALTS, st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), max_size=2), st.integers(-8, 900)),
    *(st.booleans(), st.integers(-1, 9), st.integers(-1, 400), st.integers(-8, 8), st.integers(0, 1 << 33)),
)
@example([(1, b"abcdef"), (0, 2, 2, 3, b"ABxyz")], 5, [], 0, True, 9, 400, 0, 64)
@example([(6, 2, 2, 3, b"ABxyz"), (1, b"abcdef"), (1, 2, 2, 3, b"ABxyz")], 5, [], 0, True, 9, 400, 0, 64)
@example([(1, b"abcdef"), (0, 2, 2, 3, b"ABxyz"), (1, 0, 0, 1, b"")], 5, [], 0, True, 9, 400, 0, 0)
@example([(1, b"abcdef"), (0, 2, 2, 3, b"ABxyz")], 5, [(17, 0)], 0, False, 9, 400, 0, 0)
def test_both_decoders_take_the_same_from_any_bytes(
    records: list[tuple[Any, ...]],
    salt: int,
    flips: list[tuple[int, int]],
    cut: int,
    verify: bool,
    most: int,
    size: int,
    place: int,
    base: int,
) -> None:
    """Whole frames, echoes, frames with changed bytes, cut ones; from their beginning and from beside it."""
    data = bytearray(laid_out(records, salt, base))
    for at, byte in flips:
        if at < len(data):
            data[at] = byte
    text = bytes(data[: cut if cut > 0 else None])
    told = decode(text, place, salt, verify, most, size, base, {})
    assert told == decode_in_python(text, place, salt, verify, most, size, base, {})
    plain = all(len(record) == 2 for record in records)
    if plain and not flips and cut <= 0 and place == 0 and most > len(records) and size > 90 * len(records):
        assert told == (records, len(text), True)


@pytest.mark.parametrize("decoder", [decode, decode_in_python])
@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ({64: b"abcdef"}, [(1, b"ABcdexyz")]),
        ({64: b"abcd"}, None),
        ({64: None}, None),
        ({96: b"abcdef"}, None),
        ({}, None),
    ],
)
def test_a_frame_that_stands_before_a_piece_may_be_at_hand(
    decoder: Any, sources: dict[int, bytes | None], expected: list[tuple[int, bytes]] | None
) -> None:
    """Where it is not, or too short, the echo stays one."""
    echo = echo_of(64, 2, 2, 3, b"ABxyz")
    data = encode(ECHO | 1, echo, 5)
    left = [(ECHO | 1, echo)]
    assert decoder(data, 0, 5, True, 9, 999, 128, sources) == (expected or left, len(data), expected is not None)


def test_the_checksum_of_a_long_payload_is_checked_too() -> None:
    """That is done without the GIL."""
    frame = encode(7, bytes(200_000), 5)
    assert decode(frame, 0, 5, True, 1, 1, 0, {}) == ([(7, bytes(200_000))], len(frame), True)
    assert decode(frame[:-1] + b"x", 0, 5, True, 1, 1, 0, {}) == ([], 0, True)


def test_the_compiled_encoder_is_there_wherever_there_is_a_compiler() -> None:
    """A build that quietly leaves it out would cost every call a microsecond."""
    assert NATIVE or shutil.which("cc") is None
    assert ahead._advise is not ahead._advise_in_python or shutil.which("cc") is None
    assert tail_module.NATIVE or shutil.which("cc") is None


@pytest.mark.parametrize("advise", [ahead._advise, ahead._advise_in_python], ids=["best", "python"])
def test_advice_leaves_every_byte_and_says_where_it_cannot_be_given(advise: Advise) -> None:
    """Compiled, which lets go of the GIL, or not."""
    page = mmap.PAGESIZE
    with mmap.mmap(-1, 200 * page) as buffer:
        buffer[:] = bytes(range(200)) * page
        advise(buffer, page, 198 * page, mmap.MADV_WILLNEED)
        advise(buffer, 0, 0, mmap.MADV_WILLNEED)
        assert buffer[:] == bytes(range(200)) * page
        for start, length in ((199 * page, 2 * page), (201 * page, page), (-page, page)):
            with pytest.raises((ValueError, OverflowError)):
                ahead._advise(buffer, start, length, mmap.MADV_WILLNEED)
        with pytest.raises(OSError, match="Invalid argument"):
            advise(buffer, 0, page, 9999)
    with pytest.raises(ValueError, match="closed"):
        advise(buffer, 0, page, mmap.MADV_WILLNEED)


def opened(size: int) -> tuple[Tail, mmap.mmap, list[tuple[int, bytes]]]:
    """Return a tail that appends to a map, the map, and what found no room."""
    overflowed: list[tuple[int, bytes]] = []
    tail = Tail(lambda kind, payload: overflowed.append((kind, payload)), pytest.fail)
    buffer = mmap.mmap(-1, size)
    buffer.seek(HEADER_SIZE)
    tail.write, tail.salt = buffer.write, 77
    return tail, buffer, overflowed


@given(st.lists(st.lists(st.binary(max_size=40) | st.integers(0, 9000).map(bytes), max_size=6), max_size=6))
@example([[bytes(4095)], [bytes(4096)], [b"a", bytes(16000), b"b"], [bytes(40000)], [b"after"]])
def test_appends_in_pieces_write_what_whole_ones_write(records: list[list[bytes]]) -> None:
    """Small or large, until there is no room; what finds none goes on whole, and a smaller one may fit after it."""
    one, pieced, lost = opened(32768)
    other, whole, missing = opened(32768)
    expected: list[tuple[int, bytes]] = []
    for pieces in records:
        before = len(lost)
        one.append_parts(1, *pieces)
        other._append_plainly(1, b"".join(pieces))
        expected += [(1, b"".join(pieces))] if len(lost) == before else []
    assert decode(pieced[: pieced.tell()], HEADER_SIZE, 77, True, 9, 1 << 20, 0, {})[0] == expected
    assert len(lost) == len(records) - len(expected) <= len(missing)
    assert one.recorded == len(expected)
    if all(len(piece) < 1024 for pieces in records for piece in pieces):  # there is nothing to repeat
        assert pieced[:] == whole[:]
        assert lost == missing


class Loop:
    """What only the garbage collector finds, and what appends when it is found."""

    def __init__(self, append: Callable[[], None]) -> None:
        self.loop = self
        self.append = append

    def __del__(self) -> None:
        self.append()


def test_a_finalizer_inside_an_append_appends_beside_it() -> None:
    """The garbage collector may run wherever something is made that it looks after: nothing is overwritten."""
    tail, data, _ = opened(1 << 20)
    numbers = itertools.count()

    def late() -> None:
        tail.append(1, b"late %d" % next(numbers))

    before = gc.get_threshold()
    gc.set_threshold(1, 10, 10)
    gc.disable()
    kept = [(object(),) * size for size in (1, 2) for _ in range(5000)]  # so that each tuple is a new one
    try:
        for number in range(100):
            Loop(late)
            kept += [(number,), (number, number)]
            payload = b"said %d" % number
            gc.enable()
            tail.append(1, payload)
            gc.disable()
    finally:
        gc.set_threshold(*before)
        gc.enable()
    gc.collect()
    chunk = read_frames(
        lambda at, size: data[at : at + size], HEADER_SIZE, data.tell(), tail.salt, max_records=2000, max_bytes=1 << 20
    )
    said = {b"said %d" % number for number in range(100)} | {b"late %d" % number for number in range(100)}
    assert ({payload for _, payload in chunk.records}, chunk.damaged, tail.recorded) == (said, 0, 200)


def test_a_large_append_to_a_map_that_is_closed_goes_on() -> None:
    """As a small one does."""
    tail, buffer, overflowed = opened(65536)
    buffer.close()
    tail.append_parts(1, b"large", bytes(5000))
    tail.append(1, b"small")
    assert overflowed == [(1, b"large" + bytes(5000)), (1, b"small")]


def test_a_large_append_leaves_the_map_to_be_closed() -> None:
    """Nothing holds on to it."""
    tail, buffer, _ = opened(65536)
    tail.append(1, bytes(5000))
    buffer.close()
    assert buffer.closed


PIECES = st.lists(st.binary(max_size=40) | st.integers(0, 9000).map(bytes), max_size=6)


@pytest.mark.skipif(not tail_module.NATIVE, reason="appends in Python are always whole")
@given(st.tuples(*[st.binary(max_size=40)] * 3), PIECES, PIECES, st.integers(0, 7))
@example((b"head", b"", b"{}"), [bytes(5000), b"b"], [b"c"], 2)
@example((b"head", b"", b"{}"), [b"twenty bytes: ......", b"."], [], 2)
def test_what_is_said_again_is_read_whole(
    head: tuple[bytes, bytes, bytes], said: list[bytes], more: list[bytes], repeated: int
) -> None:
    """Some of what the start said, or all of it; and nothing of it is written twice."""
    repeated = min(repeated, len(said))
    tail, buffer, _ = opened(1 << 17)
    place = tail.append_parts(1, *head, *said)
    start = buffer.tell()
    tail.append_again(place, repeated, 1, *head, *said, *more)
    data, expected = buffer[: buffer.tell()], b"".join([*head, *said])
    whole = [(1, expected), (1, expected + b"".join(more))]
    assert decode(data, HEADER_SIZE, 77, True, 9, 1 << 20, 0, {}) == (whole, len(data), True)
    assert decode_in_python(data, HEADER_SIZE, 77, True, 9, 1 << 20, 0, {}) == (whole, len(data), True)
    saved = sum(map(len, said[:repeated]))
    if saved > 20:
        assert len(data) - start == frame_length(len(whole[1][1]) - saved + 20)
    else:  # what else is the same is seen by itself
        assert len(data) - start <= frame_length(len(whole[1][1]))


@pytest.mark.skipif(not tail_module.NATIVE, reason="appends in Python are always whole")
@pytest.mark.parametrize("place", [None, "here", -1, 5, 78 << 32, 1 << 70])
def test_what_stands_in_another_segment_is_written_again(place: Any) -> None:
    """Only a place in this very segment is one."""
    tail, buffer, _ = opened(4096)
    tail.append_again(place, 1, 1, b"a", b"b", b"c", bytes(100))
    assert decode(buffer[: buffer.tell()], HEADER_SIZE, 77, True, 9, 999, 0, {})[0] == [(1, b"abc" + bytes(100))]
    assert buffer.tell() == HEADER_SIZE + frame_length(103)


@pytest.mark.skipif(not tail_module.NATIVE, reason="appends in Python are always whole")
def test_a_record_that_finds_no_room_overflows_whole() -> None:
    """Whatever stood where."""
    tail, buffer, overflowed = opened(4096)
    place = tail.append_parts(1, b"a", b"b", b"c", bytes(2000))
    tail.append_again(place, 1, 1, b"a", b"b", b"d", bytes(2000), bytes(3000))
    assert overflowed == [(1, b"abd" + bytes(5000))]
    with pytest.raises(TypeError, match="append_again"):
        tail.append_again(place, -1, 1, b"a")
    with pytest.raises(TypeError, match="append_again"):
        tail.append_again(place, 1)
    assert buffer.tell() == HEADER_SIZE + frame_length(2003)


def a_segment(source: bytes, between: int) -> tuple[bytes, int]:
    """Return a segment in which far behind a frame another one echoes it, and where that is."""
    data = bytes(64) + encode(1, b"head" + source, 77)
    while len(data) < between:
        data += encode(1, bytes(1000), 77)
    return data + encode(1 | ECHO, echo_of(64, 4, 4, len(source), b"HEAD half tail", 6), 77), len(data)


@pytest.mark.parametrize("between", [0, 600_000])
def test_an_echo_is_whole_from_wherever_reading_begins(between: int) -> None:
    """Its source was read long before, or by another process."""
    data, place = a_segment(b"said once", between)
    read = lambda at, length: data[at : at + length]  # noqa: E731
    chunk = read_frames(read, place, len(data), 77, max_records=9, max_bytes=1 << 20)
    assert (chunk.records, chunk.damaged) == ([(1, b"HEADsaid once half tail")], 0)
    every = read_frames(read, 64, len(data), 77, max_records=9999, max_bytes=1 << 30)
    assert (every.records[-1], every.damaged) == ((1, b"HEADsaid once half tail"), 0)
    assert next_frame(read, place - 8, len(data), 77) == place


@pytest.mark.parametrize("between", [0, 600_000])
def test_an_echo_of_what_is_damaged_keeps_what_is_its_own(between: int) -> None:
    """But for the rest of a value that begins in what is lacking. Its source counts as damaged."""
    whole, _ = a_segment(b"said once", between)
    data = whole.replace(b"said", b"sa\0d", 1)
    read = lambda at, length: data[at : at + length]  # noqa: E731
    chunk = read_frames(read, 64, len(data), 77, max_records=9999, max_bytes=1 << 30)
    assert chunk.records[-1] == (1, b"HEADtail")
    assert chunk.damaged == 1
    assert chunk.offset == len(data)


@pytest.mark.parametrize("source", [0, 8, 1 << 20, (1 << 31) - 1, (1 << 32) - 1])
def test_an_echo_of_what_is_nowhere_reads_nothing_there(source: int) -> None:
    """Not even where checksums are not looked at."""
    data = bytes(64) + encode(1 | ECHO, echo_of(source, 4, 4, 9, b"HEADtail"), 77)

    def read(at: int, length: int) -> bytes:
        assert 0 <= at < len(data)
        return data[at : at + length]

    for verify in (True, False):
        chunk = read_frames(read, 64, len(data), 77, max_records=9, max_bytes=99, verify=verify)
        assert chunk.records == [(1, b"HEADtail")]
