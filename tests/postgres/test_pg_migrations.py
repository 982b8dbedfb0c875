"""The tables of an older version in PostgreSQL: upgraded whole or not at all, once, by whoever comes first.

PostgreSQL stores begin at version 2, so what comes after the newest version is made up here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from agenttrace.errors import StoreError, StoreTooNew, StoreUnavailable
from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.store import postgres as postgres_module
from agenttrace.store.migrations import upgrade as upgrade_module
from agenttrace.store.migrations.upgrade import FOLDER
from agenttrace.store.postgres import PostgresStore
from agenttrace.store.protocol import RunFilter
from agenttrace.store.version import SCHEMA_VERSION
from agenttrace.testing.records import batch_of, run_record
from tests.postgres import pg_released
from tests.postgres.pg_schemas import shape
from tests.store import released

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: PostgreSQL came with version 2.
VERSIONS = range(2, SCHEMA_VERSION + 1)
NEW = SCHEMA_VERSION + 1
EVERY = RunFilter(workspace_id=DEFAULT_WORKSPACE.bytes)

STEPS = (
    'op.add_column("run", Column("mood", Text()))',
    'op.create_index("run_mood", "run", ["workspace_id", "mood"], postgresql_where=text("mood IS NOT NULL"))',
    'op.create_table("mood", Column("name", Text(), primary_key=True))',
    "op.execute(\"UPDATE run SET mood = 'calm' WHERE run_type = 'master'\")",
)
FAILS = 'op.execute("SELECT 1 / 0")'
DIES = 'op.execute("SELECT pg_terminate_backend(pg_backend_pid())")'


def script(*steps: str) -> str:
    """Return a migration that takes these steps."""
    lines = "".join(f"    {step}\n" for step in steps)
    head = f'revision = "{NEW:04}"\ndown_revision = "{SCHEMA_VERSION:04}"\n\n\ndef upgrade(op):\n'
    return f"from sqlalchemy import Column, Text, text\n\n{head}{lines}"


@pytest.fixture
def next_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the library be one version further, and return the file that leads there."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    for path in (FOLDER / "versions").glob("v*.py"):
        (folder / "versions" / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    made = folder / "versions" / f"v{NEW:04}.py"
    made.write_text(script(*STEPS), encoding="utf-8")
    monkeypatch.setattr(upgrade_module, "FOLDER", folder)
    monkeypatch.setattr(postgres_module, "SCHEMA_VERSION", NEW)
    monkeypatch.setattr("agenttrace.store.version.SCHEMA_VERSION", NEW)
    return made


@pytest.fixture
def old(postgres_url: str) -> str:
    """A store of the newest version there is, with two runs in it."""
    store = PostgresStore(postgres_url)
    store.open()
    store.write(batch_of(run_record(1, run_type="master", end=2_000_000), run_record(2, parent=1, end=2_000_000)))
    store.close()
    return postgres_url


def opened(url: str) -> None:
    store = PostgresStore(url)
    try:
        store.open()
    finally:
        store.close()


def ask(url: str, sql: str) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(sql)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


def version_of(url: str) -> int:
    ((version,),) = ask(url, "SELECT version FROM agenttrace_version")
    return version


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_released_version_left_is_upgraded(
    version: int, postgres_url: str, postgres_schemas: Callable[[], str], tmp_path: Path
) -> None:
    """It has the tables of a new store, and every row and view is as before; columns that came later do not count."""
    fixture = released.FOLDER / f"postgresql-{version}.sql"
    pg_released.restore(fixture.read_text(encoding="utf-8"), postgres_url)
    assert version_of(postgres_url) == version
    new = postgres_schemas()
    opened(new)
    opened(postgres_url)
    assert version_of(postgres_url) == SCHEMA_VERSION
    assert shape(postgres_url) == shape(new)
    expected = json.loads(fixture.with_suffix(".json").read_text(encoding="utf-8"))
    found = released.answers(postgres_url, tmp_path / "journal", expected.pop("given keys"))
    for name, answer in expected.items():
        assert released.known(found[name], answer) == answer, name


def test_the_tables_are_those_of_the_newest_fixture() -> None:
    """Else they were changed without a new version; before its release `tests/store/released.py` mends that."""
    newest = released.FOLDER / f"postgresql-{SCHEMA_VERSION}.sql"
    assert newest.read_text(encoding="utf-8").startswith(pg_released.statements())


def test_an_older_store_is_upgraded(old: str, next_script: Path) -> None:
    """Partitioned tables, their indexes and their rows included; it goes on as it was, and says its version."""
    before = shape(old)
    store = PostgresStore(old)
    assert store.version() == SCHEMA_VERSION
    store.open()
    assert store.version() == NEW == version_of(old)
    assert len(store.runs(EVERY)) == 2
    store.write(batch_of(run_record(3, end=2_000_000)))
    assert len(store.runs(EVERY)) == 3
    store.close()
    after = shape(old)
    assert before.keys() < after.keys()
    assert {"table mood", "index run_mood"} <= after.keys()
    assert "mood" in after["table run"]["columns"]
    assert sorted(ask(old, "SELECT run_type, mood FROM run")) == [
        ("master", "calm"),
        ("tool_call", None),
        ("tool_call", None),
    ]


@pytest.mark.parametrize("place", range(len(STEPS) + 1))
def test_an_upgrade_that_fails_leaves_the_old_store(old: str, next_script: Path, place: int) -> None:
    """Wherever it fails; once the cause is gone it works."""
    before = shape(old)
    next_script.write_text(script(*STEPS[:place], FAILS, *STEPS[place:]), encoding="utf-8")
    with pytest.raises(StoreError, match="division by zero"):
        opened(old)
    assert version_of(old) == SCHEMA_VERSION
    assert shape(old) == before
    next_script.write_text(script(*STEPS), encoding="utf-8")
    opened(old)
    assert version_of(old) == NEW


def test_a_connection_that_is_lost_leaves_the_old_store(old: str, next_script: Path) -> None:
    """The same call may work later, and does."""
    before = shape(old)
    next_script.write_text(script(*STEPS, DIES), encoding="utf-8")
    with pytest.raises(StoreUnavailable):
        opened(old)
    assert version_of(old) == SCHEMA_VERSION
    assert shape(old) == before
    next_script.write_text(script(*STEPS), encoding="utf-8")
    opened(old)
    assert version_of(old) == NEW


def test_an_upgrade_may_take_longer_than_a_statement(old: str, next_script: Path) -> None:
    """An index on a large table takes its time: the limit for statements does not hold for it."""
    next_script.write_text(script(*STEPS, 'op.execute("SELECT pg_sleep(1)")'), encoding="utf-8")
    opened(f"{old}%20-cstatement_timeout%3D500")
    assert version_of(old) == NEW


TOGETHER = """
import logging, sys
from pathlib import Path
from agenttrace.store import postgres, version
from agenttrace.store.migrations import upgrade
from agenttrace.testing.records import batch_of, run_record

