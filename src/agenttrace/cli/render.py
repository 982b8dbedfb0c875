"""Runs and trees as lines of text. Pure: no store, no terminal, no Rich.

A line is a list of (text, style) pieces, so that a terminal can colour it and a test or a pipe can join it. All
recorded data in it is clean (see `text.clean`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from agenttrace.cli.text import duration, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agenttrace.model.run import Run

__all__ = ["MAX_INDENT", "Line", "depth_first", "draw", "mark", "run_line", "tree"]

Line = list[tuple[str, str]]

#: Levels that are indented; deeper runs stay at this indentation and name their depth, so a line's width is bounded.
MAX_INDENT = 24

_MARKS = {
    "pending": ("○", "cyan"),
    "running": ("●", "yellow"),
    "success": ("✓", "green"),
    "failed": ("✗", "red"),
}

# What a line says of a run: from these content keys, to those.
_FROM = ("llm_model", "query", "trigger", "input")
_TO = ("output", "llm_response")


def depth_first(root: Run) -> Iterator[tuple[int, str, Run]]:
    """Yield (depth, guide, run) for a run and all below it, parents before children, without recursion."""
    stack: list[tuple[int, str, bool, Run]] = [(0, "", True, root)]
    while stack:
        depth, indent, last, run = stack.pop()
        yield depth, _guide(depth, indent, last=last), run
        below = _below(depth, indent, last=last)
        newest_first = list(reversed(run.children))
        stack += [(depth + 1, below, position == 0, child) for position, child in enumerate(newest_first)]


def _guide(depth: int, indent: str, *, last: bool) -> str:
    if depth == 0:
        return ""
    branch = "└─ " if last else "├─ "
    return indent + branch + (f"[{depth}] " if depth > MAX_INDENT else "")


def _below(depth: int, indent: str, *, last: bool) -> str:
    if depth == 0 or depth >= MAX_INDENT:
        return indent
    return indent + ("   " if last else "│  ")


def mark(run: Run) -> tuple[str, str]:
    """Return the sign of a run's status and its style."""
    return _MARKS.get(run.status, ("?", "magenta"))


def run_line(run: Run, width: int = 60) -> Line:
    """Return one run as a line: mark, type, name, duration, and what went in and came out."""
    sign, style = mark(run)
    line = [
        (sign + " ", style),
        (one_line(run.run_type, 40) + " ", "dim"),
        (one_line(run.name, 80), "bold"),
        (f"  {duration(run.duration)}", "cyan"),
    ]
    told = _told(run, width)
    return [*line, (f"  {told}", style if run.error else "")] if told else line


def _told(run: Run, width: int) -> str:
    content: dict[str, Any] = run.content or {}
    given = _first(content, _FROM)
    sides = [_alone(given) if run.run_type == "master" else given, _first(content, _TO), _found(content)]
    told = [one_line(side, width) for side in sides if side is not None]
    if run.error:
        problem = ": ".join(str(run.error[key]) for key in ("type", "message") if run.error.get(key))
        told.append(one_line(problem, 2 * width))
    return " → ".join(told)


def _first(content: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((content[key] for key in keys if content.get(key) is not None), None)


def _alone(given: Any) -> Any:
    """Return the only argument of a turn without its name: it is what the user said."""
    if not isinstance(given, dict):
        return given
    named = cast("dict[str, Any]", given)
    return next(iter(named.values())) if len(named) == 1 else named


def _found(content: dict[str, Any]) -> str | None:
    documents = content.get("documents")
    if not isinstance(documents, list):
        return None
    count = len(cast("list[Any]", documents))
    return f"{count} document{'' if count == 1 else 's'}"


def tree(root: Run, width: int = 60) -> Iterator[Line]:
    """Yield one line for each run of a tree, parents before children, the oldest child first.

    Works on trees of any depth: the indentation stops at MAX_INDENT levels.
    """
    for _depth, guide, run in depth_first(root):
        yield [(guide, "dim"), *run_line(run, width)]


def draw(root: Run, width: int = 60) -> str:
    """Return a tree as plain text."""
    return "\n".join("".join(text for text, _ in line) for line in tree(root, width))
