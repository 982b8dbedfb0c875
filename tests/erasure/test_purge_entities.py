"""Which sessions, contacts and conversations a purge takes along, and which stay."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agenttrace.model import ids
from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.store.protocol import PurgeFilter, SessionFilter
from agenttrace.store.sql_purge import SQLPurgeTables
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import TRACE, batch_of, entity_record, event_record, run_record
from tests.erasure.worlds import purge_all

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKSPACE = DEFAULT_WORKSPACE.bytes
OTHER_TRACE = TRACE + (1 << 80)
CONTACT_ID = ids.entity_id(WORKSPACE, "c")
TALK = ids.entity_id(WORKSPACE, "k")
SESSION = ids.session_id(WORKSPACE, "s")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """A SQLite store."""
    made = SQLiteStore(tmp_path / "traces.db")
    made.open()
    yield made
    made.close()


def purge(store: SQLiteStore, **where: Any) -> dict[str, int]:
    """Purge to the end, which deletes what was counted, and return how many entities went."""
    asked = PurgeFilter(workspace_id=WORKSPACE, **where)
    counted = store.purge_counts(asked)
    assert purge_all(store, asked, limit=3) == counted
    names = ("sessions", "contacts", "conversations")
    return {name: number for name in names if (number := getattr(counted, name))}


def write(store: SQLiteStore, *records: Any) -> None:
    store.write(batch_of(*records))


def conversation_session(store: SQLiteStore) -> bytes | None:
    talk = store.conversation(WORKSPACE, TALK)
    assert talk is not None
    return talk.session_id


@pytest.mark.parametrize("run_type", ["context", "tool_call", "prompt", "master"])
def test_whom_any_run_of_another_names_stays(store: SQLiteStore, run_type: str) -> None:
    """Be it deep in a tree whose root names nobody; once that goes as well, it goes."""
    ours, theirs = ({"user_id": user, "ai_contact_id": "c", "conversation_id": "k"} for user in ("ann", "bob"))
    write(store, run_record(1, scope=ours))
    write(store, run_record(1, trace=OTHER_TRACE, scope={"user_id": "bob"}))
    write(store, run_record(2, trace=OTHER_TRACE, parent=1, run_type=run_type, scope=theirs))
    assert purge(store, user_id="ann") == {}
    assert purge(store, user_id="bob") == {"contacts": 1, "conversations": 1}


def test_who_was_only_registered_stays_with_other_names(store: SQLiteStore) -> None:
    """A contact without runs goes where it is named itself."""
    write(store, entity_record("contact", "c"), run_record(1, scope={"user_id": "ann"}))
    assert purge(store, user_id="ann") == {}
    assert purge(store, ai_contact_id=CONTACT_ID) == {"contacts": 1}


def test_by_age_a_session_goes_with_its_conversation(store: SQLiteStore) -> None:
    """Contacts stay, until they are named."""
    scope = {"session_id": "s", "conversation_id": "k", "ai_contact_id": "c"}
    write(store, run_record(1, start=5, end=6, scope=scope), event_record(1, time=50, scope=scope))
    assert purge(store, before=10) == {"sessions": 1, "conversations": 1}
    assert store.has_contact(WORKSPACE, CONTACT_ID)
    assert purge(store, ai_contact_id=CONTACT_ID) == {"contacts": 1}


@pytest.mark.parametrize("run_type", ["tool_call", "prompt"])
def test_by_age_a_session_in_which_something_happened_since_stays(store: SQLiteStore, run_type: str) -> None:
    """A prompt of it is enough, and so is an event."""
    scope = {"session_id": "s", "conversation_id": "k"}
    write(store, run_record(1, start=5, end=6, run_type="tool_call", scope=scope))
    write(store, run_record(1, trace=OTHER_TRACE, start=20, run_type=run_type, scope=scope))
    assert purge(store, before=10) == {}
    assert purge(store, before=30) == {"sessions": 1, "conversations": 1}


def test_a_session_that_went_by_age_is_forgotten_by_name(store: SQLiteStore) -> None:
    """Its conversations name it no more, though no run tells of them."""
    scope = {"conversation_id": "k", "session_id": "s"}
    write(
        store, run_record(1, start=5, scope=scope | {"conversation_id": "first"}), run_record(2, start=5, scope=scope)
    )
    assert purge(store, before=10) == {"sessions": 1, "conversations": 1}
    assert conversation_session(store) == SESSION
    assert purge(store, session_id=SESSION) == {}
    assert conversation_session(store) is None


def test_an_interrupted_purge_leaves_nothing_to_the_next(store: SQLiteStore) -> None:
    """After whatever step it ends, the next one finds runs, sessions, contacts and conversations."""
    scope = {"user_id": "ann", "session_id": "s", "conversation_id": "k", "ai_contact_id": "c"}
    where = PurgeFilter(workspace_id=WORKSPACE, user_id="ann")
    for steps in range(1, 12):
        write(store, *(run_record(span, scope=scope) for span in range(1, 6)))
        after: bytes | None = b""
        for _ in range(steps):
            if after is not None:
                after = store.purge(where, limit=2, after=after).after
        purge_all(store, where, limit=100)
        assert store.purge_counts(where)[:9] == (0,) * 9
        assert store.sessions(SessionFilter(workspace_id=WORKSPACE)) == []
        assert not store.has_contact(WORKSPACE, CONTACT_ID)
        assert store.conversation(WORKSPACE, TALK) is None


def test_what_comes_while_a_purge_goes_on_leaves_nobody_behind(store: SQLiteStore) -> None:
    """A run of the same person is written between any two steps: who was deleted and came again goes again."""
    scope = {"user_id": "ann", "session_id": "s", "conversation_id": "k", "ai_contact_id": "c"}
    where = PurgeFilter(workspace_id=WORKSPACE, user_id="ann")
    for moment in range(12):
        write(store, *(run_record(span, scope=scope) for span in range(1, 4)))
        after: bytes | None = b""
        step = 0
        while after is not None:
            after = store.purge(where, limit=2, after=after).after
            if step == moment:
                write(store, run_record(9, trace=OTHER_TRACE, scope=scope | {"ai_contact_id": "late"}))
            step += 1
        purge_all(store, where, limit=100)
        assert store.sessions(SessionFilter(workspace_id=WORKSPACE)) == []
        assert not store.has_contact(WORKSPACE, CONTACT_ID)
        assert not store.has_contact(WORKSPACE, ids.entity_id(WORKSPACE, "late"))


def test_an_event_of_long_after_goes_with_its_run(store: SQLiteStore) -> None:
    """Recorded after the end, before the start, hidden by a reset, or without a session."""
    scope = {"session_id": "s", "user_id": "ann", "team_id": "t"}
    write(store, run_record(1, start=10, end=20, scope=scope, content={"input": "x"}))
    write(store, *(event_record(1, time=time, seq=time, scope=scope) for time in (1, 999_999)))
    store.reset(WORKSPACE, team_id="t", user_id="ann")
    write(store, run_record(2, start=10, end=20, scope={"user_id": "ann"}), event_record(2, time=70))
    write(store, event_record(1, time=1 << 50, turn=1 << 50, scope=scope))
    purge(store, user_id="ann")
    with closing(sqlite3.connect(store.url.removeprefix("sqlite:///"))) as connection:
        assert connection.execute("SELECT * FROM event").fetchall() == []


def test_a_step_reads_one_window(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk over many runs goes in many steps, and finds the same."""
    monkeypatch.setattr(SQLPurgeTables, "at_once", 4)
    for number in range(20):
        user = "ann" if number == 13 else f"u{number}"
        scope = {"user_id": user, "ai_contact_id": "c" if number == 13 else "d"}
        write(store, *(run_record(span, trace=TRACE + (number << 80), scope=scope) for span in (1, 2, 3)))
    where = PurgeFilter(workspace_id=WORKSPACE, user_id="ann")
    after: bytes | None = b""
    steps = []
    while after is not None:
        counts, after = store.purge(where, limit=1000, after=after)
        steps.append(counts)
    assert (sum(one.runs for one in steps), sum(one.contacts for one in steps)) == (3, 1)
    assert len(steps) > 20
