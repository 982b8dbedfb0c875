"""What the commands print, on a terminal or into a pipe: tables, lines and pages. Only here is Rich used."""

from __future__ import annotations

import sys
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agenttrace.cli.render import Line, mark, run_line
from agenttrace.cli.text import clean, duration, instant, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agenttrace.access.keys import ApiKey, NewKey
    from agenttrace.letters import Letter, WholeLetter
    from agenttrace.model.run import Run

__all__ = [
    "events",
    "keys",
    "letter",
    "letters",
    "lines",
    "new_key",
    "prompts",
    "run_document",
    "table",
    "tail_line",
    "value",
]


#: More than any row takes: its cells are bounded.
_WIDE = 4000


def _console() -> Console:
    # Into a pipe a line is as long as it is; recorded data is never read as markup, emoji codes or links.
    piped = not sys.stdout.isatty()
    return Console(markup=False, emoji=False, highlight=False, soft_wrap=piped, width=_WIDE if piped else None)


def lines(found: Iterable[Line]) -> None:
    """Print lines as they come; a terminal cuts those that are wider than itself."""
    console = _console()
    overflow = "ellipsis" if console.is_terminal else "ignore"
    for pieces in found:
        console.print(Text.assemble(*pieces), no_wrap=True, overflow=overflow, crop=console.is_terminal)


def table(runs: Iterable[Run]) -> None:
    """Print runs as a table: start, duration, type, name, status, id."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("start (UTC)", "duration", "type", "name", "status", "id"):
        drawn.add_column(title, no_wrap=True, overflow="fold" if title == "id" else "ellipsis")
    for run in runs:
        _sign, style = mark(run)
        drawn.add_row(
            Text(instant(run.start_time), "dim"),
            Text(duration(run.duration), "cyan", justify="right"),
            Text(one_line(run.run_type, 30)),
            Text(one_line(run.name, 40), "bold"),
            Text(run.status, style),
            Text(str(run.id), "dim"),
        )
    _console().print(drawn if drawn.row_count else Text("no runs"))


def keys(found: Iterable[ApiKey], *, now: datetime) -> None:
    """Print API keys as a table: id, name, role, scopes, user, teams, when made, last used, and how they stand."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("id", "name", "role", "scopes", "user", "teams", "made (UTC)", "last used", "state"):
        drawn.add_column(title, overflow="fold", no_wrap=title == "id")
    for key in found:
        state, style = _state(key, now)
        drawn.add_row(
            Text(key.id, "bold"),
            Text(one_line(key.name, 40)),
            Text(key.role),
            Text(" ".join(key.scopes)),
            Text(one_line(key.user_id or "-", 40)),
            Text(one_line(" ".join(key.team_ids) or "-", 80)),
            Text(_minute(key.created_at), "dim"),
            Text("never" if key.last_used_at is None else _minute(key.last_used_at), "dim"),
            Text(state, style),
        )
    _console().print(drawn if drawn.row_count else Text("no keys"))


def new_key(key: NewKey) -> None:
    """Print a key that was just made, its secret too."""
    keys([key], now=key.created_at)
    # Never through a console, which cuts what is wider than the terminal.
    print(f"\n{key.key}\nKeep it now: this is the only time that it is shown.")


