"""The harness can fail: what is planted shows in the table."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from faults.__main__ import main
from faults.fault import Fault, Skipped
from faults.found import Found, compare
from faults.room import Room
from faults.table import as_json, as_text
from faults.tally import Tally
from faults.told import Told

TOLD = ["start a - outer 5", "start b a inner 7", "end b success 6", "end a success 900", "start c - open 4"]


def row(key: str, name: str, parent: str | None = None, **more: Any) -> dict[str, Any]:
    whole = {"input": f"{name} in", "output": f"{name} out"}
    made = {"id": key, "type": "step", "name": name, "parent": parent, "status": "success", "error": None}
    return {**made, "content": whole, "ended": True, **more}


def rows() -> list[dict[str, Any]]:
    abandoned = {"status": "failed", "error": {"type": "abandoned"}, "content": {"input": "open in", "output": None}}
    return [row("a", "outer"), row("b", "inner", "a"), row("c", "open", **abandoned)]


def compared(found: list[dict[str, Any]], told: list[str] = TOLD, **options: Any) -> Tally:
    tally = Tally("planted", times=1)
    compare(Told.of(told), Found(True, found, {}, []), tally, **options)
    return tally


def counts(tally: Tally) -> tuple[int, ...]:
    return (tally.acknowledged, tally.found, tally.duplicates, tally.wrong_parents, tally.exceptions)


def test_what_is_as_acknowledged_is_no_problem() -> None:
    """Ended spans are whole, an open one was abandoned; the pauses are those of all calls."""
    tally = compared(rows())
    assert (counts(tally), tally.problems, tally.failed) == ((3, 3, 0, 0, 0), [], False)
    assert (tally.pause(0.5), tally.pause(1.0)) == (6, 900)


@pytest.mark.parametrize(
    ("plant", "expected", "says"),
    [
        (lambda found: found.pop(1), (3, 2, 0, 0, 0), "lost: span b"),
        (lambda found: found.append(dict(found[1])), (3, 3, 1, 0, 0), "is there twice"),
        (lambda found: found.append(row("d", "inner", "a")), (3, 3, 0, 0, 0), "was started by nobody"),
        (lambda found: found[1].update(parent="c"), (3, 3, 0, 1, 0), "wrong parent: inner"),
        (lambda found: found[1].update(parent=None), (3, 3, 0, 1, 0), "wrong parent: inner"),
        (lambda found: found[1].update(status="running"), (3, 2, 0, 0, 0), "its end is lost"),
        (lambda found: found[0].update(content={"input": "outer in"}), (3, 2, 0, 0, 0), "its content is"),
        (lambda found: found[0].update(name="other"), (3, 2, 0, 0, 0), "its name is other"),
        (lambda found: found[2].update(ended=False), (3, 2, 0, 0, 0), "no end time"),
        (lambda found: found[0].update(status="failed", error={"type": "E"}), (3, 2, 0, 0, 0), "it is failed"),
    ],
)
def test_what_is_planted_is_counted(
    plant: Callable[[list[dict[str, Any]]], None], expected: tuple[int, ...], says: str
) -> None:
    """A loss, a duplicate, a wrong parent, a lost end, a changed content, a run of nobody's: each by its name."""
    found = rows()
    plant(found)
    tally = compared(found)
    assert counts(tally) == expected
    assert any(says in problem for problem in tally.problems), tally.problems
    assert tally.failed


def test_what_was_under_way_may_be_there_or_not() -> None:
    """A call that had not returned is no loss and no surprise, as often as calls can have been under way."""
    assert not compared([*rows(), row("d", "late")], in_flight=1).failed
    assert compared([*rows(), row("d", "late"), row("e", "later")], in_flight=1).failed


def test_an_exception_in_the_traced_program_is_counted() -> None:
    """And shown."""
    tally = compared(rows(), [*TOLD, "raised ValueError:_no"])
    assert (tally.exceptions, tally.failed) == (1, True)
    assert "ValueError:_no" in tally.problems[0]


RECORDING = """
import random
from faults.traced import Traced

traced = Traced()
with traced.span("outer") as outer:
    for number in range(3):
        with traced.span(f"inner{number}", outer):
            pass
"""


def tampered(statement: str) -> Callable[[Room], None]:
    """Return a fault whose harm is an SQL statement."""

    def harm(room: Room) -> None:
        room.start(RECORDING).wait()
        with closing(sqlite3.connect(room.folder / "traces.db", isolation_level=None)) as connection:
            assert connection.execute(statement).rowcount == 1
        room.check(room.read())

    return harm


