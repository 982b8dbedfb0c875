"""The command that says whether secrets lie in a store or in its journals."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agenttrace.cli.options import Store
from agenttrace.cli.source import store_url
from agenttrace.cli.text import clean, json_line
from agenttrace.configure import AgentTrace
from agenttrace.errors import ConfigurationError, InvalidQuery

if TYPE_CHECKING:
    from agenttrace.verify import Leak, Report

__all__ = ["verify_redaction"]

_SHORTEST = 6


def verify_redaction(
    where: Annotated[str | None, typer.Argument(metavar="[STORE]", help="The same as --store.")] = None,
    store: Store = None,
    journal_dir: Annotated[
        str | None, typer.Option("--journal-dir", help="The folder of the journals, where the programs set one.")
    ] = None,
    canary: Annotated[
        list[str] | None, typer.Option("--canary", help="A text that must be nowhere; may be repeated.")
    ] = None,
    canary_file: Annotated[
        str | None, typer.Option("--canary-file", help="A file with one such text a line; - reads standard input.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one line of JSON.")] = False,
) -> None:
    """Look for secrets in a store, its file, its journals and dead letters, and say where they are, never what.

    Exit status: 0 none, 1 at least one, 2 none, but not all could be looked at.
    """
    if where is not None and store is not None and where != store:
        raise InvalidQuery("store", "name it once, as an argument or by --store")
    canaries = [*(canary or ()), *_lines(canary_file)]
    if any(len(text) < _SHORTEST for text in canaries):
        raise InvalidQuery("canary", f"must have at least {_SHORTEST} characters, or it is found everywhere")
    try:
        trace = AgentTrace(store=store_url(where or store), journal_dir=journal_dir)
    except ConfigurationError as problem:
        print(f"agenttrace: {clean(str(problem))}", file=sys.stderr)
        raise typer.Exit(2) from problem
    report = trace.verify_redaction(canaries=canaries, files=True)
    if as_json:
        print(json_line(report.document()))
    else:
        _print(report)
    raise typer.Exit(report.status)


def _lines(path: str | None) -> list[str]:
    if path is None:
        return []
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InvalidQuery("canary-file", f"cannot be read: {type(error).__name__}") from error
    return [line for line in text.splitlines() if line]


def _print(report: Report) -> None:
    for leak in report.leaks:
        print(clean(_line(leak)))
    if report.count > len(report.leaks):
        print(f"and {report.count - len(report.leaks):,} more")
    for problem in report.problems:
        print(f"agenttrace: not looked at: {clean(problem)}", file=sys.stderr)
    looked = f"{report.rows:,} rows, {report.records:,} records, {report.bytes:,} bytes of files"
    print(f"{report.count:,} found in {looked}" if report.count else f"nothing found in {looked}")


def _line(leak: Leak) -> str:
    named = f" {leak.name}" if leak.name else ""
    column = f".{leak.column}" if leak.column else ""
    row = f" {leak.id}" if leak.id else ""
    return f"{leak.kind}{named}  {leak.place} {leak.where}{column}{row}  #{leak.digest}"
