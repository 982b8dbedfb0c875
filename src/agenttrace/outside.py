"""`writer="process"`: what the traced process needs to leave draining to another one. Loads no store."""

from __future__ import annotations

import os
from math import ceil
from typing import TYPE_CHECKING, Any

from agenttrace.faults import ConfigurationError
from agenttrace.journal.outside import DrainCommand, Drained
from agenttrace.loading import LOADING
from agenttrace.location import is_url

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from agenttrace.store.protocol import Store

__all__ = ["drained", "late_maker"]

_UNITS = (("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400), ("w", 604_800))
_MOST = 100_000  # of a unit
_LINGER = 10  # seconds for which a drainer that a process started waits for others


def drained(
    store: str | os.PathLike[str] | Store,
    place: str | None,
    root: str | None,
    *,
    exporters: Sequence[Any],
    flush_interval: float,
    retention: str | timedelta | None,
    audit_retention: bool,
) -> Drained:
    """Return what a pipeline needs whose journal another process drains into this store.

    Raises ConfigurationError where no other process could.
    """
    if not isinstance(store, str | os.PathLike):
        raise ConfigurationError(
            "writer: another process cannot use a store object; name the store by its URL, or use writer='thread'"
        )
    if place is None or root is None or os.fspath(store).startswith("chdb:"):
        raise ConfigurationError(
            "writer: no other process can write to a store in memory, nor to chdb:///, which one process has to "
            "itself; use a file or a server, or writer='thread'"
        )
    if exporters:
        raise ConfigurationError(
            "exporters: runs leave from the process that writes them; use writer='thread', or export from the store"
        )
    arguments = ["--journal-dir", root, "--linger", str(_LINGER), "--flush-interval", str(flush_interval)]
    if retention is not None:
        arguments += ["--retention", _age(retention), *(["--audit-retention"] if audit_retention else [])]
    command = DrainCommand(
        root=root,
        arguments=tuple(arguments),
        environment={"AGENTTRACE_STORE": _url(store, place)},
        path=os.path.dirname(os.path.dirname(os.path.realpath(__file__))),
    )
    return Drained(command)


def _age(age: str | timedelta) -> str:
    """Return an age as text; a long one is rounded up, to minutes or hours."""
    if isinstance(age, str):
        return age
    seconds = max(age.total_seconds(), 1)
    fitting = (f"{ceil(seconds / unit)}{name}" for name, unit in _UNITS if seconds / unit < _MOST)
    return next(fitting, f"{_MOST}w")


def _url(store: str | os.PathLike[str], place: str) -> str:
    """Return the URL by which a process in another folder finds the store."""
    return os.fspath(store) if is_url(place) else f"sqlite:///{place}"


def late_maker(store: str | os.PathLike[str] | Store, *, clock: Callable[[], int] | None) -> Callable[[], Store]:
    """Return a function that makes the store, and loads what that needs only then: this process may never query."""

    def make() -> Store:
        with LOADING:
            from agenttrace.store.urls import open_store

            return open_store(store, clock=clock)

    return make
