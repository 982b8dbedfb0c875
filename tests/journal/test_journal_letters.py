"""Dead letters on their way: into the store's table, and where that does not take them into files."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agenttrace.errors import StoreRejected, StoreUnavailable
from agenttrace.journal import deadletters
from agenttrace.journal.deadletters import DeadLetters, letter_files
from agenttrace.journal.pipeline import Pipeline
from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.model.letters import dead_letter
from agenttrace.store.batch import Batch
from agenttrace.store.memory import MemoryStore
from agenttrace.store.protocol import RunFilter
from agenttrace.testing.records import PROCESS
from tests.journal.journal_support import RUN, make_pipeline, record, wait_until

Make = Callable[..., Pipeline]


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Make]:
    """Give a maker of pipelines, which are shut down in the end."""
    made: list[Pipeline] = []

    def make(store: Any, root: Path | None = tmp_path / "journal", **settings: Any) -> Pipeline:
        made.append(make_pipeline(root, store, **settings))
        return made[-1]

    yield make
    for one in made:
        one.shutdown(10)


class Picky(MemoryStore):
    """Refuses runs named r7, and letters as `aside` says."""

    def __init__(self, aside: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.aside = aside
        self.asked = 0

    def write(self, batch: Batch) -> None:
        if any(run.name == "r7" for run in batch.runs.values()):
            raise StoreRejected("no \ud800 here")
        super().write(batch)

    def set_aside(self, letters: Sequence[Any]) -> None:
        self.asked += 1
        self.aside()
        super().set_aside(letters)


def fails(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def runs(store: MemoryStore) -> set[str]:
    return {run.name for run in store.runs(RunFilter(workspace_id=DEFAULT_WORKSPACE.bytes))}


def lines(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in letter_files(root) for line in path.read_text().splitlines()]


# -- the store ---------------------------------------------------------------------------------------


def test_a_refused_record_is_set_aside_in_the_store(pipeline: Make, tmp_path: Path) -> None:
    """With its error, its process and its workspace; the others land, and no file is made."""
    store = Picky()
    traced = pipeline(store)
    payloads = [record(number) for number in range(20)]
    for payload in payloads:
        traced.append(RUN, payload)
    assert traced.flush(20)
    assert runs(store) == {f"r{number}" for number in range(20)} - {"r7"}
    (letter,) = store.dead_letters()
    assert (letter.kind, letter.payload, letter.workspace_id) == (RUN, payloads[7], DEFAULT_WORKSPACE.bytes)
    assert letter.error == "StoreRejected: no \\ud800 here"
    assert [letter.process_id] == [process.id for process in store.processes()]
    assert letter_files(tmp_path / "journal") == []
    assert (traced.stats().dead_letters, traced.stats().dead_letters_lost) == (1, 0)


def test_a_record_that_is_delivered_again_is_set_aside_once(pipeline: Make) -> None:
    """As after a crash between the letter and the journal's mark."""
    store = Picky()
    traced = pipeline(store)
    for _ in range(3):
        traced.append(RUN, b"no record")
    assert traced.flush(20)
    assert len(store.dead_letters()) == 1
    assert traced.stats().dead_letters == 3


@pytest.mark.parametrize("error", [StoreRejected("nor that"), TypeError("a defect")])
def test_a_letter_that_the_store_refuses_goes_to_a_file(pipeline: Make, tmp_path: Path, error: Exception) -> None:
    """At once; its problem is reported."""
    errors: list[Any] = []
    store = Picky(fails(error))
    traced = pipeline(store, errors=errors)
    traced.append(RUN, b"no record")
    assert traced.flush(20)
    assert (store.asked, store.dead_letters(), len(lines(tmp_path / "journal"))) == (1, [], 1)
    assert ("dead letters", error) in errors
    assert traced.stats().dead_letters_lost == 0


def test_letters_hold_nobody_up(pipeline: Make, tmp_path: Path) -> None:
    """A store that is in reach for records and never for letters, as where a right is missing: they go to a file."""
    store = Picky(fails(StoreUnavailable("permission denied for table dead_letter")))
    traced = pipeline(store)
    traced.append(RUN, b"no record")
    traced.append(RUN, record(1))
    assert traced.flush(20)
    assert runs(store) == {"r1"}
    assert len(lines(tmp_path / "journal")) == 1
    assert 3 <= store.asked <= 20


def test_a_store_that_is_away_for_a_moment_gets_the_letter(pipeline: Make, tmp_path: Path) -> None:
    """It is tried again with growing pauses."""
    left = [StoreUnavailable("down")] * 3

    def comes_back() -> None:
        if left:
            raise left.pop()

    store = Picky(comes_back)
    traced = pipeline(store)
    traced.append(RUN, b"no record")
    assert traced.flush(20)
    assert len(store.dead_letters()) == 1
    assert letter_files(tmp_path / "journal") == []


