"""A SQLite file that is removed or replaced while programs have it open: what is written afterwards is found there."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from agenttrace.errors import StoreUnavailable
from agenttrace.model import ids
from agenttrace.store.protocol import RunFilter
from agenttrace.store.sqlite import SQLite, SQLiteStore
from agenttrace.store.sqlite_files import companions_of
from agenttrace.store.sqlite_tables import SQLiteTables
from agenttrace.testing.records import batch_of, run_record, run_uuid
from tests.store.links_support import contents, conversation, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVERY = RunFilter(workspace_id=ids.DEFAULT_WORKSPACE.bytes)

#: Has a store open, and writes the run of each number that it is told.
WRITER = """
import sys
from agenttrace.store import sqlite
from agenttrace.testing.records import batch_of, run_record

sqlite._LOOK_EVERY = 0.0
store = sqlite.SQLiteStore(sys.argv[1])
store.open()
for line in sys.stdin:
    store.write(batch_of(run_record(int(line), end=2_000_000)))
    print("written", flush=True)
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the store is, at which it is looked each time."""
    monkeypatch.setattr("agenttrace.store.sqlite._LOOK_EVERY", 0.0)
    return tmp_path / "traces.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    """A store with the run 1, that has been read."""
    made = SQLiteStore(path)
    made.open()
    made.write(batch_of(run_record(1, end=2_000_000)))
    assert len(made.runs(EVERY)) == 1
    yield made
    made.close()


def write(store: SQLiteStore, *spans: int) -> None:
    """Write these runs."""
    store.write(batch_of(*(run_record(span, end=2_000_000) for span in spans)))


def remove(path: Path, *suffixes: str) -> None:
    """Remove files of a store."""
    for suffix in suffixes:
        path.with_name(path.name + suffix).unlink()


def found(path: Path) -> set[bytes]:
    """Return the runs in a file that is whole, as another program reads them."""
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {run_id for (run_id,) in other.execute("SELECT id FROM run")}


def uuids(*spans: int) -> set[bytes]:
    """Return the ids of runs."""
    return set(map(run_uuid, spans))


@pytest.mark.parametrize("suffixes", [("",), ("", "-wal"), ("", "-shm"), ("", "-wal", "-shm")])
def test_a_file_that_was_removed_is_made_anew(
    store: SQLiteStore, path: Path, suffixes: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """With its tables; what is beside the old one is not taken for the new one's, and one line says so."""
    for span in (2, 3):
        remove(path, *suffixes)
        with caplog.at_level(logging.WARNING, "agenttrace.store"):
            write(store, span)
            assert {run.id for run in store.runs(EVERY)} == uuids(span)
        assert found(path) == uuids(span)
    assert [record.getMessage() for record in caplog.records] == [
        f"{store.url}: the file was removed or replaced; from here on a new one is used"
    ] * 2


def test_a_reader_finds_the_new_file(store: SQLiteStore, path: Path) -> None:
    """It makes tables where it comes first, and what was remembered of the old file counts no more."""
    before = store.state()
    remove(path, "")
    assert store.state() is None
    assert store.runs(EVERY) == []
    write(store, 2)
    assert store.state() not in (None, before)


def test_a_file_that_came_in_its_place_is_used(store: SQLiteStore, path: Path, tmp_path: Path) -> None:
    """The log of the old one is not applied to it."""
    other = SQLiteStore(tmp_path / "backup.db")
    other.open()
    write(other, 7)
    other.close()
    write(store, *range(2, 40))
    (tmp_path / "backup.db").replace(path)
    assert {run.id for run in store.runs(EVERY)} == uuids(7)
    write(store, 8)
    assert found(path) == uuids(7, 8)


def test_a_file_that_has_another_name_now_keeps_what_it_had(store: SQLiteStore, path: Path, tmp_path: Path) -> None:
    """That is how files are rotated: what stood in the log alone is brought to where it belongs."""
    write(store, *range(2, 40))
    path.replace(tmp_path / "old.db")
    write(store, 40)
    assert found(tmp_path / "old.db") == uuids(*range(1, 40))
    assert found(path) == uuids(40)


