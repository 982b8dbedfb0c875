"""Texts that are longer than an entry of PostgreSQL's indexes are stored, found and shown as SQLite does it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from agenttrace.model import ids
from agenttrace.model.rows import AuditRow
from agenttrace.store.batch import Batch
from agenttrace.store.postgres import PostgresStore
from agenttrace.store.postgres_long import LENGTH
from agenttrace.store.protocol import AuditFilter, PurgeFilter, RunFilter, SessionFilter
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import batch_of, run_record, run_uuid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agenttrace.store.protocol import Store

_WORKSPACE = ids.DEFAULT_WORKSPACE.bytes
_RANDOM = random.Random(4)


def _long(odd: str = "") -> str:
    """Return a text that no compression makes short enough, and one that differs from it at the end only."""
    return odd + "".join(_RANDOM.choices("0123456789abcdefghijklmnopqrstuvwxyzé€", k=12_000))


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An open store of either kind."""
    if request.param == "sqlite":
        made: Store = SQLiteStore(tmp_path / "traces.db")
    else:
        made = PostgresStore(request.getfixturevalue("postgres_url"))
    made.open()
    yield made
    made.close()


@pytest.mark.parametrize("odd", ["", "\x00\x1a" * 60, "\x1a~" + "0" * 32])
@pytest.mark.parametrize("name", ["widget_id", "placement_id", "deployment_type", "interaction_type"])
def test_long_attributes_are_found_and_shown_whole(store: Store, name: str, odd: str) -> None:
    """By all of the text; one that differs in its last character is another."""
    text = _long(odd)
    attributes = {"interaction_type": "search", name: text + "1"}
    other = {"interaction_type": "search", name: text + "2"}
    store.write(batch_of(run_record(1, attributes=attributes), run_record(2, attributes=other)))
    wanted = {"interaction_types": [text + "1"]} if name == "interaction_type" else {name: text + "1"}
    where = RunFilter(workspace_id=_WORKSPACE, **wanted)  # type: ignore[arg-type]
    assert [(run.id, getattr(run, name)) for run in store.runs(where)] == [(run_uuid(1), text + "1")]
    assert store.count_runs(where) == 1
    assert store.run_ids(where) == [run_uuid(1)]
    assert [run.id for run in store.run_figures(where)] == [run_uuid(1)]
    assert len(store.runs(RunFilter(workspace_id=_WORKSPACE, ids=[run_uuid(1)], **wanted))) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("length", [LENGTH - 1, LENGTH, LENGTH + 1])
@pytest.mark.parametrize("letter", ["w", "\x00", "\U0001f600"])
def test_attributes_about_as_long_as_an_index_takes(store: Store, length: int, letter: str) -> None:
    """Nothing changes at that length, whatever the characters need."""
    text = letter * length
    attributes = dict.fromkeys(("interaction_type", "widget_id", "placement_id", "deployment_type"), text)
    store.write(batch_of(run_record(1, attributes=attributes)))
    (run,) = store.runs(RunFilter(workspace_id=_WORKSPACE, interaction_types=[text], widget_id=text))
    assert (run.interaction_type, run.widget_id, run.placement_id, run.deployment_type) == (text,) * 4


def test_a_text_that_looks_like_a_shortened_one_is_itself(store: Store) -> None:
    """Also where its attributes say something else than a whole text."""
    text = "w\x1a~" + "0" * 32
    store.write(batch_of(run_record(1, attributes={"widget_id": text, "interaction_type": "search"})))
    (run,) = store.runs(RunFilter(workspace_id=_WORKSPACE, widget_id=text))
    assert run.widget_id == text


def test_long_calls_are_found(store: Store) -> None:
    """A prompt's call, by all of its id."""
    text = _long("\x00")
    store.write(
        batch_of(
            run_record(1, run_type="prompt", prompt_type="p", scope={"call_sid": text + "1"}),
            run_record(2, run_type="prompt", prompt_type="p", scope={"call_sid": text + "2"}),
        )
    )
    where = RunFilter(workspace_id=_WORKSPACE, run_type="prompt", call_sid=text + "2")
    assert [(run.id, run.call_sid) for run in store.runs(where)] == [(run_uuid(2), text + "2")]
    assert store.count_runs(where) == 1


def test_long_owners_are_found_reset_and_purged(store: Store) -> None:
    """A session's user and team, by all of their ids."""
    user, team = _long(), _long()
    for number in (1, 2):
        scope = {"session_id": f"s{number}", "user_id": f"{user}{number}", "team_id": team}
        store.write(batch_of(run_record(number, scope=scope)))
    where = SessionFilter(workspace_id=_WORKSPACE, user_id=f"{user}1", team_id=team)
    assert [row.user_id for row in store.sessions(where)] == [f"{user}1"]
    assert [row.team_id for row in store.reset(_WORKSPACE, team_id=team, user_id=f"{user}2")] == [team]
    purge, after = PurgeFilter(workspace_id=_WORKSPACE, user_id=f"{user}1"), b""
    while (step := store.purge(purge, limit=100, after=after)).after is not None:
        after = step.after
    assert [run.user_id for run in store.runs(RunFilter(workspace_id=_WORKSPACE))] == [f"{user}2"]
    assert store.sessions(where) == []


def test_long_notes_are_found(store: Store) -> None:
    """A note of the audit log, by action and user."""
    user, action = _long(), _long()
    batch = Batch()
    for number in (1, 2):
        note = _note(number, f"{action}{number}", f"{user}{number}")
        batch.audit[_WORKSPACE, note.id] = note
    store.write(batch)
    found = store.audit(AuditFilter(workspace_id=_WORKSPACE, user_id=f"{user}1", action=f"{action}1"))
    assert [(note.user_id, note.action) for note in found] == [(f"{user}1", f"{action}1")]
    assert len(store.audit(AuditFilter(workspace_id=_WORKSPACE, user_id=f"{user}2"))) == 1
    assert len(store.audit(AuditFilter(workspace_id=_WORKSPACE, action=f"{action}2"))) == 1


def _note(number: int, action: str, user: str) -> AuditRow:
    return AuditRow(_WORKSPACE, ids.time_id(number, number), number, action, user, None, None, "{}", 0, None, None)
