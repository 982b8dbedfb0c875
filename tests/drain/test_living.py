"""Reading a journal from outside while its process appends to it: what waits, what is damage, what is deleted."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agenttrace.journal import tail as tail_module
from agenttrace.journal.folder import JournalFolder
from agenttrace.journal.frames import BOUND, BOUND_AT, HEADER_SIZE, SKIP, encode, frame_length, read_frames
from agenttrace.journal.journal import position
from agenttrace.journal.living import LivingJournal
from agenttrace.journal.recovery import adopt
from agenttrace.journal.settings import Counters, JournalSettings
from agenttrace.journal.shared import SharedJournal
from agenttrace.journal.tail import Tail
from agenttrace.model.wire import FIXED, VERSION
from tests.journal.journal_support import RUN, record

SEGMENT = 64 << 10
NATIVE = pytest.mark.skipif(not tail_module.NATIVE, reason="appends in Python are always whole")


def in_pieces(payload: bytes) -> tuple[bytes, ...]:
    """Return a record as its parts: what never changes, the version, the envelope, and the content's name and value."""
    behind = payload.index(b"\n", FIXED.size + VERSION.size) + 1
    content = payload[behind:]
    assert content.startswith(INPUT) or not content
    head = payload[: FIXED.size], payload[FIXED.size : FIXED.size + VERSION.size]
    return *head, payload[FIXED.size + VERSION.size : behind], INPUT, content[len(INPUT) :]


INPUT = b',"input":'


class Process:
    """The process's side, without a pipeline: a tail and a shared journal."""

    def __init__(self, root: Path, *, max_bytes: int = 16 * SEGMENT) -> None:
        self.counters = Counters()
        self.settings = JournalSettings(root=root, max_bytes=max_bytes, segment_bytes=SEGMENT, batch_records=10)
        self.home = JournalFolder(root, started=1, writer="process")
        self.folder = Path(self.home.path)
        self.problems: list[BaseException] = []
        self.tail = Tail(self._overflow, self.problems.append)
        self.journal = SharedJournal(
            self.home,
            self.settings,
            self.tail,
            self.counters,
            clock=lambda: 1,
            on_error=lambda _, error: self.problems.append(error),
        )

    def _overflow(self, kind: int, payload: bytes) -> None:
        self.journal.overflow(kind, payload)

    def append(self, *payloads: bytes) -> None:
        for payload in payloads:
            self.tail.append(RUN, payload)

    @property
    def segment(self) -> Path:
        """The newest segment."""
        return max(self.folder.glob("*.seg"))

    def write(self, offset: int, data: bytes) -> None:
        """Write into the newest segment, as a process does that is in the middle of it."""
        fd = os.open(self.segment, os.O_RDWR)
        os.pwrite(fd, data, offset)
        os.close(fd)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    """A process with a journal."""
    made = Process(tmp_path / "journal")
    yield made
    assert made.problems == []
    made.journal.forget()


@pytest.fixture
def reader(process: Process) -> Iterator[LivingJournal]:
    """A drainer's side of that."""
    made = LivingJournal(process.folder, process.settings)
    yield made
    made.close()


def read_all(reader: LivingJournal) -> list[bytes]:
    """Read and commit all there is."""
    found: list[bytes] = []
    while (chunk := reader.read()) is not None:
        found += [payload for _, payload in chunk.records]
        reader.commit(chunk.offset)
    return found


def wiped(reader: LivingJournal) -> list[bytes]:
    """Have what is committed overwritten, and return what was read before that."""
    claimed = reader.claim()
    found = read_all(reader)
    assert reader.wipe(claimed)
    return found


