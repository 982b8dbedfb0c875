"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["Store", "Workspace"]

Store = Annotated[
    str | None,
    typer.Option(
        "--store", help="URL or SQLite file of the store. Default: AGENTTRACE_STORE, else agenttrace.db here."
    ),
]
Workspace = Annotated[str | None, typer.Option("--workspace", help="Workspace to look in. Default: the default one.")]
