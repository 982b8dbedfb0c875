"""Servers that stop, sessions that end, rows that are refused: what the store says then, and that nothing is lost."""

from __future__ import annotations

import logging
import os
import threading
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
import pytest

import agenttrace
from agenttrace.errors import ConfigurationError, StoreError, StoreRejected, StoreUnavailable
from agenttrace.model import ids
from agenttrace.store.postgres import PostgresStore
from agenttrace.store.postgres_errors import ServerError, meaning
from agenttrace.store.protocol import RunFilter
from agenttrace.testing.records import batch_of, run_record, run_uuid
from tests.postgres.stopping import write_while_stopping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres.postgres_server import Cluster

_WORKSPACE = ids.DEFAULT_WORKSPACE.bytes
_SECRET = "hunter2-canary"


@pytest.fixture
def store(postgres_url: str) -> Iterator[PostgresStore]:
    """An open store."""
    made = PostgresStore(postgres_url)
    made.open()
    yield made
    made.close()


def _count(store: PostgresStore) -> int:
    return store.count_runs(RunFilter(workspace_id=_WORKSPACE))


def _end_sessions(url: str) -> None:
    """End every session of this test's but the one that says so; they have the name of its schema."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = current_schema() AND pid <> pg_backend_pid()"
        )


def test_sessions_that_ended_are_not_lent(store: PostgresStore, postgres_url: str) -> None:
    """Neither for reading nor for writing: the next call connects anew, and nobody notices."""
    store.write(batch_of(run_record(1)))
    assert _count(store) == 1
    _end_sessions(postgres_url)
    assert _count(store) == 1
    store.write(batch_of(run_record(2)))
    assert _count(store) == 2


def test_a_session_that_ends_in_a_transaction_is_an_error_that_passes(store: PostgresStore, postgres_url: str) -> None:
    """Nothing of the batch is there, and the same call works the next time."""

    def write_and_lose() -> None:
        with store._transaction() as tables:
            tables.put_runs(list(batch_of(run_record(1)).runs.values()))
            _end_sessions(postgres_url)
            tables.known([(_WORKSPACE, run_uuid(1))])

    with pytest.raises(StoreUnavailable, match=r"57P01|connection"):
        write_and_lose()
    assert _count(store) == 0
    store.write(batch_of(run_record(1)))
    assert _count(store) == 1


def test_a_server_that_stops_and_starts_again_loses_nothing(own_cluster: Cluster) -> None:
    """Reads and writes fail while it is away, at once, and work again afterwards."""
    own_cluster.start()
    store = PostgresStore(own_cluster.url)
    store.open()
    store.write(batch_of(run_record(1)))
    for turn in range(2, 4):
        own_cluster.stop()
        with pytest.raises(StoreUnavailable):
            store.write(batch_of(run_record(turn)))
        with pytest.raises(StoreUnavailable):
            _count(store)
        own_cluster.start()
        store.write(batch_of(run_record(turn)))
        assert _count(store) == turn
    store.close()


def test_what_is_recorded_while_the_server_is_away_arrives(own_cluster: Cluster, tmp_path: Any) -> None:
    """The journal holds it, also where the server was never there before."""
    own_cluster.start()
    own_cluster.stop()
    trace = agenttrace.AgentTrace(own_cluster.url, journal_dir=tmp_path / "journal")
    try:
        with trace.master("early", input="hi"):
            pass
        assert not trace.flush(timeout=0.5)
        own_cluster.start()
        assert trace.flush(timeout=60)
        own_cluster.stop()
        with trace.master("late", input="hi"):
            pass
        assert not trace.flush(timeout=0.5)
        own_cluster.start()
        assert trace.flush(timeout=60)
        assert [run.name for run in trace.query.runs()] == ["late", "early"]
    finally:
        trace.shutdown(timeout=30)


def test_several_processes_write_while_the_server_is_away(own_cluster: Cluster) -> None:
    """What `write` returned for is there, once; reads see whole turns only."""
    processes = 4
    outcome = write_while_stopping(own_cluster, processes=processes, seconds=6, away=1.5)
    assert outcome.turns >= processes
    assert outcome.waits >= processes
    assert outcome.runs == 5 * outcome.turns
    assert outcome.roots == outcome.turns
    assert outcome.events == 8 * outcome.turns
    assert outcome.reads > 0


def test_a_standby_takes_no_writes_for_now(store: PostgresStore, postgres_url: str) -> None:
    """A server that changed places and is read-only is one that may take them later."""
    connection = f"{postgres_url}%20-cdefault_transaction_read_only%3Don"
    standby = PostgresStore(connection)
    standby.open()
    with pytest.raises(StoreUnavailable, match="25006"):
        standby.write(batch_of(run_record(1)))
    assert _count(standby) == 0
    standby.close()


def test_a_writer_that_waits_too_long_for_its_turn_gives_up_for_now(store: PostgresStore, postgres_url: str) -> None:
    """Another one that hangs in a transaction is no reason to hang as well."""
    other = PostgresStore(f"{postgres_url}%20-clock_timeout%3D50ms")
    other.open()
    with store._transaction(), pytest.raises(StoreUnavailable, match="55P03"):
        other.write(batch_of(run_record(1)))
    other.write(batch_of(run_record(1)))
    assert _count(store) == 1
    other.close()


def test_readers_do_not_wait_for_a_writer(store: PostgresStore) -> None:
    """They see what was there before it began."""
    store.write(batch_of(run_record(1)))
    with store._transaction() as tables:
        tables.put_runs(list(batch_of(run_record(2)).runs.values()))
        found: list[int] = []
        reader = threading.Thread(target=lambda: found.append(_count(store)))
        reader.start()
        reader.join(30)
        assert found == [1]
    assert _count(store) == 2


@pytest.mark.parametrize(
    "state",
    [
        "",
        "08006",
        "25006",
        "28P01",
        "3D000",
        "40001",
        "40P01",
        "42501",
        "42P01",
        "53100",
        "53300",
        "55P03",
        "57014",
        "57P01",
        "57P03",
        "58030",
        "XX000",
    ],
)
def test_what_may_pass_is_unavailable(state: str) -> None:
    """Lost connections, restarts, full disks, deadlocks, read-only servers, missing rights: the same call may work."""
    assert isinstance(meaning("postgresql://db", ServerError(state, "words")), StoreUnavailable)


@pytest.mark.parametrize("state", ["21000", "22003", "22P05", "23505", "54000"])
def test_what_the_rows_are_to_blame_for_is_rejected(state: str) -> None:
    """Values, keys and sizes that the database never takes."""
    assert isinstance(meaning("postgresql://db", ServerError(state, "words")), StoreRejected)


def test_errors_repeat_no_rows(store: PostgresStore, caplog: pytest.LogCaptureFixture) -> None:
    """The server's details hold what it refused; neither messages nor tracebacks nor the log do."""
    batch = batch_of(run_record(1, name=_SECRET, content={"input": _SECRET}))
    (run,) = batch.runs.values()
    run.source = None  # type: ignore[assignment]
    with pytest.raises(StoreRejected, match="23502") as caught:
        store.write(batch)
    assert _SECRET not in "".join(traceback.format_exception(caught.value))
    assert _SECRET not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://postgres:{_SECRET}@127.0.0.1:1/traces",
        f"postgres://postgres:{_SECRET}@127.0.0.1:1/traces?connect_timeout=2",
        f"postgresql:///traces?host=127.0.0.1&port=1&user=postgres&password={_SECRET}",
        f"postgresql://postgres:{_SECRET}@127.0.0.1:1,127.0.0.1:2/traces",
    ],
)
def test_a_password_never_shows(
    url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    """Not in the store's URL, its repr, an error, a traceback, nor in the log of a writer that cannot connect."""
    caplog.set_level(logging.DEBUG)
    trace = agenttrace.AgentTrace(url, journal_dir=tmp_path / "journal")
    with trace.master("answer", input="hi"):
        pass
    assert not trace.flush(timeout=0.3)
    said = [repr(trace), repr(trace.stats()), caplog.text]
    trace.shutdown(timeout=1)
    store = PostgresStore(url.replace("postgres://", "postgresql://"))
    with pytest.raises(StoreUnavailable) as caught:
        store.open()
    said += [*traceback.format_exception(caught.value), store.url, repr(store), repr(vars(store)), *capfd.readouterr()]
    said += [caplog.text, *(path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file())]
    assert [text for text in said if _SECRET in text] == []
    assert "***" in store.url


@pytest.mark.parametrize("rest", [f"user:{_SECRET}%zz@host/db", f"user:{_SECRET}@[::1/db", f"host/db?{_SECRET}=1"])
def test_a_url_that_cannot_be_read_is_a_configuration_error(rest: str) -> None:
    """Which shows what one looks like, and nothing of this one."""
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        PostgresStore(f"postgresql://{rest}")
    assert _SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_schema_that_does_not_exist_is_named_in_the_error(postgres_server: str) -> None:
    """Nothing is created beside it."""
    store = PostgresStore(f"{postgres_server}?options={quote('-csearch_path=nowhere')}")
    with pytest.raises(StoreUnavailable, match="schema"):
        store.open()


def test_a_database_that_is_not_utf8_is_refused(postgres_server: str) -> None:
    """Half of all texts would not fit."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        name = f"latin_{os.getpid()}"
        connection.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")  # type: ignore[arg-type]
        address, _, _ = postgres_server.rpartition("/")
        store = PostgresStore(f"{address}/{name}")
        with pytest.raises(StoreError, match="LATIN1"):
            store.open()
        store.close()
        connection.execute(f"DROP DATABASE {name}")  # type: ignore[arg-type]
