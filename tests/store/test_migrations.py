"""From the tables of every released version to those of today, whole or not at all, once."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import alembic
import pytest
from alembic.script import ScriptDirectory

from agenttrace import AgentTrace
from agenttrace.errors import StoreTooNew, StoreUnavailable
from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.store import sqlite as sqlite_module
from agenttrace.store.migrations import upgrade as upgrade_module
from agenttrace.store.migrations.upgrade import FOLDER, upgrade
from agenttrace.store.protocol import RunFilter
from agenttrace.store.sqlite import SQLite, SQLiteStore
from agenttrace.store.version import SCHEMA_VERSION
from agenttrace.testing.records import batch_of, run_record
from tests.store import released
from tests.store.schemas import shape, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSIONS = range(1, SCHEMA_VERSION + 1)
OLD = range(1, SCHEMA_VERSION)
NEWEST = SCHEMA_VERSION
EVERY = RunFilter(workspace_id=DEFAULT_WORKSPACE.bytes)


def fixture_of(version: int) -> Path:
    """Return the statements that a released version left."""
    return released.FOLDER / f"sqlite-{version}.sql"


def old_store(folder: Path, version: int = 1) -> Path:
    """Return a file that a released version left."""
    path = folder / "old.db"
    released.restore(fixture_of(version), path)
    return path


def opened(path: Path) -> Path:
    """Open a store, which brings it up to today, and close it."""
    store = SQLiteStore(path)
    store.open()
    store.close()
    return path


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def rows_of(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {name: connection.execute(f"SELECT count(*) FROM [{name}]").fetchone()[0] for (name,) in tables}  # noqa: S608


# -- what is kept with the project -----------------------------------------------------------------


def test_every_version_has_its_fixture_and_its_way() -> None:
    """Who changes the tables adds a version: the way there, and what it leaves on disk."""
    kept = {path.name for path in released.FOLDER.iterdir()}
    assert {f"sqlite-{version}.{kind}" for version in VERSIONS for kind in ("sql", "json")} <= kept
    scripts = list(reversed(list(ScriptDirectory(FOLDER).walk_revisions())))
    assert [script.revision for script in scripts] == [f"{version:04}" for version in VERSIONS]
    assert [Path(script.path).stem for script in scripts] == [f"v{version:04}" for version in VERSIONS]


def test_no_way_leads_back() -> None:
    """Forward only: a script for going back would be one that nobody ever ran."""
    assert not [
        script.path for script in ScriptDirectory(FOLDER).walk_revisions() if hasattr(script.module, "downgrade")
    ]


def test_a_new_store_is_as_the_newest_fixture(tmp_path: Path) -> None:
    """Else the tables were changed without a new version; before its release `tests/store/released.py` mends that."""
    assert shape_of(opened(tmp_path / "new.db")) == shape_of(old_store(tmp_path, NEWEST))


def test_the_fixtures_say_their_version(tmp_path: Path) -> None:
    """And hold a bit of everything."""
    for version in VERSIONS:
        (tmp_path / str(version)).mkdir()
        path = old_store(tmp_path / str(version), version)
        assert version_of(path) == version
        # Processes that have ended leave no row.
        assert [name for name, count in rows_of(path).items() if count == 0 and name != "process"] == []


# -- what an upgrade owes --------------------------------------------------------------------------


@pytest.mark.parametrize("version", OLD)
def test_an_upgraded_store_is_as_a_new_one(version: int, tmp_path: Path) -> None:
    """Tables, columns, types, keys, indexes and their conditions; its rows are all there, and it says its version."""
    path = old_store(tmp_path, version)
    before = rows_of(path)
    assert shape_of(opened(path)) == shape_of(opened(tmp_path / "new.db"))
    assert version_of(path) == SCHEMA_VERSION
    assert {name: count for name, count in rows_of(path).items() if name in before} == before


@pytest.mark.parametrize("version", VERSIONS)
def test_every_row_and_view_is_as_before(version: int, tmp_path: Path) -> None:
    """What the released library answered is what this one answers; columns that came later do not count."""
    path = old_store(tmp_path, version)
    expected = json.loads(fixture_of(version).with_suffix(".json").read_text(encoding="utf-8"))
    keys = expected.pop("given keys")
    found = released.answers(f"sqlite:///{path}", tmp_path / "journal", keys)
    for name, answer in expected.items():
        assert released.known(found[name], answer) == answer, name


def test_an_upgraded_store_is_written(tmp_path: Path) -> None:
    """Old and new rows stand side by side, and an old run takes a later version."""
    path = old_store(tmp_path)
    store = SQLiteStore(path)
    store.open()
    before = {row.id for row in store.runs(EVERY)}
    store.write(batch_of(run_record(1, end=2_000_000)))
    assert len(store.runs(EVERY)) == len(before) + 1
    store.close()
    released.record(f"sqlite:///{path}", tmp_path / "journal")  # the same ids once more
    store.open()
    assert before < {row.id for row in store.runs(EVERY)}
    store.close()


# -- whole or not at all ---------------------------------------------------------------------------


class Failing:
    """A connection on which the statement of a number fails, before or after it was carried out."""

    def __init__(self, connection: Any, number: int) -> None:
        self.connection = connection
        self.left = number

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def execute(self, sql: str, *values: Any) -> Any:
        self.count()
        return self.connection.execute(sql, *values)

    def cursor(self) -> Any:
        return FailingCursor(self, self.connection.cursor())

    def count(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise sqlite3.OperationalError("disk I/O error")


class FailingCursor:
    def __init__(self, failing: Failing, cursor: Any) -> None:
        self.failing = failing
        self.cursor = cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cursor, name)

    def execute(self, sql: str, *values: Any) -> Any:
        self.failing.count()
        return self.cursor.execute(sql, *values)


def test_an_upgrade_that_fails_leaves_the_old_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At whatever statement: the error says that it may work later, and then it does."""
    path = old_store(tmp_path)
    before, rows, connect = shape_of(path), rows_of(path), SQLite.connect
    number = 2  # the second statement is the change to WAL, which is tried again by itself
    while True:
        number += 1
        with monkeypatch.context() as patch:
            patch.setattr(SQLite, "connect", lambda self, number=number: Failing(connect(self), number))
            store = SQLiteStore(path)
            try:
                store.open()
            except StoreUnavailable:
                pass
            else:
                store.close()
                break
        assert version_of(path) == 1
        assert shape_of(path) == before
        assert rows_of(path) == rows
    assert number > 8  # BEGIN, COMMIT and some statements between them
    assert version_of(path) == SCHEMA_VERSION


