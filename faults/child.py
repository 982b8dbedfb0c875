"""A program that is harmed: a process of its own in a session of its own, with a pipe for what it acknowledges."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from faults.told import Told

__all__ = ["PATIENCE", "ROOT", "WRITER", "Child", "environment", "script"]

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 120.0

#: The setting that `--writer` makes for all programs.
WRITER = "AGENTTRACE_WRITER"


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which children find this package, without settings of coverage, and without those of
    agenttrace but who writes.
    """
    dropped = ("AGENTTRACE_", "COV", "PYTEST")
    kept = {key: value for key, value in os.environ.items() if key == WRITER or not key.startswith(dropped)}
    path = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))
    return {**kept, "PYTHONPATH": path, **more}


class Child:
    """A program in a process of its own. Whatever it started is ended by `kill` and `close`, and nothing else is.

    Args:
        command: program and arguments.
        folder: where it runs; its pipe and what it writes to stderr lie there.
        environment: all of it.
        preexec: called in the new process before the program, as for limits.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        name: str = "child",
        preexec: Callable[[], None] | None = None,
    ) -> None:
        pipe = folder / f"{name}.pipe"
        os.mkfifo(pipe, 0o600)
        os.chmod(pipe, 0o666)  # noqa: S103 - a program that drops its rights opens it, too; the folder is ours
        # Opened for both directions: there is no end of file when the last of several writers leaves.
        self._pipe = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        self.errors = folder / f"{name}.stderr"
        self._said = bytearray()
        self._heard = threading.Condition()
        self._leaving = False
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**environment, "FAULTS_PIPE": str(pipe)},
                stdin=subprocess.PIPE,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
                preexec_fn=preexec,
            )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        """The id of the process, and of its group."""
        return self.process.pid

    def told(self) -> Told:
        """Return what it has said so far, whole lines only."""
        return Told.of(self.lines())

    def lines(self) -> list[str]:
        """Return the whole lines that it has said so far."""
        with self._heard:
            said = bytes(self._said)
        return said.decode().split("\n")[:-1]

    def stderr(self) -> str:
        """Return what it wrote to stdout and stderr."""
        return self.errors.read_text(encoding="utf-8", errors="replace")

    def wait_lines(self, count: int, timeout: float = PATIENCE) -> None:
        """Return once it has said so many lines. Raises AssertionError where it ends, or `timeout` passes, before."""
        self.wait_for(lambda said: said.count(b"\n") >= count, f"{count} lines", timeout)

    def wait_word(self, *words: str, timeout: float = PATIENCE) -> None:
        """Return once it has said this line. Raises AssertionError where it ends, or `timeout` passes, before."""
        line = (" ".join(words) + "\n").encode()
        self.wait_for(lambda said: said.startswith(line) or b"\n" + line in said, repr(line), timeout)

    def wait_for(self, condition: Callable[[bytearray], bool], what: str, timeout: float = PATIENCE) -> None:
        """Return once this holds of all that it said."""
        deadline = time.monotonic() + timeout
        with self._heard:
            while not condition(self._said):
                ended = self.process.poll() is not None
                if ended:
                    self._heard.wait(0.2)  # what it said last is on its way
                if not condition(self._said) and (ended or time.monotonic() > deadline):
                    raise AssertionError(f"waited in vain for {what}; it wrote {self.stderr()[-3000:]}")
                self._heard.wait(0.1)

    def wait(self, code: int | None = 0, timeout: float = PATIENCE) -> None:
        """Wait for its end. Raises AssertionError where its exit status is another one; None takes any."""
        status = self.process.wait(timeout)
        self._settle()
        if code is not None and status != code:
            raise AssertionError(f"it ended with {status}, not {code}, and wrote {self.stderr()[-3000:]}")

    def send(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        self.process.send_signal(number)

    def type(self, text: str) -> None:
        """Write to its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def kill(self) -> None:
        """Kill it and all that it started, and wait until it is gone."""
        self._kill_group()
        self.process.wait()
        self._settle()

    def close(self) -> None:
        """Kill what is left of it, and close the pipe."""
        self._kill_group()
        self.process.wait()
        self._settle()
        self._leaving = True
        self._listener.join()
        os.close(self._pipe)
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def _kill_group(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # PermissionError: macOS, where only zombies are left
            return

    def _settle(self) -> None:
        """Return once what was written to the pipe has been read."""
        deadline = time.monotonic() + PATIENCE
        while self._listener.is_alive() and select.select([self._pipe], [], [], 0)[0]:
            assert time.monotonic() < deadline, "the pipe is never empty: does a process of this fault still run?"
            time.sleep(0.002)
        with self._heard:
            pass  # what the listener held in its hands is in place

    def _listen(self) -> None:
        while not self._leaving:
            if not select.select([self._pipe], [], [], 0.05)[0]:
                continue
            with self._heard:
                self._said += os.read(self._pipe, 1 << 16)
                self._heard.notify_all()


def script(folder: Path, text: str, name: str) -> list[str]:
    """Write a program into the folder and return the command that runs it."""
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return [sys.executable, "-W", "ignore:This process:DeprecationWarning", str(path)]
