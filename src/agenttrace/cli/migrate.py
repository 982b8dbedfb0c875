"""The command that brings the tables of an older store up to this library, or says whether that is due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agenttrace.cli.options import Store
from agenttrace.cli.source import existing
from agenttrace.cli.text import clean, json_line
from agenttrace.store.protocol import Versioned

if TYPE_CHECKING:
    from agenttrace.store.protocol import Store as AnyStore

__all__ = ["migrate"]


def migrate(
    store: Store = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; status 3 says that the tables are of another version.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the versions as one line of JSON.")] = False,
) -> None:
    """Bring the tables of a store up to the version of this library.

    Whatever opens an older store does so by itself. As a step of its own it has its own moment, and its own rights.
    """
    target = existing(store)
    try:
        found = _version(target)
        if not check:
            target.open()
        now = _version(target)
    finally:
        target.close()
    known = target.known_version if isinstance(target, Versioned) else None
    if as_json:
        print(json_line({"store": target.url, "found": found, "version": now, "known": known}))
    else:
        print(f"{clean(target.url)}: {_said(found, now, known)}")
    if now != known:
        raise typer.Exit(3)


def _version(store: AnyStore) -> int | None:
    return store.version() if isinstance(store, Versioned) else None


def _said(found: int | None, now: int | None, known: int | None) -> str:
    if found is None:
        return "its tables have no versions"
    if found != now:
        return f"version {now}, made new" if found == 0 else f"from version {found} to {now}"
    if now == known:
        return f"version {now}, up to date"
    return f"version {now}, this agenttrace knows {known}"