KILLED = """
import os, signal, sys
from agenttrace.store.sqlite import SQLite, SQLiteStore

path, last = sys.argv[1:]
connect = SQLite.connect

def traced(self):
    connection = connect(self)
    connection.set_trace_callback(lambda sql: sql.strip().startswith(last) and os.kill(os.getpid(), signal.SIGKILL))
    return connection

SQLite.connect = traced
SQLiteStore(path).open()
"""


def test_an_upgrade_that_is_killed_leaves_the_old_store(tmp_path: Path) -> None:
    """A process that dies in the middle changed nothing, and the next one goes from there."""
    path = old_store(tmp_path)
    before = shape_of(path)
    for last in ("ALTER TABLE", "CREATE INDEX", "CREATE TABLE", "PRAGMA user_version =", "COMMIT"):
        ran = subprocess.run([sys.executable, "-c", KILLED, path, last], timeout=60, check=False)
        assert ran.returncode == -signal.SIGKILL
        assert version_of(path) == 1
        assert shape_of(path) == before
    assert version_of(opened(path)) == SCHEMA_VERSION


# -- several at once -------------------------------------------------------------------------------

TOGETHER = """
import logging, sys
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import batch_of, run_record

logging.basicConfig(level=logging.INFO, format="%(message)s")
path, number = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
store = SQLiteStore(path)
store.open()
store.write(batch_of(run_record(number, end=2_000_000)))
store.close()
"""


def test_of_several_processes_one_upgrades_and_all_go_on(tmp_path: Path) -> None:
    """The others wait for it, and write what they have."""
    path = old_store(tmp_path)
    before = rows_of(path)["run"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TOGETHER, path, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(1, 5)
    ]
    assert [process.stdout.readline() for process in processes if process.stdout] == ["ready\n"] * len(processes)
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), told
    assert "".join(told).count("from version 0001") == 1
    assert rows_of(path)["run"] == before + len(processes)
    assert shape_of(path) == shape_of(opened(tmp_path / "new.db"))


def test_an_open_transaction_of_another_delays_the_upgrade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of the old library that writes at that moment is waited for; then the store is as new."""
    monkeypatch.setattr("agenttrace.store.sqlite._BUSY_SECONDS", 0.01)
    path = old_store(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM contact")
        with pytest.raises(StoreUnavailable, match="locked"):
            SQLiteStore(path).open()
        other.execute("COMMIT")
    assert version_of(opened(path)) == SCHEMA_VERSION
    assert rows_of(path)["contact"] == 0


# -- a version that does not exist yet -------------------------------------------------------------

NEXT = """
from sqlalchemy import Column, Text, text

revision = "{new:04}"
down_revision = "{old:04}"


def upgrade(op):
    op.add_column("run", Column("mood", Text()))
    op.create_index("run_mood", "run", ["workspace_id", "mood"], sqlite_where=text("mood IS NOT NULL"))
    op.execute("UPDATE run SET mood = 'calm' WHERE run_type = 'master'")
