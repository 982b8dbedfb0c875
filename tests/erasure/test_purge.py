"""`purge` from end to end: what goes, what the receipt says, and that nothing comes back or can still be read."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from agenttrace import AgentTrace
from agenttrace.errors import InvalidQuery
from agenttrace.model.ids import DEFAULT_WORKSPACE as DEFAULT
from agenttrace.model.wire import AUDIT, EVENT, RUN
from agenttrace.testing.records import event_record, run_record

CANARY = "canary-7f3a"


@pytest.fixture
def trace(tmp_path: Path) -> Any:
    """An AgentTrace on a SQLite file."""
    with AgentTrace(tmp_path / "traces.db") as made:
        yield made


def turn(trace: AgentTrace, text: str, **scope: Any) -> None:
    """Record a turn with a prompt, a tool call and an event, all of which hold the text."""
    with trace.scope(**scope), trace.master("answer", input=text) as master:
        with trace.prompt(
            "ask", model="m", system_prompt=text * 200, history=[{"role": "user", "content": text * 200}]
        ) as prompt:
            prompt.response = text
        with trace.tool_call(text, input={"q": text}) as call:
            call.output = text
        master.thinking(text)
        master.output = text


def files_with(folder: Path, text: str) -> list[str]:
    """Return which files below a folder hold a text, as it is or in base64."""
    needles = [text.encode(), *(b64encode(b"x" * shift + text.encode())[4:-4] for shift in range(3))]
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path.name for path in found if any(needle in path.read_bytes() for needle in needles)]


def test_nothing_of_the_erased_can_be_read_any_more(trace: AgentTrace, tmp_path: Path) -> None:
    """Not in the database, its log, the journals and the dead letters; what others left stays."""
    for number in range(20):
        turn(
            trace,
            CANARY if number % 2 else "kept",
            user_id="erased" if number % 2 else "other",
            session_id=f"s{number}",
        )
    trace.flush()
    letters = tmp_path / "traces.db.journal" / "dead-letters.jsonl"
    mine, others = letter(user_id="erased", text=CANARY), letter(user_id="other", text="kept")
    letters.write_bytes(mine + others + mine)
    assert {"traces.db-wal", "dead-letters.jsonl", "00000001.seg"} <= set(files_with(tmp_path, CANARY))
    receipt = trace.purge(user_id="erased")
    assert (receipt.complete, receipt.scrubbed, receipt.dead_letters, receipt.pending_journals) == (True, True, 2, 0)
    assert receipt.counts["runs"] == 30
    assert receipt.counts["sessions"] == 10
    assert receipt.links > 0
    assert files_with(tmp_path, CANARY) == []
    assert letters.read_bytes() == others
    assert len(list(trace.query.runs(limit=1000))) == 30


def letter(*, text: str, kind: int = RUN, **scope: str) -> bytes:
    kind, payload = run_record(7, name=text, scope=scope) if kind == RUN else event_record(7, scope=scope)
    return line(kind, payload)


def line(kind: int, payload: bytes, time: int = 5) -> bytes:
    return orjson.dumps({"time": time, "kind": kind, "payload": b64encode(payload).decode()}) + b"\n"


def test_a_dry_run_deletes_nothing_and_says_what_would_go(trace: AgentTrace) -> None:
    """Its counts and its hash are those of the purge; it leaves no note."""
    turn(trace, "x", user_id="u", session_id="s")
    dry = trace.purge(user_id="u", dry_run=True)
    assert (dry.dry_run, dry.id, dry.counts["runs"]) == (True, None, 3)
    assert list(trace.query.audit()) == []
    done = trace.purge(user_id="u")
    assert (done.counts, done.hash, done.rows) == (dry.counts, dry.hash, dry.rows)
    assert trace.purge(user_id="u", dry_run=True).rows == 0


def test_the_receipt_stands_in_the_audit_log_and_stays(trace: AgentTrace) -> None:
    """It names the filter by ids, the counts and the hash; no purge of the audit log deletes it."""
    turn(trace, "x", user_id="u")
    receipt = trace.purge(user_id="u")
    (note,) = trace.query.audit(action="data.purged")
    assert (note.id, note.rows, note.user_id) == (receipt.id, receipt.rows, None)
    assert note.filters["filter"] == receipt.filter
    assert receipt.filter["user_id"] == "u"
    assert (note.filters["counts"], note.filters["hash"]) == (receipt.counts, receipt.hash)
    trace.purge(before=datetime.now(UTC) + timedelta(days=1), audit=True)
    assert len(list(trace.query.audit(action="data.purged"))) == 2


def test_age_deletes_the_turns_that_began_before(trace: AgentTrace) -> None:
    """An instant or an age; without a workspace in all of them. Without a name the files are not rewritten."""
    turn(trace, "x", workspace_id="a")
    turn(trace, "x", workspace_id="b")
    assert trace.purge(before="1d").rows == 0
    between = datetime.now(UTC)
    turn(trace, "x", workspace_id="a")
    receipt = trace.purge(before=between)
    assert (receipt.counts["runs"], receipt.scrubbed, receipt.complete) == (6, None, True)
    assert [len(list(trace.query.runs(workspace_id=name))) for name in ("a", "b")] == [3, 0]


@pytest.mark.parametrize(
    ("parameter", "arguments"),
    [
        ("before", {}),
        ("before", {"workspace_id": "w"}),
        ("before", {"before": "yesterday"}),
        ("before", {"before": timedelta(0)}),
        ("before", {"before": 90}),
        ("user_id", {"user_id": ""}),
        ("session_id", {"session_id": 7}),
        ("ai_contact_id", {"ai_contact_id": ""}),
        ("audit", {"before": "1d", "audit": "yes"}),
    ],
)
def test_a_wrong_argument_is_named(trace: AgentTrace, parameter: str, arguments: dict[str, Any]) -> None:
    """And nothing is deleted."""
    turn(trace, "x", user_id="u")
    with pytest.raises(InvalidQuery) as caught:
        trace.purge(**arguments)
    assert caught.value.parameter == parameter
    assert len(list(trace.query.runs())) == 3


def test_progress_is_told_after_each_step(trace: AgentTrace) -> None:
    """How many rows are done, how many there are, and how many of each table: at the end they are the receipt's."""
    for number in range(300):
        with trace.scope(user_id="u"):
            trace.master(f"m{number}", input="x").start().end(output="y")
    told: list[tuple[int, int, dict[str, int]]] = []
    receipt = trace.purge(user_id="u", progress=lambda *news: told.append(news))
    assert len(told) > 1
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert told[-1] == (receipt.rows, receipt.rows, receipt.counts)


