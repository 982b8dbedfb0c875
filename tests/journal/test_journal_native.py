"""The compiled frame encoder writes what the one in Python writes."""

from __future__ import annotations

import mmap
import shutil
import struct
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agenttrace.journal import ahead
from agenttrace.journal import tail as tail_module
from agenttrace.journal.frames import NATIVE, decode, decode_in_python, encode, encode_in_python
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


@given(
    st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=90)), max_size=8),
    *(SALTS, st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), max_size=2), st.integers(-8, 900)),
    *(st.booleans(), st.integers(-1, 9), st.integers(-1, 400), st.integers(-8, 8)),
)
def test_both_decoders_take_the_same_from_any_bytes(
    records: list[tuple[int, bytes]],
    salt: int,
    flips: list[tuple[int, int]],
    cut: int,
    verify: bool,
    most: int,
    size: int,
    place: int,
) -> None:
    """Whole frames, frames with changed bytes, cut ones; from their beginning and from beside it."""
    data = bytearray(b"".join(encode(kind, payload, salt) for kind, payload in records))
    for at, byte in flips:
        if at < len(data):
            data[at] = byte
    text = bytes(data[: cut if cut > 0 else None])
    told = decode(text, place, salt, verify, most, size)
    assert told == decode_in_python(text, place, salt, verify, most, size)
    if not flips and cut <= 0 and place == 0 and most > len(records) and size > 90 * len(records):
        assert told == (records, len(text))


def test_the_checksum_of_a_long_payload_is_checked_too() -> None:
    """That is done without the GIL."""
    frame = encode(7, bytes(200_000), 5)
    assert decode(frame, 0, 5, True, 1, 1) == ([(7, bytes(200_000))], len(frame))
    assert decode(frame[:-1] + b"x", 0, 5, True, 1, 1) == ([], 0)


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
    tail.write, tail.salt = buffer.write, 77
    return tail, buffer, overflowed


@given(st.lists(st.lists(st.binary(max_size=40) | st.integers(0, 9000).map(bytes), max_size=6), max_size=6))
@example([[bytes(4095)], [bytes(4096)], [b"a", bytes(16000), b"b"], [bytes(40000)], [b"after"]])
def test_appends_in_pieces_write_what_whole_ones_write(records: list[list[bytes]]) -> None:
    """Small or large, until there is no room; what finds none goes on whole, and a smaller one may fit after it."""
    one, pieced, lost = opened(32768)
    other, whole, missing = opened(32768)
    for pieces in records:
        one.append_parts(1, *pieces)
        other._append_plainly(1, b"".join(pieces))
    assert pieced[:] == whole[:]
    assert pieced.tell() == whole.tell()
    assert lost == missing
    assert one.recorded == other.recorded == len(records) - len(lost)


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
