"""From a URL or a path to a store; a store's module is imported only where it is asked for."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from agenttrace.faults import ConfigurationError
from agenttrace.loading import LOADING
from agenttrace.location import address_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from agenttrace.store.protocol import Store

__all__ = ["open_store", "sqlite_store", "store_maker"]


def open_store(store: str | os.PathLike[str] | Store, *, clock: Callable[[], int] | None = None) -> Store:
    """Return the store that a URL or a path names, not yet connected: `open()` does that. A store is returned as it is.

    `clock` returns microseconds, for tests. Understood are `sqlite:///relative.db`, `sqlite:////absolute.db`,
    `postgresql://` (also `postgres://`), `clickhouse://`, `chdb:///folder`, `memory://`, a path, which is a SQLite
    file, and the schemes of installed distributions (`agenttrace.store.plugins`), which replace none of these.
    Raises ConfigurationError on anything else, and where an extra is not installed. Its words hold no password.

    >>> open_store("memory://").url
    'memory://'
    """
    return store_maker(store, clock=clock)()


def store_maker(
    store: str | os.PathLike[str] | Store, *, clock: Callable[[], int] | None = None
) -> Callable[[], Store]:
    """Return a function that does what `open_store` does, in any thread.

    Whether an extra is installed is known by then: its store is loaded at once. SQLite and memory, which are always
    there, are loaded when the function is called, under `LOADING`.
    """
    if not isinstance(store, str | os.PathLike):
        return lambda: store
    address = address_of(store)
    if address.place is not None and address.scheme == "sqlite":
        return partial(sqlite_store, address.place, clock)
    if address.scheme == "memory":
        return _memory_maker(clock)
    if address.scheme == "postgresql":
        with _extra(address.scheme, "postgres"):
            from agenttrace.store.postgres import PostgresStore
        return _tried(partial(PostgresStore, address.url, clock=clock))
    if address.scheme in ("clickhouse", "chdb"):
        with _extra(address.scheme, "clickhouse"):
            from agenttrace.store.clickhouse import ClickHouseStore, require_engine

            if address.scheme == "chdb":
                require_engine()
        return _tried(partial(ClickHouseStore, address.url, clock=clock))
    from agenttrace.store import plugins

    return partial(plugins.maker(address.scheme), address.url, clock)


def sqlite_store(path: str, clock: Callable[[], int] | None) -> Store:
    """Return the store in a file of SQLite's, not yet open."""
    with LOADING:
        from agenttrace.store.sqlite import SQLiteStore
    return SQLiteStore(path, clock=clock)


def _memory_maker(clock: Callable[[], int] | None) -> Callable[[], Store]:
    # What memory holds outlives a shutdown, as a file does. A forked child begins with a store of its own.
    made: dict[int, Store] = {}

    def make() -> Store:
        with LOADING:
            from agenttrace.store.memory import MemoryStore
        return made.setdefault(os.getpid(), MemoryStore(clock=clock))

    return make


def _tried(make: Callable[[], Store]) -> Callable[[], Store]:
    """Return the same once it has worked: a URL that cannot be read is the caller's error, not the writer's."""
    make()
    return make


@contextmanager
def _extra(scheme: str, extra: str) -> Generator[None]:
    """Say which extra brings what could not be imported."""
    try:
        yield
    except ImportError as error:
        if (error.name or "").startswith("agenttrace"):
            raise
        raise ConfigurationError(
            f"store: {scheme}:// needs what is not installed ({error}): pip install 'agenttrace-otel[{extra}]'"
        ) from error
