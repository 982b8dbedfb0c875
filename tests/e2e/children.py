"""Child processes of these tests: scripts that run in a folder of their own and never outlive the test."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["environment", "run_script", "started", "wait_until", "write_script"]

PATIENCE = 60


def environment() -> dict[str, str]:
    """Return this process's environment without settings of agenttrace, and without those of coverage.

    A child that is forked beside threads may inherit the lock of coverage while it is held, and wait for it for ever.
    """
    return {key: value for key, value in os.environ.items() if not key.startswith(("AGENTTRACE_", "COV"))}


def write_script(folder: Path, text: str, name: str = "script.py") -> Path:
    """Write a script into the folder."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def run_script(folder: Path, text: str, *arguments: str, code: int = 0) -> str:
    """Run a script to its end, in the folder, and return its output; it must end with `code` and a clean stderr."""
    # From 3.12 on Python warns of every fork in a process with threads, as one that records is.
    warn = ["-W", "error::ResourceWarning", "-W", "ignore:This process:DeprecationWarning"]
    command = [sys.executable, *warn, str(write_script(folder, text)), *arguments]
    ran = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (ran.returncode, ran.stderr) == (code, "")
    return ran.stdout


@contextmanager
def started(folder: Path, text: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a script whose output can be read; it is dead when the block is left."""
    command = [sys.executable, str(write_script(folder, text)), *arguments]
    child = subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def wait_until(condition: Callable[[], object]) -> None:
    """Return once the condition holds; fail if it never does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
