"""`AgentTrace.letters`: what was refused, listed, shown, written again and discarded."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from agenttrace import AgentTrace
from agenttrace.errors import InvalidQuery, LetterNotFound, StoreRejected, StoreUnavailable
from agenttrace.letters import Letter
from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.model.letters import dead_letter
from agenttrace.model.rows import DeadLetterRow, ProcessRow
from agenttrace.model.wire import RUN
from agenttrace.store.batch import Batch
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import PROCESS, Record, event_record, run_record, span_record

OTHER = "22222222-2222-4222-8222-222222222222"


class Picky(SQLiteStore):
    """A SQLite store that refuses runs of some names, as long as they are there."""

    names: frozenset[str] = frozenset()
    takes_letters = True

    def write(self, batch: Batch) -> None:
        found = {run.name for run in batch.runs.values()} & self.names
        if found:
            raise StoreRejected(f"no {min(found)} here")
        super().write(batch)

    def set_aside(self, letters: Any) -> None:
        if not self.takes_letters:
            raise StoreRejected("no letters")
        super().set_aside(letters)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Picky]:
    made = Picky(tmp_path / "traces.db")
    made.open()
    yield made
    made.close()


@pytest.fixture
def trace(store: Picky, tmp_path: Path) -> Iterator[AgentTrace]:
    with AgentTrace(store, journal_dir=tmp_path / "journal") as made:
        yield made


def row(record: Record, time: int = 5, process: bytes = PROCESS) -> DeadLetterRow:
    return dead_letter(*record, "StoreRejected: once", process_id=process, now=time)


def in_file(folder: Path, *rows: DeadLetterRow, name: str = "dead-letters.jsonl") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    lines = [
        orjson.dumps(
            {
                "time": one.time,
                "kind": one.kind,
                "process_id": one.process_id.hex(),
                "error": one.error,
                "payload": b64encode(one.payload).decode(),
            }
        )
        for one in rows
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def names(trace: AgentTrace) -> dict[str, str]:
    return {run.name: run.status for run in trace.query.runs()}


ended = run_record(1, name="a", end=2_000_000)
refused = run_record(2, name="poison", end=2_000_000, scope={"workspace_id": OTHER, "user_id": "ann"})
garbage: Record = (RUN, b"no record \xff")


def test_what_a_program_could_not_store_comes_back(trace: AgentTrace, store: Picky) -> None:
    """From the span to the store: refused, listed, and stored once the reason is gone."""
    store.names = frozenset({"poison"})
    with trace.master("good"), trace.tool_call("poison", input={"q": "x"}) as call:
        call.output = "found"
    assert trace.flush(30)
    assert names(trace) == {"good": "success"}
    letters = trace.letters.list()
    assert {(letter.kind, letter.error) for letter in letters} == {("run", "StoreRejected: no poison here")}
    assert trace.stats().dead_letters == len(letters) > 0
    store.names = frozenset()
    done = trace.letters.retry()
    assert (set(done.stored), done.refused) == ({letter.id for letter in letters}, ())
    assert trace.letters.list() == []
    assert names(trace) == {"good": "success", "poison": "success"}
    (root,) = trace.query.runs(roots_only=True)
    assert [child.name for child in trace.query.trace(root.id).children] == ["poison"]


def test_letters_are_listed_oldest_first(trace: AgentTrace, store: Picky, tmp_path: Path) -> None:
    """Those of the store and of files; one that is in both is told once, as in the store; without their records."""
    store.set_aside([row(ended, time=3), row(refused, time=1)])
    path = in_file(tmp_path / "journal", row(garbage, time=2), row(ended, time=9))
    found = trace.letters.list()
    assert [(one.time.microsecond, one.file, one.workspace_id, one.size) for one in found] == [
        (1, None, UUID(OTHER), len(refused[1])),
        (2, path, None, len(garbage[1])),
        (3, None, DEFAULT_WORKSPACE, len(ended[1])),
    ]
    assert not hasattr(found[0], "payload")


def test_a_letter_is_shown_whole(trace: AgentTrace, store: Picky, tmp_path: Path) -> None:
    """By its id or its first digits, from the store or a file."""
    store.set_aside([row(ended)])
    path = in_file(tmp_path / "journal", row(garbage))
    one, other = row(ended).id.hex(), row(garbage).id.hex()
    assert trace.letters.get(one).payload == ended[1]
    shown = trace.letters.get(other[:6].upper())
    assert (shown.payload, shown.file, shown.kind, shown.process_id) == (garbage[1], path, "run", PROCESS.hex())


@pytest.mark.parametrize("wrong", ["", "abc", "xyz1", "../../etc", "0" * 33, "\x1b[2J0"])
def test_what_is_no_id_is_refused(trace: AgentTrace, wrong: str) -> None:
    """The error names the parameter."""
    for ask in (trace.letters.get, lambda one: trace.letters.discard([one]), lambda one: trace.letters.retry([one])):
        with pytest.raises(InvalidQuery, match=r"^letter_id: must be 4 to 32 hexadecimal digits"):
            ask(wrong)


def test_a_letter_that_is_not_there_is_not_found(trace: AgentTrace, store: Picky) -> None:
    """And one of several stops the call before anything is done; digits that several ids begin with are too few."""
    store.set_aside([row(ended)])
    for wrong in ("0" * 32, "0000"):
        with pytest.raises(LetterNotFound, match=wrong):
            trace.letters.get(wrong)
        with pytest.raises(LetterNotFound):
            trace.letters.discard([row(ended).id.hex(), wrong])
        with pytest.raises(LetterNotFound):
            trace.letters.retry([wrong, row(ended).id.hex()])
    assert len(trace.letters.list()) == 1
    twins = [DeadLetterRow(bytes([7] * 15 + [end]), None, 1, RUN, PROCESS, "e", b"") for end in (1, 2)]
    store.set_aside(twins)
    with pytest.raises(InvalidQuery, match="070707 is the beginning of 2 ids"):
        trace.letters.get("070707")


def test_what_is_refused_again_stays_with_its_new_error(trace: AgentTrace, store: Picky) -> None:
    """And its old time; the others of the same page land."""
    store.names = frozenset({"poison"})
    others = [run_record(number, name=f"n{number}", end=9_000_000) for number in range(10, 70)]
    rows = [row(one, time=number) for number, one in enumerate([garbage, *others[:30], refused, *others[30:]])]
    store.set_aside(rows)
    done = trace.letters.retry()
    assert set(done.stored) == {row(one).id.hex() for one in others}
    assert [(one.id, one.error) for one in done.refused] == [
        (row(garbage).id.hex(), "ValueError: payload: no RUN record"),
        (row(refused).id.hex(), "StoreRejected: no poison here"),
    ]
    assert [(one.time, one.error) for one in store.dead_letters()] == [
        (0, "ValueError: payload: no RUN record"),
        (31, "StoreRejected: no poison here"),
    ]
    assert len(names(trace)) == 60


def test_only_those_that_are_named_are_written_again(trace: AgentTrace, store: Picky, tmp_path: Path) -> None:
    """In the store as in files."""
    path = in_file(tmp_path / "journal", row(refused), row(garbage))
    store.set_aside([row(ended), row(event_record(1))])
    done = trace.letters.retry([row(ended).id.hex()[:8], row(refused).id.hex()])
    assert set(done.stored) == {row(ended).id.hex(), row(refused).id.hex()}
    assert [one.id for one in store.dead_letters()] == [row(event_record(1)).id]
    assert path.read_bytes().count(b"\n") == 1
    assert {one.file for one in trace.letters.list()} == {None, path}


def test_letters_of_files_go_into_the_store(trace: AgentTrace, store: Picky, tmp_path: Path) -> None:
    """Those that are refused again become rows of its table; lines that nobody can read stay where they are."""
    path = in_file(tmp_path / "journal", row(ended), row(garbage), name="dead-letters.3.jsonl")
    path.write_bytes(b"torn {\n" + path.read_bytes())
    done = trace.letters.retry()
    assert done.stored == (row(ended).id.hex(),)
    assert [one.file for one in done.refused] == [None]
    assert [one.payload for one in store.dead_letters()] == [garbage[1]]
    assert path.read_bytes() == b"torn {\n"


def test_letters_that_the_store_refuses_stay_in_their_file(trace: AgentTrace, store: Picky, tmp_path: Path) -> None:
    """Byte for byte."""
    store.takes_letters = False
    path = in_file(tmp_path / "journal", row(garbage))
    before = path.read_bytes()
    (one,) = trace.letters.retry().refused
    assert (one.file, path.read_bytes()) == (path, before)


def test_retrying_twice_changes_nothing_more(trace: AgentTrace, store: Picky) -> None:
    """Nor does a retry that was interrupted between the store and the letter, or a letter of an older version."""
    trace.flush()
    store.set_aside([row(ended), row(run_record(1, name="a"))])
    trace.letters.retry()
    before = [run.id for run in trace.query.runs()], names(trace)
    store.set_aside([row(ended), row(run_record(1, name="a"))])
    assert len(trace.letters.retry().stored) == 2
    assert ([run.id for run in trace.query.runs()], names(trace)) == before
    assert trace.letters.retry().stored == ()


def test_a_retry_that_meets_an_outage_loses_nothing(
    trace: AgentTrace, store: Picky, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error reaches the caller, and every letter is there."""
    store.set_aside([row(ended), row(garbage)])

    def down(batch: Batch) -> None:
        raise StoreUnavailable("down")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", down)
        with pytest.raises(StoreUnavailable):
            trace.letters.retry()
    assert len(store.dead_letters()) == 2


