"""A record names what stands in the segment already, of another run, and is read whole all the same."""

from __future__ import annotations

import mmap
import struct
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agenttrace.journal import tail as tail_module
from agenttrace.journal.frames import (
    ECHO,
    FRAME,
    FRAME_SIZE,
    HEADER_SIZE,
    decode,
    decode_in_python,
    encode,
    frame_length,
    read_frames,
)
from agenttrace.journal.tail import Tail
from agenttrace.model.versions import RANK_END
from agenttrace.model.wire import FIXED, NO_PARENT, RUN, VERSION, read_run

pytestmark = pytest.mark.skipif(not tail_module.NATIVE, reason="appends in Python are always whole")

NAMES = (b',"model":', b',"system_prompt":', b',"history":', b',"output":')
HEAD = (FIXED.pack(b"t" * 16, b"s" * 8, NO_PARENT, 5, 5, 7), VERSION.pack(9, 8, 1, RANK_END, 2, 0), b'{"type":"x"}\n')
SALT = 77


def opened(size: int = 1 << 20) -> tuple[Tail, mmap.mmap]:
    """Return a tail that repeats, and the map to which it appends."""
    tail = Tail(lambda _kind, _payload: pytest.fail("there was room"), pytest.fail)
    buffer = mmap.mmap(-1, size)
    buffer.seek(HEADER_SIZE)
    tail.write, tail.salt = buffer.write, SALT
    return tail, buffer


def sizes(data: bytes) -> Iterator[tuple[bool, int]]:
    """Return of each frame whether it is an echo, and how many bytes its own payload has."""
    at = HEADER_SIZE
    while at < len(data):
        size, _, kind, _ = FRAME.unpack_from(data, at)
        yield bool(kind & ECHO), size
        at += frame_length(size)


def prompt(*messages: bytes, system: bytes = b"s" * 2000, **more: bytes) -> list[bytes]:
    """Return the pieces of a run's record."""
    history = b"[" + b",".join(messages) + b"]"
    content = {"model": b'"m"', "system_prompt": b'"%b"' % system, "history": history, **more}
    return [
        *HEAD,
        *(part for name in NAMES if (key := name[2:-2].decode()) in content for part in (name, content[key])),
    ]


def message(number: int, size: int = 300) -> bytes:
    """Return one that no other is alike."""
    return b'{"content":"%b"}' % (b"%d " % number * size)[:size]


def read(data: bytes) -> list[tuple[int, bytes]]:
    """Return the records, read by both decoders and through a window."""
    found = decode(data, HEADER_SIZE, SALT, True, 1 << 20, 1 << 30, 0, {})
    assert found == decode_in_python(data, HEADER_SIZE, SALT, True, 1 << 20, 1 << 30, 0, {})
    window = lambda at, length: data[at : at + length]  # noqa: E731
    chunk = read_frames(window, HEADER_SIZE, len(data), SALT, max_records=1 << 20, max_bytes=1 << 30)
    assert (chunk.records, chunk.damaged, found[2]) == (found[0], 0, True)
    return chunk.records


def changed(value: bytes, at: int, new: bytes) -> bytes:
    """Return a value with other bytes at a place, or behind it."""
    return value[:at] + new + value[at + len(new) :]


BASE = b"".join(b"%d," % number for number in range(700))
VALUES = (
    st.binary(max_size=20)
    | st.integers(0, len(BASE)).map(lambda size: BASE[:size])
    | st.tuples(st.integers(0, len(BASE)), st.binary(max_size=3)).map(lambda given: changed(BASE, *given))
)
Said = list[tuple[dict[bytes, bytes], bytes]]
RECORDS = st.lists(st.tuples(st.dictionaries(st.sampled_from(NAMES), VALUES), st.binary(max_size=9)), max_size=12)


