"""The process that drains for others: what it is made of, and how it begins and ends.

`agenttrace drain` starts one by hand; a traced process starts one by `main`, where none is there. See docs/drain.md.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from argparse import ArgumentParser
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from agenttrace.errors import ConfigurationError
from agenttrace.journal import seat
from agenttrace.journal.drainer import Drainer
from agenttrace.journal.folder import boot_id
from agenttrace.journal.seat import Seat
from agenttrace.journal.settings import JournalSettings
from agenttrace.journal.sheet import Sheet
from agenttrace.location import place_of
from agenttrace.settings import absolute, journal_root
from agenttrace.store.urls import store_maker
from agenttrace.writing import deriver, upkeep_by_age

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["Taken", "drain", "main"]

_STARTING = 3  # the descriptor of the lock that says that we are being started
_PATIENCE = 10.0  # seconds for one that is just coming or going

_logger = logging.getLogger("agenttrace")


class Taken(Exception):
    """Somebody else drains these journals."""


def drain(
    store: str,
    *,
    journal_dir: str | Path | None = None,
    linger: float | None = None,
    once: bool = False,
    flush_interval: float = 0.1,
    retention: str | None = None,
    audit_retention: bool = False,
    seated: Callable[[], object] = lambda: None,
) -> str | None:
    """Drain the journals of a store until SIGTERM or SIGINT, and return what kept it from draining all, or None.

    `linger` seconds without a process that leaves draining to others end it as well; with `once` it ends when what is
    there now is drained, or cannot be. `seated` is called once others find this drainer. Call it in the main thread.

    Raises Taken where somebody else drains these journals, ConfigurationError where a setting cannot be used, OSError
    where the folder cannot.
    """
    root = absolute(journal_dir) if journal_dir is not None else journal_root(place_of(store))
    if root is None:
        raise ConfigurationError("store: what is in memory has no journals that another process could drain")
    make, report = store_maker(store), _Reporter()
    settings = JournalSettings(
        root=root,
        flush_interval=flush_interval,
        derive=deriver(lambda error, where: report(where, error)),
        upkeep=upkeep_by_age(retention, root, audit=audit_retention, clock=_now),
    )
    taken = Seat.take(Path(root), patience=_PATIENCE)
    if taken is None:
        said = seat.said(Path(root))
        raise Taken(f"process {said.get('pid')} on {said.get('host')} drains {root}")
    drainer = Drainer(taken, settings, make, on_error=report, clock=_now, linger=linger, once=once)
    _allow_many_files()
    with _signals(drainer):
        taken.open()
        seated()
        drainer.run()
    return drainer.failure


def _now() -> int:
    return time.time_ns() // 1000


def _allow_many_files() -> None:
    """Let this process open as many files as it may: some for each process that it drains for."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextmanager
def _signals(drainer: Drainer) -> Generator[None]:
    """Let SIGTERM and SIGINT end it after the batch that is under way."""

    def stop(_number: int, _frame: object) -> None:
        drainer.stop()

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Reporter:
    """Logs the first problem of a kind."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def __call__(self, where: str, error: BaseException) -> None:
        kind = f"{where}: {type(error).__name__}"
        if kind not in self._known:
            self._known.add(kind)
            _logger.warning("agenttrace: %s; draining goes on", kind, exc_info=error)


def main() -> NoReturn:
    """Drain as a process that another one started: quietly, with the store from the environment. Exits."""
    parser = ArgumentParser(prog="agenttrace-drain", allow_abbrev=False)
    parser.add_argument("--journal-dir", required=True)
    parser.add_argument("--linger", type=float)
    parser.add_argument("--flush-interval", type=float, default=0.1)
    parser.add_argument("--retention")
    parser.add_argument("--audit-retention", action="store_true")
    given = parser.parse_args()
    try:
        drain(
            os.environ.get("AGENTTRACE_STORE", ""),
            journal_dir=given.journal_dir,
            linger=given.linger,
            flush_interval=given.flush_interval,
            retention=given.retention,
            audit_retention=given.audit_retention,
            seated=lambda: os.close(_STARTING),
        )
    except Taken:
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - nobody looks at our output: whoever waits reads it there
        _say_failed(Path(given.journal_dir), error)
        sys.exit(1)
    sys.exit(0)


def _say_failed(root: Path, error: Exception) -> None:
    """Let those who wait for a drainer know why there is none."""
    with suppress(OSError):
        sheet = Sheet(root / "drain.state")
        sheet.write(
            {
                "pid": os.getpid(),
                "host": os.uname().nodename,
                "boot_id": boot_id(),
                "at": time.monotonic_ns(),
                "error": f"{type(error).__name__}: {error}",
            }
        )
        sheet.close()
