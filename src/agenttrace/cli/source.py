"""Where the command reads from: the store that is named by an option, the environment or the working directory."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agenttrace.errors import StoreUnavailable
from agenttrace.location import file_of, place_of
from agenttrace.query.reader import Query
from agenttrace.store.protocol import Versioned
from agenttrace.store.urls import open_store

if TYPE_CHECKING:
    from collections.abc import Generator

    from agenttrace.store.protocol import Store

__all__ = ["changing", "existing", "reading", "store_url"]

_DEFAULT = "sqlite:///agenttrace.db"


def store_url(given: str | None) -> str:
    """Return the store: the one given, else AGENTTRACE_STORE, else agenttrace.db in the working directory."""
    return given or os.environ.get("AGENTTRACE_STORE") or _DEFAULT


@contextmanager
def reading(given: str | None) -> Generator[Query]:
    """Give a Query on a store that exists, and close the store afterwards.

    Raises StoreUnavailable where there is no such file or folder, or no tables of ours are in it: looking makes none.
    """
    with changing(given, make=False) as store:
        yield Query(store)


@contextmanager
def changing(given: str | None, *, make: bool = True) -> Generator[Store]:
    """Give the store, open, and close it afterwards; one that does not exist is made, or with `make=False` refused.

    So is a database without tables of ours: it may be somebody else's.
    """
    store = open_store(store_url(given)) if make else existing(given)
    try:
        if not make and isinstance(store, Versioned) and store.version() == 0:
            raise StoreUnavailable(
                f"{store.url}: nothing of agenttrace is in there; record into it first, "
                "or name another with --store or AGENTTRACE_STORE"
            )
        store.open()
        yield store
    finally:
        store.close()


def existing(given: str | None) -> Store:
    """Return the store, not open yet. Raises StoreUnavailable where there is no such file or folder."""
    url = store_url(given)
    place = file_of(place_of(url))
    if place is not None and not place.exists():
        raise StoreUnavailable(f"there is no store at {place}; name another with --store or AGENTTRACE_STORE")
    return open_store(url)
