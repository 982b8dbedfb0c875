"""The table of what came of the faults, as text and as JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

from faults.tally import Tally

__all__ = ["as_json", "as_text"]

_HEADS = ("fault", "times", "spans", "found", "twice", "wrong parent", "exceptions", "p99.9 µs", "longest ms", "")
_MOST = 8  # problems that are shown of one fault


def as_text(tallies: Iterable[Tally]) -> str:
    """Return the table in Markdown; below it what is not as it should be, and the figures that do not fit in."""
    tallies = list(tallies)
    rows = [_HEADS, *map(_row, tallies)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(
        1, "|" + "|".join("-" * (width + 1) + (":" if column else "-") for column, width in enumerate(widths)) + "|"
    )
    for tally in tallies:
        lines += _below(tally)
    return "\n".join(lines)


def as_json(tallies: Iterable[Tally]) -> str:
    """Return a list of objects, one a fault."""
    return json.dumps([tally.as_json() for tally in tallies], indent=2)


def _row(tally: Tally) -> tuple[str, ...]:
    if tally.skipped is not None:
        return (tally.name, *[""] * 8, "skipped")
    p999, longest = tally.pause(0.999), tally.pause(1.0)
    return (
        tally.name,
        f"{tally.times:,}",
        f"{tally.acknowledged:,}",
        f"{tally.found:,}",
        f"{tally.duplicates:,}",
        f"{tally.wrong_parents:,}",
        f"{tally.exceptions:,}",
        "" if p999 is None else f"{p999 / 1e3:,.0f}",
        "" if longest is None else f"{longest / 1e6:,.1f}",
        "FAILED" if tally.failed else "ok",
    )


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = (
        cell.rjust(width) if column else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "| " + " | ".join(cells) + " |"


def _below(tally: Tally) -> list[str]:
    lines = [f"  {note}" for note in tally.notes]
    lines += [f"  ! {problem.strip()}" for problem in tally.problems[:_MOST]]
    if len(tally.problems) > _MOST:
        lines.append(f"  ! and {len(tally.problems) - _MOST} more")
    if tally.skipped is not None:
        lines.append(f"  skipped: {tally.skipped}")
    return ["", f"{tally.name}:", *lines] if lines else []
