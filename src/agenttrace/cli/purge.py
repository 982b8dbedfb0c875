"""The command that deletes for good: by age, and what somebody left."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from agenttrace.cli.options import Store, Workspace
from agenttrace.cli.source import changing, store_url
from agenttrace.cli.text import clean, json_line
from agenttrace.configure import AgentTrace

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from agenttrace.erasure.receipt import Receipt

__all__ = ["purge"]


def purge(
    before: Annotated[
        str | None, typer.Option("--before", help="Delete what began before: 90d, 12h, 2026-01-31, or an instant.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", help="Delete what this user left.")] = None,
    contact: Annotated[str | None, typer.Option("--contact", help="Delete what this AI contact left.")] = None,
    session: Annotated[str | None, typer.Option("--session", help="Delete this session: its key, id or name.")] = None,
    store: Store = None,
    workspace: Workspace = None,
    audit: Annotated[bool, typer.Option("--audit", help="Delete notes of the audit log, too.")] = False,
    scrub: Annotated[
        bool | None,
        typer.Option("--scrub/--no-scrub", help="Overwrite what is left in files. Default: where somebody is named."),
    ] = None,
    journal_dir: Annotated[
        str | None, typer.Option("--journal-dir", help="The folder of the journals, where the programs set one.")
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", min=0.0, help="Seconds to wait for other processes.")] = 60.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would go, and delete nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the receipt as one line of JSON.")] = False,
) -> None:
    """Delete runs, events and sessions for good, and print the receipt.

    Several options narrow it down: all of them must hold. Without --workspace somebody is looked for in the default
    workspace, while --before alone counts in all. Exit status 3: something is left to do, as the receipt says.
    """
    url = store_url(store)
    with changing(url, make=False):
        pass  # only a store that exists is purged
    with AgentTrace(store=url, journal_dir=journal_dir) as trace, _bar(shows=not as_json and not dry_run) as told:

        def act(*, dry: bool) -> Receipt:
            return trace.purge(
                before=before,
                workspace_id=workspace,
                user_id=user,
                ai_contact_id=contact,
                session_id=session,
                audit=audit,
                scrub=scrub,
                dry_run=dry,
                timeout=timeout,
                progress=None if dry else told(),
            )

        if not (dry_run or yes):
            _ask(act(dry=True))
        receipt = act(dry=dry_run)
    if as_json:
        print(json_line(receipt.document()))
    else:
        _print(receipt)
    if not receipt.complete:
        raise typer.Exit(3)


def _ask(expected: Receipt) -> None:
    print(f"This deletes for good: {_told(expected.counts)}.", file=sys.stderr)
    typer.confirm("Go on?", abort=True, err=True)


def _print(receipt: Receipt) -> None:
    lines = [
        f"{'would delete' if receipt.dry_run else 'deleted'}  {_told(receipt.counts)}",
        *([f"cleared  {_told(receipt.cleared)}"] if receipt.cleared else []),
        *([f"dead letters  {receipt.dead_letters}"] if receipt.dead_letters else []),
        *([f"texts kept once  {receipt.links}"] if receipt.links else []),
        f"hash  {receipt.hash}",
        *([f"receipt  {receipt.id}"] if receipt.id else []),
    ]
    print("\n".join(clean(line) for line in lines))
    if receipt.pending_journals:
        print(
            f"not complete: {receipt.pending_journals} journals of other processes may hold records from before; "
            "purge again once these processes have written them or have ended",
            file=sys.stderr,
        )
    if receipt.scrubbed is False:
        print(
            "not complete: others were using the store's files; purge again to overwrite what is left", file=sys.stderr
        )


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items()) or "nothing"


@contextmanager
def _bar(*, shows: bool) -> Generator[Callable[[], Callable[[int, int, dict[str, int]], None] | None]]:
    """Give a function that begins a bar on the terminal and returns what moves it; None where there is none."""
    console = Console(stderr=True)
    if not shows or not console.is_terminal:
        yield lambda: None
        return
    progress = Progress(TextColumn("deleting"), BarColumn(), MofNCompleteColumn(), console=console, transient=True)

    def begin() -> Callable[[int, int, dict[str, int]], None]:
        progress.start()
        task = progress.add_task("")
        return lambda done, total, _counts: progress.update(task, completed=done, total=total)

    try:
        yield begin
    finally:
        progress.stop()
