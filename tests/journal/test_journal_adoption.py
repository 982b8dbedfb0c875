"""Adoption: what a dead process left in its journal reaches the store, and its open runs end as abandoned."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agenttrace.errors import StoreRejected, StoreUnavailable
from agenttrace.journal import folder as folder_module
from agenttrace.journal.folder import JournalFolder, try_lock
from agenttrace.journal.folders import read_mark
from agenttrace.journal.pipeline import Pipeline
from agenttrace.journal.recovery import adopt
from agenttrace.journal.settings import JournalSettings
from tests.journal.journal_support import RUN, FakeStore, child, now, record, records_of, wait_until

Make = Callable[..., Pipeline]

DIES = """
import os
from agenttrace.errors import StoreUnavailable
def down(batch):
    raise StoreUnavailable("down")
traced = make_pipeline(Path(sys.argv[1]), FakeStore(down), segment_bytes=8192)
for number in range(int(sys.argv[2])):
    traced.append(RUN, record(number, running=number % 2 == 1))
os._exit(0)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of the journals."""
    return tmp_path / "journal"


def die(root: Path, count: int = 100) -> Path:
    """Have a process die with records in its journal, and return the folder that it left."""
    before = set(root.iterdir()) if root.exists() else set()
    child(DIES, root, count)
    (left,) = set(root.iterdir()) - before
    return left


def names(count: int) -> list[str]:
    return [f"r{number}" for number in range(count)]


def wake(pipeline: Pipeline) -> None:
    """Start a pipeline by a record of its own."""
    pipeline.append(RUN, record(9999))


def others(store: FakeStore) -> list[str]:
    return [name for name in store.names if name != "r9999"]


def test_a_dead_process_journal_is_drained_abandoned_and_deleted(pipeline: Make, store: FakeStore, root: Path) -> None:
    """In this order, by the next process that starts."""
    left = die(root)
    process_id = bytes.fromhex(left.name)
    earliest = now()
    wake(adopter := pipeline(store))
    wait_until(lambda: adopter.stats().adopted)
    assert others(store) == names(100)
    assert {row.process_id for row in store.rows if row.status == "running"} == {process_id}
    ((abandoned, at),) = store.abandoned
    assert abandoned == process_id
    assert at <= earliest
    wait_until(lambda: not left.exists())


def test_an_adopter_looks_again_while_it_runs(pipeline: Make, store: FakeStore, root: Path) -> None:
    """Not only at its start."""
    wake(adopter := pipeline(store, adopt_interval=0.01))
    assert adopter.flush(20)
    child(DIES, root, 10)  # what it leaves may be adopted before anybody sees it
    wait_until(lambda: adopter.stats().adopted)
    assert others(store) == names(10)


def test_a_journal_whose_process_lives_is_left_alone(root: Path) -> None:
    """Whatever its pid says; the lock alone counts."""
    living = JournalFolder(root, started=0)
    Path(living.path, "owner.json").write_text(json.dumps({"pid": 2**22 + 1, "host": "gone"}))
    assert list(adopt(root, JournalSettings(root=root), skip=pytest.fail)) == []
    living.remove()
    assert list(root.iterdir()) == []


def test_a_root_that_does_not_exist_holds_no_journals(root: Path) -> None:
    """Nothing was ever written there."""
    assert list(adopt(root, JournalSettings(root=root), skip=pytest.fail)) == []


def test_two_adopters_share_the_dead(pipeline: Make, root: Path) -> None:
    """Each journal goes to one of them, whole."""
    for _ in range(3):
        die(root, 40)
    one, two = FakeStore(), FakeStore()
    adopters = [pipeline(one), pipeline(two)]
    barrier = threading.Barrier(2)

    def start(adopter: Pipeline) -> None:
        barrier.wait()
        wake(adopter)

    threads = [threading.Thread(target=start, args=(adopter,)) for adopter in adopters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: sum(adopter.stats().adopted for adopter in adopters) == 3)
    assert sorted(others(one) + others(two)) == sorted(names(40) * 3)
    assert len(one.abandoned) + len(two.abandoned) == 3
    assert sum(adopter.stats().internal_errors for adopter in adopters) == 0


def test_many_dead_journals_are_taken_a_few_at_a_time(pipeline: Make, store: FakeStore, root: Path) -> None:
    """So that their locks do not use up the process's files."""
    for number in range(40):
        dead = JournalFolder(root, started=number)
        dead.forget()
    wake(adopter := pipeline(store))
    wait_until(lambda: adopter.stats().adopted == 40)
    assert len(store.abandoned) == 40


