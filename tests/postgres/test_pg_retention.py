"""What is old in all workspaces goes by the partition: dropped, not emptied, and counted as if row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from agenttrace.model import ids
from agenttrace.store import postgres, postgres_retention
from agenttrace.store.postgres import PostgresStore
from agenttrace.store.protocol import EventFilter, PurgeCounts, PurgeFilter, RunFilter
from agenttrace.store.purge import added
from agenttrace.testing.records import batch_of, event_record, log_record, run_record, run_uuid, span_record
from tests.postgres.conftest import as_role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DAY = 24 * 3600 * 1_000_000
_FOUR_WEEKS = 28 * _DAY
#: Wednesday, 18 November 2026, at noon: the 24th day of its period.
_NOW = 1_795_003_200_000_000
#: Three days after a period began.
_BEFORE = _NOW - _FOUR_WEEKS - 20 * _DAY
_WORKSPACE = ids.DEFAULT_WORKSPACE.bytes
_OLD = PurgeFilter(before=_BEFORE)


@pytest.fixture
def store(postgres_url: str) -> Iterator[PostgresStore]:
    """An open store."""
    made = PostgresStore(postgres_url, clock=lambda: _NOW)
    made.open()
    yield made
    made.close()


@pytest.fixture
def deleted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The keys of the runs that are deleted one by one."""
    found: list[Any] = []
    delete = PostgresStore._purge_tables.delete_runs

    def delete_runs(self: Any, keys: Any) -> None:
        found.extend(keys)
        delete(self, keys)

    monkeypatch.setattr(PostgresStore._purge_tables, "delete_runs", delete_runs)
    return found


def _purge(store: PostgresStore, *, between: Callable[[bytes | None], None] = lambda _: None) -> PurgeCounts:
    total, after = PurgeCounts(), b""
    while after is not None:
        step = store.purge(_OLD, limit=5, after=after)
        total, after = added(total, step.counts), step.after  # type: ignore[assignment]
        between(after)
    return total


