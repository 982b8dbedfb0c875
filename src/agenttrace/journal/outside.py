"""A writer outside this process: what stands in the place of the writer's thread where a drainer does its work.

It starts a drainer where there is none, wakes it, and waits for it. There is no thread: it looks when a journal begins,
when a segment is full, and while somebody waits.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agenttrace.journal import seat
from agenttrace.journal.folder import boot_id, renewal_stamp
from agenttrace.journal.shared import SharedJournal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agenttrace.journal.journal import Journal

__all__ = ["DrainCommand", "Drained", "Outside", "Starter"]

_SHORTEST, _LONGEST = 0.001, 0.005  # seconds between two looks at the mark
_LOOKS = 50  # for the end of the process that starts a drainer; else it is waited for later
_LOOK = 0.1  # seconds between two looks for a drainer, while somebody waits
_COMES_UP = 20.0  # seconds that a drainer may take until it can be woken
_SHORT_LIFE = 30.0  # seconds: one that was gone sooner is started again only after a pause
_LONGEST_PAUSE = 60.0

# Descriptor 3 is the lock that says that one is being started; it goes once that has its seat, or has ended.
# The first process goes at once and is waited for, so the drainer is nobody's child here: no zombie, and no `os.wait`
# that meets it. A shell is there and gone in a millisecond, an interpreter in some forty; where there is none, `_BOOT`
# forks all the same.
_SHELL = ("/bin/sh", "-c", '"$@" &', "sh")
_BOOT = """import os, sys
if os.fork():
    os._exit(0)
