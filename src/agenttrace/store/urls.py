"""From a URL or a path to a store; a store's module is imported only where it is asked for."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from agenttrace.faults import ConfigurationError
from agenttrace.loading import LOADING
from agenttrace.model.regex import regex
from agenttrace.store.location import is_url, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from agenttrace.store.protocol import Store

__all__ = ["open_store", "place_of", "store_maker"]

_KNOWN = (
    "a path, sqlite:///relative.db, sqlite:////absolute.db, postgresql://user@host/database, "
    "clickhouse://user@host/database, chdb:///folder or memory://"
)
_SERVERS = {"postgresql": "postgresql", "postgres": "postgresql", "clickhouse": "clickhouse"}
_OURS = {*_SERVERS, "sqlite", "chdb", "memory"}
_BEHIND = regex(r"[/?#].*@", re.DOTALL)
_SCHEME = regex(r"[a-z][a-z0-9+.-]*\Z", re.IGNORECASE | re.ASCII)


class _Address:
    """What a URL says."""

    __slots__ = ("place", "scheme", "url")

    def __init__(self, scheme: str, url: str, place: str | None) -> None:
        self.scheme = scheme
        self.url = url
        self.place = place


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
    address = _address(store)
    if address.place is not None and address.scheme == "sqlite":
        return partial(_sqlite, address.place, clock)
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


def place_of(store: str | os.PathLike[str] | Store) -> str | None:
    """Return where a store's data lives: a file's or folder's absolute path, a server's URL, or None for memory.

    `location.is_url` tells a URL from a path. A URL is returned without its password, so that it may be shown, and a
    new password is no new place. A store object is asked for its URL; one of an unknown kind counts as a server.

    Raises ConfigurationError as `open_store` does.

    >>> place_of("sqlite:////var/lib/traces.db"), place_of("memory://")
    ('/var/lib/traces.db', None)
    >>> place_of("postgres://app:hunter2@db.example/traces")
    'postgresql://app:***@db.example/traces'
    """
    if isinstance(store, str | os.PathLike):
        return _address(store).place
    try:
        return place_of(store.url)
    except ConfigurationError:
        url = shown(store.url)
        return url if is_url(url) else f"store://{url}"


def _address(store: str | os.PathLike[str]) -> _Address:
    text = os.fspath(store)
    scheme, separator, rest = text.partition("://")
    if not separator or isinstance(store, os.PathLike):
        return _Address("sqlite", text, _file(text, given=isinstance(store, os.PathLike)))
    if not _SCHEME.match(scheme):
        raise ConfigurationError(f"store: this is no URL, and with :// in it no path either; use {_known()}")
    scheme = scheme.lower()
    if scheme == "sqlite":
        path = _path(rest, "sqlite:///relative.db")
        return _Address(scheme, text, _file(path))
    if scheme == "chdb":
        return _chdb(_path(rest, "chdb:///folder"))
    if scheme == "memory":
        return _Address(scheme, text, None)
    if scheme in _SERVERS:
        if _BEHIND.search(rest):
            raise ConfigurationError(
                f"store: this {scheme}:// URL has an @ behind its address; in user, password and parameters "
                "%40, %2F, %3F and %23 stand for @, /, ? and #"
            )
        url = f"{_SERVERS[scheme]}://{rest}"
        return _Address(_SERVERS[scheme], url, shown(url))
    from agenttrace.store import plugins

    if scheme not in plugins.schemes():
        raise ConfigurationError(f"store: unknown scheme {scheme}://; use {_known()}")
    return _Address(scheme, text, shown(text))


def _known() -> str:
    from agenttrace.store import plugins

    others = [f"{scheme}://" for scheme in plugins.schemes()]
    return f"{_KNOWN}; or of installed distributions {', '.join(others)}" if others else _KNOWN


def _path(rest: str, example: str) -> str:
    if not rest.startswith("/"):
        raise ConfigurationError(f"store: such a URL needs three slashes, as in {example}; use {_KNOWN}")
    return rest[1:]


def _chdb(path: str) -> _Address:
    path, question, options = path.partition("?")
    if not path:
        raise ConfigurationError(f"store: a chdb store needs a folder; use {_KNOWN}")
    folder = os.path.abspath(path)
    url = f"chdb:///{folder}{question}{options}"
    # One folder may have several databases, whose journals must not mix.
    return _Address("chdb", url, url if options else folder)


def _file(path: str, *, given: bool = False) -> str:
    """Return the absolute path of a SQLite file; `given` says that it is a path object, which is no URL for sure."""
    if path in ("", ":memory:"):
        raise ConfigurationError(f"store: a SQLite store needs a file; use {_KNOWN}")
    scheme, colon, _ = path.partition(":")
    if not given and colon and scheme in _OURS:
        raise ConfigurationError(f"store: a URL needs slashes, as in {scheme}://; use {_KNOWN}")
    return os.path.abspath(path)


def _sqlite(path: str, clock: Callable[[], int] | None) -> Store:
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
