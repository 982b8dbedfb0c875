"""The command that says how agenttrace is, and what to do about what is not as it should be."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from agenttrace.cli import paper
from agenttrace.cli.options import Store
from agenttrace.cli.source import store_url
from agenttrace.cli.text import clean, duration, instant, json_line, one_line
from agenttrace.configure import AgentTrace
from agenttrace.errors import ConfigurationError, InvalidQuery

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from agenttrace.cli.render import Line
    from agenttrace.health import (
        DrainerSeen,
        Finding,
        JournalSeen,
        LettersSeen,
        LettersStored,
        Report,
        RootSeen,
        StoreSeen,
    )

__all__ = ["doctor"]

_STATUS = (("all well", "green"), ("needs attention", "yellow"), ("the store cannot be used", "red"))
_SCHEMA = {
    "current": "up to date",
    "older": "older than this agenttrace",
    "newer": "newer than this agenttrace",
    "none": "no tables yet",
    "unversioned": "its tables have no versions",
    "missing": "not there",
    "unknown": "unknown",
}
_WIDTH = 400


def doctor(
    where: Annotated[str | None, typer.Argument(metavar="[STORE]", help="The same as --store.")] = None,
    store: Store = None,
    journal_dir: Annotated[
        str | None, typer.Option("--journal-dir", help="The folder of the journals, where the programs set one.")
    ] = None,
    since: Annotated[
        str, typer.Option("--since", help="Count gaps, abandoned runs and dead letters no older than this: 24h, 7d.")
    ] = "24h",
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds to wait for the store.")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one line of JSON.")] = False,
) -> None:
    """Look at journals, store, heartbeats and dead letters, and say what needs attention. Changes nothing.

    Exit status: 0 all well, 1 something needs attention, 2 the store cannot be reached, is not there or is newer.
    """
    if where is not None and store is not None and where != store:
        raise InvalidQuery("store", "name it once, as an argument or by --store")
    try:
        trace = AgentTrace(store=store_url(where or store), journal_dir=journal_dir)
    except ConfigurationError as problem:
        print(f"agenttrace: {clean(str(problem))}", file=sys.stderr)
        raise typer.Exit(2) from problem
    report = trace.doctor(since=since, timeout=timeout, expected=True)
    if as_json:
        print(json_line(report.document()))
    else:
        paper.lines(_lines(report))
    raise typer.Exit(report.status)


def _lines(report: Report) -> Iterator[Line]:
    told, style = _STATUS[report.status]
    yield [(f"agenttrace {report.version}  ", "bold"), (told, style)]
    yield from _store(report.store, report.since)
    for root in report.roots:
        yield from _root(root, report.time)
    slow = [name for name, there in report.accelerators.items() if not there]
    yield _row("C parts", f"not in use: {', '.join(slow)}; all works, but slower" if slow else "in use")
    for finding in report.findings:
        yield from _finding(finding)


def _row(title: str, text: str, style: str = "") -> Line:
    return [(f"{title:<10}", "dim"), (one_line(text, _WIDTH), style)]


def _store(store: StoreSeen, since: datetime) -> Iterator[Line]:
    yield _row("store", store.url, "bold")
    if store.error is not None:
        yield _row("", store.error, "red")
    version = "" if store.version is None else f"version {store.version}, "
    took = "" if store.seconds is None else f"; answered in {duration(timedelta(seconds=store.seconds))}"
    yield _row("", f"{version}{_SCHEMA[store.schema]}{took}")
    if store.workspaces is not None:
        yield _row("", f"workspaces: {store.workspaces:,}; since {instant(since)[:16]}: {_since(store)}")
    if store.dead_letters is not None and store.dead_letters.count:
        yield from _letters(store.dead_letters)
    for process in store.processes:
        seen = duration(timedelta(seconds=process.silent_seconds)) + " ago"
        still = ", stands still" if process.stood_still else ""
        text = f"process {process.process_id[:8]}  heard of {seen}{still}  pid {process.pid} on {process.host}"
        yield _row("", text, "yellow" if process.stood_still else "")


def _since(store: StoreSeen) -> str:
    known = [
        f"{'?' if number is None else format(number, ',')} {noun}"
        for number, noun in ((store.gaps, "gaps"), (store.abandoned, "abandoned runs"))
    ]
    return ", ".join(known) + ("" if store.complete else "; time ran out")


def _root(root: RootSeen, now: datetime) -> Iterator[Line]:
    free = "" if root.free_bytes is None else f"  ({root.free_bytes:,} bytes free)"
    yield _row("journals", f"{root.path}{free}" + ("" if root.exists else "  not there yet"), "bold")
    for journal in root.journals:
        yield _row("", _journal(journal, now), "yellow" if journal.alive is False or journal.problem else "")
    if root.drainer is not None:
        yield _drainer(root.drainer, now)
    letters = root.dead_letters
    if letters.count:
        yield from _letters(letters)


def _letters(letters: LettersSeen | LettersStored) -> Iterator[Line]:
    yield _row("", f"dead letters: {letters.count:,} ({letters.recent:,} new), {letters.bytes:,} bytes", "yellow")
    yield _row("", f"the last one's error: {letters.last_error}")


def _journal(journal: JournalSeen, now: datetime) -> str:
    state = "alive" if journal.alive else "dead" if journal.alive is False else "unknown"
    if journal.problem is not None:
        return f"{journal.path.name[:8]}  {journal.problem}"
    owner = f"pid {journal.pid} on {journal.host}" if journal.pid is not None else "owner unknown"
    text = f"{journal.path.name[:8]}  {state}  {owner}  {journal.bytes:,} bytes  "
    if not journal.records:
        return f"{text}all stored"
    age = "" if journal.oldest is None else f", the oldest for {duration(max(now - journal.oldest, timedelta(0)))}"
    return f"{text}{journal.records:,}{'' if journal.complete else '+'} records wait{age}"


def _drainer(drainer: DrainerSeen, now: datetime) -> Line:
    trouble = f": {drainer.trouble}" if drainer.trouble is not None else ""
    if not drainer.running:
        return _row("", f"no drainer{trouble}", "yellow" if trouble else "dim")
    age = "" if drainer.started is None else f" for {duration(max(now - drainer.started, timedelta(0)))}"
    for_whom = f"{drainer.following} process{'' if drainer.following == 1 else 'es'}"
    text = f"drainer pid {drainer.pid} on {drainer.host}{age}, for {for_whom}{trouble}"
    return _row("", text, "yellow" if trouble else "")


def _finding(finding: Finding) -> Iterator[Line]:
    yield [("! ", "red" if finding.status > 1 else "yellow"), (one_line(finding.what, _WIDTH), "bold")]
    yield [(f"  {one_line(finding.do, _WIDTH)}", "")]
