"""Runs and events lie in partitions of four weeks each; no instant is refused, and old partitions go as a whole."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from agenttrace.model import ids
from agenttrace.model.versions import RANK_END, RANK_START
from agenttrace.store.postgres import PostgresStore
from agenttrace.store.postgres_partitions import period_of
from agenttrace.store.protocol import EventFilter, RunFilter
from agenttrace.testing.records import batch_of, event_record, run_record
from tests.postgres.conftest import as_role

if TYPE_CHECKING:
    from collections.abc import Iterator

_DAY = 24 * 3600 * 1_000_000
_FOUR_WEEKS = 28 * _DAY
#: Wednesday, 18 November 2026, at noon.
_NOW = 1_795_003_200_000_000
_WORKSPACE = ids.DEFAULT_WORKSPACE.bytes


class _Clock:
    time = _NOW

    def __call__(self) -> int:
        return self.time


@pytest.fixture
def clock() -> _Clock:
    """A clock that is moved by hand."""
    return _Clock()


@pytest.fixture
def store(postgres_url: str, clock: _Clock) -> Iterator[PostgresStore]:
    """An open store."""
    made = PostgresStore(postgres_url, clock=clock)
    made.open()
    yield made
    made.close()


def _ask(url: str, sql: Any) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(sql).fetchall()


def _places(url: str, table: str) -> dict[str, int]:
    return dict(_ask(url, f"SELECT tableoid::regclass::text, count(*) FROM {table} GROUP BY 1"))  # noqa: S608


def _names(url: str) -> list[str]:
    return [
        row[0]
        for row in _ask(
            url, "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'run'::regclass ORDER BY 1"
        )
    ]


def _all(store: PostgresStore) -> list[Any]:
    return store.runs(RunFilter(workspace_id=_WORKSPACE))


def test_partitions_are_made_ahead(store: PostgresStore, postgres_url: str) -> None:
    """This one and the next, beginning on Mondays, and one for all other times."""
    assert _names(postgres_url) == ["run_20261026", "run_20261123", "run_other"]


def test_a_partition_is_made_when_a_batch_needs_it(store: PostgresStore, postgres_url: str, clock: _Clock) -> None:
    """In the past and in the future, both for runs and for events."""
    scope = {"session_id": "s"}
    for number, time in enumerate((_NOW - 10 * _FOUR_WEEKS, _NOW, _NOW + 2 * _FOUR_WEEKS), 1):
        store.write(
            batch_of(run_record(number, start=time, end=time + 1, scope=scope), event_record(number, time=time))
        )
    assert _places(postgres_url, "run") == {"run_20260119": 1, "run_20261026": 1, "run_20261221": 1}
    assert _places(postgres_url, "event") == {"event_20260119": 3, "event_20261026": 3, "event_20261221": 3}


def test_time_that_goes_on_makes_partitions(store: PostgresStore, postgres_url: str, clock: _Clock) -> None:
    """A process that runs for months needs nobody's help."""
    for step in range(10):
        clock.time = _NOW + step * _FOUR_WEEKS
        store.write(batch_of(run_record(step + 1, start=clock.time)))
    assert "run_other" not in _places(postgres_url, "run")


@pytest.mark.parametrize("time", [0, 1, _NOW - 30 * _FOUR_WEEKS, _NOW + 3 * _FOUR_WEEKS, 253_402_300_799_999_999])
def test_no_instant_is_refused(store: PostgresStore, postgres_url: str, time: int) -> None:
    """What lies far from now shares a partition, so that wrong clocks make no tables."""
    store.write(batch_of(run_record(1, start=time, end=time, scope={"session_id": "s"}), event_record(1, time=time)))
    assert _places(postgres_url, "run") == {"run_other": 1}
    assert _places(postgres_url, "event") == {"event_other": 3}
    assert [run.start_time for run in _all(store)] == [time]
    assert len(_names(postgres_url)) == 3


def test_rows_that_came_before_their_partition_move_there(
    store: PostgresStore, postgres_url: str, clock: _Clock
) -> None:
    """A run from the future, as its clock said then, lies where it belongs once its partition is made."""
    then = _NOW + 20 * _FOUR_WEEKS
    record = run_record(1, start=then, end=then + 5, scope={"session_id": "s"})
    store.write(batch_of(record))
    assert _places(postgres_url, "run") == {"run_other": 1}
    clock.time = then
    store.write(batch_of(run_record(2, start=then)))
    assert _places(postgres_url, "run") == {"run_20280508": 2}
    assert _places(postgres_url, "event") == {"event_20280508": 2}
    store.write(batch_of(record))
    assert len(_all(store)) == 2


