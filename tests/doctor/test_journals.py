"""What the doctor sees of journals: the living, the dead, what waits in them, dead letters, rights, room."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agenttrace import AgentTrace
from agenttrace.errors import StoreRejected, StoreUnavailable
from agenttrace.health import Report
from agenttrace.journal import inspect
from agenttrace.journal.inspect import inspect_root
from agenttrace.store.memory import MemoryStore

Look = Callable[..., Report]


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


def later(trace: AgentTrace, *, hours: int) -> None:
    """Let the AgentTrace think that it is so much later."""
    trace.recorder.clock = lambda: time.time_ns() + hours * 3600 * 10**9


def test_the_journal_of_a_process_that_was_killed(killed: Callable[..., Path], look: Look) -> None:
    """It is known as dead by its lock, with what the store lacks, who made it, and what to do."""
    left = killed()
    report = look()
    (journal,) = report.roots[0].journals
    assert (journal.path, journal.alive, journal.records, journal.damaged) == (left, False, 2, 0)
    assert (journal.process_id, journal.host, journal.complete) == (left.name, socket.gethostname(), True)
    assert journal.pid not in (None, os.getpid())
    assert journal.boot_id is not None
    assert journal.started is not None
    assert journal.oldest is not None
    assert abs(journal.oldest - datetime.now(UTC)) < timedelta(hours=1)
    assert 0 < journal.backlog_bytes < journal.bytes
    assert (report.status, codes(report)) == (1, ["journal_dead"])
    assert "2 records" in report.findings[0].what
    assert "agenttrace.flush()" in report.findings[0].do


def test_looking_changes_nothing(killed: Callable[..., Path], look: Look, path: Path) -> None:
    """The journal lies there as it lay, its lock is free, and the next process adopts it."""
    left = killed()
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in left.iterdir()}
    look()
    assert {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in left.iterdir()} == before
    with AgentTrace(store=path) as trace:
        assert {run.name for run in trace.query.runs()} == {"whole", "half", "lost"}
    assert not left.exists()
    report = look()
    assert (report.roots[0].journals, codes(report), report.store.abandoned) == ((), ["abandoned"], 2)


def test_a_process_that_died_just_now_is_no_trouble_yet(killed: Callable[..., Path], look: Look) -> None:
    """Others adopt its journal within a minute."""
    killed(ago=0.0)
    report = look()
    assert [journal.alive for journal in report.roots[0].journals] == [False]
    assert (report.status, codes(report)) == (0, [])


def test_what_a_kill_left_before_the_first_batch(killed: Callable[..., Path], look: Look) -> None:
    """Nothing is in the store: there is none yet."""
    killed(flush_interval=60.0)
    report = look()
    assert report.store.schema == "missing"
    assert [journal.records for journal in report.roots[0].journals] == [4]
    assert (report.status, codes(report)) == (2, ["store_missing", "journal_dead"])


def test_damage_in_a_dead_journal_is_counted(killed: Callable[..., Path], look: Look) -> None:
    """The records around it are found."""
    left = killed(flush_interval=60.0)
    segment = next(left.glob("*.seg"))
    data = bytearray(segment.read_bytes())
    at = data.index(b"half")
    data[at] ^= 1
    segment.write_bytes(data)
    (journal,) = look().roots[0].journals
    assert (journal.records, journal.damaged) == (3, 1)


def test_reading_ends_when_time_is_up(killed: Callable[..., Path], path: Path) -> None:
    """What was not read is said to be incomplete."""
    killed(flush_interval=60.0)
    root = path.with_name(f"{path.name}.journal")
    found = inspect_root(root, since=datetime.now(UTC), deadline=time.monotonic() - 1)
    assert [(journal.records, journal.complete) for journal in found.journals] == [(0, False)]


def test_a_living_process_holds_its_journal(path: Path, look: Look) -> None:
    """It is alive, by its lock, and what is stored does not wait."""
    with AgentTrace(store=path) as trace:
        with trace.master("turn"):
            pass
        assert trace.flush(30)
        report = look()
        (journal,) = report.roots[0].journals
        assert (journal.alive, journal.records, journal.pid) == (True, 0, os.getpid())
        assert (report.status, codes(report)) == (0, [])
        own = trace.doctor()
        assert own.process is not None
        assert own.process.stats.journal_dir == str(journal.path)
        assert own.roots[0].journals[0].alive is True


class Down(MemoryStore):
    """A store that cannot be reached, with a place."""

    url = "memory://"

    def write(self, batch: Any) -> None:
        raise StoreUnavailable("down")


def test_a_backlog_takes_what_stands_in_the_journal(tmp_path: Path) -> None:
    """What records say in common stands there once, and counts once."""
    trace = AgentTrace(Down(), journal_dir=tmp_path / "journal", exit_timeout=0.1)
    history = [{"role": "user", "content": f"word {number} " * 40} for number in range(40)]
    for _ in range(20):
        with trace.prompt("ask", history=history):
            pass
    seen = inspect_root(tmp_path / "journal", since=datetime.now(UTC), deadline=time.monotonic() + 60)
    (journal,) = seen.journals
    assert journal.records == 40
    assert trace.stats().backlog_bytes == journal.backlog_bytes
    assert not trace.shutdown(0.1)


def test_a_backlog_that_does_not_shrink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records that wait for longer than a minute in a living journal need attention; `stats` tells their age."""
    trace = AgentTrace(store=Down(), journal_dir=tmp_path / "j", exit_timeout=0.1)
    with trace.master("turn"):
        pass
    assert not trace.flush(0.05)
    stats = trace.stats()
    assert stats.pending == 2
    assert stats.backlog_seconds > 0
    assert stats.journal_dir is not None
    assert "backlog" not in codes(trace.doctor())
    later(trace, hours=1)
    report = trace.doctor()
    assert "backlog" in codes(report)
    assert [journal.records for journal in report.roots[0].journals] == [2]
    monkeypatch.setattr(Down, "write", MemoryStore.write)
    assert trace.shutdown(30)
    assert trace.stats().backlog_seconds == 0.0


