"""A SQLite file that somebody may read and not write is read as it is, and nothing is made beside it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agenttrace.store.sqlite import SQLiteStore
from agenttrace.store.version import SCHEMA_VERSION
from agenttrace.testing.records import batch_of, run_record

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Reads one store, so that all is imported, gives up its rights, and looks at another one each time it is told.
READER = """
import os, sys
from agenttrace.cli import main

def command(*arguments):
    sys.argv = ["agenttrace", *arguments]
    try:
        main()
    except SystemExit as left:
        print("status", left.code, flush=True)

commands = [["runs", "--json"], ["keys", "list"], ["export", "--otlp", "-"], ["letters", "list"]]
for arguments in commands:
    command(*arguments, "--store", sys.argv[-1])
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
print("ready", flush=True)
for line in sys.stdin:
    command(*line.split())
"""

WRITER = """
import os, sys
from agenttrace.model import ids
from agenttrace.store.protocol import RunFilter
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import batch_of, run_record

if os.getuid() == 0:
    os.setuid(65534)
store = SQLiteStore(sys.argv[1])
store.open()
print(len(store.runs(RunFilter(workspace_id=ids.DEFAULT_WORKSPACE.bytes))), store.state())
store.write(batch_of(run_record(2)))
"""


@pytest.fixture
def path() -> Iterator[Path]:
    """A store in which one run is; who has no rights may read it."""
    # Not pytest's own folder: that is nobody else's to enter.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "traces.db")
        path.touch()
        store = SQLiteStore(path)
        store.open()
        store.write(batch_of(run_record(1, end=2_000_000)))
        store.close()
        shutil.copy(path, Path(folder, "warm.db"))
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        yield path
        Path(folder).chmod(0o700)


class Reader:
    """A process without rights that runs commands."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._child = subprocess.Popen(
            [sys.executable, "-c", READER, str(path.with_name("warm.db"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._until("ready")

    def run(self, *arguments: str) -> list[str]:
        """Return what a command prints, and its status last."""
        assert self._child.stdin is not None
        self._child.stdin.write(" ".join([*arguments, "--store", str(self._path)]) + "\n")
        self._child.stdin.flush()
        return self._until("status")

    def close(self) -> None:
        """End the process."""
        self._child.communicate(timeout=30)

    def _until(self, word: str) -> list[str]:
        assert self._child.stdout is not None
        lines: list[str] = []
        for line in self._child.stdout:
            lines.append(line.rstrip())
            if line.startswith(word):
                return lines
        raise AssertionError(lines)


@pytest.fixture
def reader(path: Path) -> Iterator[Reader]:
    """Who runs commands on the store."""
    made = Reader(path)
    yield made
    made.close()


def runs(reader: Reader) -> int:
    """Return how many runs the reader sees."""
    *lines, status = reader.run("runs", "--json")
    assert status == "status 0", lines
    return len(lines)


def test_every_command_that_reads_does(path: Path, reader: Reader) -> None:
    """And leaves nothing behind."""
    before = sorted(os.listdir(path.parent))
    assert runs(reader) == 1
    for command in (["keys", "list"], ["export", "--otlp", "-"], ["letters", "list"], ["migrate", "--check"]):
        lines = reader.run(*command)
        assert lines[-1] == "status 0", lines
    assert sorted(os.listdir(path.parent)) == before


def test_what_another_process_writes_meanwhile_is_seen(path: Path, reader: Reader) -> None:
    """While it has the store open, and after it has closed it."""
    path.parent.chmod(0o755)
    path.chmod(0o644)
    store = SQLiteStore(path)
    store.open()
    if os.getuid() != 0:
        path.chmod(0o444)
    assert runs(reader) == 1
    store.write(batch_of(run_record(2, end=2_000_000)))
    assert runs(reader) == 2
    path.chmod(0o644)
    store.close()
    assert runs(reader) == 2


def test_older_tables_are_left_to_who_may_write(path: Path, reader: Reader) -> None:
    """The error says who does what."""
    path.chmod(0o644)
    path.parent.chmod(0o755)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 1")
    path.chmod(0o444)
    path.parent.chmod(0o555)
    said, status = reader.run("runs")
    assert status == "status 1"
    assert f"its tables have version 1, this agenttrace reads {SCHEMA_VERSION}, and you may not write" in said
    assert "agenttrace migrate" in said


def test_what_is_written_is_refused_and_may_work_later(path: Path) -> None:
    """Rights may be given meanwhile, so the records wait."""
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "1 None\n"
    assert done.stderr.rstrip().endswith("attempt to write a readonly database")
    assert "StoreUnavailable" in done.stderr
