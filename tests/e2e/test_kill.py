"""The end of a process, however it comes: what it acknowledged is found afterwards, once, and open runs are abandoned.

A child process records nested spans in two threads. After each call that starts or ends a span has returned, it writes
that down on a pipe. The parent kills it at a random instant, opens the same store in a process of its own, which adopts
the dead one's journal, and compares. Where one record was damaged in between, only that one is missing. With checksums
or resynchronisation switched off the same comparison fails: it can tell the difference.
"""

from __future__ import annotations

import functools
import importlib
import os
import random
import select
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agenttrace import AgentTrace
from agenttrace.model.run import Run
from tests.e2e.children import started

WIRING = importlib.import_module("agenttrace.configure")  # the package's attribute of this name is the function

CHILD = """
import os, random, signal, sys, threading
import agenttrace

seed, interval, ending, limit = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], int(sys.argv[4])
trace = agenttrace.AgentTrace(store="traces.db", flush_interval=interval)
finished = threading.Barrier(3)


def say(*words):
    os.write(1, (" ".join(words) + "\\n").encode())


def nest(rng, label, parent, depth):
    with trace.span("step", label, input=label * 3) as span:
        say("start", span.run_id, parent, label)
        for number in range(rng.randrange(4) if depth < 5 else 0):
            nest(rng, f"{label}.{number}", span.run_id, depth + 1)
        span.output = label * 5
    say("end", span.run_id)


def work(number):
    rng = random.Random(seed * 2 + number)
    for turn in range(limit):
        if (number, turn) == (1, 1):
            nest(rng, "sacrifice", "-", 5)
        nest(rng, f"{number}-{turn}", "-", 0)
    with trace.span("step", f"open-{number}", input=f"open-{number}" * 3) as span:
        say("start", span.run_id, "-", f"open-{number}")
        finished.wait()
        threading.Event().wait(None if ending == "daemon" else 0)
        span.output = f"open-{number}" * 5
    say("end", span.run_id)


with trace.span("step", "first", input="firstfirstfirst") as span:
    say("start", span.run_id, "-", "first")
    span.output = "first" * 5
say("end", span.run_id)
threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in (1, 2)]
for thread in threads:
    thread.start()
if ending != "daemon" and ending != "exit":
    held = trace.span("step", "held", input="heldheldheld").start()
    say("start", held.run_id, "-", "held")
finished.wait()
if ending in ("_exit", "SIGTERM"):
    if ending == "_exit":
        os._exit(3)
    signal.raise_signal(signal.SIGTERM)
elif ending == "sys.exit":
    for thread in threads:
        thread.join()
    sys.exit(3)
elif ending == "exit":
    for thread in threads:
        thread.join()
"""


@dataclass
class Told:
    """What a child said: the runs that it started, by id with parent and label, and those that it ended."""

    started: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, said: bytes) -> Told:
        told = cls()
        for line in said.decode().split("\n")[:-1]:
            match line.split(" "):
                case ["start", run, parent, label]:
                    told.started[run] = None if parent == "-" else parent, label
                case ["end", run]:
                    told.ended.add(run)
                case _:
                    raise AssertionError(line)
        return told


def record(folder: Path, seed: int, ending: str, *, interval: float = 0.02, limit: int = 10**9) -> Told:
    """Let a child record until it ends, or to a random instant at which it is killed; return what it said."""
    rng = random.Random(seed)
    with started(folder, CHILD, str(seed), str(interval), ending, str(limit)) as child:
        assert child.stdout is not None
        said = b""
        enough = rng.randrange(60, 900) if ending == "SIGKILL" else 10**9
        while said.partition(b" sacrifice\n")[2].count(b"\n") < enough:
            piece = os.read(child.stdout.fileno(), 1 << 16)
            if not piece:
                break
            said += piece
        if ending == "SIGKILL":
            select.select([], [], [], rng.random() * 0.02)
            child.send_signal(signal.SIGKILL)
            said += child.stdout.read()
        child.wait(60)
        assert child.returncode == {"SIGKILL": -9, "SIGTERM": -15, "_exit": 3, "sys.exit": 3}.get(ending, 0)
    return Told.read(said)


def adopted(folder: Path, *, damaged: int = 0, torn: int = 0) -> list[Run]:
    """Return the runs that a new process finds: its first query adopts what there is.

    `damaged` places hold no whole record, and up to `torn` more: a kill may tear the append that it interrupts, whose
    call has then not returned. The copy of a record holds the GIL, so that there is at most one.
    """
    with AgentTrace(store=folder / "traces.db") as trace:
        found = list(trace.query.runs())
        stats = trace.stats()
    assert stats.dead_letters == 0, "dead letters"
    assert (stats.dropped, stats.internal_errors, stats.skipped) == (0, 0, 0)
    assert damaged <= stats.damaged <= damaged + torn
    assert list((folder / "traces.db.journal").iterdir()) == []
    return found