class Picky(MemoryStore):
    """A store that refuses one run, and with `letters=False` the letter as well."""

    def __init__(self, *, letters: bool) -> None:
        super().__init__()
        self.letters = letters

    def write(self, batch: Any) -> None:
        if any(run.name == "poison" for run in batch.runs.values()):
            raise StoreRejected("no poison here")
        super().write(batch)

    def set_aside(self, letters: Any) -> None:
        if not self.letters:
            raise StoreRejected("no letters")
        super().set_aside(letters)


@pytest.mark.parametrize("in_store", [True, False], ids=["store", "files"])
def test_records_that_the_store_refused(tmp_path: Path, in_store: bool) -> None:
    """Dead letters are counted, in store or files, with the newest one's error; old ones are no alarm any more."""
    with AgentTrace(store=Picky(letters=in_store), journal_dir=tmp_path / "j") as trace:
        for name in ("good", "poison"):
            with trace.master(name):
                pass
        assert trace.flush(30)
        report = trace.doctor()
        letters, none = _letters(report, in_store=in_store)
        assert (letters.count, letters.recent, none.count) == (2, 2, 0)
        assert letters.last_error == "StoreRejected: no poison here"
        assert letters.bytes == (_payloads(trace) if in_store else letters.files[0].stat().st_size)
        (letter,) = [finding for finding in report.findings if finding.code == "dead_letters"]
        assert "2 records refused by the store" in letter.what
        assert "letters retry" in letter.do
        later(trace, hours=48)
        again = trace.doctor()
        assert (_letters(again, in_store=in_store)[0].count, _letters(again, in_store=in_store)[0].recent) == (2, 0)
        assert "dead_letters" not in codes(again)


def _letters(report: Any, *, in_store: bool) -> tuple[Any, Any]:
    both = (report.store.dead_letters, report.roots[0].dead_letters)
    return both if in_store else both[::-1]


