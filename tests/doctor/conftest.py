"""A store to examine, children that die while they record, and what the doctor found."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agenttrace import AgentTrace
from agenttrace.health import Report

HOUR = 3600.0

#: Stores a turn, and dies in the middle of the next one.
DIES = """
import os, sys, agenttrace
trace = agenttrace.AgentTrace(store=sys.argv[1], flush_interval=float(sys.argv[2]))
with trace.master("whole"):
    pass
if float(sys.argv[2]) < 1:
    assert trace.flush(30)
trace.master("half").start()
trace.tool_call("lost").start()
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is, or would be."""
    return tmp_path / "traces.db"


@pytest.fixture
def killed(path: Path) -> Callable[..., Path]:
    """Give a function that leaves the journal of a process that was killed, as if that had been some time ago."""

    def kill(*, ago: float = HOUR, flush_interval: float = 0.01) -> Path:
        known = set(journals(path))
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AGENTTRACE_", "COV"))}
        command = [sys.executable, "-c", DIES, str(path), str(flush_interval)]
        ran = subprocess.run(command, env=clean, timeout=60, check=False, capture_output=True, text=True)
        assert ran.returncode == -9, ran.stderr
        (left,) = set(journals(path)) - known
        then = time.time() - ago
        for file in left.iterdir():
            os.utime(file, (then, then))
        return left

    return kill


def journals(path: Path) -> list[Path]:
    root = path.with_name(f"{path.name}.journal")
    return [entry for entry in root.iterdir() if entry.is_dir()] if root.exists() else []


@pytest.fixture
def look(path: Path) -> Callable[..., Report]:
    """Give the doctor of a process that has nothing to do with the store but its name."""

    def examine(**options: object) -> Report:
        return AgentTrace(store=path).doctor(**{"expected": True, "timeout": 30.0, **options})  # pyright: ignore[reportArgumentType]

    return examine
