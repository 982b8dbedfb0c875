"""The audit trail: notes go to the journal, redacted and bounded, and no reader of runs waits for them."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import agenttrace
from agenttrace import AgentTrace
from agenttrace.access.side import SideRecords
from agenttrace.errors import InvalidQuery
from agenttrace.journal.degrade import PREVIEW, SKELETON, degrade
from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.store.memory import MemoryStore
from agenttrace.testing import FixedClock, capture
from agenttrace.testing.records import audit_record, batch_of, key_used_record

WORKSPACE = str(DEFAULT_WORKSPACE)
OTHER = "22222222-2222-4222-8222-222222222222"
NOON = datetime(2026, 2, 28, 12, tzinfo=UTC)


def test_a_note_comes_back_from_the_query() -> None:
    """With everything that was said, newest first."""
    clock = FixedClock(NOON)
    with AgentTrace("memory://", clock=clock) as trace:
        trace.audit_trail.note(
            "prompt_logs.queried",
            workspace_id=WORKSPACE,
            user_id="u",
            key_id="k",
            role="admin",
            filters={"limit": 20, "call_sid": "CA1", "offset": None, "roots": True},
            rows=7,
            status=200,
            request_id="req-1",
        )
        clock.advance(1)
        trace.audit_trail.note("sessions.reset", workspace_id=WORKSPACE)
        latest, first = trace.query.audit()
        assert (first.created_at, first.action, first.workspace_id) == (NOON, "prompt_logs.queried", WORKSPACE)
        assert (first.user_id, first.key_id, first.role) == ("u", "k", "admin")
        assert first.filters == {"limit": 20, "call_sid": "CA1", "roots": True}
        assert (first.rows, first.status, first.request_id) == (7, 200, "req-1")
        assert (latest.action, latest.filters, latest.rows, latest.status) == ("sessions.reset", {}, 0, None)


def test_filters_hold_no_secrets() -> None:
    """They are redacted as attributes are: by name, by form, and by the callable that the user gave."""
    key = "agtk_0123456789abcdef_" + "5f" * 32
    with AgentTrace("memory://", redact=lambda _, text: text.replace("blue", "[colour]")) as trace:
        sent = {"api_key": "x", "name": f"see {key}", "prompt_type": "Bearer aB3dE5fG7hJ9kL1mN2pQ4rS6", "state": "blue"}
        trace.audit_trail.note("run_logs.queried", workspace_id=WORKSPACE, filters=sent)
        (note,) = trace.query.audit()
    assert note.filters == {
        "api_key": "[REDACTED]",
        "name": "see [REDACTED:agenttrace_key]",
        "prompt_type": "Bearer [REDACTED:bearer]",
        "state": "[colour]",
    }


def test_what_callers_send_is_bounded() -> None:
    """Filters are cut, and only so many are kept; what has no JSON form becomes text."""
    with AgentTrace("memory://") as trace:
        sent: dict[str, Any] = {"a" * 100: "v" * 10_000, "odd": "\ud800", "when": NOON}
        sent |= {f"filter{number}": number for number in range(100)}
        trace.audit_trail.note("run_logs.queried", workspace_id=WORKSPACE, user_id="\ud800", filters=sent)
        (note,) = trace.query.audit()
    assert len(note.filters) == 32
    assert note.filters["a" * 64] == "v" * 500 + "…"
    assert note.filters["when"] == str(NOON)


def test_notes_are_found_by_each_filter() -> None:
    """By workspace first."""
    clock = FixedClock(NOON)
    with AgentTrace("memory://", clock=clock) as trace:
        for number, action in enumerate(("run_logs.queried", "prompt_logs.queried", "run_logs.queried")):
            trace.audit_trail.note(action, workspace_id=WORKSPACE, user_id=f"u{number % 2}", key_id="k", rows=number)
            clock.advance(1)
        trace.audit_trail.note("run_logs.queried", workspace_id=OTHER, rows=9)

        def rows(**where: Any) -> list[int]:
            return [note.rows for note in trace.query.audit(**where)]

        assert rows() == [2, 1, 0]
        assert rows(workspace_id=OTHER) == [9]
        assert rows(action="run_logs.queried") == [2, 0]
        assert rows(user_id="u0", action="run_logs.queried", key_id="k") == [2, 0]
        assert rows(since=NOON.replace(second=1), until="2026-02-28T12:00:02Z") == [1]
        assert rows(limit=2) == [2, 1]


def test_more_notes_than_a_page_come_in_one_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetched as they are read, each once."""
    monkeypatch.setattr("agenttrace.query.reader._RUNS_A_PAGE", 7)
    with AgentTrace("memory://") as trace:
        for number in range(30):
            trace.audit_trail.note("run_logs.queried", workspace_id=WORKSPACE, rows=number)
        assert sorted(note.rows for note in trace.query.audit()) == list(range(30))
        assert len(list(trace.query.audit(limit=15))) == 15


