"""Dead letters of the erased in the store's table: by name, by age and by retention; in the receipt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agenttrace import AgentTrace
from agenttrace.erasure.retention import INTERVAL, Retention
from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.model.letters import dead_letter, named_by
from agenttrace.model.rows import DeadLetterRow
from agenttrace.model.wire import AUDIT, RUN
from agenttrace.store.memory import MemoryStore
from agenttrace.store.protocol import AuditFilter, Store
from agenttrace.testing.records import (
    PROCESS,
    Record,
    audit_record,
    entity_record,
    event_record,
    key_used_record,
    log_record,
    run_record,
    span_record,
)

CANARY = "canary-7f3a"
OTHER = "22222222-2222-4222-8222-222222222222"
_DAY = 86_400_000_000


@pytest.fixture
def trace(tmp_path: Path) -> Iterator[AgentTrace]:
    with AgentTrace(tmp_path / "traces.db") as made:
        made.flush()
        yield made


def store_of(trace: AgentTrace) -> Store:
    return trace._pipe().open_store_once()  # pyright: ignore[reportPrivateUsage]


def letter(record: Record, time: int = 5) -> DeadLetterRow:
    return dead_letter(*record, "e", process_id=PROCESS, now=time)


def run(number: int, **scope: str) -> Record:
    return run_record(number, name=CANARY, start=number, turn=number, scope=scope)


def left(store: Store) -> set[bytes]:
    return {one.id for one in store.dead_letters()}


def test_letters_of_the_erased_go_from_the_store_and_its_files(trace: AgentTrace, tmp_path: Path) -> None:
    """Those of others stay, of the same ids in another workspace too; the receipt counts them, a dry run before."""
    gone = [letter(run(number, user_id="erased")) for number in range(1, 121)]
    gone += [letter(event_record(1, scope={"user_id": "erased"})), letter((RUN, b'{"user_id":"erased"'))]
    stays = [
        letter(run(201, user_id="other")),
        letter(run(202, user_id="erased", workspace_id=OTHER)),
        letter(run(203)),
        letter((99, b"?")),
    ]
    store_of(trace).set_aside([*gone, *stays])
    assert trace.purge(user_id="erased", dry_run=True).dead_letters == len(gone)
    assert len(left(store_of(trace))) == len(gone) + len(stays)
    receipt = trace.purge(user_id="erased")
    assert (receipt.dead_letters, receipt.complete) == (len(gone), True)
    assert left(store_of(trace)) == {one.id for one in stays}
    store_of(trace).discard_letters([one.id for one in stays])
    trace.purge(user_id="erased")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("name", ["ai_contact_id", "session_id", "user_id"])
def test_letters_go_by_each_name(trace: AgentTrace, name: str) -> None:
    """In the workspace that was asked for."""
    for scope in ({}, {"workspace_id": OTHER}):
        store_of(trace).set_aside([letter(run(1, **{name: "x"}, **scope)), letter(run(2, **{name: "y"}, **scope))])
    assert trace.purge(**{name: "x"}, workspace_id=OTHER).dead_letters == 1
    assert trace.purge(**{name: "x"}).dead_letters == 1
    assert len(left(store_of(trace))) == 2


def test_letters_go_by_the_age_of_what_they_record(trace: AgentTrace) -> None:
    """Of one that cannot be read, by its own."""
    old, new = letter(run(1), time=9 * _DAY), letter(run(9 * _DAY), time=9 * _DAY)
    torn_old, torn_new = letter((RUN, b"?"), time=1), letter((RUN, b"!"), time=9 * _DAY)
    store_of(trace).set_aside([old, new, torn_old, torn_new])
    before = datetime.fromtimestamp(5 * 86_400, UTC)
    assert trace.purge(before=before, workspace_id=OTHER).dead_letters == 1  # whose a torn one is nobody knows
    assert trace.purge(before=before).dead_letters == 1
    assert left(store_of(trace)) == {new.id, torn_new.id}


def test_retention_reaches_letters(tmp_path: Path) -> None:
    """Step by step, and its receipt counts them, where nothing else was old too."""
    store = MemoryStore()
    store.open()
    old = [letter(run(number)) for number in range(1, 171)]
    new = letter(run(9 * _DAY))
    store.set_aside([*old, new])
    retention = Retention(5 * _DAY, tmp_path, audit=False, clock=lambda: 10 * _DAY)
    steps = 1
    while retention.step(store) != INTERVAL:
        steps += 1
    assert steps > 3
    assert left(store) == {new.id}
    (note,) = store.audit(AuditFilter(workspace_id=DEFAULT_WORKSPACE.bytes))
    assert (note.action, '"dead_letters":170' in note.filters) == ("data.purged", True)


@pytest.mark.parametrize(
    ("record", "user"),
    [
        (run_record(1, scope={"workspace_id": OTHER, "user_id": "u"}), "u"),
        (event_record(1, scope={"workspace_id": OTHER, "user_id": "u"}), "u"),
        (entity_record("session", "s", scope={"workspace_id": OTHER, "user_id": "u"}), "u"),
        (span_record(1, scope={"workspace_id": OTHER, "user_id": "u"}), "u"),
        (log_record(1, scope={"workspace_id": OTHER, "user_id": "u"}), "u"),
        (audit_record(1, workspace=OTHER, user="u"), "u"),
        (key_used_record("k", workspace=OTHER), None),
    ],
    ids=["run", "event", "entity", "span", "log", "audit", "key used"],
)
def test_each_kind_of_record_says_whose_it_is(record: Record, user: str | None) -> None:
    """So that its letter carries the workspace, and goes with the erased."""
    named = named_by(*record)
    assert named is not None
    assert (named.workspace_id, named.user_id) == (bytes.fromhex(OTHER.replace("-", "")), user)
    assert letter(record).workspace_id == named.workspace_id


def test_what_is_no_record_is_nobodys() -> None:
    """Whatever stands in it."""
    for kind in (*range(9), 255):
        for payload in (b"", b"\x00" * 200, b"[]", b'{"time":"x"}', b"[" * 100_000, bytes(range(256))):
            assert named_by(kind, payload) is None
    assert named_by(AUDIT, audit_record(1)[1][:-40]) is None