def letters(found: Iterable[Letter]) -> None:
    """Print dead letters as a table: when set aside, what kind of record, its size, where it is, id and error."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("set aside (UTC)", "kind", "bytes", "in", "id", "error"):
        drawn.add_column(title, no_wrap=True, overflow="fold" if title == "id" else "ellipsis")
    for one in found:
        drawn.add_row(
            Text(_minute(one.time), "dim"),
            Text(one.kind),
            Text(f"{one.size:,}", justify="right"),
            Text("store" if one.file is None else one_line(one.file.name, 40)),
            Text(one.id, "bold"),
            Text(one_line(one.error, 100)),
        )
    _console().print(drawn if drawn.row_count else Text("no dead letters"))


def letter(one: WholeLetter) -> None:
    """Print one dead letter: what is known of it, and its record, bytes that are no text escaped."""
    place = "the store" if one.file is None else str(one.file)
    known = {
        "id": one.id,
        "set aside": instant(one.time),
        "kind": one.kind,
        "workspace": "unknown" if one.workspace_id is None else str(one.workspace_id),
        "process": one.process_id,
        "in": place,
        "error": one.error,
    }
    lines([(f"{title:<10}", "dim"), (one_line(text, 2000), "")] for title, text in known.items())
    print(f"\n{clean(one.payload.decode('utf-8', 'backslashreplace'))}")


def _state(key: ApiKey, now: datetime) -> tuple[str, str]:
    if key.revoked_at is not None:
        return f"revoked {_minute(key.revoked_at)}", "red"
    if key.expires_at is None:
        return "good", "green"
    if key.expires_at <= now:
        return f"expired {_minute(key.expires_at)}", "red"
    return f"good until {_minute(key.expires_at)}", "green"


def _minute(when: datetime) -> str:
    return instant(when)[:16]


def tail_line(run: Run) -> None:
    """Print one run with its start and id."""
    lines([[(instant(run.start_time) + "  ", "dim"), *run_line(run), (f"  {run.id}", "dim")]])


def events(document: dict[str, Any], *, last: bool) -> None:
    """Print a page of events, and after the last page how many there are and where the next one begins."""
    lines(_event_line(event) for event in document["events"])
    if last:
        metadata = document["metadata"]
        more = f"; more: --page-key {metadata['page_key']}" if metadata["page_key"] else ""
        lines([[(f"{_count(metadata['total_count'], 'event')} in the session{more}", "dim")]])


_EVENT_STYLES = {
    "input_message": "bold",
    "thinking": "magenta",
    "tool_input": "cyan",
    "tool_output": "green",
    "agent_output": "bold green",
}


def _event_line(event: dict[str, Any]) -> Line:
    kind = event["type"]
    tool = f"{one_line(event['tool_name'], 40)}  " if event.get("tool_name") else ""
    return [
        (one_line(event["created_at"], 30) + "  ", "dim"),
        (f"{kind:<14}", _EVENT_STYLES.get(kind, "")),
        (tool, "bold"),
        (one_line(_told(event), 160), ""),
    ]


def _told(event: dict[str, Any]) -> Any:
    if "messages" in event:
        return " ".join(str(message.get("content")) for message in event["messages"])
    return next((event[key] for key in ("tool_input", "tool_output", "content") if key in event), "")


def prompts(document: dict[str, Any], *, full: bool) -> None:
    """Print a page of prompts, one line each or whole, and where the next page begins."""
    for item in document["items"]:
        lines([_prompt_line(item)])
        if full:
            _console().print(Text(_whole(item)))
    window = document.get("applied_time_window_days")
    told = _count(document["count"], "prompt") + (f" of the last {window} days" if window else "")
    more, following = "", document["next_offset"]
    if document["has_more"]:
        more = "; there are more" if following is None else f"; more: --offset {following}"
    lines([[(told + more, "dim")]])


def _prompt_line(item: dict[str, Any]) -> Line:
    return [
        (one_line(item["effective_at"], 30) + "  ", "dim"),
        (one_line(item["prompt_type"] or "-", 30) + "  ", "cyan"),
        (one_line(item["llm_model"] or "-", 30) + "  ", "bold"),
        (one_line(item["llm_response"] or "", 100), ""),
    ]


def _whole(item: dict[str, Any]) -> str:
    parts = [(key, item.get(key)) for key in ("system_prompt", "history", "full_prompt", "llm_response")]
    return "\n".join(f"  {key}: {_text(value)}" for key, value in parts if value is not None)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "".join(f"\n    {one_line(entry, 2000)}" for entry in cast("list[Any]", value))
    return clean(str(value)).replace("\n", "\n    ")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def run_document(run: Run) -> dict[str, Any]:
    """Return a run without its children as JSON values: ids as text, times as RFC 3339 in UTC."""
    return {field.name: value(getattr(run, field.name)) for field in fields(run) if field.name != "children"}


def value(found: Any) -> Any:
    """Return a field's value as JSON has it: times as RFC 3339 in UTC, UUIDs as text."""
    if isinstance(found, datetime):
        return found.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(found) if isinstance(found, UUID) else found
