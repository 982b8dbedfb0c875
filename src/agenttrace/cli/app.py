"""The commands: what each is asked, and how its answer is printed. Typer and Rich live here and in `paper`."""

from __future__ import annotations

import os
import sys
import time
import uuid
from contextlib import suppress
from importlib.metadata import version
from io import TextIOWrapper
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from agenttrace.cli import keys, letters, otlp, paper
from agenttrace.cli.doctor import doctor
from agenttrace.cli.drain import drain
from agenttrace.cli.find import find_run
from agenttrace.cli.follow import Follower
from agenttrace.cli.migrate import migrate
from agenttrace.cli.options import Store, Workspace
from agenttrace.cli.purge import purge
from agenttrace.cli.render import depth_first, tree
from agenttrace.cli.serve import serve
from agenttrace.cli.source import reading
from agenttrace.cli.text import clean, json_line
from agenttrace.cli.verify_redaction import verify_redaction
from agenttrace.errors import AgentTraceError, InvalidQuery
from agenttrace.model import ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agenttrace.model.run import Run
    from agenttrace.query.reader import Query

__all__ = ["app", "run"]

app = typer.Typer(
    name="agenttrace",
    help="Show what a store holds: runs, trees, events and prompts; make the keys to read it over HTTP.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(keys.app, name="keys")
app.add_typer(letters.app, name="letters")
app.command()(serve)
app.command()(purge)
app.command()(migrate)
app.command()(doctor)
app.command()(drain)
app.command("verify-redaction")(verify_redaction)


def _tell_version(asked: bool) -> None:
    if asked:
        print(f"agenttrace {version('agenttrace-otel')}")
        raise typer.Exit


@app.callback()
def _of_all_commands(
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take what belongs to no command."""


RunLines = Annotated[bool, typer.Option("--json", help="Print each run as one line of JSON.")]
Document = Annotated[bool, typer.Option("--json", help="Print each page as its documented JSON document, on one line.")]


@app.command()
def runs(
    store: Store = None,
    workspace: Workspace = None,
    run_type: Annotated[str | None, typer.Option("--type", help="Only runs of this type.")] = None,
    status: Annotated[str | None, typer.Option("--status", help="pending, running, success or failed.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Only runs of this name.")] = None,
    roots: Annotated[bool, typer.Option("--roots", help="Only runs without a stored parent.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many to show.")] = 20,
    as_json: RunLines = False,
) -> None:
    """List the newest runs, newest first."""
    with reading(store) as query:
        found = query.runs(
            workspace_id=workspace, run_type=run_type, status=status, name=name, roots_only=roots, limit=limit
        )
        if as_json:
            _lines(paper.run_document(run) for run in found)
        else:
            paper.table(found)


@app.command("tree")
def tree_(
    run_id: Annotated[
        str | None, typer.Argument(help="A run's id, or its beginning. Default: the newest root.")
    ] = None,
    store: Store = None,
    workspace: Workspace = None,
    as_json: RunLines = False,
) -> None:
    """Show a run and all runs below it.

    With --json each run is one line, parents before children; `depth` and `parent_id` tell the tree.
    """
    with reading(store) as query:
        root = query.trace(find_run(query, run_id, workspace_id=workspace), workspace_id=workspace)
        if as_json:
            _lines({"depth": depth, **paper.run_document(run)} for depth, _guide, run in depth_first(root))
        else:
            paper.lines(tree(root))


@app.command()
def events(
    agent: Annotated[str, typer.Argument(help="The agent's key.")],
    session: Annotated[str, typer.Argument(help="The session's key, id or your own name of it.")],
    store: Store = None,
    workspace: Workspace = None,
    limit: Annotated[int, typer.Option("--limit", help="Events a page, 1 to 100.")] = 20,
    page_key: Annotated[str | None, typer.Option("--page-key", help="Where the page before this one ended.")] = None,
    all_pages: Annotated[bool, typer.Option("--all", help="All pages from here on.")] = False,
    as_json: Document = False,
) -> None:
    """Show the events of a session in the order they happened."""
    with reading(store) as query:
        while True:
            page = query.agent_events(agent, session, workspace_id=workspace, limit=limit, page_key=page_key)
            document = page.model_dump(mode="json", by_alias=True)
            page_key = document["metadata"]["page_key"]
            last = page_key is None or not all_pages
            if as_json:
                _lines([document])
            else:
                paper.events(document, last=last)
            if last:
                return


def _entity(workspace: str | None, text: str) -> uuid.UUID:
    """Return the UUID of a conversation, given as one or by the text that named it when it was recorded."""
    return uuid.UUID(bytes=ids.entity_id(ids.workspace_id(workspace), text))


@app.command()
def prompts(
    store: Store = None,
    workspace: Workspace = None,
    conversation: Annotated[str | None, typer.Option("--conversation", help="Only of this conversation.")] = None,
    call_sid: Annotated[str | None, typer.Option("--call-sid", help="Only of this call.")] = None,
    prompt_type: Annotated[str | None, typer.Option("--type", help="Only prompts of this type.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="Only prompts of this state.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="How many to show.")] = 20,
    offset: Annotated[int, typer.Option("--offset", help="How many to leave out first.")] = 0,
    full: Annotated[bool, typer.Option("--full", help="Show system prompt, history and response whole.")] = False,
    as_json: Document = False,
) -> None:
    """Show prompts, newest first; without --conversation or --call-sid those of the last 7 days."""
    with reading(store) as query:
        page = query.prompt_logs(
            workspace,
            conversation_id=None if conversation is None else _entity(workspace, conversation),
            call_sid=call_sid,
            prompt_type=prompt_type,
            state_name=state,
            limit=limit,
            offset=offset,
        )
        document = page.model_dump(mode="json", by_alias=True)
        if as_json:
            _lines([document])
        else:
            paper.prompts(document, full=full)


@app.command()
def tail(
    store: Store = None,
    workspace: Workspace = None,
    last: Annotated[int, typer.Option("--last", min=0, help="Begin with this many of the newest runs.")] = 10,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Stop after this many lines.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Show the newest runs and stop.")] = False,
    every: Annotated[float, typer.Option("--every", min=0.01, help="Seconds between two looks.")] = 0.5,
    as_json: RunLines = False,
) -> None:
    """Follow runs as they start and as their status changes, until Ctrl-C."""
    with reading(store) as query, suppress(KeyboardInterrupt):
        for run in islice(_followed(query, workspace, last=last, once=once, every=every), limit):
            if as_json:
                _lines([paper.run_document(run)])
            else:
                paper.tail_line(run)


def _followed(query: Query, workspace: str | None, *, last: int, once: bool, every: float) -> Iterator[Run]:
    follower = Follower(query, workspace_id=workspace)
    yield from follower.start(last)
    while not once:
        time.sleep(every)
        yield from follower.news()


def _lines(documents: Iterable[dict[str, Any]]) -> None:
    for document in documents:
        print(json_line(document))
    # A reader that has left (`| head`) shows here, and Typer ends the command quietly; at exit it would not be quiet.
    sys.stdout.flush()


otlp.add(app)


def run() -> None:
    """Run the command line of this process and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        try:
            app()
        finally:
            if sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison] - it may be closed
                sys.stdout.flush()  # what cannot be written is told here; at exit it would be a stack trace
    except InvalidQuery as problem:
        _fail(str(problem), 2)
    except AgentTraceError as problem:
        _fail(str(problem), 1)
    except BrokenPipeError:
        _drop_output()
        raise SystemExit(1) from None  # the reader has left (`| head`), and knows
    except OSError as problem:
        _drop_output()
        _fail(f"{problem.filename}: {problem.strerror}" if problem.filename else str(problem), 1)


def _drop_output() -> None:
    """Write what is left of the output to nowhere, or the interpreter would try once more as it exits."""
    with suppress(OSError):  # a test's output is no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _fail(problem: str, status: int) -> NoReturn:
    print(f"agenttrace: {clean(problem)}", file=sys.stderr)
    raise SystemExit(status)
