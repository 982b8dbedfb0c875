"""A store, programs that leave draining to another process, and the drainers that they start: all gone in the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agenttrace.journal import seat
from agenttrace.model.run import Run
from agenttrace.query.reader import Query
from agenttrace.store.sqlite import SQLiteStore
from tests.e2e.children import PATIENCE, environment, wait_until

PRELUDE = """
import os, sys, threading, time
import agenttrace
trace = agenttrace.AgentTrace(sys.argv[1], writer="process", exit_timeout=30.0)
"""


class Place:
    """A store with its journals, and what runs there. `close` ends whatever still does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "traces.db"
        self.root = folder / "traces.db.journal"
        self.children: list[subprocess.Popen[str]] = []

    def start(self, script: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        """Start a program that may be talked to."""
        command = [sys.executable, "-W", "error", "-c", PRELUDE + script, str(self.path), *map(str, arguments)]
        return self._start(command, **options)

    def drain(self, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        """Start a drainer by hand."""
        return self.command("drain", *arguments, **options)

    def command(self, name: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        """Start a command on the store."""
        command = [sys.executable, "-m", "agenttrace.cli", name, str(self.path), *map(str, arguments)]
        return self._start(command, **options)

    def _start(self, command: list[str], **options: Any) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        self.children.append(child)
        return child

    def run(self, script: str, *arguments: object) -> str:
        """Run a program to its end, and return what it printed."""
        return ended(self.start(script, *arguments))

    def runs(self, **where: Any) -> list[Run]:
        """Return the runs that are in the store."""
        store = SQLiteStore(self.path)
        store.open()
        try:
            return list(Query(store).runs(**where))
        finally:
            store.close()

    def names(self) -> list[str]:
        """Return the runs' names, sorted."""
        return sorted(run.name for run in self.runs())

    def drainer(self) -> int:
        """Return the id of the process that drains here."""
        wait_until(lambda: seat.is_taken(self.root) and seat.said(self.root).get("pid"))
        return int(seat.said(self.root)["pid"])

    def kill_drainer(self) -> int:
        """Kill the drainer at once, and return its id."""
        pid = self.drainer()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not seat.is_taken(self.root))
        return pid

    def journals(self) -> list[Path]:
        """Return the journals that lie here."""
        return sorted(entry for entry in self.root.iterdir() if entry.is_dir()) if self.root.exists() else []

    def close(self) -> None:
        """End the programs, then the drainers."""
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.communicate(timeout=PATIENCE)
        wait_until(self._has_no_drainer)

    def _has_no_drainer(self) -> bool:
        if not seat.is_taken(self.root):
            return True
        with suppress(ProcessLookupError):
            os.kill(int(seat.said(self.root).get("pid", 0)) or os.getpid(), signal.SIGCONT)
            os.kill(int(seat.said(self.root).get("pid", 0)), signal.SIGTERM)
        return False


def ended(child: subprocess.Popen[str], *, code: int = 0) -> str:
    """Wait until a program has ended, as it should, and return what it printed."""
    out, err = child.communicate(timeout=PATIENCE)
    assert (child.returncode, err) == (code, "")
    return out


def line(child: subprocess.Popen[str]) -> str:
    """Return the next line that a program prints."""
    assert child.stdout is not None
    found = child.stdout.readline()
    if not found:
        assert child.stderr is not None
        raise AssertionError(child.stderr.read())
    return found.strip()


def say(child: subprocess.Popen[str], text: str = "go") -> None:
    """Let a program go on that waits for a line."""
    assert child.stdin is not None
    child.stdin.write(text + "\n")
    child.stdin.flush()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place of this test's own."""
    made = Place(tmp_path)
    try:
        yield made
    finally:
        made.close()