"""


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Let the library be one version further, for the length of a test."""
    new = SCHEMA_VERSION + 1
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    for path in (FOLDER / "versions").glob("v*.py"):
        (folder / "versions" / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    code = NEXT.format(new=new, old=SCHEMA_VERSION)
    (folder / "versions" / f"v{new:04}.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(upgrade_module, "FOLDER", folder)
    monkeypatch.setattr(sqlite_module, "SCHEMA_VERSION", new)
    monkeypatch.setattr("agenttrace.store.version.SCHEMA_VERSION", new)
    return new


@pytest.mark.parametrize("version", VERSIONS)
def test_an_upgrade_takes_all_steps(version: int, next_version: int, tmp_path: Path) -> None:
    """From any version, in order; a step may change rows as well as tables."""
    path = opened(old_store(tmp_path, version))
    assert version_of(path) == next_version
    with closing(sqlite3.connect(path)) as connection:
        moods = connection.execute("SELECT count(*) FROM run WHERE mood = 'calm'").fetchone()
        masters = connection.execute("SELECT count(*) FROM run WHERE run_type = 'master'").fetchone()
        assert moods == masters != (0,)
        assert {"table link", "index run_mood"} <= shape(connection).keys()


def test_what_is_recorded_waits_for_the_upgrade(next_version: int, tmp_path: Path) -> None:
    """A step that the store refuses is no reason to set records aside: they are stored once it is mended."""
    path = old_store(tmp_path)
    script = upgrade_module.FOLDER / "versions" / f"v{next_version:04}.py"
    good = script.read_text(encoding="utf-8")
    bad = "INSERT INTO contact SELECT * FROM contact"
    script.write_text(f"{good}    op.execute({bad!r})\n", encoding="utf-8")
    with AgentTrace(store=path, flush_interval=0.01) as trace:
        with trace.master("turn"):
            pass
        assert not trace.flush(1)
        assert version_of(path) == 1
        script.write_text(good, encoding="utf-8")
        assert trace.flush(60)
        assert (trace.stats().dead_letters, version_of(path)) == (0, next_version)
        assert [run.name for run in trace.query.runs(limit=1)] == ["turn"]


def test_the_old_library_leaves_a_newer_store_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is open at that moment says so when it opens the store next."""
    path = old_store(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(sqlite_module, "SCHEMA_VERSION", 1)
        patch.setattr("agenttrace.store.version.SCHEMA_VERSION", 1)
        old = SQLiteStore(path)
        old.open()
        opened_by_another(path)
        assert old.runs(EVERY)
        old.close()
        with pytest.raises(StoreTooNew, match=rf"version {SCHEMA_VERSION}, this agenttrace knows 1; upgrade"):
            old.open()


def opened_by_another(path: Path) -> None:
    code = f"from agenttrace.store.sqlite import SQLiteStore; SQLiteStore({str(path)!r}).open()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# -- beside the traced program ---------------------------------------------------------------------


def test_the_program_may_migrate_a_database_of_its_own(tmp_path: Path) -> None:
    """Alembic's `op` and `context` are the program's: ours never stand there, not even for a moment."""
    with migrating_program(tmp_path) as own:
        opened(old_store(tmp_path))
        assert alembic.op.get_bind().engine.url == own.engine.url
    assert version_of(tmp_path / "old.db") == SCHEMA_VERSION


@contextmanager
def migrating_program(folder: Path) -> Iterator[Any]:
    import sqlalchemy
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    engine = sqlalchemy.create_engine(f"sqlite:///{folder / 'own.db'}")
    with engine.connect() as connection, Operations.context(MigrationContext.configure(connection)):
        yield connection
    engine.dispose()


ORDINARY = """
import sys
from agenttrace.store.sqlite import SQLiteStore
store = SQLiteStore(sys.argv[1])
store.open()
store.close()
found = {"alembic", "sqlalchemy", "sqlmodel", "mako"} & set(sys.modules)
assert bool(found) == (sys.argv[2] == "old"), found
"""


@pytest.mark.parametrize("kind", ["new", "current", "old"])
def test_only_an_old_store_needs_alembic(kind: str, tmp_path: Path) -> None:
    """A new store and a current one are opened without it."""
    path = tmp_path / "x.db"
    if kind != "new":
        path = old_store(tmp_path, 1 if kind == "old" else NEWEST)
    subprocess.run([sys.executable, "-c", ORDINARY, path, kind], check=True, timeout=60)


def test_what_the_driver_raises_comes_through(tmp_path: Path) -> None:
    """Not SQLAlchemy's wrapping of it, which no store knows."""
    with closing(sqlite3.connect(tmp_path / "empty.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="no such table: run"):
            upgrade(connection, "sqlite", 1)
        assert connection.in_transaction
        assert os.path.getsize(tmp_path / "empty.db") == 0