def test_what_a_dead_process_left_is_purged_as_well(trace: AgentTrace, tmp_path: Path) -> None:
    """Its journal is adopted first, so it brings nothing back."""
    turn(trace, "x", user_id="u")
    trace.flush()
    crash(tmp_path)
    receipt = trace.purge(user_id="u")
    assert (receipt.complete, receipt.counts["runs"]) == (True, 6)
    assert files_with(tmp_path, CANARY) == []


_CRASH = """
import os, sys
from agenttrace import AgentTrace
trace = AgentTrace(sys.argv[1], flush_interval=3600)
with trace.scope(user_id="u"), trace.master("crash", input=sys.argv[2]) as turn:
    for name in ("a", "b"):
        with trace.tool_call(name, input=sys.argv[2]):
            pass
os._exit(1)
"""


def crash(folder: Path) -> None:
    """Have a process die before it has stored what it recorded."""
    done = subprocess.run([sys.executable, "-c", _CRASH, folder / "traces.db", CANARY], timeout=60, check=False)
    assert done.returncode == 1
    assert files_with(folder, CANARY)


_LIVES = """
import sys
from agenttrace import AgentTrace
trace = AgentTrace(sys.argv[1])
with trace.scope(user_id="u"):
    with trace.master("other", input=sys.argv[2]) as turn:
        turn.output = "y"
trace.flush()
print("ready", flush=True)
sys.stdin.readline()
trace.shutdown()
"""


