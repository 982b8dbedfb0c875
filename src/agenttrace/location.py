"""Where a store lives: what its URL or path says, and how that may be shown, without passwords.

Nothing is opened here, and no store is loaded: a traced program that has begun only knows where its store will be.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from agenttrace.faults import ConfigurationError
from agenttrace.loading import LOADING, regex

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agenttrace.store.protocol import Store

__all__ = ["Address", "address_of", "file_of", "is_url", "maker", "place_of", "shown"]

_KNOWN = (
    "a path, sqlite:///relative.db, sqlite:////absolute.db, postgresql://user@host/database, "
    "clickhouse://user@host/database, chdb:///folder or memory://"
)
_SERVERS = {"postgresql": "postgresql", "postgres": "postgresql", "clickhouse": "clickhouse"}
_OURS = {*_SERVERS, "sqlite", "chdb", "memory"}
_BEHIND = regex(r"[/?#].*@", re.DOTALL)
_SCHEME = regex(r"[a-z][a-z0-9+.-]*\Z", re.IGNORECASE | re.ASCII)
_HIDDEN = "***"
_SECRET = regex(r"pass|pwd|secret|token", re.IGNORECASE)


class Address:
    """What a URL says."""

    __slots__ = ("place", "scheme", "url")

    def __init__(self, scheme: str, url: str, place: str | None) -> None:
        self.scheme = scheme
        self.url = url
        self.place = place


def is_url(place: str) -> bool:
    """Return whether a place (`place_of`) is a URL; an absolute path has no `//` but at its beginning."""
    return "://" in place


def file_of(place: str | None) -> Path | None:
    """Return the file or folder that a place is; None where it is a URL, or memory.

    >>> file_of("memory://"), file_of("/var/lib/traces.db")
    (None, PosixPath('/var/lib/traces.db'))
    """
    # Imported where it is needed: recording does without.
    from pathlib import Path

    return None if place is None or is_url(place) else Path(place)


def shown(url: str) -> str:
    """Return the URL with `***` for its password, and for each parameter that is named like a secret.

    What has no password stays as it is. Where an `@` was not escaped as a URL wants it, all up to the last one is
    hidden: rather too much than too little.

    >>> shown("postgresql://app:hunter2@db.example/traces?sslpassword=x&sslmode=require")
    'postgresql://app:***@db.example/traces?sslpassword=***&sslmode=require'
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    user, at, rest = rest.rpartition("@")
    if ":" in user:
        user = f"{user.partition(':')[0]}:{_HIDDEN}"
    address, question, parameters = rest.partition("?")
    return f"{scheme}://{user}{at}{address}{question}{'&'.join(map(_parameter, parameters.split('&')))}"


def _parameter(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not equals:
        return text
    # Imported where it is needed: few URLs have parameters.
    from urllib.parse import unquote

    return f"{name}={_HIDDEN}" if _SECRET.search(unquote(name)) else text


def place_of(store: str | os.PathLike[str] | Store) -> str | None:
    """Return where a store's data lives: a file's or folder's absolute path, a server's URL, or None for memory.

    `is_url` tells a URL from a path. A URL is returned without its password, so that it may be shown, and a
    new password is no new place. A store object is asked for its URL; one of an unknown kind counts as a server.

    Raises ConfigurationError as `urls.open_store` does.

    >>> place_of("sqlite:////var/lib/traces.db"), place_of("memory://")
    ('/var/lib/traces.db', None)
    >>> place_of("postgres://app:hunter2@db.example/traces")
    'postgresql://app:***@db.example/traces'
    """
    if isinstance(store, str | os.PathLike):
        return address_of(store).place
    try:
        return place_of(store.url)
    except ConfigurationError:
        url = shown(store.url)
        return url if is_url(url) else f"store://{url}"


def maker(store: str | os.PathLike[str] | Store, *, clock: Callable[[], int] | None = None) -> Callable[[], Store]:
    """Return what `urls.store_maker` does; but what only it needs is loaded late for SQLite, which is always there."""
    address = address_of(store) if isinstance(store, str | os.PathLike) else None
    file = None if address is None or address.scheme != "sqlite" else address.place
    if file is None:
        with LOADING:
            from agenttrace.store.urls import store_maker
        return store_maker(store, clock=clock)

    def make() -> Store:
        with LOADING:
            from agenttrace.store.urls import sqlite_store
        return sqlite_store(file, clock)

    return make


def address_of(store: str | os.PathLike[str]) -> Address:
    """Return what a URL or a path says. Raises ConfigurationError."""
    text = os.fspath(store)
    scheme, separator, rest = text.partition("://")
    if not separator or isinstance(store, os.PathLike):
        return Address("sqlite", text, _file(text, given=isinstance(store, os.PathLike)))
    if not _SCHEME.match(scheme):
        raise ConfigurationError(f"store: this is no URL, and with :// in it no path either; use {_known()}")
    scheme = scheme.lower()
    if scheme == "sqlite":
        path = _path(rest, "sqlite:///relative.db")
        return Address(scheme, text, _file(path))
    if scheme == "chdb":
        return _chdb(_path(rest, "chdb:///folder"))
    if scheme == "memory":
        return Address(scheme, text, None)
    if scheme in _SERVERS:
        if _BEHIND.search(rest):
            raise ConfigurationError(
                f"store: this {scheme}:// URL has an @ behind its address; in user, password and parameters "
                "%40, %2F, %3F and %23 stand for @, /, ? and #"
            )
        url = f"{_SERVERS[scheme]}://{rest}"
        return Address(_SERVERS[scheme], url, shown(url))
    from agenttrace.store import plugins

    if scheme not in plugins.schemes():
        raise ConfigurationError(f"store: unknown scheme {scheme}://; use {_known()}")
    return Address(scheme, text, shown(text))


def _known() -> str:
    from agenttrace.store import plugins

    others = [f"{scheme}://" for scheme in plugins.schemes()]
    return f"{_KNOWN}; or of installed distributions {', '.join(others)}" if others else _KNOWN


def _path(rest: str, example: str) -> str:
    if not rest.startswith("/"):
        raise ConfigurationError(f"store: such a URL needs three slashes, as in {example}; use {_KNOWN}")
    return rest[1:]


def _chdb(path: str) -> Address:
    path, question, options = path.partition("?")
    if not path:
        raise ConfigurationError(f"store: a chdb store needs a folder; use {_KNOWN}")
    folder = os.path.abspath(path)
    url = f"chdb:///{folder}{question}{options}"
    # One folder may have several databases, whose journals must not mix.
    return Address("chdb", url, url if options else folder)


def _file(path: str, *, given: bool = False) -> str:
    """Return the absolute path of a SQLite file; `given` says that it is a path object, which is no URL for sure."""
    if path in ("", ":memory:"):
        raise ConfigurationError(f"store: a SQLite store needs a file; use {_KNOWN}")
    scheme, colon, _ = path.partition(":")
    if not given and colon and scheme in _OURS:
        raise ConfigurationError(f"store: a URL needs slashes, as in {scheme}://; use {_KNOWN}")
    return os.path.abspath(path)