@pytest.mark.parametrize(
    ("statement", "expected", "says"),
    [
        ("DELETE FROM run WHERE name = 'inner1'", (4, 3, 0, 0, 0), "lost"),
        ("UPDATE run SET parent_id = NULL WHERE name = 'inner1'", (4, 4, 0, 1, 0), "wrong parent"),
        (
            "UPDATE run SET status = 'running', end_time = NULL WHERE name = 'inner1'",
            (4, 3, 0, 0, 0),
            "its end is lost",
        ),
    ],
)
def test_what_is_planted_in_a_store_is_seen(
    tmp_path: Path, statement: str, expected: tuple[int, ...], says: str
) -> None:
    """Through the whole harness: a program, a store, a reader, the table."""
    tally = Fault(name="planted", harm=tampered(statement)).tried(tmp_path, 1)
    assert counts(tally) == expected, tally.problems
    assert any(says in problem for problem in tally.problems)
    assert "FAILED" in as_text([tally])


def test_the_whole_harness_without_a_fault(tmp_path: Path) -> None:
    """Finds nothing wrong, and measures each call but those of the first span."""

    def nothing(room: Room) -> None:
        room.start(RECORDING).wait()
        room.check(room.read())

    tally = Fault(name="none", harm=nothing).tried(tmp_path, 2)
    assert (counts(tally), tally.problems, tally.times) == ((8, 8, 0, 0, 0), [], 2)
    assert len(tally.pauses) == 2 * (2 * 4 - 2)
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_breaks_is_a_problem(tmp_path: Path) -> None:
    """With what it wrote to stderr; the next try goes on."""

    def breaking(room: Room) -> None:
        room.start("raise SystemExit('it broke')").wait()

    tally = Fault(name="breaking", harm=breaking).tried(tmp_path, 2)
    assert (tally.times, tally.failed, len(tally.problems)) == (2, True, 2)
    assert "it broke" in tally.problems[0]


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    """Its children too, when the fault is over."""
    pids: list[int] = []

    def hanging(room: Room) -> None:
        child = room.start(
            "import os; from faults.traced import say; os.fork(); say('here', os.getpid()); os.read(0, 1)"
        )
        child.wait_for(lambda said: said.count(b"here") == 2, "two processes")
        pids.extend(int(pid) for (pid,) in child.told().said("here"))

    assert not Fault(name="hanging", harm=hanging).tried(tmp_path, 1).failed
    for pid in pids:
        assert not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()


def test_a_fault_that_cannot_be_tried_is_skipped(tmp_path: Path) -> None:
    """The table says why, and nothing has failed."""

    def skipped(room: Room) -> None:
        raise Skipped("no right to mount")

    tally = Fault(name="skipped", harm=skipped).tried(tmp_path, 1)
    assert not tally.failed
    assert "no right to mount" in as_text([tally])


def test_the_table_has_a_line_a_fault() -> None:
    """As Markdown, and as JSON for programs."""
    tallies = [compared(rows()), compared(rows()[:1])]
    lines = as_text(tallies).splitlines()
    assert [line.split("|")[1:6] for line in lines[2:4]] == [
        [" planted ", "     1 ", "     3 ", "     3 ", "     0 "],
        [" planted ", "     1 ", "     3 ", "     1 ", "     0 "],
    ]
    assert lines[3].endswith("| FAILED |")
    assert [(entry["found"], entry["pause_max_us"]) for entry in json.loads(as_json(tallies))] == [(3, 0.9), (1, 0.9)]


def test_the_command_exits_with_the_verdict(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """0 where all is well, 2 where no fault has such a name; `--list` tries nothing."""
    assert main(["--only", "exception at import", "--quick", "--json", str(tmp_path / "table.json")]) == 0
    assert "exception at import" in capsys.readouterr().out
    assert json.loads((tmp_path / "table.json").read_text())[0]["fault"] == "exception at import"
    assert main(["--only", "no such fault"]) == 2
    assert main(["--list"]) == 0
    assert "kill -9 (50 times" in capsys.readouterr().out


@pytest.mark.parametrize(("stop", "status"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143)])
def test_a_run_that_is_stopped_prints_what_it_has(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, stop: BaseException, status: int
) -> None:
    """By Ctrl-C or SIGTERM: the table has what was tried until then."""

    def stopped(_room: Room) -> None:
        raise stop

    faults = [Fault(name="first", harm=lambda room: room.note("tried")), Fault(name="second", harm=stopped)]
    monkeypatch.setattr("faults.__main__.all_faults", lambda: faults)
    assert main([]) == status
    said = capsys.readouterr()
    assert "first" in said.out
    assert "second" not in said.out
    assert "stopped" in said.err


def test_chance_can_be_repeated(tmp_path: Path) -> None:
    """The same seed gives a fault the same chances."""
    drawn: list[float] = []
    fault = Fault(name="drawing", harm=lambda room: drawn.append(room.rng.random()))
    for seed in (1, 1, 2):
        fault.tried(tmp_path / f"{len(drawn)}", 1, seed=seed)
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] != random.Random(1).random()
