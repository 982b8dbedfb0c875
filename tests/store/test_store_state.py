"""A store's state: what changes it, that audit notes of this process do not, and that asking waits for nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agenttrace.errors import StoreUnavailable
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import audit_record, batch_of, key_used_record, run_record


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """An open store on a new file."""
    made = SQLiteStore(tmp_path / "traces.db")
    made.open()
    yield made
    made.close()


@contextmanager
def another(store: SQLiteStore) -> Iterator[SQLiteStore]:
    """Give what another process would have: the same file, by connections of its own."""
    made = SQLiteStore(store.url.removeprefix("sqlite:///"))
    made.open()
    yield made
    made.close()


def test_audit_notes_and_uses_of_keys_leave_the_state_as_it_is(store: SQLiteStore) -> None:
    """Else each read over HTTP would make the answers of all others be looked at again."""
    before = store.state()
    assert before is not None
    store.write(batch_of(audit_record(1), key_used_record("k")))
    assert store.state() == before
    store.write(batch_of(audit_record(2), run_record(1)))
    assert store.state() != before


def test_a_commit_of_another_process_changes_the_state(store: SQLiteStore) -> None:
    """Whatever was in it: only our own commits are looked into."""
    states = [store.state()]
    with another(store) as other:
        for record in (run_record(1), audit_record(1)):
            other.write(batch_of(record))
            states.append(store.state())
        store.write(batch_of(audit_record(2)))
        assert store.state() == states[-1]
        other.write(batch_of(run_record(2)))
        assert len({*states, store.state()}) == 4


def test_a_write_that_fails_does_not_bring_an_old_state_back(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection is closed, and what the next one says cannot be compared."""
    before = store.state()
    with monkeypatch.context() as patched:
        patched.setattr("agenttrace.store.apply.run_events", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.write(batch_of(run_record(1, scope={"session_id": "s"})))
    assert store.state() is None
    store.write(batch_of(audit_record(1)))
    assert store.state() not in (before, None)


def test_asking_never_waits_for_a_writer(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a transaction is open its state is what it was: nobody else can commit."""
    inside, go_on = threading.Event(), threading.Event()

    def write(*_: object) -> None:
        inside.set()
        assert go_on.wait(30)

    before = store.state()
    monkeypatch.setattr("agenttrace.store.apply.write", write)
    writer = threading.Thread(target=store.write, args=[batch_of(run_record(1))])
    writer.start()
    try:
        assert inside.wait(30)
        assert store.state() == before
    finally:
        go_on.set()
        writer.join(30)
    assert store.state() != before


def test_asking_never_waits_for_a_thread_that_waits_for_another_process(store: SQLiteStore) -> None:
    """What that one commits meanwhile is not known, and then nor is the state."""
    lock = store._connections._pool.write_lock
    with another(store) as other, other._transaction():
        thread = threading.Thread(target=store.write, args=[batch_of(audit_record(1))])
        thread.start()
        while lock.acquire(blocking=False):  # until the thread has it
            lock.release()
            threading.Event().wait(0.001)
        assert store.state() is None
    thread.join(30)
    assert store.state() is not None


def test_a_closed_store_has_no_state(store: SQLiteStore) -> None:
    """It says that it is closed, as to every question."""
    store.close()
    with pytest.raises(StoreUnavailable):
        store.state()