os.setsid()
os.closerange(4, 65536)
sys.path.append(sys.argv.pop(1))
from agenttrace.draining import main
main()
"""


@dataclass(slots=True, frozen=True, kw_only=True)
class DrainCommand:
    """How a drainer is started: by which arguments, and with which additions to the environment."""

    root: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]  # the store's URL: arguments can be seen by everybody, and it may hold a password
    path: str  # the folder in which the package is


class Starter:
    """Sees to it that a drainer runs, and starts one where none does, but not again and again. For any thread."""

    def __init__(self, command: DrainCommand) -> None:
        self.root = command.root
        self._command = command
        self._error: str | None = None  # why none could be started
        self._started = float("-inf")  # monotonic seconds
        self._is_coming = False
        self._was_there = False
        self._failures = 0
        self._not_before = float("-inf")
        self._children: list[int] = []
        self._turn = threading.Lock()

    def after_fork(self) -> None:
        """Start anew in a forked child; the drainer is the same."""
        self._turn = threading.Lock()
        self._children = []

    def ensure(self, *, wake: bool = True) -> bool:
        """Return whether a drainer is there, which is woken; start one if none is, where that may help."""
        there = seat.wake(self.root) if wake else seat.is_taken(self.root)
        if not self._turn.acquire(blocking=False):  # another thread is at it, or this one, below a signal handler
            return there
        try:
            self._reap()
            if not there:
                self._bring()
            else:
                self._was_there, self._is_coming = True, False
        finally:
            self._turn.release()
        return there

    def _bring(self) -> None:
        """Start a drainer, but for one that is coming, and not too often."""
        now = time.monotonic()
        if self._was_there:
            self._was_there = False
            self._gone(now)
        elif self._is_coming:
            if now - self._started < _COMES_UP and seat.is_starting(self.root):
                return
            self._is_coming = False
            if seat.is_taken(self.root):  # just now
                self._was_there = True
                return
            self._failed(now)
        if now >= self._not_before:
            self._start(now)

    def problem(self) -> str | None:
        """Return why there is no drainer, as far as that is known; None where there is one."""
        error = seat.said(self.root).get("error") or self._error
        return None if error is None or seat.is_taken(self.root) else f"drainer: {error}"

    def _gone(self, now: float) -> None:
        if now - self._started > _SHORT_LIFE:
            self._failures = 0
            self._not_before = now
        else:
            self._failed(now, at_once=1)

    def _failed(self, now: float, *, at_once: int = 0) -> None:
        """Note that a drainer ended too soon; `at_once` times that may be an accident."""
        pause = 0.0 if self._failures < at_once else min(2.0 ** (self._failures - at_once), _LONGEST_PAUSE)
        self._failures += 1
        self._not_before = now + pause

    def _start(self, now: float) -> None:
        self._started, self._is_coming = now, True
        try:
            lock = seat.announce(self.root)
            if lock is None:  # another process is starting one
                return
            try:
                self._children.append(self._spawn(lock))
            finally:
                os.close(lock)
            for _ in range(_LOOKS):
                self._reap()
                if not self._children:
                    break
                time.sleep(_SHORTEST)
        except Exception as error:  # noqa: BLE001 - whatever it is, the records wait in the journal
            self._is_coming = False
            self._error = f"{type(error).__name__}: {error}"
            self._failed(now)
        else:
            self._error = None

    def _spawn(self, lock: int) -> int:
        command = self._command
        arguments = [sys.executable, "-P", "-c", _BOOT, command.path, *command.arguments]
        if os.access(_SHELL[0], os.X_OK) and os.access(sys.executable, os.X_OK):  # else what is wrong would not be told
            arguments = [*_SHELL, *arguments]
        files: list[Any] = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
        files.append((os.POSIX_SPAWN_DUP2, lock, 3))
        environment = {**os.environ, **command.environment}
        return os.posix_spawn(arguments[0], arguments, environment, file_actions=files, setsigmask=[])

    def _reap(self) -> None:
        for child in list(self._children):
            ended = child
            with suppress(ChildProcessError):  # a forked child's parent's, or somebody else has waited for it
                ended, _ = os.waitpid(child, os.WNOHANG)
            if ended:
                with suppress(ValueError):
                    self._children.remove(child)


class Outside:
    """Stands where a `Writer` stands; all methods may be called from any thread."""

    ask = None  # nobody in this process makes pages present

    def __init__(self, journal: SharedJournal, starter: Starter) -> None:
        self.journal = journal
        self._starter = starter
        self._began = time.monotonic_ns()
        self._caught_up = False
        self._stopped = False

    def start(self) -> None:
        """Have a drainer look at the journal."""
        self._starter.ensure()

    def is_alive(self) -> bool:
        """Return whether a drainer can do the work, and was not told that it is over."""
        return not self._stopped and not self.journal.is_lost()

    def is_current(self) -> bool:
        """Return False: there is no thread that could be the caller's."""
        return False

    def resume(self) -> bool:
        """Take back a `stop`, and return whether it goes on."""
        self._stopped = False
        return self.is_alive()

    def provide(self) -> None:
        """Have a drainer look at the journal: a segment is full."""
        self._starter.ensure()

    def adopt_soon(self) -> None:
        """Have the journals of dead processes looked for now."""
        self._starter.ensure()

    def await_stored(self, target: int, deadline: float) -> bool:
        """Wake the drainer, wait until the journal is stored up to there, and return whether that came in time."""

        def is_stored() -> bool:
            self.journal.refresh()
            return self.journal.committed >= target

        return self._await(is_stored, deadline)

    def await_adopted(self, deadline: float) -> bool:
        """Wait until what dead processes had left when this one began is stored; return whether that came in time."""
        if not self._caught_up:
            self._caught_up = self._await(self._is_adopted, deadline)
        return self._caught_up

    def _is_adopted(self) -> bool:
        said = seat.said(self._starter.root)
        return said.get("boot_id") == boot_id() and int(said.get("round", 0)) > self._began

    def _await(self, done: Callable[[], bool], deadline: float) -> bool:
        pause, look, woken = _SHORTEST, 0.0, False
        while not done():
            now = time.monotonic()
            if now >= deadline:
                return False
            if now >= look:
                look = now + _LOOK
                woken = self._starter.ensure(wake=not woken)
            time.sleep(min(pause, deadline - now))
            pause = min(pause * 1.5, _LONGEST)
        return True

    def stop(self, timeout: float, *, final: bool) -> bool:  # noqa: ARG002 - as a writer's thread is told
        """Have the drainer look once more; what is left is for it, or for the next one. Return True."""
        self._stopped = True
        if self.journal.is_drained() and not self.journal.has_open_runs():
            seat.wake(self._starter.root)
        else:
            self._starter.ensure()
        return True


class Drained:
    """What a pipeline needs to leave draining to another process: its journals, and who stands for the writer."""

    def __init__(self, command: DrainCommand) -> None:
        self._starter = Starter(command)
        self._renewals = renewal_stamp(command.root)
        self.journal = SharedJournal

    def writer(self, journal: Journal) -> Outside | None:
        """Return what stands for the writer's thread; None where no other process can drain the journal."""
        if not isinstance(journal, SharedJournal) or journal.is_lost():
            return None
        return Outside(journal, self._starter)

    def problem(self) -> str | None:
        """Return why there is no drainer, as far as that is known; None where there is one."""
        return self._starter.problem()

    def hears_of_erasure(self) -> bool:
        """Return whether somebody has erased data since the last time: a writer's thread would notice by itself."""
        found = renewal_stamp(self._starter.root)
        known, self._renewals = self._renewals, found
        return found != known

    def after_fork(self) -> None:
        """Start anew in a forked child."""
        self._starter.after_fork()