@given(RECORDS)
@example([({NAMES[2]: BASE}, b""), ({NAMES[2]: BASE[:1500]}, b"h"), ({NAMES[2]: BASE + b"x", NAMES[3]: BASE}, b"")])
@example([({NAMES[1]: BASE, NAMES[2]: BASE}, b""), ({NAMES[0]: b"", NAMES[2]: BASE}, b""), ({NAMES[1]: BASE}, b"")])
def test_whatever_is_said_in_whatever_order_is_read_as_it_was_said(
    records: list[tuple[dict[bytes, bytes], bytes]],
) -> None:
    """Values that begin alike, end alike, grow, shrink and come back; heads of other lengths; names left out."""
    tail, buffer = opened()
    said: list[tuple[int, bytes]] = []
    for content, head in records:
        pieces = [*HEAD, *(part for pair in content.items() for part in pair)]
        pieces[0] = head
        tail.append_parts(RUN, *pieces)
        said.append((RUN, b"".join(pieces)))
    assert read(buffer[: buffer.tell()]) == said
    assert tail.recorded == len(said)


def test_a_conversation_that_grows_is_not_written_with_every_prompt() -> None:
    """But whole only once as much was written of what is new as there was to repeat."""
    tail, buffer = opened()
    said = [prompt(*map(message, range(count)), output=b'"%d"' % count) for count in range(1, 61)]
    for pieces in said:
        tail.append_parts(RUN, *pieces)
    data = buffer[: buffer.tell()]
    assert read(data) == [(RUN, b"".join(pieces)) for pieces in said]
    every = sum(len(b"".join(pieces)) for pieces in said)
    written = [size for is_echo, size in sizes(data) if not is_echo]
    assert len(written) == 8
    assert sum(written) < every / 8
    assert len(data) < every / 4


def test_conversations_in_turn_are_each_known_again() -> None:
    """Several agents of one process."""
    tail, buffer = opened()
    for turn in range(5):
        for agent in range(6):
            history = [message(100 * agent + number) for number in range(20)]
            tail.append_parts(RUN, *prompt(*history, message(turn), system=b"%d" % agent * 900))
            tail.append_parts(RUN, *HEAD, NAMES[3], message(1000 * turn + agent, 2000))  # which nobody says again
    echoes = [is_echo for is_echo, _ in sizes(buffer[: buffer.tell()])]
    assert echoes == [False] * 12 + [True, False] * 24


def test_conversations_that_begin_alike_do_not_drive_each_other_out() -> None:
    """Two of one agent, which has the same system prompt in both."""
    tail, buffer = opened()
    for turn in range(10):
        for which in range(2):
            tail.append_parts(RUN, *prompt(*[message(100 * which + number) for number in range(20 + turn)]))
    whole = [number for number, (is_echo, _) in enumerate(sizes(buffer[: buffer.tell()])) if not is_echo]
    assert whole == [0, 1, 14, 15]


def test_one_damaged_frame_takes_only_so_many_others_with_it() -> None:
    """After that what they all say is written again."""
    tail, buffer = opened()
    for _ in range(200):
        tail.append_parts(RUN, *prompt(message(0)))
    whole = [number for number, (is_echo, _) in enumerate(sizes(buffer[: buffer.tell()])) if not is_echo]
    assert whole == [0, 65, 130, 195]


def test_a_frame_that_was_named_often_enough_does_not_hide_another() -> None:
    """A long conversation and short ones have the same system prompt: it is written again, and that is named then."""
    tail, buffer = opened()
    tail.append_parts(RUN, *prompt(message(0, 20_000)))
    for number in range(200):
        tail.append_parts(RUN, *prompt(b"%d" % number))
    whole = [number for number, (is_echo, _) in enumerate(sizes(buffer[: buffer.tell()])) if not is_echo]
    assert whole == [0, 65, 130, 195]


