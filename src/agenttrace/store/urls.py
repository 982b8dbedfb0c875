"""From a URL or a path to a store; a store's module is imported only where it is asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from agenttrace.errors import ConfigurationError

if TYPE_CHECKING:
    from agenttrace.store.protocol import Store

__all__ = ["open_store", "place_of"]

_KNOWN = "a path, sqlite:///relative.db, sqlite:////absolute.db or memory://"


def open_store(url_or_path: str | os.PathLike[str]) -> Store:
    """Return the store that a URL or a path names, not yet connected: `open()` does that.

    Understood are `sqlite:///relative.db`, `sqlite:////absolute.db`, `memory://`, and a path, which is a SQLite file.
    Raises ConfigurationError on anything else.

    >>> open_store("memory://").url
    'memory://'
    """
    place = place_of(url_or_path)
    if isinstance(place, Path):
        from agenttrace.store.sqlite import SQLiteStore

        return SQLiteStore(place)
    from agenttrace.store.memory import MemoryStore

    return MemoryStore()


def place_of(url_or_path: str | os.PathLike[str]) -> Path | str | None:
    """Return where a store's data lives: the absolute path of a file, the URL of a server, or None for memory.

    Raises ConfigurationError as `open_store` does.

    >>> str(place_of("sqlite:////var/lib/traces.db")), place_of("memory://")
    ('/var/lib/traces.db', None)
    """
    text = os.fspath(url_or_path)
    scheme, separator, rest = text.partition("://")
    if not separator or isinstance(url_or_path, os.PathLike):
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