def _payloads(trace: AgentTrace) -> int:
    return sum(letter.size for letter in trace.letters.list())


def test_letters_that_nobody_could_keep(tmp_path: Path) -> None:
    """The process that lost them is told, where neither the store nor a folder took them."""
    with AgentTrace(store=Picky(letters=False), journal_dir=tmp_path / "j") as trace:
        (tmp_path / "j" / "dead-letters.jsonl").mkdir(parents=True)
        with trace.master("poison"):
            pass
        assert trace.flush(30)
        assert trace.stats().dead_letters_lost == 2
        assert "dead_letters_lost" in codes(trace.doctor())


def test_letters_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    """Whatever stands in the file."""
    (tmp_path / "dead-letters.jsonl").write_bytes(b'not json\n[1]\n{"time": "x", "error": 5}\n')
    found = inspect_root(tmp_path, since=datetime.now(UTC), deadline=time.monotonic() + 60)
    assert (found.dead_letters.count, found.dead_letters.recent) == (3, 0)


@pytest.mark.parametrize(("name", "mode"), [("", 0o755), ("owner.json", 0o644), ("lock", 0o660)])
def test_wrong_rights_in_a_journal(killed: Callable[..., Path], look: Look, name: str, mode: int) -> None:
    """Folders are for their owner alone, and so are files."""
    left = killed(ago=0.0)
    (left / name).chmod(mode)
    report = look()
    assert [(one.path, one.mode) for one in report.roots[0].exposed] == [(left / name, f"{mode:04o}")]
    assert codes(report) == ["rights"]
    assert "chmod" in report.findings[0].do


def test_a_store_that_everybody_may_read(killed: Callable[..., Path], look: Look, path: Path) -> None:
    """Its owner's group may, others may not."""
    killed(ago=0.0)
    path.chmod(0o640)
    assert look().store.exposed == ()
    path.chmod(0o644)
    report = look()
    assert [(one.path, one.mode) for one in report.store.exposed] == [(path, "0644")]
    assert codes(report) == ["rights"]


def test_a_journal_folder_that_others_may_write_to(tmp_path: Path) -> None:
    """Who may write there may put other folders in the place of ours; who may read sees names only."""
    tmp_path.chmod(0o755)
    until = time.monotonic() + 60
    assert inspect_root(tmp_path, since=datetime.now(UTC), deadline=until).exposed == ()
    tmp_path.chmod(0o777)
    assert [one.mode for one in inspect_root(tmp_path, since=datetime.now(UTC), deadline=until).exposed] == ["0777"]


def test_what_belongs_to_somebody_else(
    killed: Callable[..., Path], look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of another user cannot adopt it."""
    killed(ago=0.0)
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 12345)
    report = look()
    assert "owner" in codes(report)
    assert all(one.foreign for one in report.roots[0].exposed)


def test_a_lock_that_cannot_be_asked(killed: Callable[..., Path], look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal is named with the reason, and nothing raises."""
    killed()

    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(inspect, "is_alive", refuse)
    report = look()
    assert [journal.problem for journal in report.roots[0].journals] == ["Permission denied"]
    assert codes(report) == ["journal_unreadable"]


def test_a_disk_without_room(path: Path, look: Look, monkeypatch: pytest.MonkeyPatch, killed: Any) -> None:
    """The room is that of the disk where the journals lie."""
    killed(ago=0.0)
    assert look().roots[0].free_bytes == pytest.approx(shutil.disk_usage(path.parent).free, rel=0.2)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
    report = look()
    assert codes(report) == ["disk"]
    assert "1,000 bytes" in report.findings[0].what


def test_the_journals_of_exporters_are_seen(tmp_path: Path) -> None:
    """Each exporter has a folder of its own beside the store's."""
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class Quiet(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    with AgentTrace(store=tmp_path / "t.db", exporters=[Quiet()]) as trace:
        with trace.master("turn"):
            pass
        assert trace.flush(30)
        assert [root.path.name for root in trace.doctor().roots] == ["t.db.journal", "0-Quiet"]