def test_partitions_have_every_index(store: PostgresStore, postgres_url: str) -> None:
    """Also those that were made later and attached."""
    store.write(batch_of(run_record(1, start=_NOW - 10 * _FOUR_WEEKS)))
    counts = _ask(
        postgres_url,
        "SELECT count(*) FROM pg_index AS x JOIN pg_inherits AS i ON i.inhrelid = x.indrelid AND x.indisvalid "
        "WHERE i.inhparent = 'run'::regclass GROUP BY i.inhrelid",
    )
    assert len(counts) == 4
    assert len(set(counts)) == 1


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("together", [False, True])
def test_a_run_whose_start_changed_is_one_run(store: PostgresStore, first: int, together: bool) -> None:
    """Whichever version comes first, in whatever partitions they lie: the greater version stays."""
    versions = [
        run_record(1, start=_NOW, rank=RANK_START),
        run_record(1, start=_NOW - 3 * _FOUR_WEEKS, end=_NOW, rank=RANK_END, rev=1),
    ]
    records = [versions[first], versions[1 - first]]
    for batch in [records] if together else [[record] for record in records]:
        store.write(batch_of(*batch))
    store.write(batch_of(*records))
    assert [(run.start_time, run.end_time) for run in _all(store)] == [(_NOW - 3 * _FOUR_WEEKS, _NOW)]


def test_rows_that_nobody_looked_up_replace_their_other_start(store: PostgresStore) -> None:
    """The tables themselves keep a run once, whatever was read before."""
    store.write(batch_of(run_record(1, start=_NOW)))
    (run,) = batch_of(run_record(1, start=_NOW + 5, rev=1)).runs.values()
    with store._transaction() as tables:
        tables.put_runs([run])
        run.start_time += 7
        tables.put_runs([run])
    assert [found.start_time for found in _all(store)] == [_NOW + 12]


def test_who_may_not_make_tables_still_writes(
    store: PostgresStore, postgres_url: str, clock: _Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """The default partition takes what has no other, and the log says so, once a minute at most."""
    caplog.set_level(logging.INFO, "agenttrace.store")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        schema = connection.execute("SELECT current_schema()").fetchone()[0]  # type: ignore[index]
        role = f"writer_{schema}"
        connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
        connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role}")
        limited = PostgresStore(as_role(postgres_url, role), clock=clock)
        limited.open()
        for number in (1, 2):
            limited.write(batch_of(run_record(number, start=_NOW - 9 * _FOUR_WEEKS)))
        limited.close()
        connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert _places(postgres_url, "run") == {"run_other": 2}
    assert [record.getMessage().count("no partitions") for record in caplog.records] == [1]


def test_a_reader_of_the_whole_table_holds_up_no_writer(
    store: PostgresStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new partition waits for it a moment, then goes without; it is made some time later."""
    monkeypatch.setattr("agenttrace.store.postgres._BRIEFLY", "SET LOCAL lock_timeout = '50ms'")
    with psycopg.connect(postgres_url) as reader:
        reader.execute("SELECT count(*) FROM run").fetchall()
        store.write(batch_of(run_record(1, start=_NOW - 9 * _FOUR_WEEKS)))
        assert _places(postgres_url, "run") == {"run_other": 1}
    store._postgres.partitions._failed.clear()
    store.write(batch_of(run_record(2, start=_NOW - 9 * _FOUR_WEEKS)))
    assert _places(postgres_url, "run") == {"run_20260216": 2}


def test_a_sessions_events_are_in_order_over_partitions(store: PostgresStore) -> None:
    """Pages go on where the last one ended, however many weeks they pass."""
    scope = {"session_id": "s"}
    times = [_NOW - back * _FOUR_WEEKS for back in (30, 8, 3, 2, 1, 0)]
    store.write(batch_of(*(event_record(number, time=time, scope=scope) for number, time in enumerate(times, 1))))
    seen: list[int] = []
    after = None
    while True:
        where = EventFilter(
            workspace_id=_WORKSPACE,
            session_id=ids.session_id(_WORKSPACE, "s"),
            types=["thinking"],
            after=after,
            newest_first=True,
            limit=2,
        )
        page = store.events(where)
        if not page:
            break
        seen += [event.created_at for event in page]
        after = page[-1].id
    assert seen == times[::-1]


def test_partitions_begin_on_mondays() -> None:
    """At midnight UTC; so the one of the epoch, a Thursday, is the one before the first whole one."""
    assert period_of(4 * _DAY - 1) == -1
    assert period_of(4 * _DAY) == 0
    assert period_of(_NOW) == period_of(_NOW - 23 * _DAY) == period_of(_NOW - 24 * _DAY) + 1
