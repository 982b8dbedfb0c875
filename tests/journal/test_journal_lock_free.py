"""Appends without a lock: while segments change, threads switch and processes fork, each record lands exactly once."""

from __future__ import annotations

import mmap
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agenttrace.errors import StoreUnavailable
from agenttrace.journal import tail as tail_module
from agenttrace.journal.frames import HEADER_SIZE, SegmentHeader, encode, read_frames
from agenttrace.journal.pipeline import Pipeline
from agenttrace.journal.segment import FileSegment, MappedSegment, MemorySegment
from agenttrace.journal.tail import Tail
from tests.journal.journal_support import RUN, FakeStore, child, record, records_of

Make = Callable[..., Pipeline]
Segment = FileSegment | MemorySegment

MANY = {"max_records": 1 << 20, "max_bytes": 1 << 30}


@pytest.fixture(params=["file", "memory"])
def new_segment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[int], Segment]]:
    """Makes segments of 8 KiB by number, in files or in memory."""
    made: list[Segment] = []

    def make(number: int) -> Segment:
        header = SegmentHeader(number, bytes(16), 8192, 0)
        made.append(FileSegment(tmp_path, header) if request.param == "file" else MemorySegment(header))
        return made[-1]

    yield make
    for segment in made:
        segment.remove()


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads switch as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def payloads(segment: Segment) -> list[bytes]:
    """Return what stands in a segment, none of it damaged."""
    chunk = read_frames(segment.read, HEADER_SIZE, segment.published(), segment.salt, **MANY)
    assert chunk.damaged == 0
    return [payload for _, payload in chunk.records]


class Chain:
    """A tail that goes on to a new segment whenever one is full, as the journal does, and keeps them all."""

    def __init__(self, new_segment: Callable[[int], Segment]) -> None:
        self.new_segment = new_segment
        self.segments: list[Segment] = []
        self.tail = Tail(self.overflow, pytest.fail)

    def overflow(self, kind: int, payload: bytes) -> None:
        if not self.tail.put(kind, payload):
            if self.segments:
                self.segments[-1].seal()
            self.segments.append(self.new_segment(len(self.segments) + 1))
            self.tail.attach(self.segments[-1])
            assert self.tail.put(kind, payload)
        self.tail.open_up()

    def payloads(self) -> list[bytes]:
        return [payload for segment in self.segments for payload in payloads(segment)]


# Sealing.


def test_a_sealed_segment_takes_nothing_and_keeps_what_it_has(new_segment: Callable[[int], Segment]) -> None:
    """A thread that took `write` before is turned away, whatever it brings."""
    segment = new_segment(1)
    assert segment.buffer is not None
    late = segment.buffer.write
    late(encode(1, b"in time", segment.salt))
    before = segment.published()
    segment.seal()
    for payload in (b"", b"late", b"x" * 9000):
        with pytest.raises(ValueError, match="out of range"):
            late(encode(1, payload, segment.salt))
    segment.seal()
    assert segment.end == segment.published() == before
    assert payloads(segment) == [b"in time"]


def test_a_closed_segment_turns_late_writers_away_too(new_segment: Callable[[int], Segment]) -> None:
    """A drained segment is removed while a slow thread still holds its `write`."""
    segment = new_segment(1)
    assert segment.buffer is not None
    late = segment.buffer.write
    segment.seal()
    segment.remove()
    with pytest.raises(ValueError, match="closed"):
        late(b"late")


class SlyMap(mmap.mmap):
    """A map to which other threads write right after `tell`: the worst moment of a seal."""

    frames: tuple[bytes, ...] = ()

    def tell(self) -> int:
        place = super().tell()
        for frame in self.frames:
            self.write(frame)
        self.frames = ()
        return place


@pytest.mark.parametrize("count", [0, 1, 5, 85])
def test_what_is_written_in_the_middle_of_a_seal_is_part_of_the_segment(count: int) -> None:
    """Up to the last byte of it: 85 frames fill this segment."""
    header = SegmentHeader(1, bytes(16), HEADER_SIZE + 86 * 32, 0)
    buffer = SlyMap(-1, header.size)
    segment = MappedSegment(header, buffer)
    buffer.write(encode(1, b"before", segment.salt))
    buffer.frames = tuple(encode(1, b"meanwhile", segment.salt) for _ in range(count))
    segment.seal()
    assert segment.end is not None
    chunk = read_frames(lambda at, size: buffer[at : at + size], HEADER_SIZE, segment.end, segment.salt, **MANY)
    assert [payload for _, payload in chunk.records] == [b"before"] + [b"meanwhile"] * count
    assert chunk.offset == segment.end
    assert buffer.tell() == header.size


