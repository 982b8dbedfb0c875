"""Heartbeats: who is told from them to be gone, and who turns out to be alive."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import agenttrace
from agenttrace.journal.heartbeat import Heartbeat, Watch
from agenttrace.journal.life import Life
from agenttrace.journal.settings import JournalSettings
from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.model.rows import ProcessRow
from agenttrace.model.versions import RANK_ALIVE, version
from agenttrace.store.memory import MemoryStore
from agenttrace.store.protocol import RunFilter
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import PROCESS, batch_of, run_record, run_uuid

WORKSPACE = DEFAULT_WORKSPACE.bytes


def beat(number: int, seen: int) -> ProcessRow:
    """Return the heartbeat of a process."""
    return ProcessRow(bytes([number]) * 16, "host", "boot", 1, 1, seen)


def test_a_heartbeat_that_stands_still_for_the_grace_is_of_a_process_that_is_gone() -> None:
    """By the watcher's clock alone: what the row says of the time is compared with itself."""
    watch = Watch(60.0)
    assert watch.gone([beat(1, 5), beat(2, 5)], 100.0) == []
    assert watch.gone([beat(1, 5), beat(2, 6)], 159.0) == []
    assert watch.gone([beat(1, 5), beat(2, 6)], 160.0) == [beat(1, 5)]
    assert watch.gone([beat(2, 6)], 219.0) == [beat(2, 6)]


def test_a_watch_that_begins_anew_gives_everybody_the_whole_grace() -> None:
    """After an outage of the store the others could not beat either."""
    watch = Watch(60.0)
    watch.gone([beat(1, 5)], 100.0)
    watch.begin_anew()
    assert watch.gone([beat(1, 5)], 161.0) == []
    assert watch.gone([beat(1, 5)], 221.0) == [beat(1, 5)]


def test_a_clock_that_goes_back_is_a_sign_of_life() -> None:
    """Any other heartbeat is one."""
    watch = Watch(60.0)
    watch.gone([beat(1, 500)], 100.0)
    assert watch.gone([beat(1, 3)], 170.0) == []


def test_a_heartbeat_is_due_at_once_and_then_now_and_then() -> None:
    """It names the process as it is."""
    own = Heartbeat(PROCESS, started_at=7, interval=15.0)
    assert own.due(0.0)
    assert not own.is_known
    own.written(100.0)
    assert (own.is_known, own.due(114.0), own.due(115.0)) == (True, False, True)
    row = own.row(9)
    assert (row.id, row.pid, row.started_at, row.seen_at) == (PROCESS, os.getpid(), 7, 9)


def test_the_first_batch_brings_the_heartbeat_and_the_end_takes_it_back(tmp_path: Path) -> None:
    """A process that dies right after its first run is known."""
    store = MemoryStore()
    seen: list[int] = []
    write = store.write

    def watched(batch: object) -> None:
        write(batch)  # type: ignore[arg-type]
        seen.append(len(store.processes()))

    store.write = watched  # type: ignore[method-assign]
    trace = agenttrace.AgentTrace(store, journal_dir=tmp_path)
    with trace.tool_call("look"):
        pass
    assert trace.flush(30)
    assert seen[0] == 1
    assert [row.pid for row in store.processes()] == [os.getpid()]
    assert trace.shutdown(30)
    store.open()
    assert store.processes() == []


def test_only_abandoned_runs_are_opened_again() -> None:
    """An end that was real stays, and a run that is opened again ends as usual."""
    store = MemoryStore()
    store.open()
    store.write(batch_of(run_record(1, start=5), run_record(2, start=5), process_id=PROCESS))
    store.write(batch_of(run_record(2, start=5, end=9), process_id=PROCESS))
    assert store.abandon(PROCESS, at=50) == 1
    keys = [(WORKSPACE, run_uuid(1)), (WORKSPACE, run_uuid(2)), (WORKSPACE, run_uuid(3))]
    assert store.revive(PROCESS, keys) == 1
    assert store.revive(PROCESS, keys) == 0
    first, second = sorted(store.runs(RunFilter(workspace_id=WORKSPACE)), key=lambda run: run.id)
    assert (first.status, first.end_time, first.error, first.process_id) == ("running", None, None, PROCESS)
    assert first.version >= version(RANK_ALIVE, 0, 0)
    assert (second.status, second.end_time) == ("success", 9)
    assert store.abandon(PROCESS, at=60) == 1
    assert store.revive(PROCESS, keys) == 1
    store.write(batch_of(run_record(1, start=5, end=70), process_id=PROCESS))
    (first,) = store.runs(RunFilter(workspace_id=WORKSPACE, ids=[run_uuid(1)]))
    assert (first.status, first.end_time) == ("success", 70)


