"""The commands that list, show, retry and discard dead letters."""

from __future__ import annotations

from base64 import b64encode
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agenttrace.cli import paper
from agenttrace.cli.options import Store
from agenttrace.cli.source import changing, store_url
from agenttrace.cli.text import json_line
from agenttrace.configure import AgentTrace

if TYPE_CHECKING:
    from collections.abc import Generator

    from agenttrace.letters import Letter, Letters

__all__ = ["app"]

app = typer.Typer(
    help="List, show, retry and discard dead letters: records that the store refused, of all workspaces.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

JournalDir = Annotated[
    str | None, typer.Option("--journal-dir", help="The folder of the journals, where the programs set one.")
]
_FIRST_DIGITS = "An id, as `letters list` shows it, or its first digits."


@app.command("list")
def list_(
    store: Store = None,
    journal_dir: JournalDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each letter as one line of JSON.")] = False,
) -> None:
    """List dead letters, oldest first, without their records."""
    with _letters(store, journal_dir) as letters:
        found = letters.list()
    if as_json:
        _print(found)
    else:
        paper.letters(found)


@app.command()
def show(
    letter: Annotated[str, typer.Argument(metavar="ID", help=_FIRST_DIGITS)],
    store: Store = None,
    journal_dir: JournalDir = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the letter as one line of JSON, its record in base64.")
    ] = False,
) -> None:
    """Show a dead letter with its record: what somebody said may stand in it."""
    with _letters(store, journal_dir) as letters:
        found = letters.get(letter)
    if as_json:
        print(json_line(_document(found) | {"payload": b64encode(found.payload).decode()}))
    else:
        paper.letter(found)


@app.command()
def retry(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Only these, by their first digits. Default: all.")
    ] = None,
    store: Store = None,
    journal_dir: JournalDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what became of them as one line of JSON.")] = False,
) -> None:
    """Write dead letters into the store again: what it takes is no letter any more, the others stay.

    Exit status 3: some were refused again.
    """
    with _letters(store, journal_dir) as letters:
        done = letters.retry(ids or None)
    if as_json:
        print(json_line({"stored": list(done.stored), "refused": [_document(letter) for letter in done.refused]}))
    else:
        print(f"stored {len(done.stored):,}, refused {len(done.refused):,}")
        if done.refused:
            paper.letters(done.refused)
    if done.refused:
        raise typer.Exit(3)


@app.command()
def discard(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help=_FIRST_DIGITS)],
    store: Store = None,
    journal_dir: JournalDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print how many as one line of JSON.")] = False,
) -> None:
    """Delete dead letters for good."""
    with _letters(store, journal_dir) as letters:
        count = letters.discard(ids)
    print(json_line({"discarded": count}) if as_json else f"discarded {count:,}")


@contextmanager
def _letters(store: str | None, journal_dir: str | None) -> Generator[Letters]:
    url = store_url(store)
    with changing(url, make=False):
        pass  # only a store that exists has letters
    with AgentTrace(store=url, journal_dir=journal_dir) as trace:
        yield trace.letters


def _print(found: list[Letter]) -> None:
    for letter in found:
        print(json_line(_document(letter)))


def _document(letter: Letter) -> dict[str, Any]:
    """Return a letter as JSON values, without its record."""
    known = {
        field.name: paper.value(getattr(letter, field.name)) for field in fields(letter) if field.name != "payload"
    }
    return known | {"file": None if letter.file is None else str(letter.file)}