def test_what_was_appended_is_read_in_order_and_the_process_learns_of_it(
    process: Process, reader: LivingJournal
) -> None:
    """Nothing is there before the first record; without a commit the same comes again."""
    assert reader.read() is None
    payloads = [record(number) for number in range(25)]
    process.append(*payloads)
    first, again = reader.read(), reader.read()
    assert first is not None
    assert again is not None
    assert (first.offset, first.records) == (again.offset, again.records)
    assert len(first.records) == 10
    assert not process.journal.is_drained()
    assert read_all(reader) == payloads
    assert process.journal.is_drained()
    assert process.journal.backlog() == 0
    assert read_all(reader) == []


def test_segments_are_deleted_once_they_are_read_and_give_their_room_back(
    process: Process, reader: LivingJournal
) -> None:
    """The one that is open stays; the process counts the others out."""
    payloads = [record(number, content="x" * 3000) for number in range(80)]
    process.append(*payloads)
    segments = sorted(process.folder.glob("*.seg"))
    assert len(segments) > 3
    assert read_all(reader) == payloads
    assert sorted(process.folder.glob("*.seg")) == segments[-1:]
    process.journal.refresh()
    assert process.journal.committed == process.journal.position() > position(len(segments), HEADER_SIZE)
    assert process.journal._used <= 2 * SEGMENT


def test_a_large_record_has_a_segment_of_its_own(process: Process, reader: LivingJournal) -> None:
    """Smaller ones go on behind it."""
    payloads = [record(1), record(2, content="y" * 200_000), record(3), record(4)]
    process.append(*payloads)
    assert read_all(reader) == payloads


def test_a_frame_that_is_not_whole_yet_is_waited_for(process: Process, reader: LivingJournal) -> None:
    """Whatever part of it is there; then it is a record as any other."""
    process.append(record(1))
    frame = encode(RUN, record(2), process.tail.salt)
    offset = process.journal.position() & ((1 << 40) - 1)
    process.append(record(1))
    assert len(read_all(reader)) == 2
    offset += frame_length(len(record(1)))
    for end in (8, 16, 40, len(frame) - 9):
        process.write(offset, frame[:end])
        assert reader.read() is None
    process.write(offset, frame)
    (read,) = read_all(reader)
    assert read == frame[16 : 16 + len(read)]


def test_a_bad_place_before_a_whole_frame_is_damage(process: Process, reader: LivingJournal) -> None:
    """It was written before what follows it; it is counted once, and what follows is read."""
    payloads = [record(number) for number in range(3)]
    process.append(*payloads)
    process.write(HEADER_SIZE + frame_length(len(payloads[0])) + 30, b"\xff\xff\xff")
    chunks = []
    while (chunk := reader.read()) is not None:
        chunks.append(chunk)
        reader.commit(chunk.offset)
    assert [payload for chunk in chunks for _, payload in chunk.records] == [payloads[0], payloads[2]]
    assert sum(chunk.damaged for chunk in chunks) == 1


def test_damage_at_the_end_of_a_segment_that_is_complete(process: Process, reader: LivingJournal) -> None:
    """Nothing comes there any more: it is counted, and the next segment is read."""
    payloads = [record(number) for number in range(3)]
    process.append(*payloads)
    process.write(HEADER_SIZE + 2 * frame_length(len(payloads[0])) + 30, b"\xff" * 3)
    assert read_all(reader) == payloads[:2]
    process.journal.renew()
    process.append(payloads[0])
    damaged, found = 0, []
    while (chunk := reader.read()) is not None:
        damaged += chunk.damaged
        found += [payload for _, payload in chunk.records]
        reader.commit(chunk.offset)
    assert (found, damaged) == ([payloads[0]], 1)
    assert len(list(process.folder.glob("*.seg"))) == 1


