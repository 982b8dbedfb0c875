"""Figures: medians with ranges, Markdown tables, and measures that run in a process of their own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["ROOT", "Goal", "Table", "cell", "environment", "measured", "median", "quantile", "ratio", "rounds", "said"]

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 3600  # seconds that one measure may take


class Table(NamedTuple):
    """A table: its heading, the heads of its columns, its rows, and what has to be said below it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def markdown(self) -> str:
        """Return the table as Markdown."""
        lines = [f"### {self.title}", "", *(f"| {' | '.join(row)} |" for row in (self.columns, ["---"] * self.width))]
        filled = ([*row, *[""] * (self.width - len(row))] for row in self.rows)
        lines += [f"| {' | '.join(row)} |" for row in filled]
        return "\n".join([*lines, *(["", self.note] if self.note else [])])

    @property
    def width(self) -> int:
        """Return how many columns there are."""
        return len(self.columns)


class Goal(NamedTuple):
    """What was asked for: a figure that may be at most so large."""

    what: str
    values: Sequence[float]
    most: float

    def cells(self) -> list[str]:
        """Return it as a row of a table: what, found, asked for, whether it is reached."""
        if not self.values:
            return [self.what, "not measured", f"{self.most:.4g}", ""]
        digits = 3 if self.most < 2 else 1
        reached = "yes" if median(self.values) <= self.most else "**no**"
        return [self.what, cell(self.values, digits), f"{self.most:.4g}", reached]

    def line(self) -> str:
        """Return it as a line of text."""
        what, found, most, reached = self.cells()
        return f"{what}: {found}, at most {most} is asked for: {reached.strip('*')}"


def median(values: Iterable[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def quantile(values: Sequence[float], part: float) -> float:
    """Return what this part of the values does not exceed."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def cell(values: Sequence[float], digits: int = 1) -> str:
    """Return the median and the range, as `8.1 (7.9 to 8.4)`; a single value alone."""
    middle = f"{median(values):.{digits}f}"
    low, high = (f"{bound:.{digits}f}" for bound in (min(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"


def said(name: str, names: dict[str, str], figures: dict[str, Any]) -> list[str]:
    """Return the row of a way that was skipped, or nothing."""
    return [names.get(name, name), f"skipped: {figures['skipped']}"] if "skipped" in figures else []


def ratio(found: Iterable[dict[str, Any]], figure: str, one: str, other: str) -> list[float]:
    """Return each round's ratio of one way's figure to another's, where both have it."""
    pairs = [(each.get(one, {}).get(figure), each.get(other, {}).get(figure)) for each in found]
    return [mine / theirs for mine, theirs in pairs if mine is not None and theirs]


def rounds(count: int, names: Iterable[str], measure: Callable[[str], dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rounds, in each of which every name is measured once; one that tells it is skipped is not again."""
    names, found = list(names), []
    skipped: dict[str, dict[str, Any]] = {}
    for _ in range(count):
        each = {name: skipped.get(name) or measure(name) for name in names}
        skipped |= {name: figures for name, figures in each.items() if "skipped" in figures}
        found.append(each)
    return found


def measured(module: str, measure: str, *, python: str = sys.executable, **arguments: Any) -> dict[str, Any]:
    """Return what a function of a module of this package finds in a process of its own."""
    command = [python, "-m", "benchmarks.child", module, measure, json.dumps(arguments)]
    try:
        ran = subprocess.run(
            command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        sys.exit(f"{module}.{measure} {arguments}: not done after {LONGEST} s")
    if ran.returncode:
        sys.exit(f"{module}.{measure} {arguments} failed:\n{ran.stderr[-4000:]}")
    return json.loads(ran.stdout.rstrip().rpartition("\n")[2])


def environment() -> dict[str, str]:
    """Return this environment without what would change what is measured."""
    others = ("AGENTTRACE_", "OTEL_", "PYTHONDONTWRITEBYTECODE", "COVERAGE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(others)}