@pytest.mark.parametrize(
    ("parameter", "value"), [("action", 5), ("user_id", ""), ("key_id", 1), ("since", "soon"), ("limit", 0)]
)
def test_an_argument_outside_its_range_is_named_at_once(parameter: str, value: object) -> None:
    """Not at the first iteration."""
    with AgentTrace("memory://") as trace, pytest.raises(InvalidQuery, match=f"^{parameter}: "):
        trace.query.audit(**{parameter: value})  # type: ignore[arg-type]


async def test_notes_can_be_awaited() -> None:
    """`query.aio.audit` is an async iterator."""
    with AgentTrace("memory://") as trace:
        for number in range(3):
            trace.audit_trail.note("run_logs.queried", workspace_id=WORKSPACE, rows=number)
        assert sorted([note.rows async for note in trace.query.aio.audit()]) == [0, 1, 2]


def test_the_modules_query_has_the_audit_log() -> None:
    """`agenttrace.query.audit` is the default one's."""
    with capture() as trace:
        trace.audit_trail.note("run_logs.queried", workspace_id=WORKSPACE, rows=4)
        assert [note.rows for note in agenttrace.query.audit()] == [4]


def test_a_note_survives_where_recording_is_switched_off() -> None:
    """Who reads is noted whether or not this process records runs."""
    with AgentTrace("memory://", enabled=False) as trace:
        trace.audit_trail.note("run_logs.queried", workspace_id=WORKSPACE)
        assert len(list(trace.query.audit())) == 1


def test_a_note_that_is_delivered_twice_is_one(tmp_path: Path) -> None:
    """The store fails once after it has written: the writer delivers again."""

    class Forgetful(MemoryStore):
        failures = 1

        def write(self, batch: Any) -> None:
            super().write(batch)
            if len(batch) and self.failures:
                self.failures -= 1
                raise TimeoutError("the answer was lost")

    store = Forgetful()
    with AgentTrace(store, journal_dir=tmp_path) as trace:
        trace.audit_trail.note("run_logs.queried", workspace_id=WORKSPACE)
        assert len(list(trace.query.audit())) == 1
        assert trace.stats().retried == 1