def test_who_comes_next_goes_on_where_the_mark_stands(process: Process, reader: LivingJournal) -> None:
    """A second drainer, or who adopts the journal of the process once it has died."""
    payloads = [record(number) for number in range(40)]
    process.append(*payloads)
    chunk = reader.read()
    assert chunk is not None
    reader.commit(chunk.offset)
    following = LivingJournal(process.folder, process.settings)
    second = following.read()
    assert second is not None
    following.commit(second.offset)
    following.close()
    assert [payload for _, payload in second.records] == payloads[10:20]
    process.journal.forget()
    (dead,) = adopt(process.folder.parent, process.settings, skip=fail)
    found: list[bytes] = []
    while (chunk := dead.read()) is not None:
        found += [payload for _, payload in chunk.records]
        dead.commit(chunk.offset)
    assert found == payloads[20:]
    dead.release()


def fail(path: Path, error: OSError) -> None:
    raise AssertionError(f"{path}: {error}")


@pytest.mark.parametrize("count", [1, 7, 30])
def test_what_is_stored_is_overwritten_and_all_else_can_be_read(
    process: Process, reader: LivingJournal, count: int
) -> None:
    """One empty frame stands there, for whoever begins at the beginning; it may be done again."""
    payloads = [record(number, content="SECRETWORD") for number in range(count)]
    process.append(*payloads)
    assert read_all(reader) == payloads
    assert wiped(reader) == []
    later = [record(number) for number in range(100, 105)]
    process.append(*later)
    claimed = reader.claim()
    assert reader.wipe(claimed)
    data = process.segment.read_bytes()
    assert b"SECRETWORD" not in data
    chunk = read_frames(
        lambda offset, length: data[offset : offset + length],
        HEADER_SIZE,
        len(data),
        process.tail.salt,
        max_records=100,
        max_bytes=1 << 20,
    )
    assert ([payload for _, payload in chunk.records], chunk.damaged) == (later, 0)
    assert data[HEADER_SIZE + 8] == SKIP
    assert read_all(reader) == later


LARGE = "said once " * 300


@NATIVE
def test_what_is_claimed_is_named_no_more(process: Process, reader: LivingJournal) -> None:
    """Neither the start of a run that has not ended, nor what another run has said: it is written again."""
    process.append(record(0))
    start, other = in_pieces(record(1, content=LARGE, running=True)), in_pieces(record(2, content=LARGE))
    place = process.tail.append_parts(RUN, *start)
    process.tail.append_parts(RUN, *other)
    assert process.segment.read_bytes().count(b"said once") == 300
    read_all(reader)
    claimed = reader.claim()
    end, third = in_pieces(record(1, content=LARGE)), in_pieces(record(3, content=LARGE))
    process.tail.append_again(place, 2, RUN, *end)
    process.tail.append_parts(RUN, *third)
    assert process.segment.read_bytes().count(b"said once") == 600
    assert read_all(reader) == [b"".join(end), b"".join(third)]
    assert reader.wipe(claimed)
    assert process.segment.read_bytes().count(b"said once") == 300
    last = in_pieces(record(4, content=LARGE))
    process.tail.append_parts(RUN, *last)
    assert process.segment.read_bytes().count(b"said once") == 300
    assert read_all(reader) == [b"".join(last)]


@NATIVE
def test_what_was_appended_before_the_process_knew_is_read_before_it_is_overwritten(
    process: Process, reader: LivingJournal
) -> None:
    """It names what was claimed."""
    process.append(record(0))
    pieces = [in_pieces(record(number, content=LARGE)) for number in range(2)]
    process.tail.append_parts(RUN, *pieces[0])
    read_all(reader)
    process.tail.append_parts(RUN, *pieces[1])
    assert wiped(reader) == [b"".join(pieces[1])]
    assert process.segment.read_bytes().count(b"said once") == 0