def test_a_seal_that_was_interrupted_is_finished_by_the_next_one() -> None:
    """The end is then the segment's own, and the reader passes over the zeros."""
    header = SegmentHeader(1, bytes(16), 8192, 0)
    buffer = mmap.mmap(-1, header.size)
    segment = MappedSegment(header, buffer)
    buffer.write(encode(1, b"whole", segment.salt))
    buffer.seek(0, 2)
    segment.seal()
    assert segment.end == 8192
    chunk = read_frames(lambda at, size: buffer[at : at + size], HEADER_SIZE, 8192, segment.salt, **MANY)
    assert (chunk.records, chunk.offset, chunk.damaged) == ([(1, b"whole")], 8192, 0)


# Changing segments.


def test_an_append_that_took_the_old_segment_lands_in_the_new_one(
    new_segment: Callable[[int], Segment], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between taking `write` and using it, others filled the segment and went on: with its salt or the new one."""
    real = tail_module.encode
    chain = Chain(new_segment)
    hooks: list[Callable[[], None]] = []

    def others() -> None:
        while len(chain.segments) < 2:
            chain.tail.append(1, b"other" * 30)

    def encode(kind: int, payload: bytes, salt: int) -> bytes:
        if hooks:
            hooks.pop()()
        return real(kind, payload, salt)

    monkeypatch.setattr(tail_module, "encode", encode)
    chain.tail.append(1, b"first")
    hooks.append(others)
    chain.tail._append_plainly(1, b"late")  # the compiled one has no middle
    assert payloads(chain.segments[1])[-1] == b"late"
    assert chain.payloads().count(b"late") == 1
    assert chain.tail.recorded == len(chain.payloads())


class SlySegment:
    """A segment in memory at which somebody appends whenever it is looked at, as a thread may that comes in between."""

    def __init__(self, number: int, appear: Callable[[], None]) -> None:
        self._real = MemorySegment(SegmentHeader(number, bytes(16), 8192, 0))
        self._appear = appear

    def __getattr__(self, name: str) -> Any:
        self._appear()
        return getattr(self._real, name)


def test_no_frame_meets_the_salt_of_another_segment() -> None:
    """Whoever appends in the middle of a change, at whichever step: what lands verifies, and lands once."""
    calls: list[bytes] = []

    busy = True

    def appear() -> None:
        if busy and len(chain.segments) > 1 and len(calls) < 200:
            calls.append(b"between %d" % len(calls))
            chain.tail.append(1, calls[-1])

    chain = Chain(lambda number: SlySegment(number, appear))  # type: ignore[arg-type, return-value]
    for number in range(200):
        chain.tail.append(1, b"%d" % number * 100)
    expected = sorted([b"%d" % number * 100 for number in range(200)] + calls)
    busy = False
    assert len(calls) > 50
    assert sorted(chain.payloads()) == expected


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("name", ["_append_plainly", "_append_alone"])
def test_threads_and_changing_segments_lose_and_double_nothing(
    new_segment: Callable[[int], Segment], name: str
) -> None:
    """Eight threads, hundreds of segments: each record is found once, under the right salt, in its thread's order."""
    chain = Chain(new_segment)
    append = getattr(chain.tail, name)

    def crowd(thread: int) -> None:
        for number in range(1000):
            append(1, b"%d:%d:" % (thread, number) + b"x" * (number * 37 % 600))

    run_all(crowd)
    found = [tuple(map(int, payload.split(b":")[:2])) for payload in chain.payloads()]
    assert [[n for t, n in found if t == thread] for thread in range(8)] == [list(range(1000))] * 8
    assert len(chain.segments) > 100
    assert chain.tail.recorded == 8000


def run_all(crowd: Callable[[int], object]) -> None:
    threads = [threading.Thread(target=crowd, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_where_there_is_no_gil_appends_take_the_lock(new_segment: Callable[[int], Segment]) -> None:
    """The same records, the same way out when a segment is full, the same report of a defect."""
    chain = Chain(new_segment)
    errors: list[Exception] = []
    chain.tail._on_error = errors.append
    for number in range(100):
        chain.tail._append_alone(1, b"%d" % number * 100)
    chain.tail._append_alone(-1, b"no such kind")
    assert chain.payloads() == [b"%d" % number * 100 for number in range(100)]
    assert len(errors) == 1


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("root", ["disk", "memory"])
def test_threads_with_tiny_segments_have_everything_stored_once(pipeline: Make, tmp_path: Path, root: str) -> None:
    """The writer drains, prepares and drops segments meanwhile, and the numbers are right in the end."""
    store = FakeStore()
    traced = pipeline(store, root=tmp_path / "journal" if root == "disk" else None, segment_bytes=4096)

    def crowd(thread: int) -> None:
        for number in range(200):
            traced.append(RUN, record(1000 * thread + number))

    run_all(crowd)
    assert traced.flush(30)
    assert Counter(store.names) == Counter(f"r{1000 * thread + number}" for thread in range(8) for number in range(200))
    numbers = traced.stats()
    assert (numbers.recorded, numbers.written, numbers.pending, numbers.damaged) == (1600, 1600, 0, 0)


@pytest.mark.usefixtures("hurried")
def test_threads_near_the_bounds_are_all_accounted_for(pipeline: Make) -> None:
    """Each record is in the journal, whole or cut, or in a gap: while plain appends and degraded ones meet."""

    def down(_batch: object) -> None:
        raise StoreUnavailable("down")

    store = FakeStore(down)
    traced = pipeline(store, max_bytes=256 << 10)
    run_all(lambda thread: [traced.append(RUN, record(1000 * thread + n, content="x" * 900)) for n in range(150)])
    numbers = traced.stats()
    assert numbers.dropped > 0
    assert numbers.recorded + numbers.dropped == 1200
    store.trouble = None
    assert traced.flush(30)
    assert traced.flush(30)
    kept = [name for name in store.names if name != "gap"]
    assert len(kept) == len(set(kept)) == 1200 - numbers.dropped
    assert traced.stats().damaged == 0


# Shutting down and forking.


def test_a_shutdown_that_a_last_append_comes_before_keeps_it(
    pipeline: Make, store: FakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record arrives after the look whether all is stored, and before the segment is sealed: it is not lost."""
    traced = pipeline(store)
    traced.append(RUN, record(1))
    assert traced.flush(20)
    journal = traced._journal
    assert journal is not None
    late = traced._tail.segment.buffer.write  # type: ignore[union-attr]
    frame = encode(RUN, record(2), traced._tail.salt)
    real = journal._seal

    def seal() -> Any:
        late(frame)
        monkeypatch.undo()
        return real()

    monkeypatch.setattr(journal, "_seal", seal)
    traced.shutdown(20)
    assert list((tmp_path / "journal").iterdir()) != []
    assert traced.flush(20)
    assert store.names == ["r1", "r2"]
    assert journal.read().records == []
    traced.append(RUN, record(3))
    assert traced.flush(20)
    assert store.names == ["r1", "r2", "r3"]


def test_forks_during_another_threads_appends_leave_its_records_to_the_parent(tmp_path: Path) -> None:
    """The children write nothing into the parent's segments, and each record of either is stored once."""
    script = """
import os, threading, warnings
warnings.simplefilter("ignore")
sys.setswitchinterval(1e-6)
traced = make_pipeline(Path(sys.argv[1]), FileStore(Path(sys.argv[2])), segment_bytes=8192)
stop, made = threading.Event(), []
def crowd():
    while not stop.is_set():
        traced.append(RUN, record(1000 + len(made)))
        made.append(1)
thread = threading.Thread(target=crowd)
thread.start()
for number in range(20):
    child = os.fork()
    if child == 0:
        for part in range(5):
            traced.append(RUN, record(number * 10 + part))
        ok = traced.shutdown(30) and traced.stats().damaged == 0 and traced.stats().recorded == 5
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
thread.join()
assert traced.shutdown(30)
numbers = traced.stats()
assert (numbers.recorded, numbers.damaged) == (len(made), 0)
print(len(made))
"""
    count = int(child(script, tmp_path / "journal", tmp_path / "rows").stdout)
    expected = [n * 10 + part for n in range(20) for part in range(5)] + list(range(1000, 1000 + count))
    assert Counter(line["name"] for line in records_of(tmp_path / "rows")) == Counter(f"r{n}" for n in expected)
    assert list((tmp_path / "journal").iterdir()) == []


def test_a_fork_inside_an_append_that_makes_a_segment(tmp_path: Path) -> None:
    """The child goes on with a journal of its own, and the parent's folder stays the parent's."""
    script = """
import os
traced = make_pipeline(Path(sys.argv[1]), FileStore(Path(sys.argv[2])), segment_bytes=4096)
traced.append(RUN, record(0))
assert traced.flush(30)
journal = traced._journal
real, children = journal._take_ready, []
def take_ready(need):
    if not children:
        children.append(os.fork())
    return real(need)
journal._take_ready = take_ready
traced.append(RUN, record(1, content="x" * 5000))
assert (traced._journal is journal) == (children[0] != 0)
assert traced.shutdown(30)
if children[0] == 0:
    os._exit(0)
assert os.waitpid(children[0], 0)[1] == 0
"""
    child(script, tmp_path / "journal", tmp_path / "rows")
    assert sorted(line["name"] for line in records_of(tmp_path / "rows")) == ["r0", "r1", "r1"]
    assert list((tmp_path / "journal").iterdir()) == []