def test_a_letter_that_meets_the_end_stays_in_the_journal(pipeline: Make, tmp_path: Path) -> None:
    """It is set aside once the writer is at work again."""
    store = Picky(fails(StoreUnavailable("down")))
    traced = pipeline(store, retry_initial=30.0, retry_max=60.0)
    traced.append(RUN, b"no record")
    wait_until(lambda: store.asked)
    assert not traced.shutdown(0.2)
    assert (traced.stats().dead_letters, letter_files(tmp_path / "journal")) == (0, [])
    store.aside = lambda: None
    traced.append(RUN, record(1))
    assert traced.flush(20)
    assert [letter.payload for letter in store.dead_letters()] == [b"no record"]


# -- files -------------------------------------------------------------------------------------------


def letter(number: int, payload: bytes = b"") -> Any:
    return dead_letter(RUN, payload or b"no record %d" % number, f"error {number}", process_id=PROCESS, now=number)


def test_files_are_numbered_and_nothing_is_thrown_away(tmp_path: Path) -> None:
    """Full ones get the next number; letters are read the oldest first; each file is its owner's alone."""
    letters = DeadLetters(tmp_path, 8_000)
    given = [letter(number) for number in range(30)]
    assert all(letters.add(one) for one in given)
    files = letter_files(tmp_path)
    assert [path.name for path in files[:2]] == ["dead-letters.1.jsonl", "dead-letters.2.jsonl"]
    assert files[-1].name == "dead-letters.jsonl"
    assert [one for _, one in letters.letters()] == given
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_what_finds_no_room_is_lost_and_what_is_kept_stays(pipeline: Make, tmp_path: Path) -> None:
    """The bound is of all files together; what could not be kept is counted."""
    traced = pipeline(Picky(fails(StoreRejected("no"))), dead_letter_bytes=2_000)
    for number in range(40):
        traced.append(RUN, b"no record %d" % number)
    assert traced.flush(20)
    kept = lines(tmp_path / "journal")
    assert 2 < len(kept) < 40
    assert sum(path.stat().st_size for path in letter_files(tmp_path / "journal")) <= 2_000
    assert (traced.stats().dead_letters, traced.stats().dead_letters_lost) == (40, 40 - len(kept))
    assert lines(tmp_path / "journal")[0] == kept[0]


def test_the_number_of_a_file_is_never_given_twice(tmp_path: Path) -> None:
    """Also where earlier ones were emptied; a file of the present form from before keeps its place."""
    (tmp_path / "dead-letters.1.jsonl").write_bytes(b"{}\n")
    (tmp_path / "dead-letters.10.jsonl").write_bytes(b"{}\n")
    (tmp_path / "dead-letters.x.jsonl").write_bytes(b"{}\n")
    letters = DeadLetters(tmp_path, 800)
    assert letters.add(letter(1))
    assert [path.name for path in letter_files(tmp_path)] == [
        *("dead-letters.1.jsonl", "dead-letters.10.jsonl", "dead-letters.11.jsonl"),
    ]


def test_letters_in_all_files_are_sifted(tmp_path: Path) -> None:
    """Those that stay do so byte for byte; a file without letters goes."""
    letters = DeadLetters(tmp_path, 8_000)
    given = [letter(number) for number in range(30)]
    for one in given:
        letters.add(one)
    before = b"".join(path.read_bytes() for path in letter_files(tmp_path)).splitlines()
    assert letters.sift(lambda one: one is not None and one.time % 3 == 0) == 10
    after = b"".join(path.read_bytes() for path in letter_files(tmp_path)).splitlines()
    assert after == [line for number, line in enumerate(before) if number % 3]
    assert letters.sift(lambda _: True) == 20
    assert letter_files(tmp_path) == []


def test_a_letter_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full in the middle of a line leaves the lines before it."""
    letters = DeadLetters(tmp_path, 1 << 20)
    assert letters.add(letter(1))
    write = os.write
    left = iter([10])

    def full(fd: int, data: Any) -> int:
        return write(fd, bytes(data)[: next(left, 0)])

    monkeypatch.setattr(deadletters.os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        letters.add(letter(2))
    monkeypatch.undo()
    assert letters.add(letter(3))
    assert [one for _, one in letters.letters()] == [letter(1), letter(3)]


@pytest.mark.parametrize("payload", [bytes(range(256)), "\ud800".encode("utf-8", "surrogatepass"), b"\0" * (10 << 20)])
def test_a_letter_comes_back_from_a_file_byte_for_byte(tmp_path: Path, payload: bytes) -> None:
    """Whatever its record holds."""
    letters = DeadLetters(tmp_path, 64 << 20)
    assert letters.add(letter(1, payload))
    ((path, found),) = letters.letters()
    assert (path, found == letter(1, payload)) == (letter_files(tmp_path)[0], True)


def test_lines_of_others_are_no_letters(tmp_path: Path) -> None:
    """Whatever stands there; letters without a process are those of nobody."""
    (tmp_path / "dead-letters.jsonl").write_bytes(
        b'{"time": 5, "kind": 1, "payload": "AAA="}\nno json\n[1]\n{"time": 1e400}\n'
        b'{"time": 5, "kind": 1, "payload": 5}\n'
        b'{"time": 5, "kind": 99999999999999999999999, "payload": ""}\n'
    )
    (first, *others) = [found for _, found in DeadLetters(tmp_path, 0).letters()]
    assert first is not None
    assert (first.process_id, first.payload, first.error) == (bytes(16), b"\0\0", "")
    assert others == [None] * 5
