"""Gaps outlive the process: what is known of dropped records is found by whoever adopts its journal."""

from __future__ import annotations

import errno
import json
import os
import resource
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace.errors import StoreUnavailable
from agenttrace.journal.degrade import GapBook
from agenttrace.journal.folder import GapFile, JournalFolder
from agenttrace.journal.frames import frame_length
from agenttrace.journal.gapfile import read_gaps
from agenttrace.journal.inspect import inspect_root
from agenttrace.journal.pipeline import Pipeline
from agenttrace.model.wire import RunRecord, read_run
from tests.journal.journal_support import RUN, FakeStore, child, record, wait_until

Make = Callable[..., Pipeline]
PROCESS = bytes(range(16))


def book_of(*traces: int) -> GapBook:
    """Return gaps of one dropped record each, in these traces."""
    book = GapBook(256)
    for trace in traces:
        book.add(RUN, record(1, trace=trace), reason="full", now=trace)
    return book


def gaps_in(folder: Path) -> list[RunRecord]:
    """Return the gaps that the file in a folder holds."""
    chunk = read_gaps(folder, PROCESS)
    assert chunk.damaged == 0
    return [read_run(payload) for _, payload in chunk.records]


def dropped(gap: RunRecord) -> int:
    """Return for how many records a gap stands."""
    return json.loads(b"{" + gap.content.lstrip(b",{").rstrip(b"}") + b"}")["dropped"]


@pytest.fixture
def file(tmp_path: Path) -> Any:
    """A file of gaps of one page."""
    made = GapFile(tmp_path, PROCESS, 4096)
    yield made
    made.close()


def test_gaps_are_read_as_they_were_written_last(file: GapFile, tmp_path: Path) -> None:
    """In their order; the file is reserved, and for its owner alone."""
    file.write(book_of(3, 1, 2))
    assert [gap.start for gap in gaps_in(tmp_path)] == [3, 1, 2]
    file.write(book_of(9))
    assert [gap.start for gap in gaps_in(tmp_path)] == [9]
    file.write(book_of())
    assert gaps_in(tmp_path) == []
    status = (tmp_path / "gaps").stat()
    assert (status.st_size, status.st_mode & 0o777) == (4096, 0o600)


def test_a_journal_without_the_file_has_no_gaps(tmp_path: Path) -> None:
    """An older version made it, or the disk was full already."""
    assert gaps_in(tmp_path) == []


def test_gaps_that_find_no_room_in_the_file_are_one(file: GapFile, tmp_path: Path) -> None:
    """No dropped record is uncounted."""
    file.write(book_of(*range(1, 101)))
    found = gaps_in(tmp_path)
    assert 5 < len(found) < 30
    assert sum(map(dropped, found)) == 100
    assert found[-1].parent is None
    assert (found[-1].start, found[-1].end) == (len(found), 100)


@given(st.lists(st.integers(1, 40), max_size=60), st.integers(1024, 20_000))
def test_gaps_take_no_more_than_their_room_and_count_everything(traces: list[int], room: int) -> None:
    """However many there are."""
    book = book_of(*traces)
    payloads = book.payloads(room, frame_length)
    assert sum(frame_length(len(payload)) for payload in payloads) <= room
    assert sum(dropped(read_run(payload)) for payload in payloads) == len(traces)


def test_a_gap_is_one_run_and_its_later_versions_win() -> None:
    """So whatever is delivered twice, or late, changes nothing."""
    book = book_of(1)
    before = read_run(book.payloads(4096, frame_length)[0])
    book.add(RUN, record(2), reason="full", now=5)
    after = read_run(book.payloads(4096, frame_length)[0])
    assert (before.trace, before.span) == (after.trace, after.span)
    assert before.revision < after.revision
    lost = GapBook(4)
    lost.add(RUN, b"no record", reason="full", now=1)
    first, second = (read_run(lost.payloads(4096, frame_length)[0]) for _ in range(2))
    assert (first.trace, first.span) == (second.trace, second.span)


