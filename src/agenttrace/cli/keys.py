"""The commands that make, list and revoke API keys."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agenttrace.access.keys import Keys
from agenttrace.cli import paper
from agenttrace.cli.options import Store, Workspace
from agenttrace.cli.source import changing
from agenttrace.cli.text import clean, json_line
from agenttrace.errors import ConfigurationError, InvalidQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from agenttrace.access.keys import ApiKey, NewKey
    from agenttrace.store.protocol import Store as OpenStore

__all__ = ["app"]

app = typer.Typer(
    help="Make, list and revoke the API keys of the HTTP endpoints.", no_args_is_help=True, rich_markup_mode=None
)

KeyLines = Annotated[bool, typer.Option("--json", help="Print each key as one line of JSON.")]

_DAYS = re.compile(r"([0-9]{1,5})d\Z", re.A)


@app.command()
def create(
    name: Annotated[str, typer.Option("--name", help="What or whom the key is for.")],
    store: Store = None,
    workspace: Workspace = None,
    role: Annotated[str, typer.Option("--role", help="member, admin, owner or su.")] = "member",
    user: Annotated[str | None, typer.Option("--user", help="The user that the key speaks for.")] = None,
    team: Annotated[list[str] | None, typer.Option("--team", help="A team of that user; may be repeated.")] = None,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="read, ingest or manage; may be repeated. Default: read.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", help="When the key ends: 2027-01-31, an instant, or 90d. Default: never.")
    ] = None,
    as_json: KeyLines = False,
) -> None:
    """Make a key and show it: nobody can show it again. Makes the store where there is none."""
    with ExitStack() as stack, _telling():
        # Opened only once the arguments are found to be good: wrong use makes no store.
        made = _keys(lambda: stack.enter_context(changing(store))).create(
            name=name,
            workspace_id=workspace,
            role=role,
            user_id=user,
            team_ids=team or (),
            scopes=scope or ("read",),
            expires=None if expires is None else _instant(expires),
        )
    if as_json:
        print(json_line(_document(made)))
    else:
        paper.new_key(made)


@app.command("list")
def list_(store: Store = None, workspace: Workspace = None, as_json: KeyLines = False) -> None:
    """List the keys of a workspace, newest first, those that ended too."""
    with changing(store, make=False) as opened:
        found = _keys(lambda: opened).list(workspace_id=workspace)
    if as_json:
        for key in found:
            print(json_line(_document(key)))
    else:
        paper.keys(found, now=datetime.now(UTC))


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")],
    store: Store = None,
    workspace: Workspace = None,
    as_json: KeyLines = False,
) -> None:
    """End a key for good. Servers that run honour it within seconds."""
    with changing(store, make=False) as opened:
        ended = _keys(lambda: opened).revoke(key, workspace_id=workspace)
    if as_json:
        print(json_line(_document(ended)))
    else:
        paper.keys([ended], now=datetime.now(UTC))


@contextmanager
def _telling() -> Generator[None]:
    """Show an argument that cannot be used as wrong use of the command, which is exit status 2."""
    try:
        yield
    except ConfigurationError as problem:
        raise typer.BadParameter(clean(str(problem))) from problem


def _keys(opened: Callable[[], OpenStore]) -> Keys:
    return Keys(opened, append=_nothing, clock=lambda: time.time_ns() // 1000)


def _nothing(kind: int, payload: bytes) -> None:
    """Record no use: the command checks no keys."""


def _instant(text: str) -> datetime:
    days = _DAYS.match(text)
    if days is not None:
        return datetime.now(UTC) + timedelta(days=int(days[1]))
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidQuery(
            "--expires", f"must be a date, an instant or a number of days as 90d, got {text!r}"
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _document(key: ApiKey | NewKey) -> dict[str, Any]:
    return {name: paper.value(value) for name, value in asdict(key).items()}
