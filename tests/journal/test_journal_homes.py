"""Homes: a journal whose folder is deleted, or cannot be used, goes on in memory, and in a folder again when it can."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agenttrace.errors import StoreUnavailable
from agenttrace.journal import folder as folder_module
from agenttrace.journal import segment as segment_module
from agenttrace.journal.frames import SegmentHeader
from agenttrace.journal.pipeline import Pipeline
from agenttrace.journal.segment import FileSegment
from tests.journal.journal_support import RUN, FakeStore, child, record, wait_until

Make = Callable[..., Pipeline]

DELETED = """
import os
from agenttrace.errors import StoreUnavailable

def down(batch):
    raise StoreUnavailable("down")

root = Path(sys.argv[1])
pipeline = make_pipeline(root, FakeStore(down), sync_interval=0.01)
pipeline.append(RUN, record(1))
delete_folder(root)
wait_until(lambda: pipeline._tail.segment.number > 1)
for number in range(2, 50):
    pipeline.append(RUN, record(number))
os.kill(os.getpid(), 9)
"""


def test_what_is_appended_after_the_folder_was_deleted_survives_kill_9(pipeline: Make, tmp_path: Path) -> None:
    """There is a new folder soon, for the same process."""
    root = tmp_path / "journal"
    done = child(DELETED, root, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    store = FakeStore()
    adopter = pipeline(store)
    adopter.append(RUN, record(99))
    assert adopter.settle(30)
    assert set(store.names) >= {f"r{number}" for number in range(2, 50)}


def test_a_deleted_folder_costs_nothing_however_long_the_backlog(pipeline: Make, tmp_path: Path) -> None:
    """What was not read yet is read from files that are open, whose names are gone."""

    def down(_batch: object) -> None:
        raise StoreUnavailable("down")

    store = FakeStore(down)
    traced = pipeline(store, segment_bytes=8192, sync_interval=0.01)
    traced.append(RUN, record(0))
    wait_until(lambda: traced.stats().last_error is not None)
    journal = traced._journal
    assert journal is not None
    home: Any = journal.home
    for number in range(1, 20):
        traced.append(RUN, record(number, content="x" * 1000))
    folder = Path(home.path)

    def is_left() -> bool:
        """Of the old folder: the writer may put its next segment there meanwhile."""
        return not home.is_lost() or (folder.exists() and (journal.home is home or journal.home.path is None))

    while is_left():
        shutil.rmtree(tmp_path / "journal", ignore_errors=True)
    wait_until(lambda: journal.home is not home and journal.home.path is not None)
    for number in range(20, 200):
        traced.append(RUN, record(number, content="x" * 1000))
    store.trouble = None
    assert traced.flush(20)
    assert store.names == [f"r{number}" for number in range(200)]
    assert traced.stats().damaged == 0
    assert traced.shutdown(20)
    assert list((tmp_path / "journal").iterdir()) == []


def test_a_journal_that_began_in_memory_moves_to_a_folder(
    pipeline: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As where there was no descriptor left for a moment."""
    store = FakeStore()
    real = folder_module.make_private

    def no_more(_path: Path) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(folder_module, "make_private", no_more)
    traced = pipeline(store, sync_interval=0.01)
    traced.append(RUN, record(1))
    assert traced.stats().journal_dir is None
    monkeypatch.setattr(folder_module, "make_private", real)
    wait_until(lambda: traced.stats().journal_dir is not None)
    traced.append(RUN, record(2))
    assert b'"r2"' in b"".join(path.read_bytes() for path in (tmp_path / "journal").glob("*/*.seg"))
    assert traced.flush(20)
    assert store.names == ["r1", "r2"]


def test_a_folder_that_could_not_be_written_is_used_again(
    pipeline: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is the same one, with what was in it."""

    def down(_batch: object) -> None:
        raise StoreUnavailable("down")

    store = FakeStore(down)
    traced = pipeline(store, segment_bytes=8192, sync_interval=0.01)
    traced.append(RUN, record(0))
    before = traced.stats().journal_dir
    real = segment_module.reserve
    refused: list[int] = []

    def refuse(_fd: int, size: int) -> None:
        refused.append(size)
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(segment_module, "reserve", refuse)
    for number in range(1, 50):
        traced.append(RUN, record(number, content="x" * 1000))
    assert traced.stats().journal_dir is None
    wait_until(lambda: len(refused) > 2)  # it tries to come home
    monkeypatch.setattr(segment_module, "reserve", real)
    wait_until(lambda: traced.stats().journal_dir == before)
    for number in range(50, 100):
        traced.append(RUN, record(number, content="x" * 1000))
    store.trouble = None
    assert traced.flush(20)
    assert store.names == [f"r{number}" for number in range(100)]


def test_a_segment_that_was_deleted_cannot_rest(tmp_path: Path) -> None:
    """It could not be opened again; it can be read as long as it is open."""
    kept, gone = (FileSegment(tmp_path, SegmentHeader(number, bytes(16), 8192, 0)) for number in (1, 2))
    (tmp_path / "00000002.seg").unlink()
    segments: list[Any] = [kept, gone]
    for segment in segments:
        segment.seal()
    assert [segment.can_rest() for segment in segments] == [True, False]
    kept.rest()
    assert kept.can_rest()
    assert gone.read(0, 8) == kept.read(0, 8)
    for segment in segments:
        segment.remove()
    assert [segment._fd for segment in segments] == [-1, -1]