def test_a_batch_whose_file_goes_meanwhile_is_not_stored(
    store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says that it may work later: the same batch goes into the new file."""
    with monkeypatch.context() as patch:
        put = SQLiteTables.put_runs

        def gone(self: SQLiteTables, *given: object, **options: object) -> object:
            remove(path, "")
            return put(self, *given, **options)  # type: ignore[arg-type]

        patch.setattr(SQLiteTables, "put_runs", gone)
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            write(store, 2)
    write(store, 2)
    assert found(path) == uuids(2)


def test_prompts_are_whole_though_their_links_were_in_the_old_file(store: SQLiteStore, path: Path) -> None:
    """What is remembered of the histories that were written is looked up before anything is built on it."""
    store.write(conversation(3))
    remove(path, "")
    later = conversation(6)
    store.write(later)
    assert contents(store) == written(later)


def test_several_processes_go_on_in_the_same_new_file(store: SQLiteStore, path: Path) -> None:
    """Whoever comes first makes it, and the others leave what it has made."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    told, heard = child.stdin, child.stdout
    assert told is not None
    assert heard is not None

    def write_there(span: int) -> None:
        told.write(f"{span}\n")
        told.flush()
        assert heard.readline() == "written\n"

    with child:
        write_there(2)
        remove(path, "")
        write(store, 3)
        write_there(4)
        write(store, 5)
        remove(path, "")
        write_there(6)
        write(store, 7)
        told.close()
        assert child.wait(30) == 0
    write(store, 8)
    assert found(path) == uuids(6, 7, 8)


def test_nothing_is_taken_from_a_living_file(path: Path, store: SQLiteStore) -> None:
    """However many threads open and close connections to it at once."""
    dialect = SQLite(path)
    before = companions_of(str(path))
    assert len(before) == 2

    def come_and_go(_: int) -> None:
        for _ in range(100):
            connection: Any = dialect.connect()
            connection.execute("SELECT count(*) FROM run").fetchall()
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(come_and_go, range(8))) == [None] * 8
    assert companions_of(str(path)) == before
    assert len(store.runs(EVERY)) == 1


def test_a_link_to_no_file_yet_is_followed(tmp_path: Path) -> None:
    """The file is made where the link leads, and what stands beside it as well."""
    (tmp_path / "data").mkdir()
    (tmp_path / "traces.db").symlink_to(tmp_path / "data" / "real.db")
    store = SQLiteStore(tmp_path / "traces.db")
    store.open()
    store.write(batch_of(run_record(1, end=2_000_000)))
    assert sorted(entry.name for entry in (tmp_path / "data").iterdir()) == ["real.db", "real.db-shm", "real.db-wal"]
    store.close()
    assert (tmp_path / "traces.db").is_symlink()
    assert [entry.name for entry in (tmp_path / "data").iterdir()] == ["real.db"]


def test_a_link_that_leads_elsewhere_is_noticed(path: Path, tmp_path: Path) -> None:
    """What was written goes on in the new file; the old one, and what stands beside it, is left as it is."""
    one, other = tmp_path / "one.db", tmp_path / "other.db"
    path.symlink_to(one)
    store, beside = SQLiteStore(path), SQLiteStore(one)
    store.open()
    store.write(batch_of(run_record(1, end=2_000_000)))
    beside.open()
    kept = companions_of(str(one))
    path.unlink()
    path.symlink_to(other)
    store.write(batch_of(run_record(2, end=2_000_000)))
    assert [run.id for run in store.runs(EVERY)] == [run_uuid(2)]
    assert companions_of(str(one)) == kept
    assert [run.id for run in beside.runs(EVERY)] == [run_uuid(1)]
    store.close()
    beside.close()


def test_a_file_that_is_replaced_behind_a_link_is_read_without_the_old_log(path: Path, tmp_path: Path) -> None:
    """SQLite looks for the log beside the file, not beside the link."""
    real, backup = tmp_path / "real.db", tmp_path / "backup.db"
    for where, number in ((backup, 7), (real, 1)):
        made = SQLiteStore(where)
        made.open()
        made.write(batch_of(run_record(number, end=2_000_000)))
        made.close()
    path.symlink_to(real)
    store = SQLiteStore(path)
    store.open()
    store.write(batch_of(run_record(2, end=2_000_000)))
    backup.replace(real)
    store.write(batch_of(run_record(3, end=2_000_000)))
    assert {run.id for run in store.runs(EVERY)} == {run_uuid(7), run_uuid(3)}
    store.close()
