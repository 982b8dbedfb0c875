"""What the doctor sees of a store: in reach, which version, heartbeats, gaps, abandoned runs. It makes none."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agenttrace import AgentTrace
from agenttrace.errors import InvalidQuery
from agenttrace.health import Report
from agenttrace.model.rows import ProcessRow
from agenttrace.store.batch import Batch
from agenttrace.store.memory import MemoryStore
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.store.version import SCHEMA_VERSION
from agenttrace.testing.records import batch_of, run_record
from tests.store import released

Look = Callable[..., Report]

MINUTE = 60_000_000


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


def now() -> int:
    return time.time_ns() // 1000


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    """An open SQLite store."""
    made = SQLiteStore(path)
    made.open()
    yield made
    made.close()


def test_a_store_that_is_well(store: SQLiteStore, look: Look, path: Path) -> None:
    """It is in reach and current."""
    report = look()
    assert (report.status, report.findings) == (0, ())
    seen = report.store
    assert (seen.url, seen.reachable, seen.schema) == (f"sqlite:///{path}", True, "current")
    assert (seen.version, seen.known_version, seen.error) == (SCHEMA_VERSION, SCHEMA_VERSION, None)
    assert (seen.workspaces, seen.gaps, seen.missing_records, seen.abandoned, seen.complete) == (0, 0, 0, 0, True)
    assert seen.seconds is not None


def test_a_newer_store(store: SQLiteStore, look: Look, path: Path) -> None:
    """It cannot be used, and is not touched."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    report = look()
    assert (report.status, codes(report), report.store.schema) == (2, ["store_newer"], "newer")
    assert "99" in report.findings[0].what
    assert "upgrade" in report.findings[0].do
    assert version_of(path) == 99


def test_an_older_store_stays_as_it_is(look: Look, path: Path) -> None:
    """It needs attention, and is not upgraded by being looked at."""
    released.restore(released.FOLDER / "sqlite-1.sql", path)
    path.chmod(0o600)
    report = look()
    assert (report.status, codes(report), report.store.schema) == (1, ["store_older"], "older")
    assert report.store.gaps is None
    assert "agenttrace migrate" in report.findings[0].do
    assert version_of(path) == 1


def test_a_store_that_does_not_exist_is_not_made(path: Path) -> None:
    """Whoever has written nothing misses nothing."""
    trace = AgentTrace(store=path)
    report = trace.doctor()
    assert (report.status, report.store.schema, report.process) == (0, "missing", None)
    assert (trace.doctor(expected=True).status, list(path.parent.iterdir())) == (2, [])


def test_a_file_that_is_no_store(look: Look, path: Path) -> None:
    """The error says what was met."""
    path.write_bytes(b"this is no database, whatever it may be" * 100)
    path.chmod(0o600)
    report = look()
    assert (report.status, codes(report), report.store.reachable) == (2, ["store_unreachable"], False)
    assert "not a database" in (report.store.error or "")


