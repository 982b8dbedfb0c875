"""The commands that bring spans in and take runs out, as files of OTLP JSON."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from agenttrace.cli.options import Store, Workspace
from agenttrace.cli.source import changing
from agenttrace.errors import ConfigurationError
from agenttrace.model import ids
from agenttrace.otel.files import import_file, requests
from agenttrace.otel.received import Malformed

__all__ = ["add"]

_NAMES = ("gen_ai", "openinference")


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file of OTLP JSON; - reads standard input.")],
    store: Store = None,
    workspace: Workspace = None,
) -> None:
    """Bring the spans and events of an OTLP JSON file into the store. Makes the store where there is none."""
    if file != "-" and not Path(file).is_file():
        raise typer.BadParameter(f"there is no file {file}", param_hint="FILE")
    with _reading(file) as source, changing(store) as target:
        try:
            found = import_file(source, target, workspace)
        except Malformed as error:
            raise typer.BadParameter(f"{file}: {error}", param_hint="FILE") from error
    rejected = f", {found.rejected} not understood" if found.rejected else ""
    print(f"{found.spans} spans, {found.logs} events{rejected}")


def export(
    file: Annotated[str, typer.Option("--otlp", metavar="FILE", help="Where to; - writes to standard output.")],
    store: Store = None,
    workspace: Workspace = None,
    names: Annotated[str, typer.Option("--names", help="Attribute names: gen_ai or openinference.")] = "gen_ai",
) -> None:
    """Write all runs that have ended as OTLP JSON, one request a line; prompts, inputs and outputs included."""
    if names not in _NAMES:
        raise typer.BadParameter(f"must be gen_ai or openinference, got {names}", param_hint="--names")
    chosen: Any = names
    try:
        with changing(store, make=False) as source, _writing(file) as target:
            for line in requests(source, ids.workspace_id(workspace), names=chosen):
                target.write(line + b"\n")
    except OSError as error:
        if file == "-" or isinstance(error, BrokenPipeError):
            raise
        raise ConfigurationError(f"--otlp {file}: cannot be written: {error.strerror}") from error


def add(app: typer.Typer) -> None:
    """Add both commands."""
    app.command("import")(import_)
    app.command("export")(export)


def _reading(file: str) -> Any:
    return nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb")


def _writing(file: str) -> Any:
    if file == "-":
        return nullcontext(sys.stdout.buffer)
    # What it holds is as private as the store: nobody else may read it.
    return open(file, "wb", opener=_private)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
