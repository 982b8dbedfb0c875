"""What the journal's tests share: records, stores that misbehave on request, pipelines, and child processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agenttrace.journal.pipeline import Pipeline
from agenttrace.journal.settings import JournalSettings
from agenttrace.model.versions import RANK_END, RANK_START
from agenttrace.model.wire import RUN, RunRecord, write_run
from agenttrace.store.batch import Batch

__all__ = [
    "RUN",
    "FakeStore",
    "FileStore",
    "child",
    "delete_folder",
    "make_pipeline",
    "now",
    "record",
    "records_of",
    "wait_until",
]

ROOT = Path(__file__).parents[2]


def now() -> int:
    """Return the clock in microseconds."""
    return time.time_ns() // 1000


def record(
    number: int,
    *,
    trace: int = 1,
    content: str = "hello",
    running: bool = False,
    parent: bytes | None = None,
    turn: int | None = None,
    **extra: Any,
) -> bytes:
    """Return a RUN record of its own span, named `r<number>`."""
    envelope = {"type": "master", "name": f"r{number}", "scope": {}}
    start = now()
    return write_run(
        RunRecord(
            trace=(trace << 96).to_bytes(16, "big"),
            span=(number + 1).to_bytes(8, "big"),
            parent=parent,
            start=start,
            end=None if running else start,
            turn=turn or start,
            seq=number,
            end_seq=0 if running else number,
            revision=0,
            rank=RANK_START if running else RANK_END,
            status="running" if running else "success",
            flags=0,
            envelope=json.dumps(envelope | extra).encode(),
            content=json.dumps({"input": content}).encode(),
        )
    )


class FakeStore:
    """Keeps what was written. `trouble(batch)` runs before each write and may raise or block."""

    url = "fake://"

    def __init__(self, trouble: Callable[[Batch], None] | None = None) -> None:
        self.trouble = trouble
        self.opened = self.closed = self.writes = 0
        self.rows: list[Any] = []
        self.abandoned: list[tuple[bytes, int]] = []

    def open(self) -> None:
        self.opened += 1

    def close(self) -> None:
        self.closed += 1

    def write(self, batch: Batch) -> None:
        self.writes += 1
        if self.trouble is not None:
            self.trouble(batch)
        self.rows += batch.runs.values()

    def abandon(self, process_id: bytes, *, at: int) -> int:
        self.abandoned.append((process_id, at))
        return 1

    @property
    def names(self) -> list[str]:
        return [row.name for row in self.rows]


class FileStore:
    """Appends one line of JSON a run to a file, so that what was committed outlives the process."""

    url = "file://"

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> None:
        self.path.touch()

    def close(self) -> None:
        pass

    def write(self, batch: Batch) -> None:
        lines = [{"name": row.name, "content": row.content, "status": row.status} for row in batch.runs.values()]
        self._append(lines)

    def abandon(self, process_id: bytes, *, at: int) -> int:
        self._append([{"abandon": process_id.hex(), "at": at}])
        return 0

    def _append(self, lines: list[dict[str, Any]]) -> None:
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(fd, "".join(json.dumps(line) + "\n" for line in lines).encode())
        os.close(fd)


def records_of(path: Path) -> list[dict[str, Any]]:
    """Return the lines that a FileStore wrote."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def make_pipeline(
    root: Path | None, store: Any, *, errors: list[tuple[str, BaseException]] | None = None, **settings: Any
):
    """Return a pipeline in a hurry: short intervals, small pauses."""
    quick = {"flush_interval": 0.01, "retry_initial": 0.005, "retry_max": 0.02, "abandon_grace": 0.0} | settings

    def on_error(where: str, error: BaseException) -> None:
        if errors is not None:
            errors.append((where, error))

    return Pipeline(JournalSettings(root=root, **quick), lambda: store, on_error=on_error, clock=now)


def wait_until(condition: Callable[[], Any], timeout: float = 20.0) -> None:
    """Return as soon as the condition holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.002)


def delete_folder(folder: Path) -> None:
    """Delete it with all that is in it. Nothing is put into it meanwhile: its name is gone first."""
    shutil.rmtree(folder.rename(folder.with_name(f"{folder.name}.deleted")))


def child(script: str, *args: object, check: bool = True, measured: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a script in a fresh interpreter in which this module can be imported, and return how it ended."""
    # What forks beside threads is not measured: the child may inherit the measuring's own lock while it is held.
    measured = measured and "fork" not in script
    prelude = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
    prelude += "from tests.journal.journal_support import *\nfrom pathlib import Path\n"
    done = subprocess.run(
        [sys.executable, "-c", prelude + script, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={key: value for key, value in os.environ.items() if measured or not key.startswith("COV")},
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done
