"""What the SQLite store adds: its file, its indexes, other processes, forks."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agenttrace.errors import StoreRejected, StoreTooNew, StoreUnavailable
from agenttrace.model import ids
from agenttrace.model.rows import RunRow
from agenttrace.store import sql_text
from agenttrace.store.protocol import EventFilter, RunFilter, SessionFilter
from agenttrace.store.sqlite import SQLite, SQLiteStore, _use_wal
from agenttrace.store.version import SCHEMA_VERSION
from agenttrace.testing.records import batch_of, run_record

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKSPACE = ids.DEFAULT_WORKSPACE.bytes
ID = bytes(16)
EVERY = RunFilter(workspace_id=WORKSPACE)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """An open store."""
    made = SQLiteStore(tmp_path / "deep" / "traces.db")
    made.open()
    yield made
    made.close()


def path_of(store: SQLiteStore) -> str:
    """Return the file of a store."""
    return store.url.removeprefix("sqlite:///")


def test_only_the_owner_may_read_the_files(store: SQLiteStore) -> None:
    """The file, its log and its index have mode 0600, whatever the umask."""
    store.write(batch_of(run_record(1)))
    files = [path_of(store) + suffix for suffix in ("", "-wal", "-shm")]
    assert [stat.S_IMODE(os.stat(file).st_mode) for file in files] == [0o600] * 3


def test_a_file_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    """Whoever made it decides who reads it."""
    path = tmp_path / "mine.db"
    path.touch(0o640)
    path.chmod(0o640)
    store = SQLiteStore(path)
    store.open()
    store.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_the_file_says_its_version_and_is_in_wal_mode(store: SQLiteStore) -> None:
    """For other programs, and for later versions of this one."""
    with closing(sqlite3.connect(path_of(store))) as other:
        assert other.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    """StoreTooNew names the versions and what to do."""
    path = tmp_path / "new.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreTooNew, match=r"version 99.*upgrade"):
        SQLiteStore(path).open()
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    """So is a file that is no database."""
    (tmp_path / "file").write_text("x" * 5000)
    with pytest.raises(StoreUnavailable):
        SQLiteStore(tmp_path / "file" / "traces.db").open()
    with pytest.raises(StoreUnavailable, match="not a database"):
        SQLiteStore(tmp_path / "file").open()


def test_a_locked_file_is_unavailable_and_then_written(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same batch goes in once the lock is gone."""
    monkeypatch.setattr("agenttrace.store.sqlite._BUSY_SECONDS", 0.01)
    store.close()
    store.open()
    batch = batch_of(run_record(1))
    with closing(sqlite3.connect(path_of(store), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            store.write(batch)
        assert store.runs(EVERY) == []
        other.execute("ROLLBACK")
    store.write(batch)
    assert len(store.runs(EVERY)) == 1


def test_a_full_disk_is_unavailable_and_leaves_nothing(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once there is room again, the same batch goes in."""
    batch = batch_of(*(run_record(span, content={"input": "x" * 20_000}) for span in range(1, 50)))
    connect = SQLite.connect

    def small(self: SQLite) -> Any:
        connection = connect(self)
        connection.execute("PRAGMA max_page_count = 60").fetchall()
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(SQLite, "connect", small)
        cramped = SQLiteStore(path_of(store))
    cramped.open()
    with pytest.raises(StoreUnavailable, match="full"):
        cramped.write(batch)
    assert cramped.runs(EVERY) == []
    cramped.close()
    store.write(batch)
    assert len(store.runs(EVERY)) == 49


def test_the_change_to_wal_is_tried_again() -> None:
    """While another process opens the same new file, SQLite answers `locked` at once."""
    answers: list[Any] = [sqlite3.OperationalError("database is locked"), None]

    class Busy:
        def execute(self, _: str) -> Any:
            if error := answers.pop(0):
                raise error
            return self

        def fetchall(self) -> list[Any]:
            return []

    _use_wal(Busy())  # type: ignore[arg-type]
    assert answers == []


def test_errors_of_the_driver_have_a_meaning_and_others_none() -> None:
    """What a retry may mend is unavailable; what it never mends is rejected."""
    dialect = SQLite("x.db")
    for error in (sqlite3.DataError("x"), sqlite3.IntegrityError("x"), OverflowError("x"), sqlite3.InterfaceError("x")):
        assert isinstance(dialect.failure(error), StoreRejected)
    for error in (sqlite3.OperationalError("disk I/O error"), sqlite3.DatabaseError("malformed"), OSError("x")):
        assert isinstance(dialect.failure(error), StoreUnavailable)
    assert dialect.failure(KeyError("x")) is None


def test_a_defect_is_not_disguised(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that is not the database's is raised as it is, and nothing was written."""

    def defect(_: object) -> list[object]:
        raise RuntimeError("a defect")

    monkeypatch.setattr("agenttrace.store.apply.run_events", defect)
    with pytest.raises(RuntimeError, match="a defect"):
        store.write(batch_of(run_record(1, scope={"session_id": "s"})))
    assert store.runs(EVERY) == []


PLANS: list[tuple[str, Any]] = [
    ("run_root_contact", {"ai_contact_id": ID, "roots_only": True}),
    ("run_time", {}),
    ("run_time", {"run_type": "tool_call", "status": "failed", "since": 1, "until": 5}),
    ("run_interaction", {"run_type": "master", "interaction_types": ("a", "b", "c"), "since": 1, "until": 5}),
    ("run_interaction", {"run_type": "master", "interaction_types": ("a",), "widget_id": "w", "deployment_type": "d"}),
    ("run_prompt_time", {"run_type": "prompt", "since": 1, "until": 5, "prompt_type": "p", "state_name": "s"}),
    ("run_prompt_conversation", {"run_type": "prompt", "conversation_id": ID, "since": 1}),
    ("run_prompt_call", {"run_type": "prompt", "call_sid": "CA1"}),
    ("run_prompt_session", {"run_type": "prompt", "session_id": ID}),
    ("run_prompt_session", {"run_type": "prompt", "call_sid": "CA1", "call_session_id": ID}),
]


@pytest.fixture
def plans(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The plans of the statements that the store runs from here on, a line a plan."""
    lines: list[str] = []
    rows = SQLiteStore._rows

    def explain(self: SQLiteStore, sql: str, values: Any) -> list[Any]:
        lines.append("; ".join(row[3] for row in rows(self, f"EXPLAIN QUERY PLAN {sql}", values)))
        return rows(self, sql, values)

    monkeypatch.setattr(SQLiteStore, "_rows", explain)
    return lines


@pytest.mark.parametrize("after", [None, (5, ID)])
@pytest.mark.parametrize(("index", "where"), PLANS)
def test_each_views_page_comes_from_its_index(
    store: SQLiteStore, plans: list[str], index: str, where: dict[str, Any], after: tuple[int, bytes] | None
) -> None:
    """In order, without a sort."""
    store.runs(RunFilter(workspace_id=WORKSPACE, limit=20, offset=5, after=after, **where))
    (plan,) = plans
    assert f"INDEX {index} " in plan
    assert "TEMP B-TREE" not in plan
    assert "SCAN" not in plan


@pytest.mark.parametrize(("index", "where"), PLANS)
def test_each_views_count_comes_from_its_index(
    store: SQLiteStore, plans: list[str], index: str, where: dict[str, Any]
) -> None:
    """Without a walk through the table."""
    store.count_runs(RunFilter(workspace_id=WORKSPACE, **where))
    assert f"INDEX {index} " in plans[-1]


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("after", [None, "aev_5"])
def test_a_sessions_events_come_from_their_index(
    store: SQLiteStore, plans: list[str], newest_first: bool, after: str | None
) -> None:
    """In order, and the count from the index alone."""
    where = EventFilter(
        workspace_id=WORKSPACE, session_id=ID, types=("a", "b"), newest_first=newest_first, after=after, limit=20
    )
    store.events(where)
    store.count_events(where)
    page, count = plans
    assert "INDEX event_session " in page
    assert "TEMP B-TREE" not in page
    assert "COVERING INDEX event_session " in count


def test_trees_and_sessions_come_from_their_keys(store: SQLiteStore, plans: list[str]) -> None:
    """A trace is a range of run ids; a session list is in order of time, or of its owner."""
    store.traces(WORKSPACE, [ID])
    store.sessions(SessionFilter(workspace_id=WORKSPACE, limit=5))
    store.sessions(SessionFilter(workspace_id=WORKSPACE, team_id="t", user_id="u"))
    trace, newest, owner = plans
    assert "(workspace_id=? AND id>? AND id<?)" in trace
    assert "INDEX session_time " in newest
    assert "TEMP B-TREE" not in newest
    assert "INDEX session_owner " in owner


@pytest.mark.parametrize(
    ("index", "sql", "count"),
    [
        ("run_orphan", sql_text.ANY_ORPHAN, 1),
        (
            "run_orphan",
            "SELECT 1 FROM run WHERE workspace_id = ? AND is_root AND parent_id IS NOT NULL AND parent_id IN (?)",
            2,
        ),
        ("run_open", "SELECT id FROM run WHERE status = 'running' AND process_id = ?", 1),
        ("event_sessionless", "SELECT 1 FROM event WHERE session_id IS NULL LIMIT 1", 0),
        ("event_session", sql_text.RESET_EVENTS[0].format(event="event INDEXED BY event_session"), 2),
        ("event_session", sql_text.RESET_EVENTS[1].format(event="event INDEXED BY event_session"), 2),
    ],
)
def test_what_the_writer_looks_up_has_an_index(store: SQLiteStore, index: str, sql: str, count: int) -> None:
    """Orphans, open runs, events without a session, and what a reset clears."""
    with closing(sqlite3.connect(path_of(store))) as other:
        (plan,) = (row[3] for row in other.execute(f"EXPLAIN QUERY PLAN {sql}", [ID] * count))
    assert f"INDEX {index}" in plan


def test_ancestors_are_found_by_key(store: SQLiteStore) -> None:
    """Each step is one look."""
    with closing(sqlite3.connect(path_of(store))) as other:
        plan = [row[3] for row in other.execute(f"EXPLAIN QUERY PLAN {sql_text.ANCESTORS}", [ID] * 3)]
    assert sum("(workspace_id=? AND id=?)" in step for step in plan) == 2


def test_two_processes_write_one_file_while_a_third_reads(tmp_path: Path) -> None:
    """No error, nothing lost, and the file is made once though both make it."""
    path = tmp_path / "traces.db"
    program = str(Path(__file__).parent / "store_writer.py")
    writers = [subprocess.Popen([sys.executable, program, str(path), str(n), "25"]) for n in (1, 2)]
    store = SQLiteStore(path)
    store.open()
    counts = [0]
    while any(writer.poll() is None for writer in writers):
        counts.append(store.count_runs(EVERY))
    assert [writer.wait() for writer in writers] == [0, 0]
    assert counts == sorted(counts)
    assert {count % 20 for count in counts} == {0}
    assert store.count_runs(EVERY) == 2 * 25 * 20
    assert len(store.runs(RunFilter(workspace_id=WORKSPACE, roots_only=True))) == 2 * 25
    assert all(run.session_id for run in store.runs(EVERY))
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_uses_connections_of_its_own(store: SQLiteStore) -> None:
    """Both sides go on writing, and the child's end takes nothing from the parent."""
    store.write(batch_of(run_record(1)))
    assert len(store.runs(EVERY)) == 1
    child = os.fork()
    if child == 0:
        store.write(batch_of(run_record(2)))
        os._exit(0 if len(store.runs(EVERY)) == 2 else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0
    store.write(batch_of(run_record(3)))
    assert len(store.runs(EVERY)) == 3


def test_the_path_holds_though_the_program_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is read once, where the store is made."""
    monkeypatch.chdir(tmp_path)
    store = SQLiteStore("traces.db")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.open()
    store.close()
    assert (tmp_path / "traces.db").exists()


def test_a_connection_keeps_nothing_of_the_statements_that_are_done(tmp_path: Path) -> None:
    """Not even a weak reference to each cursor, which for a writer of days is a leak."""
    with closing(SQLite(tmp_path / "traces.db").connect()) as connection:

        def run(times: int) -> int:
            for _ in range(times):
                connection.execute("SELECT 1").fetchall()
            return sys.getallocatedblocks()

        before = run(1_000)
        assert run(10_000) - before < 1_000


def test_no_column_has_a_default(store: SQLiteStore) -> None:
    """A column that an INSERT leaves out is NULL, as one that it gives nothing."""
    with closing(SQLite(path_of(store)).connect()) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        defaults = "SELECT name FROM pragma_table_info(?) WHERE dflt_value IS NOT NULL"
        found = {name: connection.execute(defaults, (name,)).fetchall() for (name,) in tables}
    assert "run" in found
    assert not any(found.values())


def test_a_run_that_is_refused_takes_back_the_whole_batch_and_nothing_more(store: SQLiteStore) -> None:
    """The statement that fails ends the transaction: what was written before it goes, and the next batch comes."""
    store.write(batch_of(run_record(1)))
    prompts = [run_record(number, run_type="prompt", content={"system_prompt": "s" * 500}) for number in range(2, 90)]
    bad = batch_of(*prompts)
    list(bad.runs.values())[70].run_type = None  # type: ignore[assignment]
    with pytest.raises(StoreRejected, match="NOT NULL"):
        store.write(bad)
    with store._connections.writing() as connection:
        assert not connection.execute("SELECT * FROM link").fetchall()
    assert [run.id for run in store.runs(EVERY)] == [key for _, key in batch_of(run_record(1)).runs]
    store.write(batch_of(*prompts))
    assert len(store.runs(EVERY)) == 89


def test_runs_that_are_stored_are_found_among_new_ones_wherever_their_ids_stand(store: SQLiteStore) -> None:
    """Ids before, among and beyond those that are stored, in the order in which they come; of another tenant, too."""
    store.write(batch_of(*(run_record(number) for number in (10, 20, 30))))
    ends = [run_record(number, end=5_000_000, status="success") for number in (5, 10, 15, 20, 30, 40)]
    store.write(batch_of(*ends, run_record(30, scope={"workspace_id": "other"})))
    assert {run.status for run in store.runs(EVERY)} == {"success"}
    assert len(store.runs(EVERY)) == 6


def test_ids_that_another_program_made_texts_hold_nothing_up(store: SQLiteStore) -> None:
    """They are not found any more, and new runs are stored beside them."""
    store.write(batch_of(run_record(1, end=2)))
    with closing(sqlite3.connect(path_of(store))) as connection:
        connection.execute("UPDATE run SET id = hex(id)")
        connection.commit()
    store.write(batch_of(run_record(2, end=2)))
    with closing(sqlite3.connect(path_of(store))) as connection:
        assert connection.execute("SELECT typeof(id) FROM run ORDER BY id").fetchall() == [("text",), ("blob",)]


def test_a_column_in_which_nothing_stands_is_not_bound_and_empties_what_stood_there(tmp_path: Path) -> None:
    """A connection that has never seen an error leaves that column out; the stored one goes with its version."""
    failed = run_record(1, end=2_000_000, status="failed", error={"type": "x", "message": "m", "stack": None})
    better = run_record(1, end=2_000_000, rev=1)
    for record, error, insert in ((failed, True, sql_text.ADD_RUN), (better, False, sql_text.PUT_RUN)):
        store = SQLiteStore(tmp_path / "traces.db")
        store.open()
        store.write(batch_of(record))
        with store._connections.writing() as connection:
            filled, _ = connection.filled[insert]  # type: ignore[attr-defined]
        columns = [sql_text.columns_of(RunRow)[place] for place in filled]
        assert ("error" in columns) is error
        assert "widget_id" not in columns
        (row,) = store.runs(EVERY)
        assert (row.error is not None) is error
        store.close()