def test_a_server_that_is_not_there() -> None:
    """The URL shows no password, and neither does the error."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    trace = AgentTrace(store=f"postgresql://app:hunter2@127.0.0.1:{port}/traces", journal_dir="/nonexistent/journal")
    report = trace.doctor(timeout=60)
    assert (report.status, report.store.reachable) == (2, False)
    assert "hunter2" not in str(report.document())
    assert f"127.0.0.1:{port}" in report.store.url


class Hanging(MemoryStore):
    """A store whose answers wait for an event; `hangs` says which do."""

    def __init__(self, hangs: str) -> None:
        super().__init__()
        self.hangs = hangs
        self.answers = threading.Event()

    def open(self) -> None:
        if self.hangs == "open":
            self.answers.wait(60)
        super().open()

    def processes(self) -> list[ProcessRow]:
        if self.hangs == "processes":
            self.answers.wait(60)
        return super().processes()


@pytest.mark.parametrize(
    ("hangs", "status", "code"), [("open", 2, "store_unreachable"), ("processes", 1, "store_slow")]
)
def test_a_store_that_does_not_answer(hangs: str, status: int, code: str) -> None:
    """Nobody waits longer than asked; what was found by then is said."""
    store = Hanging(hangs)
    try:
        report = AgentTrace(store=store).doctor(timeout=0.2)
    finally:
        store.answers.set()
    assert (report.status, codes(report), report.store.complete) == (status, [code], False)


class Broken(MemoryStore):
    """A store with a defect."""

    def workspaces(self) -> list[bytes]:
        raise ZeroDivisionError("a defect")


def test_a_store_that_raises_whatever_it_likes() -> None:
    """It belongs into the report, not into the program."""
    report = AgentTrace(store=Broken()).doctor()
    assert report.status == 2
    assert report.store.error == "ZeroDivisionError: a defect"


def test_heartbeats_that_stood_still(store: SQLiteStore, look: Look) -> None:
    """Who has been silent for long is named; the others are well."""
    batch = Batch()
    for number, ago in ((1, 0), (2, 5 * MINUTE)):
        key = bytes([number]) * 16
        batch.beats[key] = ProcessRow(key, f"host{number}", "boot", number, now() - ago, now() - ago)
    store.write(batch)
    report = look()
    assert [(process.host, process.stood_still) for process in report.store.processes] == [
        ("host1", False),
        ("host2", True),
    ]
    assert report.store.processes[1].silent_seconds > 299
    assert (report.status, codes(report)) == (1, ["heartbeats"])
    assert "host2 pid 2" in report.findings[0].what


def test_gaps_and_abandoned_runs_of_all_workspaces(store: SQLiteStore, look: Look) -> None:
    """Those within the time that is asked about, and how many records the gaps stand for."""
    here, there = {}, {"workspace_id": "another"}
    end = now()
    old = end - 48 * 60 * MINUTE
    lost = {"type": "abandoned", "message": "m", "stack": None}
    store.write(
        batch_of(
            run_record(1, run_type="gap", start=end - 9, end=end, content={"dropped": 7}, scope=here),
            run_record(2, run_type="gap", start=end - 9, end=end, content={"dropped": 5}, scope=there),
            run_record(3, run_type="gap", start=old, end=old, content={"dropped": 100}, scope=there),
            run_record(4, run_type="gap", start=end - 9, end=end, content={"dropped": "x"}, scope=there),
            run_record(5, start=end - 9, end=end, status="failed", error=lost, scope=here),
            run_record(6, start=end - 9, end=end, status="failed", error=lost, scope=there),
            run_record(7, start=old, end=old, status="failed", error=lost, scope=there),
            run_record(8, start=end - 9, end=end, status="failed", error={**lost, "type": "ValueError"}, scope=here),
        )
    )
    report = look()
    seen = report.store
    assert (seen.workspaces, seen.gaps, seen.missing_records, seen.abandoned) == (2, 3, 12, 2)
    assert (report.status, codes(report)) == (1, ["gaps", "abandoned"])
    longer = look(since="7d").store
    assert (longer.gaps, longer.missing_records, longer.abandoned) == (4, 112, 3)


def test_a_store_in_memory_is_looked_at_where_it_is() -> None:
    """It has no versions and no journal folder, and stays open."""
    with AgentTrace(store="memory://") as trace:
        before = trace.doctor()
        with trace.master("turn"):
            pass
        assert trace.flush(30)
        report = trace.doctor()
        assert (report.status, report.store.schema, report.store.url) == (0, "unversioned", "memory://")
        assert (report.roots, report.store.workspaces, before.store.workspaces) == ((), 1, 0)
        assert [run.name for run in trace.query.runs()] == ["turn"]


def test_a_doctor_before_the_first_span_leaves_a_store_object_open() -> None:
    """It is somebody else's."""
    store = MemoryStore()
    store.open()
    AgentTrace(store=store).doctor()
    assert store.processes() == []


@pytest.mark.parametrize(
    ("options", "parameter"),
    [
        ({"since": "yesterday"}, "since"),
        ({"since": 5}, "since"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": "1"}, "timeout"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named(options: dict[str, Any], parameter: str) -> None:
    """The error begins with the parameter."""
    with pytest.raises(InvalidQuery, match=f"^{parameter}: "):
        AgentTrace(store="memory://").doctor(**options)
