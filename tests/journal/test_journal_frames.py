"""Frames: records come back as they were appended, and damage costs no more than what it hit."""

from __future__ import annotations

import zlib

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrace.journal.degrade import lacking
from agenttrace.journal.frames import HEADER_SIZE, MAGIC, SKIP, Chunk, SegmentHeader, crc32, encode, read_frames
from agenttrace.model.wire import RUN, read_run
from tests.journal.journal_support import record

SALT = 0xDEADBEEF
HEADER = SegmentHeader(7, bytes(range(16)), 4096, 123)
MANY = {"max_records": 10_000, "max_bytes": 1 << 30}

payloads = st.lists(st.binary(max_size=200), max_size=30)


def segment(bodies: list[bytes], kind: int = 1) -> bytearray:
    data = bytearray(HEADER_SIZE)
    for body in bodies:
        data += encode(kind, body, SALT)
    return data


def read(data: bytes | bytearray, **options: object) -> Chunk:
    return read_frames(
        lambda offset, length: bytes(data[offset : offset + length]), HEADER_SIZE, len(data), SALT, **(MANY | options)
    )


@given(payloads)
def test_records_come_back_in_order(bodies: list[bytes]) -> None:
    """What was written is what is read."""
    chunk = read(segment(bodies))
    assert chunk.records == [(1, body) for body in bodies]
    assert chunk.damaged == 0


@given(payloads, st.integers(0, 4096))
def test_zeros_behind_the_last_frame_are_no_damage(bodies: list[bytes], free: int) -> None:
    """The unused rest of a segment is nothing."""
    chunk = read(segment(bodies) + bytes(free))
    assert [body for _, body in chunk.records] == bodies
    assert chunk.damaged == 0