def test_one_lock_goes_to_one_of_many(root: Path) -> None:
    """The lock is what two who adopt at once meet at."""
    left = die(root, 1)
    fd = try_lock(left)
    assert fd is not None
    assert try_lock(left) is None
    os.close(fd)


def test_a_lock_on_a_folder_that_is_just_being_removed_is_none(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened before the removal, locked after it: nobody owns what no longer exists."""
    left = die(root, 1)
    real = folder_module._flock

    def removed_meanwhile(fd: int) -> None:
        (left / "lock").unlink()
        real(fd)

    monkeypatch.setattr(folder_module, "_flock", removed_meanwhile)
    with pytest.raises(FileNotFoundError):
        try_lock(left)


def test_what_was_committed_is_not_delivered_again(pipeline: Make, store: FakeStore, root: Path) -> None:
    """The read mark tells how far the dead process came."""
    script = """
import os
traced = make_pipeline(Path(sys.argv[1]), FakeStore())
for number in range(50):
    traced.append(RUN, record(number))
assert traced.flush(30)
traced._writer.stop(30, final=False)
for number in range(50, 60):
    traced._journal.tail.append(RUN, record(number))
os._exit(0)
"""
    child(script, root)
    wake(adopter := pipeline(store))
    wait_until(lambda: adopter.stats().adopted)
    assert others(store) == [f"r{number}" for number in range(50, 60)]


@pytest.mark.parametrize("damage", ["missing", "flipped", "short"])
def test_a_damaged_mark_means_all_that_is_there(pipeline: Make, store: FakeStore, root: Path, damage: str) -> None:
    """At least once is the promise; the store's merge makes it once."""
    left = die(root, 20)
    mark = left / "mark"
    fd = os.open(mark, os.O_RDWR)
    os.pwrite(fd, folder_module.mark_of(1, 1 << 20), 0)
    os.close(fd)
    assert read_mark(left) == (1, 1 << 20)
    if damage == "missing":
        mark.unlink()
    else:
        data = bytearray(mark.read_bytes())
        data[9] ^= 1
        mark.write_bytes(data if damage == "flipped" else data[:7])
    assert read_mark(left) is None
    wake(adopter := pipeline(store))
    wait_until(lambda: adopter.stats().adopted)
    assert others(store) == names(20)


def test_the_mark_moves_after_the_commit_and_not_before(root: Path, tmp_path: Path, pipeline: Make) -> None:
    """A process that dies between the two has its records delivered again: twice, never not at all."""
    script = """
import os
class Dies(FileStore):
    def write(self, batch):
        super().write(batch)
        os._exit(9)
traced = make_pipeline(Path(sys.argv[1]), Dies(Path(sys.argv[2])))
with traced._tail.held():
    for number in range(5):
        traced.append(RUN, record(number))
traced.flush(30)
"""
    rows = tmp_path / "rows"
    assert child(script, root, rows, check=False).returncode == 9
    assert {line["name"] for line in records_of(rows)} <= set(names(5))
    first = len(records_of(rows))
    assert first > 0
    store = FakeStore()
    wake(adopter := pipeline(store))
    wait_until(lambda: adopter.stats().adopted)
    assert others(store) == names(5)


def test_damage_in_a_dead_journal_is_passed_and_counted(pipeline: Make, store: FakeStore, root: Path) -> None:
    """One bad record costs one record."""
    left = die(root, 20)
    segment = left / "00000001.seg"
    data = bytearray(segment.read_bytes())
    data[data.index(b'"r7"') + 1] ^= 4
    segment.write_bytes(data)
    wake(adopter := pipeline(store))
    wait_until(lambda: adopter.stats().adopted)
    assert others(store) == [name for name in names(20) if name != "r7"]
    assert adopter.stats().damaged == 1


def test_a_damaged_segment_header_costs_nothing(pipeline: Make, store: FakeStore, root: Path) -> None:
    """The salt is known from the folder's name and the segment's number."""
    left = die(root, 20)
    segment = left / "00000001.seg"
    data = bytearray(segment.read_bytes())
    data[:64] = os.urandom(64)
    segment.write_bytes(data)
    wake(adopter := pipeline(store))
    wait_until(lambda: adopter.stats().adopted)
    assert others(store) == names(20)


def test_a_folder_that_was_renamed_is_known_by_its_segments(pipeline: Make, store: FakeStore, root: Path) -> None:
    """Their headers name the process."""
    left = die(root, 20)
    process_id = bytes.fromhex(left.name)
    left.rename(root / "backup")
    wake(adopter := pipeline(store))
    wait_until(lambda: adopter.stats().adopted)
    assert others(store) == names(20)
    assert [dead for dead, _ in store.abandoned] == [process_id]


def test_a_truncated_segment_gives_what_it_has(pipeline: Make, store: FakeStore, root: Path) -> None:
    """The torn last record is damage."""
    left = die(root, 5)
    segment = left / "00000001.seg"
    data = segment.read_bytes()
    segment.write_bytes(data[: data.index(b'"r4"') + 10])
    wake(adopter := pipeline(store))
    wait_until(lambda: adopter.stats().adopted)
    assert others(store) == names(4)
    assert adopter.stats().damaged == 1


def test_a_renamed_folder_without_a_readable_header_is_drained_as_nobodys(
    pipeline: Make, store: FakeStore, root: Path
) -> None:
    """Nothing verifies without the salt; it ends all the same."""
    left = die(root, 5)
    for segment in left.glob("*.seg"):
        segment.write_bytes(b"")
    left.rename(root / "backup")
    wake(adopter := pipeline(store))
    wait_until(lambda: adopter.stats().adopted)
    assert others(store) == []


def test_a_folder_that_may_not_be_looked_into_is_skipped_and_told_once(
    pipeline: Make, store: FakeStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user's, perhaps."""
    left = die(root, 5)
    real = os.open

    def refuse(path: Any, *args: Any, **kwargs: Any) -> int:
        if str(path).startswith(str(left)):
            raise PermissionError(13, "not yours", str(path))
        return real(path, *args, **kwargs)

    errors: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        wake(adopter := pipeline(store, adopt_interval=0.0, errors=errors))
        wait_until(lambda: adopter.stats().skipped)
        for _ in range(3):
            wake(adopter)
            assert adopter.flush(20)
        assert adopter.stats().skipped == 1
        assert [place for place, _ in errors] == [f"journal folder {left}"]
    wait_until(lambda: adopter.stats().adopted)
    assert others(store) == names(5)


def test_a_dead_journal_that_cannot_be_read_is_let_go(
    pipeline: Make, store: FakeStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And taken again when it can."""
    left = die(root, 5)
    real = os.pread
    broken = True
    theirs = (left / "00000001.seg").stat().st_ino

    def fails(fd: int, length: int, offset: int) -> bytes:
        if broken and os.fstat(fd).st_ino == theirs:
            raise OSError(5, "input/output error")
        return real(fd, length, offset)

    monkeypatch.setattr(os, "pread", fails)
    wake(adopter := pipeline(store, adopt_interval=0.0))
    wait_until(lambda: adopter.stats().skipped)
    broken = False
    wait_until(lambda: adopter.stats().adopted)
    assert others(store) == names(5)


def test_nobody_is_abandoned_while_the_store_was_out_of_reach_lately(
    pipeline: Make, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is drained and waits, locked, for a quiet minute."""
    left = die(root, 5)
    troubles = [1]

    def once(_batch: object) -> None:
        if troubles:
            troubles.clear()
            raise StoreUnavailable("for a moment")

    store = FakeStore(once)
    wake(adopter := pipeline(store, abandon_grace=3600.0))
    wait_until(lambda: others(store) == names(5))
    assert adopter.flush(20)
    assert store.abandoned == []
    assert try_lock(left) is None
    assert adopter.shutdown(20)
    assert store.abandoned == []
    calm = FakeStore()
    wake(second := pipeline(calm))
    wait_until(lambda: second.stats().adopted)
    assert len(calm.abandoned) == 1
    assert others(calm) == []


def test_a_store_that_refuses_to_abandon_stops_nothing(pipeline: Make, store: FakeStore, root: Path) -> None:
    """It is reported, and the folder goes."""
    left = die(root, 5)
    errors: list[Any] = []

    def abandon(_process_id: bytes, *, at: int) -> int:
        raise StoreRejected("never")

    store.abandon = abandon  # type: ignore[method-assign]
    wake(adopter := pipeline(store, errors=errors))
    wait_until(lambda: adopter.stats().adopted)
    wait_until(lambda: not left.exists())
    assert [place for place, _ in errors] == ["abandon"]


def test_an_adopter_that_stops_in_the_middle_leaves_the_rest(pipeline: Make, root: Path) -> None:
    """The next one goes on from the mark."""
    die(root, 60)
    gate = threading.Event()
    reached = threading.Event()

    def slow(batch: Any) -> None:
        if any(row.name == "r20" for row in batch.runs.values()) and not gate.is_set():
            reached.set()
            raise StoreUnavailable("down")

    store = FakeStore(slow)
    wake(adopter := pipeline(store, batch_records=10))
    assert reached.wait(20)
    assert adopter.shutdown(20)
    assert others(store) == names(20)
    gate.set()
    rest = FakeStore()
    wake(second := pipeline(rest))
    wait_until(lambda: second.stats().adopted)
    assert others(rest) == [f"r{number}" for number in range(20, 60)]


# Folders that were never finished.


def age(path: Path) -> None:
    os.utime(path, (1, 1))


def test_a_folder_that_was_never_finished_is_swept_away_after_a_while(root: Path) -> None:
    """Its process died while it made it."""
    fresh, old, bare = root / ".fresh", root / ".old", root / "bare"
    for path in (fresh, old, bare):
        path.mkdir(parents=True)
    for path in (fresh, old):
        (path / "lock").touch()
    age(old)
    age(bare)
    assert list(adopt(root, JournalSettings(root=root), skip=pytest.fail)) == []
    assert [path.name for path in root.iterdir()] == [".fresh"]


def test_an_unfinished_folder_whose_maker_lives_stays(root: Path) -> None:
    """It is locked."""
    living = JournalFolder(root, started=0)
    os.rename(living.path, root / ".unfinished")
    age(root / ".unfinished")
    assert list(adopt(root, JournalSettings(root=root), skip=pytest.fail)) == []
    assert (root / ".unfinished").exists()
    living.forget()


def test_files_in_the_root_are_no_journals(root: Path) -> None:
    """Dead letters live there, and links are not followed."""
    root.mkdir()
    (root / "dead-letters.jsonl").touch()
    (root / "link").symlink_to(root)
    assert list(adopt(root, JournalSettings(root=root), skip=pytest.fail)) == []


def test_a_journal_that_cannot_be_made_leaves_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The half that was made is removed."""

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(OSError, match="full"):
        JournalFolder(root, started=0)
    assert list(root.iterdir()) == []


def test_a_fork_while_a_journal_is_locked_makes_it_lock_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child may have a copy of the descriptor, and would keep the lock after our death."""
    real = folder_module._flock
    forks = [1, 1]

    def forked_meanwhile(fd: int) -> None:
        if forks:
            forks.pop()
            folder_module._count_fork()
        real(fd)

    monkeypatch.setattr(folder_module, "_flock", forked_meanwhile)
    made = JournalFolder(root, started=0)
    assert forks == []
    assert try_lock(made.path) is None
    made.remove()


def test_a_process_that_forks_without_a_pause_gets_no_journal(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Making one is given up in the end."""
    monkeypatch.setattr(folder_module, "_flock", lambda _fd: folder_module._count_fork())
    with pytest.raises(BlockingIOError):
        JournalFolder(root, started=0)
    assert list(root.iterdir()) == []