KILLED = """
import os, signal, sys
from agenttrace import AgentTrace
trace = AgentTrace(sys.argv[1], flush_interval=600)
key = trace.keys.create(name="ci")
assert trace.keys.check(key.key)
trace.audit_trail.note("run_logs.queried", workspace_id=key.workspace_id, key_id=key.id, rows=5)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_notes_and_uses_survive_the_death_of_the_process(tmp_path: Path) -> None:
    """Whoever asks next adopts its journal."""
    url = f"sqlite:///{tmp_path / 'traces.db'}"
    died = subprocess.run([sys.executable, "-c", KILLED, url], timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL
    with AgentTrace(url, query_timeout=60) as trace:
        (note,) = trace.query.audit()
        (key,) = trace.keys.list()
    assert (note.key_id, note.rows) == (key.id, 5)
    assert key.last_used_at is not None


@pytest.mark.parametrize("level", [PREVIEW, SKELETON])
def test_a_note_that_was_cut_for_want_of_room_still_says_who_did_what(level: int) -> None:
    """Long filters go first; a use of a key has nothing to lose."""
    given = audit_record(1, user="u", filters={"name": "v" * 2_000}), key_used_record("a")
    batch = batch_of(*((kind, degrade(kind, payload, level)) for kind, payload in given))
    (note,) = batch.audit.values()
    assert (note.user_id, note.action, note.row_count) == ("u", "run_logs.queried", 1)
    assert len(note.filters) < 500
    assert list(batch.keys_used.values()) == [1_000_000]


def test_a_reader_of_runs_does_not_wait_for_notes() -> None:
    """A store that takes no notes still answers; who asks for the notes waits for them, and is told."""
    held = threading.Event()

    class Slow(MemoryStore):
        def write(self, batch: Any) -> None:
            if batch.audit:
                held.wait()
            super().write(batch)

    with AgentTrace(Slow(), query_timeout=0.05) as trace:
        with trace.master("answer"):
            pass
        assert len(list(trace.query.runs())) == 1
        trace.audit_trail.note("run_logs.queried", workspace_id=WORKSPACE)
        assert trace._room().settle()
        assert len(list(trace.query.runs())) == 1
        assert list(trace.query.audit()) == []
        held.set()
        assert trace.flush(30)
        assert len(list(trace.query.audit())) == 1


class Journal:
    """Counts what is appended, and how often somebody waits."""

    def __init__(self) -> None:
        self.records = self.waits = 0
        self.settles = True

    def append(self, kind: int, payload: bytes) -> None:
        """Count a record."""
        self.records += 1

    def settle(self) -> bool:
        """Count a wait."""
        self.waits += 1
        return self.settles

    def beside(self) -> SideRecords:
        """Return side records on this journal."""
        return SideRecords(self.append, recorded=lambda: self.records, settle=self.settle)


def test_waiting_is_for_the_records_that_are_not_beside() -> None:
    """The first wait is always one: there may be journals of dead processes."""
    journal = Journal()
    side = journal.beside()
    assert side.settle()
    assert journal.waits == 1
    side.append(6, b"")
    assert side.settle()
    assert journal.waits == 1
    journal.append(1, b"")
    side.append(6, b"")
    assert side.settle()
    assert side.settle()
    assert journal.waits == 2


def test_a_wait_that_failed_is_repeated() -> None:
    """Until the records have arrived."""
    journal = Journal()
    side = journal.beside()
    journal.settles = False
    assert [side.settle(), side.settle()] == [False, False]
    journal.settles = True
    assert side.settle()
    assert journal.waits == 3


def test_a_forked_child_waits_for_its_own_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its counts begin anew, as its journal does."""
    journal = Journal()
    side = journal.beside()
    for _ in range(3):
        side.append(6, b"")
    assert side.settle()
    monkeypatch.setattr("os.getpid", lambda: -1)
    journal.records = journal.waits = 0
    journal.append(1, b"")
    assert side.settle()
    assert side.settle()
    assert journal.waits == 1


def test_a_record_is_never_taken_for_a_note() -> None:
    """Whatever other threads append while somebody waits: who appended a record waits for it."""
    with AgentTrace("memory://", query_timeout=60) as trace:

        def chatter() -> None:
            for _ in range(300):
                trace.audit_trail.note("run_logs.queried", workspace_id=WORKSPACE)

        threads = [threading.Thread(target=chatter) for _ in range(2)]
        for thread in threads:
            thread.start()
        for number in range(40):
            with trace.master(f"turn-{number}"):
                pass
            assert len(list(trace.query.runs(name=f"turn-{number}"))) == 1
        for thread in threads:
            thread.join()
        assert len(list(trace.query.audit())) == 600


def test_a_count_that_begins_anew_is_waited_for() -> None:
    """As in a forked child, or after a shutdown."""
    journal = Journal()
    side = journal.beside()
    side.append(6, b"")
    assert side.settle()
    journal.records = 0
    assert side.settle()
    assert journal.waits == 2