@settings(max_examples=200)
@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=8), st.data())
def test_any_flipped_bit_costs_one_record_at_most_and_is_counted(bodies: list[bytes], data: st.DataObject) -> None:
    """Every other record is found; a flip in the padding does no harm at all."""
    raw = segment(bodies)
    at = data.draw(st.integers(HEADER_SIZE, len(raw) - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    chunk = read(raw)
    found = [body for _, body in chunk.records]
    lost = [body for body in bodies if body not in found]
    assert len(found) == len(bodies) - chunk.damaged
    assert chunk.damaged <= 1
    assert len(lost) <= 1
    assert all(body in bodies for body in found)


@given(st.binary(max_size=300), st.integers(0, 0xFFFFFFFF))
def test_a_torn_frame_is_never_a_record(body: bytes, kept: int) -> None:
    """A kill stops the copy anywhere: what stands is the whole record or none, wherever the copy began."""
    frame = encode(1, body + b"!", SALT)
    cut = kept % len(frame)
    for torn in (frame[:cut] + bytes(len(frame) - cut), bytes(cut) + frame[cut:]):
        chunk = read(segment([b"before"]) + torn)
        assert [kept for _, kept in chunk.records] == [b"before", body + b"!"][: 1 + (torn == frame)]


def test_a_frame_of_another_segment_does_not_verify() -> None:
    """The salt holds the frame to its segment."""
    data = bytes(HEADER_SIZE) + encode(1, b"record", SALT + 1)
    assert read(data).records == []


def test_a_changed_kind_does_not_verify() -> None:
    """The kind is part of the checksum."""
    data = segment([b"record"])
    data[HEADER_SIZE + 8] = 2
    assert read(data).records == []


def test_a_torn_tail_is_damage_and_no_more() -> None:
    """A frame whose payload is cut off is not taken."""
    chunk = read(segment([b"whole", b"torn" * 10])[:-16])
    assert chunk.records == [(1, b"whole")]
    assert chunk.damaged == 1


def test_a_payload_without_a_header_is_nothing_that_was_acknowledged() -> None:
    """An append that was killed half-way left its payload and no header: no record, no damage."""
    data = segment([b"whole"]) + bytes(16) + b"half an append" + bytes(2)
    chunk = read(data)
    assert chunk.records == [(1, b"whole")]
    assert chunk.damaged == 0


def test_records_behind_a_hole_are_found() -> None:
    """A page that never reached the disk hides nothing behind it."""
    data = segment([b"a" * 100, b"b" * 5000, b"c" * 100])
    data[200:4200] = bytes(4000)
    chunk = read(data)
    assert chunk.records == [(1, b"a" * 100), (1, b"c" * 100)]
    assert chunk.damaged == 1


def test_resynchronising_crosses_the_windows_in_which_a_segment_is_read() -> None:
    """A magic that straddles two windows of 256 KiB is found too."""
    bodies = [bytes([n % 251]) * (n % 90 + 1) for n in range(9000)]
    data = segment(bodies)
    data[HEADER_SIZE : HEADER_SIZE + (256 << 10)] = bytes(256 << 10)
    found = [body for _, body in read(data).records]
    assert found == bodies[-len(found) :]
    assert len(found) > 1000


def test_a_false_magic_in_a_payload_misleads_nobody() -> None:
    """While looking for the next frame, only one with a checksum counts."""
    data = segment([b"first", MAGIC.to_bytes(4, "little") * 40, b"last"])
    data[HEADER_SIZE + 16] ^= 1
    data[HEADER_SIZE + 24 + 17] ^= 1
    assert [body for _, body in read(data).records] == [b"last"]


def test_empty_frames_are_passed_over() -> None:
    """A frame that holds nothing is no record."""
    data = segment([b"first"])
    data += encode(SKIP, b"junk", SALT)
    data += encode(1, b"last", SALT)
    assert [body for _, body in read(data).records] == [b"first", b"last"]
    assert read(data).damaged == 0


@given(payloads, st.integers(1, 5), st.integers(1, 300))
def test_limits_cut_a_segment_into_chunks_that_join_without_a_seam(
    bodies: list[bytes], max_records: int, max_bytes: int
) -> None:
    """Reading goes on where the last chunk ended."""
    data, found, offset = segment(bodies), [], HEADER_SIZE
    while offset < len(data):
        chunk = read_frames(
            lambda at, length: bytes(data[at : at + length]),
            offset,
            len(data),
            SALT,
            max_records=max_records,
            max_bytes=max_bytes,
        )
        assert 1 <= len(chunk.records) <= max_records
        found += [body for _, body in chunk.records]
        offset = chunk.offset
    assert found == bodies


@given(st.binary(max_size=300), st.integers(0, (1 << 32) - 1))
def test_the_checksum_is_the_one_of_zlib(data: bytes, seed: int) -> None:
    """Whoever computes it: segments are read by processes with and without the compiled one."""
    assert crc32(data) == zlib.crc32(data)
    assert crc32(data * 9, seed) == zlib.crc32(data * 9, seed)


def test_a_header_comes_back() -> None:
    """The 64 bytes hold what was put in."""
    assert len(HEADER.pack()) == HEADER_SIZE
    again = SegmentHeader.unpack(HEADER.pack())
    assert again is not None
    assert [getattr(again, name) for name in again.__slots__] == [getattr(HEADER, name) for name in HEADER.__slots__]


@given(st.integers(0, 59), st.integers(0, 7))
def test_a_damaged_header_is_noticed(at: int, bit: int) -> None:
    """Any flipped bit of its 60 bytes makes it unreadable."""
    data = bytearray(HEADER.pack())
    data[at] ^= 1 << bit
    assert SegmentHeader.unpack(bytes(data)) is None


def test_a_short_header_is_none() -> None:
    """A file that ends within the header has none."""
    assert SegmentHeader.unpack(b"short") is None


def test_salts_differ_between_segments_and_processes() -> None:
    """So that frames of one do not verify in another."""
    salts = {SegmentHeader(n, bytes([p]) * 16, 4096, 0).salt for n in range(1, 20) for p in range(20)}
    assert len(salts) == 19 * 20


def test_checksums_can_be_left_out_and_then_damage_passes() -> None:
    """The switch that tests of the tests use."""
    data = segment([b"record"])
    data[HEADER_SIZE + 16] ^= 1
    assert read(data, verify=False).records == [(1, bytes([b"r"[0] ^ 1]) + b"ecord")]


def test_resynchronising_can_be_left_out_and_then_the_rest_is_lost() -> None:
    """The switch that tests of the tests use."""
    data = segment([b"first", b"last"])
    data[HEADER_SIZE + 16] ^= 1
    assert read(data, resync=False).records == []
    assert read(data, resync=False).damaged == 1


def test_an_end_whose_start_is_damaged_says_what_is_lacking() -> None:
    """It keeps what is its own, and its attributes; what is no run stays as it is."""
    payload = record(1, attributes={"colour": "red"})
    told = read_run(lacking(RUN, payload))
    whole = read_run(payload)
    assert orjson.loads(told.envelope)["attributes"] == {"colour": "red", "degraded": "damaged"}
    assert (told.content, told.span, told.end) == (whole.content, whole.span, whole.end)
    assert orjson.loads(read_run(lacking(RUN, record(2))).envelope)["attributes"] == {"degraded": "damaged"}
    assert lacking(RUN, b"no run") == b"no run"
    assert lacking(RUN + 1, payload) == payload
