"""The examination: looks at roots, store and process, and lets what was seen be judged."""

from __future__ import annotations

import time
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from agenttrace.health.judge import findings_of
from agenttrace.health.report import Report, SelfSeen
from agenttrace.health.storecheck import look_at_store
from agenttrace.journal.inspect import inspect_root
from agenttrace.model.times import utc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agenttrace.store.protocol import Store

__all__ = ["examine"]


def examine(
    make: Callable[[], Store],
    *,
    place: str | None,
    roots: Sequence[str],
    process: SelfSeen | None,
    expected: bool,
    close: bool,
    now: int,
    age: int,
    timeout: float,
) -> Report:
    """Return how all is; changes nothing, and takes little more than `timeout` seconds.

    `make` gives the store, `place` is its file or folder, where it has one; `close`: nobody else uses it. `expected`
    says that the store should exist by now. `now` and `age`, of what still counts as recent, are in microseconds.
    """
    since = utc(now - age)
    store = look_at_store(make, place=place, since=since, timeout=timeout, close=close)
    deadline = time.monotonic() + timeout
    seen = tuple(inspect_root(Path(root), since=since, deadline=deadline) for root in roots)
    findings = findings_of(store=store, roots=seen, process=process, expected=expected, now=utc(now))
    return Report(
        status=findings[0].status if findings else 0,
        findings=findings,
        time=utc(now),
        since=since,
        version=_version(),
        accelerators=_accelerators(),
        store=store,
        roots=seen,
        process=process,
    )


def _accelerators() -> dict[str, bool]:
    """Return whether each part that has a stub, `_name.pyi`, is there as compiled from C."""
    found: dict[str, bool] = {}
    for room in sorted(files("agenttrace").iterdir(), key=lambda entry: entry.name):
        stubs = [entry.name for entry in room.iterdir()] if room.is_dir() else []
        for stub in sorted(name for name in stubs if name.startswith("_") and name.endswith(".pyi")):
            name = f"{room.name}.{stub.removesuffix('.pyi')}"
            try:
                import_module(f"agenttrace.{name}")
            except ImportError:
                found[name] = False
            else:
                found[name] = True
    return found


def _version() -> str:
    try:
        return version("agenttrace-otel")
    except PackageNotFoundError:
        return "unknown"
