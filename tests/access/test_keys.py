"""API keys: made once, stored as a hash, checked from memory for a few seconds, ended by time or by revocation."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace import AgentTrace
from agenttrace.access.keys import Keys, NewKey
from agenttrace.errors import ConfigurationError, KeyNotFound, StoreUnavailable
from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.model.keys import KeyText, fits, hash_of, new_key, read_key
from agenttrace.model.rows import ApiKeyRow
from agenttrace.model.wire import KEY_USED
from agenttrace.record.patterns import redact_values
from agenttrace.store.memory import MemoryStore

NOW = 1_750_000_000_000_000
LATER = datetime(2100, 1, 1, tzinfo=UTC)


class AskedStore(MemoryStore):
    """Notes which keys it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.open()

    def key(self, key_id: str) -> ApiKeyRow | None:
        """Note the question and answer it."""
        self.asked.append(key_id)
        return super().key(key_id)


class Shelf:
    """Keys on a memory store, with clocks that stand, and what was appended and asked."""

    def __init__(self) -> None:
        self.now, self.seconds = NOW, 1000.0
        self.store = AskedStore()
        self.records: list[tuple[int, dict[str, Any]]] = []
        self.keys = self.another()

    def another(self) -> Keys:
        """Return what another process on the same store has."""
        return Keys(
            lambda: self.store,
            append=lambda kind, payload: self.records.append((kind, orjson.loads(payload))),
            clock=lambda: self.now,
            timer=lambda: self.seconds,
        )


@pytest.fixture
def shelf() -> Shelf:
    """Give an empty store with keys."""
    return Shelf()


def wrong(key: NewKey) -> str:
    """Return a key with the same id and another secret."""
    return KeyText(key.id, "0" * 64).text