def test_what_is_lacking_of_a_damaged_frame_leaves_the_rest_readable() -> None:
    """The run says so, and has what is its own."""
    tail, buffer = opened()
    tail.append_parts(RUN, *prompt(message(0, 3000)))
    start = buffer.tell()
    tail.append_parts(RUN, *prompt(message(0, 3000), message(1), output=b'"done"'))
    data = bytearray(buffer[: buffer.tell()])
    data[(HEADER_SIZE + start) // 2] ^= 1
    chunk = read_frames(
        lambda at, size: bytes(data[at : at + size]), HEADER_SIZE, len(data), SALT, max_records=9, max_bytes=1 << 20
    )
    assert chunk.damaged == 1
    [(kind, payload)] = chunk.records
    record = read_run(payload)
    assert (kind, record.content) == (RUN, b'{"model":"m","output":"done"}')
    assert b'"degraded":"damaged"' in record.envelope


def test_another_segment_has_it_written_again() -> None:
    """It would go before this one."""
    tail, buffer = opened()
    tail.append_parts(RUN, *prompt(message(0)))
    with mmap.mmap(-1, 1 << 20) as other:
        other.seek(HEADER_SIZE)
        tail.write, tail.salt = other.write, 78
        tail.append_parts(RUN, *prompt(message(0)))
        tail.append_parts(RUN, *prompt(message(0)))
        data = other[: other.tell()]
        assert [is_echo for is_echo, _ in sizes(data)] == [False, True]
        assert data[HEADER_SIZE:].startswith(encode(RUN, b"".join(prompt(message(0))), 78))
        tail.shut()
    assert [is_echo for is_echo, _ in sizes(buffer[: buffer.tell()])] == [False]


def test_little_is_held_of_what_was_said() -> None:
    """Four megabytes at most; a larger record is not kept at all."""
    held: list[Any] = []
    tail, _buffer = opened(64 << 20)
    for number in range(20):
        held.append(b'"%b"' % (b"%d " % number * 400_000)[:900_000])
        tail.append_parts(RUN, *HEAD, NAMES[number % 4], held[-1])
    counts = [sys.getrefcount(value) for value in held]
    assert sum(count > min(counts) for count in counts) in range(1, 5)
    large = bytes(5 << 20)
    before = sys.getrefcount(large)
    tail.append_parts(RUN, *HEAD, NAMES[0], large)
    assert sys.getrefcount(large) == before
    tail.reset()
    del tail
    assert len({sys.getrefcount(value) for value in held}) == 1


def test_a_large_value_that_begins_like_a_small_one_is_not_held() -> None:
    """Only what is kept, and what is mostly the same."""
    tail, _buffer = opened(64 << 20)
    small = b'"%b' % (b"word " * 1000)
    tail.append_parts(RUN, *HEAD, NAMES[0], small)
    large = small + bytes(5 << 20)
    before = sys.getrefcount(large)
    tail.append_parts(RUN, *HEAD, NAMES[0], large)
    assert sys.getrefcount(large) == before


def test_frames_say_what_they_repeat_in_twenty_bytes() -> None:
    """As `frames` has it: the frame, where in it, where here, how much, and how much of a value follows."""
    tail, buffer = opened()
    one, other = prompt(message(0, 2000)), prompt(message(0, 2000), message(1))
    tail.append_parts(RUN, *one)
    second = buffer.tell()
    tail.append_parts(RUN, *other)
    head = sum(map(len, HEAD)) + len(b',"model":"m"')
    common = len(b"".join(other[5:])) - len(other[-1]) + len(one[-1]) - 1
    rest = len(other[-1]) - len(one[-1]) + 1
    echo = buffer[second + FRAME_SIZE : second + FRAME_SIZE + 20]
    assert struct.unpack("<IIIII", echo) == (HEADER_SIZE, head, head, common, rest)


@pytest.mark.parametrize(("count", "size"), [(40, 10_000), (6, 1 << 20)])
def test_echoes_of_many_frames_far_away_are_read_whole(count: int, size: int) -> None:
    """Of more frames, and of more bytes, than the reader keeps at hand, in turn and one by one."""
    data, places = bytes(HEADER_SIZE), []
    for number in range(count):
        places.append(len(data))
        data += encode(RUN, bytes([number]) * size, SALT)
    data += encode(RUN, bytes(600_000), SALT)  # further than a window reaches
    named = [*range(count), *range(count), 0, 0, count - 1]
    for number in named:
        data += encode(RUN | ECHO, struct.pack("<IIIII", places[number], 0, 1, size, 0) + b"ab", SALT)
    window = lambda at, length: data[at : at + length]  # noqa: E731
    chunk = read_frames(window, HEADER_SIZE, len(data), SALT, max_records=1 << 20, max_bytes=1 << 30)
    assert [payload for _, payload in chunk.records[count + 1 :]] == [b"a%bb" % (bytes([n]) * size) for n in named]
    assert chunk.damaged == 0