def test_another_living_process_lets_go_of_what_it_holds(trace: AgentTrace, tmp_path: Path) -> None:
    """It begins a new segment when it is asked, so its old records are gone from the disk."""
    command = [sys.executable, "-c", _LIVES, tmp_path / "traces.db", CANARY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "ready\n"
        assert files_with(tmp_path / "traces.db.journal", CANARY)
        receipt = trace.purge(user_id="u")
        assert (receipt.complete, receipt.pending_journals, receipt.counts["runs"]) == (True, 0, 1)
        assert files_with(tmp_path, CANARY) == []
        other.stdin.write("\n")
        other.stdin.close()
        assert other.wait(60) == 0


def test_a_journal_that_nobody_empties_is_pending(trace: AgentTrace, tmp_path: Path) -> None:
    """The purge does not wait beyond its deadline, and the receipt says that it is not complete."""
    turn(trace, "x", user_id="u")
    trace.flush()
    fcntl = pytest.importorskip("fcntl")
    held = tmp_path / "traces.db.journal" / ("ab" * 16)
    held.mkdir()
    (held / "00000001.seg").write_bytes(b"x" * 4096)
    lock = os.open(held / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        receipt = trace.purge(user_id="u", timeout=0.2)
    finally:
        os.close(lock)
    assert (receipt.pending_journals, receipt.complete, receipt.counts["runs"]) == (1, False, 3)


def test_what_keeps_answers_is_told_to_forget_them(trace: AgentTrace) -> None:
    """A listener is called after a purge as long as its object lives."""

    class Cache:
        cleared = 0

        def clear(self) -> None:
            self.cleared += 1

    kept = Cache()
    trace.when_erased(kept.clear)
    trace.purge(user_id="u")
    assert kept.cleared >= 1
    before = kept.cleared
    trace.purge(user_id="u", dry_run=True)
    assert kept.cleared == before
    del kept
    trace.purge(user_id="u")


def test_the_text_of_pages_is_forgotten(trace: AgentTrace) -> None:
    """What was rendered of the erased is in no cache."""
    contact = "11111111-1111-4111-8111-111111111111"
    turn(trace, CANARY, ai_contact_id=contact)
    _, text = trace.query.run_logs_text(ai_contact_id=contact)
    assert CANARY in "".join(text)
    trace.purge(ai_contact_id=contact)
    assert trace.query._rendered._entries == {}  # pyright: ignore[reportPrivateUsage]


def test_a_users_notes_lose_the_user(trace: AgentTrace) -> None:
    """What was read stays in the audit log, who read it does not; with `audit` the notes go."""
    for user in ("u", "v"):
        trace.audit_trail.note("run_logs.queried", workspace_id=str(DEFAULT), user_id=user)
    receipt = trace.purge(user_id="u")
    assert receipt.cleared == {"notes": 1}
    notes = list(trace.query.audit(action="run_logs.queried"))
    assert {note.user_id for note in notes} == {None, "v"}
    assert trace.purge(user_id="v", audit=True).counts == {"audit": 1}
    assert [note.user_id for note in trace.query.audit(action="run_logs.queried")] == [None]


def test_dead_letters_are_told_apart_by_their_ids(trace: AgentTrace, tmp_path: Path) -> None:
    """Another workspace's stay, and so do those of another session; what cannot be understood goes by its text."""
    root = tmp_path / "traces.db.journal"
    turn(trace, "x")
    trace.flush()
    torn = b'{"user_id":"u"'
    stays = [
        letter(user_id="u", workspace_id="elsewhere", text="a"),
        letter(user_id="u2", text="b"),
        letter(text="c"),
        line(RUN, b'{"user_id":"u2"'),
        line(AUDIT, b"?"),
    ]
    leaves = [letter(user_id="u", text="d"), line(99, torn), letter(user_id="u", text="", kind=EVENT), b"{torn\n"]
    (root / "dead-letters.1.jsonl").write_bytes(b"".join(leaves[2:]))
    (root / "dead-letters.jsonl").write_bytes(b"".join([*stays[:2], *leaves[:2], *stays[2:]]))
    assert trace.purge(user_id="u").dead_letters == 4
    assert (root / "dead-letters.jsonl").read_bytes() == b"".join(stays)
    assert not (root / "dead-letters.1.jsonl").exists()
    assert trace.purge(before="1h").dead_letters == 5