def _names(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'run'::regclass")
        return {row[0] for row in found.fetchall()}


def _fill(store: PostgresStore, trees: int = 30) -> None:
    """Write turns of two runs and an event, some in each of five periods, in two workspaces."""
    records = []
    for number in range(trees):
        start = _NOW - number % 5 * _FOUR_WEEKS - number * 1_000_000
        scope = {"session_id": f"s{number}", "workspace_id": ["one", "two"][number % 2], "ai_contact_id": "c"}
        common = {"trace": (start // 1000 << 80) | number + 1, "turn": start, "scope": scope}
        records += [
            run_record(1, start=start, end=start + 5, **common),
            run_record(2, parent=1, start=start + 1, end=start + 2, run_type="tool_call", **common),
        ]
    store.write(batch_of(*records))


def _count(url: str, table: str) -> int:
    with psycopg.connect(url) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]  # type: ignore[arg-type]  # noqa: S608


def test_old_partitions_are_dropped(store: PostgresStore, postgres_url: str, deleted: list[Any]) -> None:
    """None of their rows is deleted by itself; the counts and the digest are those of a dry run."""
    _fill(store)
    expected = store.purge_counts(_OLD)
    before = _names(postgres_url)
    assert _purge(store) == expected
    assert expected.runs == 36
    assert before - _names(postgres_url) == {"run_20260706", "run_20260803", "run_20260831"}
    assert deleted == []
    assert _count(postgres_url, "run") == 24
    assert _count(postgres_url, "event") == 4 * 12
    assert _count(postgres_url, "session") == 12
    assert store.purge_counts(_OLD) == PurgeCounts()


def test_what_goes_on_later_goes_with_its_turn(store: PostgresStore, postgres_url: str, deleted: list[Any]) -> None:
    """Runs below an old root that began after the instant; they are deleted before their root's partition goes."""
    _fill(store, 5)
    root, turn = _NOW - 3 * _FOUR_WEEKS, {"trace": 77 << 64, "turn": _NOW - 3 * _FOUR_WEEKS}
    store.write(
        batch_of(
            run_record(1, start=root, end=_NOW, **turn),
            run_record(2, parent=1, start=_NOW - 5, end=_NOW, **turn),
            run_record(3, parent=1, start=_NOW - 4, end=_NOW, trace=77 << 64, turn=_NOW - 4),
        )
    )
    expected = store.purge_counts(_OLD)
    assert _purge(store) == expected
    assert len(deleted) == 2
    (left,) = store.runs(RunFilter(workspace_id=_WORKSPACE))
    assert (left.id, left.is_root) == (ids.run_id(77 << 64, 3), True)
    assert "run_20260803" not in _names(postgres_url)


@pytest.mark.parametrize("session", [{"session_id": "s"}, {}])
def test_late_events_of_old_runs_go(store: PostgresStore, postgres_url: str, session: dict[str, str]) -> None:
    """Those that were recorded after the instant, in a session or in none."""
    start = _NOW - 3 * _FOUR_WEEKS
    store.write(batch_of(run_record(1, start=start, end=start + 1, scope=session)))
    store.write(batch_of(event_record(1, time=_NOW - 5, scope=session)))
    expected = store.purge_counts(_OLD)
    assert _purge(store) == expected
    assert expected.runs == 1
    assert _count(postgres_url, "event") == 0
    assert "run_20260803" not in _names(postgres_url)


def test_late_spans_and_logs_of_old_traces_go(store: PostgresStore, postgres_url: str, deleted: list[Any]) -> None:
    """Foreign ones, whether they came after the instant, when the runs go first, or before."""
    start = _NOW - 3 * _FOUR_WEEKS
    below: dict[str, Any] = {"parent": 1, "start": start, "end": start + 9, "attributes": {"a": 1}}
    store.write(
        batch_of(
            run_record(1, trace=5 << 64, start=start, end=start + 9),
            span_record(2, trace=5 << 64, **below),
            log_record(2, trace=5 << 64, time=_NOW - 5),
            run_record(1, trace=6 << 64, start=start, end=start + 9),
            span_record(2, trace=6 << 64, **below),
            log_record(2, trace=6 << 64, time=start + 5),
            run_record(1, trace=7 << 64, start=start, end=start + 9),
            span_record(2, trace=7 << 64, parent=1, start=_NOW - 5, end=_NOW, attributes={"a": 1}),
            run_record(2, trace=8 << 64, start=_NOW - 5, end=_NOW),
            log_record(2, trace=8 << 64, time=_NOW - 4),
        )
    )
    assert (_count(postgres_url, "span"), _count(postgres_url, "log")) == (3, 3)
    expected = store.purge_counts(_OLD)
    assert _purge(store) == expected
    assert expected.runs == 3
    assert len(deleted) == 2
    assert (_count(postgres_url, "run"), _count(postgres_url, "span")) == (1, 0)
    assert _count(postgres_url, "log") == 1
    assert "run_20260803" not in _names(postgres_url)


def test_events_of_runs_that_stay_keep_their_partition(store: PostgresStore, postgres_url: str) -> None:
    """A clock that was wrong for a moment costs no event."""
    store.write(batch_of(run_record(1, start=_NOW - 5, end=_NOW, scope={"session_id": "s"})))
    start = _NOW - 3 * _FOUR_WEEKS
    store.write(batch_of(event_record(1, time=start, scope={"session_id": "s"})))
    store.write(batch_of(run_record(2, trace=5 << 64, start=start, end=start + 1, scope={"session_id": "t"})))
    expected = store.purge_counts(_OLD)
    assert _purge(store) == expected
    assert [run.id for run in store.runs(RunFilter(workspace_id=_WORKSPACE))] == [run_uuid(1)]
    where = EventFilter(
        workspace_id=_WORKSPACE, session_id=ids.session_id(_WORKSPACE, "s"), types=["thinking"], limit=10
    )
    assert [event.created_at for event in store.events(where)] == [start]


def test_rows_that_come_while_it_is_counted_are_counted(store: PostgresStore, postgres_url: str) -> None:
    """The partition is gone through again, and the digest is of all that went."""
    _fill(store)
    late = [run_record(1, trace=9 << 64, start=_NOW - 3 * _FOUR_WEEKS, end=_NOW - 3 * _FOUR_WEEKS + 1)]
    expected = []

    def write(_: bytes | None) -> None:
        if late:
            store.write(batch_of(late.pop()))
            expected.append(store.purge_counts(_OLD))

    assert _purge(store, between=write) == expected[0]
    assert _names(postgres_url) == {"run_20260928", "run_20261026", "run_20261123", "run_other"}


def test_partitions_that_change_all_the_time_are_left_to_the_rows(store: PostgresStore, postgres_url: str) -> None:
    """It does not try for ever, and what is old goes in any case."""
    _fill(store)
    numbers = iter(range(100, 140))

    def write(after: bytes | None) -> None:
        number = next(numbers, None)
        if number is not None and after is not None and after[:9] == b"\xff20260803":
            start = _NOW - 3 * _FOUR_WEEKS
            store.write(batch_of(run_record(1, trace=number << 64, start=start, end=start + 1)))

    _purge(store, between=write)
    assert store.purge_counts(_OLD) == PurgeCounts()


def test_a_reader_in_the_way_leaves_it_to_the_rows(
    store: PostgresStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The purge does not fail and waits for a moment only."""
    monkeypatch.setattr(postgres, "_BRIEFLY", "SET LOCAL lock_timeout = '50ms'")
    _fill(store)
    expected = store.purge_counts(_OLD)
    with psycopg.connect(postgres_url) as reader:
        reader.execute("SELECT count(*) FROM run").fetchall()
        assert _purge(store) == expected
        reader.rollback()
    assert store.purge_counts(_OLD) == PurgeCounts()


def test_who_does_not_own_the_tables_deletes_rows(store: PostgresStore, postgres_url: str) -> None:
    """As nobody else may drop a table."""
    _fill(store)
    expected = store.purge_counts(_OLD)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        schema = connection.execute("SELECT current_schema()").fetchone()[0]  # type: ignore[index]
        role = f"purger_{schema}"
        connection.execute(f"CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {role}")
        connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role}")
        limited = PostgresStore(as_role(postgres_url, role), clock=lambda: _NOW)
        limited.open()
        assert _purge(limited) == expected
        limited.close()
        connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert "run_20260803" in _names(postgres_url)


@pytest.mark.parametrize("where", [{"workspace_id": _WORKSPACE}, {"workspace_id": _WORKSPACE, "user_id": "u"}])
def test_a_purge_of_some_drops_nothing_that_has_rows(
    store: PostgresStore, postgres_url: str, where: dict[str, Any]
) -> None:
    """Others have rows in the same partitions."""
    assert not postgres_retention.concerns(PurgeFilter(before=_BEFORE, **where))
    _fill(store, 10)
    after: bytes | None = b""
    while after is not None:
        after = store.purge(PurgeFilter(before=_BEFORE, **where), after=after).after
    assert _count(postgres_url, "run") == 20