def test_a_torn_file_costs_the_torn_gap(file: GapFile, tmp_path: Path) -> None:
    """The others are read."""
    file.write(book_of(1, 2, 3))
    path = tmp_path / "gaps"
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)
    assert [read_run(payload).start for _, payload in read_gaps(tmp_path, PROCESS).records] == [2, 3]


def test_a_full_disk_has_no_file_of_gaps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is left behind, and the caller hears of it."""

    def refuse(_fd: int, _size: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("agenttrace.journal.folder.reserve", refuse)
    with pytest.raises(OSError, match="full"):
        GapFile(tmp_path, PROCESS, 4096)
    assert list(tmp_path.iterdir()) == []


ENDING = """
import os
from agenttrace.errors import StoreUnavailable

def down(batch):
    raise StoreUnavailable("down")

pipeline = make_pipeline(Path(sys.argv[1]), FakeStore(down), max_bytes=256 << 10, exit_timeout=0.3)
for number in range(2000):
    pipeline.append(RUN, record(number, trace=number // 10 + 1, content="x" * 2000))
print(pipeline.stats().dropped, flush=True)
if sys.argv[2] == "killed":
    journal = pipeline._journal
    wait_until(lambda: journal._kept == journal._gaps.changes)
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize(("how", "code"), [("exit", 0), ("killed", -9)])
def test_what_a_process_dropped_is_known_after_its_death(pipeline: Make, tmp_path: Path, how: str, code: int) -> None:
    """The store was out of reach to the end, and the journal full."""
    root = tmp_path / "journal"
    done = child(ENDING, root, how, check=False)
    assert done.returncode == code, done.stderr
    lost = int(done.stdout)
    assert lost > 0
    (left,) = inspect_root(root, since=datetime.now(UTC), deadline=float("inf")).journals
    store = FakeStore()
    adopter = pipeline(store)
    adopter.append(RUN, record(9999))
    assert adopter.settle(30)
    assert sum(json.loads(row.content)["dropped"] for row in store.rows if row.run_type == "gap") == lost
    assert len([row for row in store.rows if row.name != "r9999"]) == left.records
    assert [path.name for path in root.iterdir()] == [adopter.stats().journal_dir.rpartition("/")[2]]  # type: ignore[union-attr]


def test_gaps_that_were_stored_are_kept_no_longer(pipeline: Make, tmp_path: Path) -> None:
    """The file is blank again, and an adopter would not count them twice."""
    go = threading.Event()

    def until_then(_batch: object) -> None:
        if not go.is_set():
            raise StoreUnavailable("down")

    store = FakeStore(until_then)
    traced = pipeline(store, max_bytes=256 << 10)
    for number in range(2000):
        traced.append(RUN, record(number, content="x" * 2000))
    (path,) = (tmp_path / "journal").glob("*/gaps")
    wait_until(lambda: any(path.read_bytes()))
    go.set()
    assert traced.flush(20)
    wait_until(lambda: not any(path.read_bytes()))
    assert traced.flush(20)
    assert [row.run_type for row in store.rows].count("gap") == 1


def test_a_journal_folder_that_cannot_be_finished_is_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Even by a process that has no descriptor left to look into it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    greatest = max(int(name) for name in os.listdir("/dev/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, greatest + 64), hard))
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        os.close(taken.pop())
        with pytest.raises(OSError, match="open files"):
            JournalFolder(tmp_path / "root", started=1)
    finally:
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert list((tmp_path / "root").iterdir()) == []


def test_a_writer_that_waits_for_the_store_still_syncs(pipeline: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long its pauses: the loss of power costs no more than at other times."""

    def down(_batch: object) -> None:
        raise StoreUnavailable("down")

    traced = pipeline(FakeStore(down), retry_initial=600.0, retry_max=600.0, sync_interval=0.02)
    traced.append(RUN, record(1))
    wait_until(lambda: traced.stats().last_error is not None)
    journal = traced._journal
    assert journal is not None
    traced.append(RUN, record(2))
    wait_until(lambda: journal._synced == journal.position())