def test_runs_of_a_process_that_is_gone_do_not_run_on(trace: AgentTrace, store: Picky) -> None:
    """They end as abandoned; those of a process that lives, by its heartbeat, go on."""
    alive = bytes([9] * 16)
    batch = Batch()
    batch.beats[alive] = ProcessRow(alive, "h", "b", 1, 1, 1)
    store.write(batch)
    store.set_aside([row(run_record(1, name="gone")), row(run_record(2, name="alive"), process=alive)])
    store.set_aside([row(span_record(3, name="foreign"))])
    trace.letters.retry()
    found = names(trace)
    assert (found["gone"], found["alive"], found["foreign"]) == ("failed", "running", "failed")


def test_foreign_spans_become_runs(trace: AgentTrace, store: Picky) -> None:
    """As they would have been when they came."""
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5"}
    store.set_aside([row(span_record(3, name="chat gpt-5", end=2_000_000, attributes=attributes))])
    trace.letters.retry()
    assert [run.run_type for run in trace.query.runs()] == ["prompt"]


def test_letters_are_discarded(trace: AgentTrace, store: Picky, tmp_path: Path) -> None:
    """In the store and in files, also one that is in both; the others stay."""
    store.set_aside([row(ended), row(refused)])
    path = in_file(tmp_path / "journal", row(ended), row(garbage))
    assert trace.letters.discard([row(ended).id.hex(), row(ended).id.hex()[:10]]) == 1
    assert {one.id for one in trace.letters.list()} == {row(refused).id.hex(), row(garbage).id.hex()}
    assert trace.letters.discard([row(refused).id.hex(), row(garbage).id.hex()]) == 2
    assert trace.letters.list() == []
    assert not path.exists()


def test_no_log_and_no_error_quotes_a_record(trace: AgentTrace, store: Picky, caplog: pytest.LogCaptureFixture) -> None:
    """What somebody said stays in the letter."""
    store.names = frozenset({"poison"})
    with caplog.at_level(logging.DEBUG), trace.master("poison", input="canary-51") as turn:
        turn.output = "canary-51"
    with caplog.at_level(logging.DEBUG):
        trace.flush(30)
        done = trace.letters.retry()
    assert "canary-51" not in caplog.text
    assert all("canary-51" not in one.error for one in done.refused)
    assert isinstance(done.refused[0], Letter)