def test_a_key_is_what_its_maker_said(shelf: Shelf) -> None:
    """Ids in the store's spelling, words sorted, times in UTC."""
    made = shelf.keys.create(
        name="ci",
        workspace_id="A63AB83D2BB842AB837423B8E1E276E3",
        role="su",
        user_id="B63AB83D-2BB8-42AB-8374-23B8E1E276E3",
        team_ids=["t2", "t1", "t1"],
        scopes={"read", "manage"},
        expires=datetime(2100, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
    )
    assert (made.name, made.role, made.team_ids, made.scopes) == ("ci", "su", ("t1", "t2"), ("manage", "read"))
    assert made.workspace_id == "a63ab83d-2bb8-42ab-8374-23b8e1e276e3"
    assert made.user_id == "b63ab83d-2bb8-42ab-8374-23b8e1e276e3"
    assert (made.expires_at, made.revoked_at, made.last_used_at) == (LATER, None, None)
    assert made.created_at == datetime(2025, 6, 15, 15, 6, 40, tzinfo=UTC)
    found = shelf.keys.check(made.key)
    assert found is not None
    assert (found.id, found.workspace_id, found.team_ids) == (made.id, made.workspace_id, made.team_ids)


def test_a_key_without_more_is_a_members_that_reads_the_default_workspace(shelf: Shelf) -> None:
    """The least that is of use."""
    made = shelf.keys.create(name="least")
    assert (made.workspace_id, made.user_id, made.team_ids) == (str(DEFAULT_WORKSPACE), None, ())
    assert (made.role, made.scopes, made.expires_at) == ("member", ("read",), None)


def test_the_secret_is_nowhere_but_in_the_key(tmp_path: Path) -> None:
    """Not in the database's files, not in a repr; only a hash is stored, and our own redaction knows the form."""
    with AgentTrace(f"sqlite:///{tmp_path / 'traces.db'}") as trace:
        made = trace.keys.create(name="ci")
        text = read_key(made.key)
        assert text is not None
        assert trace.keys.check(made.key) is not None
        assert trace.flush()
        for path in tmp_path.rglob("*"):
            assert path.is_dir() or text.secret.encode() not in path.read_bytes()
        assert text.secret not in repr(made) + repr(text) + repr(trace.keys.list())
        with sqlite3.connect(tmp_path / "traces.db") as connection:
            ((stored,),) = connection.execute("SELECT hash FROM api_key").fetchall()
        connection.close()
    assert stored == hash_of(text)
    assert text.secret not in redact_values(f"curl -H 'X-API-Key: {made.key}'")


def test_a_hash_belongs_to_one_id() -> None:
    """A stored hash is of no use in another row."""
    key = new_key()
    assert fits(key, hash_of(key))
    assert not fits(key, hash_of(key._replace(id="0" * 16)))
    assert not fits(key, hash_of(key._replace(secret="0" * 64)))
    assert not fits(key, b"")


@given(st.text())
def test_text_that_is_no_key_is_refused_without_a_question(text: str) -> None:
    """Whatever it is."""
    shelf = Shelf()
    assert shelf.keys.check(text) is None
    assert shelf.keys.remembered(text) == (True, None)
    assert shelf.store.asked == []


def test_every_change_of_a_character_makes_a_key_wrong(shelf: Shelf) -> None:
    """In its id, in its secret, before and after."""
    key = shelf.keys.create(name="ci").key
    for place in range(len(key)):
        assert shelf.keys.check(key[:place] + ("1" if key[place] == "0" else "0") + key[place + 1 :]) is None
    assert shelf.keys.check(key.upper()) is None
    assert shelf.keys.check(key + "\n") is None
    assert shelf.keys.check(" " + key) is None
    assert shelf.keys.check(key) is not None


def test_the_store_is_asked_once_in_five_seconds(shelf: Shelf) -> None:
    """A request costs no look into the database."""
    made = shelf.keys.create(name="ci")
    assert shelf.keys.remembered(made.key) == (False, None)
    for _ in range(3):
        assert shelf.keys.check(made.key) is not None
    assert shelf.keys.remembered(made.key)[1] is not None
    assert shelf.store.asked == [made.id]
    shelf.seconds += 4.9
    assert shelf.keys.check(wrong(made)) is None
    assert shelf.store.asked == [made.id]
    shelf.seconds += 0.1
    assert shelf.keys.remembered(made.key) == (False, None)
    assert shelf.keys.check(made.key) is not None
    assert shelf.store.asked == [made.id] * 2


def test_an_unknown_key_is_remembered_as_well(shelf: Shelf) -> None:
    """Whoever guesses does not reach the database with every guess of the same id."""
    guess = new_key()
    assert [shelf.keys.check(guess.text) for _ in range(3)] == [None] * 3
    assert shelf.store.asked == [guess.id]


def test_guesses_do_not_fill_the_memory_nor_push_out_real_keys(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered is bounded, and keys apart from guesses."""
    monkeypatch.setattr("agenttrace.access.keys._MOST", 10)
    made = shelf.keys.create(name="ci")
    assert shelf.keys.check(made.key) is not None
    for _ in range(50):
        assert shelf.keys.check(new_key().text) is None
    assert shelf.keys.remembered(made.key)[0]
    assert len(shelf.keys._unknown) == 10


def test_a_revoked_key_ends_at_once_here_and_within_five_seconds_elsewhere(shelf: Shelf) -> None:
    """The time that a key is remembered is the time that a revocation takes."""
    elsewhere, made = shelf.another(), shelf.keys.create(name="ci")
    assert shelf.keys.check(made.key) is not None
    assert elsewhere.check(made.key) is not None
    revoked = shelf.keys.revoke(made.id)
    assert revoked.revoked_at == datetime(2025, 6, 15, 15, 6, 40, tzinfo=UTC)
    assert shelf.keys.check(made.key) is None
    shelf.seconds += 5
    assert elsewhere.check(made.key) is None


def test_a_new_key_works_at_once_although_somebody_guessed_its_id(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Making a key forgets what was remembered of its id."""
    coming = new_key()
    assert shelf.keys.check(coming.text) is None
    monkeypatch.setattr("agenttrace.access.keys.new_key", lambda: coming)
    assert shelf.keys.check(shelf.keys.create(name="ci").key) is not None


def test_an_answer_that_a_revocation_overtook_is_not_remembered(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread revokes the key while the store is being asked."""
    made = shelf.keys.create(name="ci")
    real = shelf.store.key

    def slow(key_id: str) -> ApiKeyRow | None:
        row = real(key_id)
        if row is not None and row.revoked_at is None:
            thread = threading.Thread(target=shelf.keys.revoke, args=(made.id,))
            thread.start()
            thread.join()
        return row

    monkeypatch.setattr(shelf.store, "key", slow)
    shelf.keys.check(made.key)
    assert shelf.keys.check(made.key) is None


def test_a_key_ends_at_the_instant_that_it_names(shelf: Shelf) -> None:
    """By the clock, not by what is remembered."""
    made = shelf.keys.create(name="ci", expires=datetime(2025, 6, 15, 15, 6, 41, tzinfo=UTC))
    shelf.now = NOW + 999_999
    assert shelf.keys.check(made.key) is not None
    shelf.now += 1
    assert shelf.keys.check(made.key) is None


def test_the_last_use_is_recorded_at_most_once_a_minute(shelf: Shelf) -> None:
    """By the journal: checking a key writes nothing to the store."""
    made = shelf.keys.create(name="ci")
    for step in (0, 1, 59, 60, 61, 120):
        shelf.now = NOW + step * 1_000_000
        assert shelf.keys.check(made.key) is not None
    used = [(kind, record["time"] - NOW) for kind, record in shelf.records]
    assert used == [(KEY_USED, 0), (KEY_USED, 60_000_000), (KEY_USED, 120_000_000)]
    assert {(record["key"], record["workspace"]) for _, record in shelf.records} == {(made.id, made.workspace_id)}
    assert shelf.store.key(made.id).last_used_at is None  # type: ignore[union-attr]


def test_what_failed_is_no_use(shelf: Shelf) -> None:
    """Neither a wrong secret nor a key that has ended moves the last use."""
    made = shelf.keys.create(name="ci")
    shelf.keys.check(wrong(made))
    shelf.keys.revoke(made.id)
    shelf.keys.check(made.key)
    assert shelf.records == []


def test_a_process_that_starts_does_not_record_a_use_of_this_minute_again(tmp_path: Path) -> None:
    """The store says when the last one was."""
    url = f"sqlite:///{tmp_path / 'traces.db'}"
    for expected in (1, 0):
        with AgentTrace(url) as trace:
            if expected:
                made = trace.keys.create(name="ci")
            assert trace.keys.check(made.key) is not None
            assert trace.stats().recorded == expected
            assert trace.flush()
            assert trace.keys.list()[0].last_used_at is not None


def test_keys_are_listed_by_workspace_newest_first(shelf: Shelf) -> None:
    """Those that ended too, and none of another workspace."""
    first = shelf.keys.create(name="first")
    shelf.now += 1
    shelf.keys.create(name="second")
    shelf.keys.create(name="elsewhere", workspace_id="acme")
    shelf.keys.revoke(first.id)
    assert [(key.name, key.revoked_at is None) for key in shelf.keys.list()] == [("second", True), ("first", False)]
    assert [key.name for key in shelf.keys.list(workspace_id="acme")] == ["elsewhere"]


def test_a_key_is_revoked_by_its_id_or_its_text_in_its_workspace(shelf: Shelf) -> None:
    """Of another workspace it does not exist; the error repeats nothing of what may be a secret."""
    made, other = shelf.keys.create(name="a"), shelf.keys.create(name="b", workspace_id="acme")
    assert shelf.keys.revoke(made.key).id == made.id
    with pytest.raises(KeyNotFound):
        shelf.keys.revoke(other.id)
    with pytest.raises(KeyNotFound) as caught:
        shelf.keys.revoke(new_key().text)
    assert "agtk_" not in str(caught.value)
    assert shelf.keys.check(other.key) is not None
    assert shelf.keys.revoke(other.id, workspace_id="acme").name == "b"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("name", ""),
        ("name", "  "),
        ("name", None),
        ("name", "n" * 201),
        ("name", "\ud800"),
        ("name", "a\0b"),
        ("workspace_id", 5),
        ("workspace_id", ""),
        ("role", "god"),
        ("role", None),
        ("user_id", ""),
        ("user_id", 7),
        ("user_id", "\ud800"),
        ("team_ids", "t1"),
        ("team_ids", ["t1", ""]),
        ("team_ids", 5),
        ("scopes", "read"),
        ("scopes", []),
        ("scopes", ["write"]),
        ("expires", datetime(2100, 1, 1)),  # noqa: DTZ001
        ("expires", "2100-01-01"),
        ("expires", datetime(2025, 6, 15, 15, 6, 40, tzinfo=UTC)),
    ],
)
def test_an_argument_that_cannot_be_used_is_named(shelf: Shelf, parameter: str, value: object) -> None:
    """And no key is made."""
    with pytest.raises(ConfigurationError, match=f"^{parameter}: "):
        shelf.keys.create(**{"name": "ci", parameter: value})  # type: ignore[arg-type]
    assert shelf.keys.list() == []


def test_a_store_that_fails_is_not_a_wrong_key(shelf: Shelf) -> None:
    """It raises, and is asked again the next time."""
    made = shelf.keys.create(name="ci")
    shelf.store.close()
    with pytest.raises(StoreUnavailable):
        shelf.keys.check(made.key)
    shelf.store.open()
    assert shelf.keys.check(made.key) is not None


@pytest.fixture
def trace() -> Iterator[AgentTrace]:
    """Give an AgentTrace in memory."""
    with AgentTrace("memory://") as made:
        yield made


def test_the_keys_of_an_agenttrace_stay_the_same_object(trace: AgentTrace) -> None:
    """So what one caller revokes another one does not remember; a new configuration has new ones."""
    keys = trace.keys
    assert trace.keys is keys
    trace.configure("memory://")
    assert trace.keys is not keys


def test_keys_work_where_recording_is_switched_off() -> None:
    """A server may serve what others recorded."""
    with AgentTrace("memory://", enabled=False) as trace:
        made = trace.keys.create(name="ci")
        assert trace.keys.check(made.key) is not None
        assert trace.flush()
        assert trace.keys.list()[0].last_used_at is not None
