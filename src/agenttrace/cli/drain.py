"""The command that drains journals for other processes, in the foreground: for a supervisor, or for a look by hand."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from agenttrace.cli.options import Store
from agenttrace.cli.source import store_url
from agenttrace.cli.text import clean
from agenttrace.draining import Taken
from agenttrace.draining import drain as drain_journals
from agenttrace.errors import ConfigurationError, InvalidQuery

__all__ = ["drain"]

_UNFINISHED, _TAKEN = 1, 3


def drain(
    where: Annotated[str | None, typer.Argument(metavar="[STORE]", help="The same as --store.")] = None,
    store: Store = None,
    journal_dir: Annotated[
        str | None, typer.Option("--journal-dir", help="The folder of the journals, where the programs set one.")
    ] = None,
    linger: Annotated[
        float | None,
        typer.Option("--linger", min=0.0, help="End after so many seconds without a process to drain for."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Drain what is there, and end.")] = False,
    flush_interval: Annotated[
        float, typer.Option("--flush-interval", min=0.001, help="Seconds between two looks at the journals.")
    ] = 0.1,
    retention: Annotated[
        str | None, typer.Option("--retention", help="Delete what is older for good: 90d, 12h.")
    ] = None,
    audit_retention: Annotated[
        bool, typer.Option("--audit-retention", help="Delete notes of the audit log by the same age.")
    ] = False,
) -> None:
    """Bring to the store what programs with writer="process" record, until Ctrl-C or SIGTERM.

    One for all programs that share a journal folder; what dead processes left there is stored as well. Exit status 3:
    another process does it already. 1: the folder cannot be used, or --once could not drain all.
    """
    if where is not None and store is not None and where != store:
        raise InvalidQuery("store", "name it once, as an argument or by --store")
    try:
        failure = drain_journals(
            store_url(where or store),
            journal_dir=journal_dir,
            linger=linger,
            once=once,
            flush_interval=flush_interval,
            retention=retention,
            audit_retention=audit_retention,
        )
    except Taken as other:
        _end(str(other), _TAKEN)
    except ConfigurationError as problem:
        _end(str(problem), 2)
    except OSError as problem:
        _end(f"the journals cannot be drained: {problem}", _UNFINISHED)
    else:
        if once and failure is not None:
            _end(f"not all could be drained: {failure}", _UNFINISHED)


def _end(message: str, status: int) -> None:
    print(f"agenttrace: {clean(message)}", file=sys.stderr)
    raise typer.Exit(status)