@NATIVE
def test_what_is_claimed_in_the_middle_of_an_append_is_not_needed(tmp_path: Path) -> None:
    """Such a record is written once more, whole: what it names may be overwritten already."""
    process = Process(tmp_path / "journal", max_bytes=64 << 20)
    pieces = in_pieces(record(1, content=LARGE))
    process.tail.append_parts(RUN, *pieces)
    fd, stop = os.open(process.segment, os.O_RDWR), threading.Event()

    def claim() -> None:
        while not stop.is_set():
            os.pwrite(fd, BOUND.pack(0xFFFFFFFF), BOUND_AT)
            os.pwrite(fd, BOUND.pack(0), BOUND_AT)

    claiming = threading.Thread(target=claim)
    claiming.start()
    appended, segment = 0, process.segment
    while process.segment == segment:
        process.tail.append_parts(RUN, *pieces)
        appended += 1
    stop.set()
    claiming.join()
    os.close(fd)
    reader = LivingJournal(process.folder, process.settings)
    found = read_all(reader)
    assert len(found) > appended
    assert set(found) == {b"".join(pieces)}
    reader.close()
    process.journal.forget()
    assert process.problems == []


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("between", [0, 3])
def test_nothing_is_left_of_what_was_stored(process: Process, reader: LivingJournal, before: int, between: int) -> None:
    """Not of the start of a run either that has not ended: its end is whole."""
    done = [record(number, content="SECRETWORD") for number in range(before + between)]
    start = record(100, content="SECRETWORD", running=True)
    process.append(*done[:before], start, *done[before:])
    assert len(read_all(reader)) == len(done) + 1
    assert wiped(reader) == []
    assert b"SECRETWORD" not in process.segment.read_bytes()
    end = record(100, content="said twice")
    process.append(end)
    assert read_all(reader) == [end]


def test_another_segment_is_not_overwritten_by_a_claim_to_the_one_before(
    process: Process, reader: LivingJournal
) -> None:
    """Of that one nothing was claimed."""
    process.append(record(0))
    read_all(reader)
    claimed = reader.claim()
    later = [record(number, content="x" * 9000) for number in range(1, 10)]
    process.append(*later)
    assert read_all(reader) == later
    before = process.segment.read_bytes()
    assert not reader.wipe(claimed)
    assert process.segment.read_bytes() == before


def test_wiping_what_nothing_was_read_of_changes_nothing(process: Process, reader: LivingJournal) -> None:
    """Also where there is no segment yet."""
    claimed = reader.claim()
    assert claimed is None
    assert reader.wipe(claimed)
    process.append(record(1))
    before = process.segment.read_bytes()
    assert reader.wipe(claimed)
    assert process.segment.read_bytes() == before
    read_all(reader)
    assert not reader.wipe(claimed)
    assert process.segment.read_bytes() == before


def test_a_full_journal_has_room_again_once_it_is_drained(tmp_path: Path) -> None:
    """Records degrade, then drop into a gap that is told; then they are whole again."""
    process = Process(tmp_path / "journal", max_bytes=4 * SEGMENT)
    for number in range(3000):
        process.append(record(number, content="z" * 2000))
    assert process.counters.degraded > 0
    assert process.counters.dropped > 0
    reader = LivingJournal(process.folder, process.settings)
    read_all(reader)
    degraded, dropped = process.counters.degraded, process.counters.dropped
    whole = [record(number, content="w" * 2000) for number in range(10)]
    process.journal._next_look = 0.0  # the next look is due at once
    process.append(*whole)
    found = read_all(reader)
    assert found[-10:] == whole
    assert (process.counters.degraded, process.counters.dropped) == (degraded, dropped)
    assert any(b'"gap"' in payload for payload in found)
    reader.close()
    process.journal.forget()


def test_a_folder_that_its_process_removed(process: Process, reader: LivingJournal) -> None:
    """It is known by its lock."""
    reader.look()
    process.append(record(1))
    process.home.remove()
    with pytest.raises(FileNotFoundError):
        reader.look()


def test_nothing_is_read_of_a_journal_that_is_not_there(tmp_path: Path) -> None:
    """It says so."""
    with pytest.raises(FileNotFoundError):
        LivingJournal(tmp_path / ("0" * 32), JournalSettings(root=tmp_path))