CHILD = """
import sys, time
import agenttrace
trace = agenttrace.AgentTrace(sys.argv[1], journal_dir=sys.argv[2])
span = trace.master("answer").start()
waiting = trace.tool_call("approve").pending()
trace.flush(30)
print(span.run_id, waiting.run_id, flush=True)
time.sleep(600)
"""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let heartbeats be quick and the grace short."""
    original = JournalSettings

    def made(**given: object) -> object:
        return original(**{"heartbeat": 0.05, "abandon_grace": 0.5, **given})  # type: ignore[arg-type]

    monkeypatch.setattr(sys.modules["agenttrace.configure"], "JournalSettings", made)


def test_runs_of_a_process_whose_journal_is_out_of_reach_are_closed_by_another_host(
    tmp_path: Path, quick: None
) -> None:
    """Its running runs end as abandoned, its pending ones wait on; its heartbeat goes."""
    path, root = tmp_path / "traces.db", tmp_path / "theirs"
    command = [sys.executable, "-c", CHILD, str(path), str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        running, waiting = child.stdout.readline().split()
        child.send_signal(signal.SIGKILL)
    closed = threading.Event()
    with agenttrace.AgentTrace(path, journal_dir=tmp_path / "ours") as trace:
        with trace.tool_call("other"):
            pass
        for _ in range(600):
            if trace.query.trace(running).status == "failed":
                closed.set()
                break
            closed.wait(0.05)
        assert closed.is_set()
        run = trace.query.trace(running)
        assert run.error is not None
        assert run.error["type"] == "abandoned"
        assert trace.query.trace(waiting).status == "pending"
        assert len(trace._pipe().open_store_once().processes()) == 1
    assert json.loads((next(root.glob("*/owner.json"))).read_text())["host"]


def test_a_process_that_was_taken_for_dead_opens_its_runs_again(tmp_path: Path, quick: None) -> None:
    """It was asleep, or cut off from the store; its end counts as any other."""
    path = tmp_path / "traces.db"
    with agenttrace.AgentTrace(path, journal_dir=tmp_path / "journal") as trace:
        span = trace.master("answer").start()
        assert trace.flush(30)
        other = SQLiteStore(path)
        other.open()
        (known,) = other.processes()
        assert other.abandon(known.id, at=1) == 1
        pause = threading.Event()
        for _ in range(600):
            if trace.query.trace(span.run_id).status == "running" and other.processes():
                break
            pause.wait(0.05)
        assert trace.query.trace(span.run_id).status == "running"
        assert [row.id for row in other.processes()] == [known.id]
        span.end(output="done")
        trace.flush(30)
        assert trace.query.trace(span.run_id).status == "success"
        other.close()


class Deliveries:
    """Stands in for the delivery: a store with one foreign heartbeat that stands still, and what was abandoned."""

    def __init__(self) -> None:
        self.last_failure = float("-inf")
        self.abandoned: list[bytes] = []

    def begin(self, heartbeat: Heartbeat) -> None:
        """Take the heartbeat as written."""
        heartbeat.written(0.0)

    def persist(self, act: Any) -> None:
        """Ask a store."""
        act(SimpleNamespace(processes=lambda: [beat(1, 5)]))

    def beat(self) -> None:
        """Write nothing."""

    def may_abandon(self) -> bool:
        """Say that the store was in reach long enough: the watch is what is tried here."""
        return True

    def abandon(self, process_id: bytes, *, at: int) -> None:
        """Note who was abandoned."""
        self.abandoned.append(process_id)


@pytest.mark.parametrize("outage", [False, True])
def test_an_outage_of_the_store_gives_everybody_the_grace_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, outage: bool
) -> None:
    """Those who could not reach it either need the time to beat again."""
    now = 1_000.0
    monkeypatch.setattr("agenttrace.journal.life.time.monotonic", lambda: now)
    deliveries: Any = Deliveries()
    journal: Any = SimpleNamespace(home=SimpleNamespace(process_id=PROCESS), open_runs=set())
    settings = JournalSettings(root=tmp_path, heartbeat=10.0, abandon_grace=60.0)
    life = Life(journal, settings, deliveries, clock=lambda: 1)
    now = 990.0
    life.keep()
    now = 1_000.0
    life.keep()
    now = 1_050.0
    if outage:
        deliveries.last_failure = 1_040.0
    life.keep()
    now = 1_070.0
    life.keep()
    assert deliveries.abandoned == ([] if outage else [beat(1, 5).id])
    now = 1_130.0
    life.keep()
    assert beat(1, 5).id in deliveries.abandoned


def test_a_journal_that_lies_on_this_host_is_for_who_adopts_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its records come first, and its lock says whether the process lives."""
    now = 1_000.0
    monkeypatch.setattr("agenttrace.journal.life.time.monotonic", lambda: now)
    (tmp_path / beat(1, 5).id.hex()).mkdir()
    deliveries: Any = Deliveries()
    journal: Any = SimpleNamespace(home=SimpleNamespace(process_id=PROCESS), open_runs=set())
    life = Life(journal, JournalSettings(root=tmp_path), deliveries, clock=lambda: 1)
    for instant in (1_000.0, 1_100.0, 1_200.0, 2_000.0):
        now = instant
        life.keep()
    now = 3_000.0
    life.keep()
    assert deliveries.abandoned == []
