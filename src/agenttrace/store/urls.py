"""From a URL or a path to a store; a store's module is imported only where it is asked for."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agenttrace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.store.protocol import Store

__all__ = ["open_store", "place_of", "store_maker"]

_KNOWN = "a path, sqlite:///relative.db, sqlite:////absolute.db or memory://"


def open_store(store: str | os.PathLike[str] | Store, *, clock: Callable[[], int] | None = None) -> Store:
    """Return the store that a URL or a path names, not yet connected: `open()` does that. A store is returned as it is.

    `clock` returns microseconds, for tests. Understood are
    `sqlite:///relative.db`, `sqlite:////absolute.db`, `memory://`, and a path, which is a SQLite file.
    Raises ConfigurationError on anything else.

    >>> open_store("memory://").url
    'memory://'
    """
    return store_maker(store, clock=clock)()


def store_maker(
    store: str | os.PathLike[str] | Store, *, clock: Callable[[], int] | None = None
) -> Callable[[], Store]:
    """Return a function that does what `open_store` does, and imports nothing any more.

    Whoever makes a store in another thread needs that: a fork in the middle of an import there would leave the child
    with half a module for good.
    """
    if not isinstance(store, str | os.PathLike):
        return lambda: store
    place = place_of(store)
    if isinstance(place, Path):
        from agenttrace.store.sqlite import SQLiteStore

        return partial(SQLiteStore, place, clock=clock)
    from agenttrace.store.memory import MemoryStore

    # What memory holds outlives a shutdown, as a file does. A forked child begins with a store of its own.
    made: dict[int, Store] = {}
    return lambda: made.setdefault(os.getpid(), MemoryStore(clock=clock))


def place_of(store: str | os.PathLike[str] | Store) -> Path | str | None:
    """Return where a store's data lives: the absolute path of a file, the URL of a server, or None for memory.

    A store object is asked for its URL; one of an unknown kind counts as a server.

    Raises ConfigurationError as `open_store` does.

    >>> str(place_of("sqlite:////var/lib/traces.db")), place_of("memory://")
    ('/var/lib/traces.db', None)
    """
    if not isinstance(store, str | os.PathLike):
        try:
            return place_of(store.url)
        except ConfigurationError:
            return store.url
    text = os.fspath(store)
    scheme, separator, rest = text.partition("://")
    if not separator or isinstance(store, os.PathLike):
        return _file(text)
    if scheme == "sqlite":
        return _file(_sqlite_path(text, rest))
    if scheme == "memory":
        return None
    if scheme.partition("+")[0] in ("postgresql", "postgres", "clickhouse"):
        raise ConfigurationError(f"store: {scheme}:// is not supported yet; use {_KNOWN}")
    raise ConfigurationError(f"store: unknown scheme {scheme}://; use {_KNOWN}")


def _sqlite_path(url: str, rest: str) -> str:
    if not rest.startswith("/"):
        raise ConfigurationError(f"store: {url!r} needs three slashes, as in sqlite:///relative.db")
    return rest[1:]


def _file(path: str) -> Path:
    if path in ("", ":memory:"):
        raise ConfigurationError(f"store: a SQLite store needs a file; use {_KNOWN}")
    return Path(os.path.abspath(path))