def check(told: Told, runs: list[Run], *, in_flight: int = 0, sacrificed: str = "") -> None:
    """Assert that each run that was acknowledged is there once, as acknowledged.

    `in_flight` calls may not have been acknowledged; the end of the run named `sacrificed` was damaged.
    """
    found = {str(run.id): run for run in runs}
    assert [run for run, times in Counter(run.id for run in runs).items() if times > 1] == [], "twice"
    assert set(told.started) - set(found) == set(), "lost"
    surprising = [run for run in found if run not in told.started]
    assert len(surprising) <= in_flight, "runs that nobody started"
    unheard = 0
    for key, (parent, label) in told.started.items():
        run = found[key]
        assert (run.name, str(run.parent_id) if run.parent_id else None) == (label, parent)
        if run.status == "success":
            assert run.content == {"input": label * 3, "output": label * 5}, f"{label} is not what was recorded"
            unheard += key not in told.ended
        else:
            assert key not in told.ended or label == sacrificed, f"lost: the end of {label}"
            assert (run.status, (run.error or {}).get("type")) == ("failed", "abandoned")
            assert (run.content or {}).get("input") == label * 3
            assert run.end_time is not None
            assert run.end_time >= run.start_time
    assert unheard <= in_flight, "more ends than were under way"


@pytest.mark.parametrize("seed", range(4))
def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path, seed: int) -> None:
    """Two threads, the writer at work, a random instant: ends are whole, open runs are abandoned, nothing is twice."""
    told = record(tmp_path, seed, "SIGKILL")
    assert len(told.ended) > 20
    assert set(told.started) - told.ended
    check(told, adopted(tmp_path, torn=1), in_flight=2)


@pytest.mark.parametrize("ending", ["_exit", "SIGTERM"])
def test_a_process_that_ends_without_goodbye(tmp_path: Path, ending: str) -> None:
    """What was recorded is adopted, and the spans that were open are abandoned."""
    told = record(tmp_path, 11, ending, interval=30, limit=5)
    runs = adopted(tmp_path, torn=1)
    check(told, runs, in_flight=2)
    (held,) = [run for run in runs if run.name == "held"]
    assert held.error is not None
    assert held.error["type"] == "abandoned"


@pytest.mark.parametrize(("ending", "still_open"), [("sys.exit", {"held"}), ("daemon", {"open-1", "open-2"})])
def test_an_exit_with_open_spans(tmp_path: Path, ending: str, still_open: set[str]) -> None:
    """The exit stores everything itself, closes the open spans as abandoned, and leaves no journal behind."""
    told = record(tmp_path, 12, ending, interval=30, limit=5)
    assert list((tmp_path / "traces.db.journal").iterdir()) == []
    runs = adopted(tmp_path)
    check(told, runs)
    assert {run.name for run in runs if run.status == "failed"} == still_open


def test_an_exit_without_a_flush(tmp_path: Path) -> None:
    """Everything is stored, and no journal is left."""
    told = record(tmp_path, 13, "exit", interval=30, limit=5)
    assert set(told.started) == told.ended
    assert list((tmp_path / "traces.db.journal").iterdir()) == []
    check(told, adopted(tmp_path))


@contextmanager
def held(store: Path) -> Iterator[None]:
    """Keep others from writing to the store: what they record stays in their journals."""
    with AgentTrace(store=store) as trace:
        trace.register_agent("somebody")
    connection = sqlite3.connect(store, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.close()


def damage_and_adopt(folder: Path, monkeypatch: pytest.MonkeyPatch, *, damaged: int = 1, **switches: bool) -> None:
    """The whole harness: record, kill, flip bytes of one end in the journal, adopt with these switches, compare."""
    with held(folder / "traces.db"):
        told = record(folder, 21, "SIGKILL")
    (segment,) = (folder / "traces.db.journal").glob("*/*.seg")
    data = bytearray(segment.read_bytes())
    at = data.index(b"sacrifice" * 5)
    data[at] ^= 0x01
    data[at + 12] ^= 0x02
    segment.write_bytes(data)
    monkeypatch.setattr(WIRING, "JournalSettings", functools.partial(WIRING.JournalSettings, **switches))
    check(told, adopted(folder, damaged=damaged, torn=1), in_flight=2, sacrificed="sacrifice")


def test_damage_costs_the_damaged_record_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted, its run is abandoned as if the end had not been written, and all else is there."""
    damage_and_adopt(tmp_path, monkeypatch)


def test_without_checksums_the_harness_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It notices that a damaged record was taken for a good one, or one that the kill left unfinished."""
    with pytest.raises(AssertionError, match=r"sacrifice is not what was recorded|dead letters"):
        damage_and_adopt(tmp_path, monkeypatch, damaged=0, verify=False)


def test_without_resynchronisation_the_harness_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It notices that what was recorded after the damage is gone."""
    with pytest.raises(AssertionError, match="lost"):
        damage_and_adopt(tmp_path, monkeypatch, resync=False)