url, folder, new, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
upgrade.FOLDER, postgres.SCHEMA_VERSION, version.SCHEMA_VERSION = folder, new, new
logging.basicConfig(level=logging.INFO, format="%(message)s")
print("ready", flush=True)
sys.stdin.readline()
store = postgres.PostgresStore(url)
store.open()
store.write(batch_of(run_record(number, end=2_000_000)))
store.close()
"""


def test_of_several_processes_one_upgrades_and_all_go_on(old: str, next_script: Path) -> None:
    """The others wait for it, and write what they have."""
    folder = str(next_script.parents[1])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TOGETHER, old, folder, str(NEW), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(10, 14)
    ]
    assert [process.stdout.readline() for process in processes if process.stdout] == ["ready\n"] * len(processes)
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), told
    assert "".join(told).count(f"from version {SCHEMA_VERSION:04}") == 1
    assert ask(old, "SELECT count(*) FROM run") == [(2 + len(processes),)]


def test_a_newer_store_is_left_alone(old: str) -> None:
    """StoreTooNew names the versions and what to do."""
    before = shape(old)
    ask(old, "UPDATE agenttrace_version SET version = 99")
    with pytest.raises(StoreTooNew, match=rf"version 99, this agenttrace knows {SCHEMA_VERSION}; upgrade"):
        opened(old)
    assert shape(old) == before


ORDINARY = """
import sys
from agenttrace.store.postgres import PostgresStore
for _ in range(2):
    store = PostgresStore(sys.argv[1])
    store.open()
    store.close()
found = {"alembic", "sqlalchemy", "sqlmodel", "mako"} & set(sys.modules)
sys.exit(f"imported {found}" if found else 0)
"""


def test_only_an_old_store_needs_alembic(postgres_url: str) -> None:
    """A new store and a current one are opened without it."""
    subprocess.run([sys.executable, "-c", ORDINARY, postgres_url], check=True, timeout=60)
