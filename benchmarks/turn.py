"""What a whole agent turn costs, with us, with bare OpenTelemetry SDK spans, and with a home-made SQLite exporter.

    python benchmarks/turn.py [--turns 2000] [--rounds 7] [--quick] [--json FILE]

A turn is five spans: a root (200 B in, 500 B out), a retrieval (a query, 3 chunks of 400 B), a prompt (2 KB system
prompt, 6 history messages of 300 B, 600 B response, model, token counts) and two tool calls (150 B in, 400 B out).
Every way runs in a process of its own, the ways in turn, round after round: one burst of turns from one thread, with
what is on by default (ours: redaction, capture by copy, journal, checksums, a writer thread, SQLite). Figures are
medians over the rounds, with their range, a span:

traced      CPU time of the thread that makes the spans, in µs
all         CPU time of the whole process, and of the drainer, until all is durable, in µs; where `flush` returns
kept        spans that are found in the store afterwards, in parts of those made
disk        bytes of the store's files, once its log was folded in

The ratio of two ways is the median of the ratios of each round. That of the traced thread to the bare SDK is measured
by itself: both in one process, in turn, in slices of a few milliseconds, so that a machine whose speed changes slows
both; it is the median of those of neighbouring slices, while the writer works. JSON is made with orjson on every side,
which is the quickest there is; the long prompt is measured once more beside a span whose JSON the standard library
makes, as instrumentations do, and as a conversation that goes on, and with other messages each time. The import is
measured as well: what `import agenttrace` and a first span take over bare Python, beside `import opentelemetry.trace,
orjson`.
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:
    # Run as a file, its folder would be searched for modules, and `http` there is none of the standard library's.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks import imports
from benchmarks.content import SPANS
from benchmarks.figures import Goal, Table, cell, measured, median, ratio, rounds, said
from benchmarks.ways import SAID, WAYS

__all__ = ["burst", "goals", "measure", "sides", "tables"]

SLICE = 20  # turns that one side makes before the other
TURNS, ROUNDS = 2_000, 7
QUICK_TURNS, QUICK_ROUNDS = 200, 2


def repeated(act: Callable[[], object], times: int) -> int:
    """Return the CPU time of this thread, in ns, for doing this so often."""
    started = time.thread_time_ns()
    for _ in range(times):
        act()
    return time.thread_time_ns() - started


def burst(name: str, turns: int) -> dict[str, float]:
    """Return the figures of one burst, a span."""
    with tempfile.TemporaryDirectory() as folder:
        way = WAYS[name](Path(folder))
        warm = max(turns // 10, 20)
        repeated(way.turn, warm)
        way.settle()
        process = time.process_time_ns() + way.others()
        thread = repeated(way.turn, turns)
        way.settle()
        process = time.process_time_ns() + way.others() - process
        rows = way.close()
        size = sum(file.stat().st_size for file in Path(folder).glob("*.db*"))
        spans = turns * SPANS
        figures = {"traced": thread / spans / 1000, "all": process / spans / 1000}
        if way.table is None:
            return figures
        return figures | {"kept": max(rows - warm * SPANS, 0) / spans, "disk": size / max(rows, 1)}


def sides(name: str, turns: int) -> dict[str, float]:
    """Return the ratios of the traced thread's CPU time, ours to the bare SDK's, slice by slice in this process."""
    with tempfile.TemporaryDirectory() as folder:
        ours, bare = WAYS[name](Path(folder)), WAYS["sdk"](Path(folder))
        found: dict[str, float] = {}
        for act, count, once in (
            ("turn", turns, SLICE),
            ("long_prompt", turns // 4, SLICE),
            ("plain_long_prompt", turns // 4, SLICE),
            ("grown_prompt", turns // 4, SLICE),
            ("other_prompt", turns // 4, SLICE),
            ("call", turns * 2, 200),
        ):
            one, other = getattr(ours, act.removeprefix("plain_")), getattr(bare, act)
            repeated(one, once), repeated(other, once)
            ours.settle()
            pairs = [(repeated(one, once), repeated(other, once)) for _ in range(max(count // once, 1))]
            ours.settle()
            found[act] = median(mine / theirs for mine, theirs in pairs)
            spans = once * (SPANS if act == "turn" else 1)
            found[f"{act}, µs"] = median(mine for mine, _ in pairs) / spans / 1000
            found[f"{act}, SDK, µs"] = median(theirs for _, theirs in pairs) / spans / 1000
        ours.close()
        return found


OURS = ("ours", "ours, process")


def measure(*, quick: bool, turns: int | None = None, count: int | None = None) -> dict[str, Any]:
    """Return every way's bursts, round by round, and ours beside the bare SDK."""
    turns, count = turns or (QUICK_TURNS if quick else TURNS), count or (QUICK_ROUNDS if quick else ROUNDS)
    return {
        "spans": turns * SPANS,
        "rounds": rounds(count, WAYS, lambda name: measured("turn", "burst", name=name, turns=turns)),
        "sides": rounds(count, OURS, lambda name: measured("turn", "sides", name=name, turns=turns)),
    }


def tables(found: dict[str, Any]) -> list[Table]:
    """Return what was found as tables."""
    bursts, beside = found["rounds"], found["sides"]
    rows = [
        said(name, SAID, bursts[-1][name])
        or [
            SAID[name],
            *(_cell(bursts, name, *column) for column in (("traced", 1), ("all", 1), ("kept", 2), ("disk", 0))),
        ]
        for name in WAYS
    ]
    acts = {
        "turn": "a span of the turn",
        "call": "a decorated call",
        "long_prompt": "a prompt with 100 messages",
        "plain_long_prompt": "the same, there with Python's `json`",
        "grown_prompt": "the same, two messages more each time",
        "other_prompt": "the same, with messages that were not said before",
    }
    shares = [
        said(name, SAID, beside[-1][name])
        or [
            f"{SAID[name]}: {what}",
            *(cell([each[name][f"{act}{unit}"] for each in beside], digits) for unit, digits in UNITS),
        ]
        for name in OURS
        for act, what in acts.items()
    ]
    many = len(bursts)
    return [
        Table(
            "The turn",
            ["", "traced thread, µs a span", "all threads until durable, µs a span", "kept", "disk, B a span"],
            rows,
            f"Bursts of {found['spans']:,} spans, CPU time; medians of {many} rounds, and their range.",
        ),
        Table(
            "Traced thread, beside the bare SDK",
            ["", "ours, µs", "bare SDK, µs", "ratio"],
            shares,
            f"Both in one process, in slices of milliseconds, the writer at work; medians of {many} rounds.",
        ),
    ]


UNITS = ((", µs", 2), (", SDK, µs", 1), ("", 3))


def _cell(bursts: list[dict[str, Any]], name: str, figure: str, digits: int) -> str:
    values = [each[name][figure] for each in bursts if figure in each[name]]
    return cell(values, digits) if values else ""


def goals(found: dict[str, Any]) -> list[Goal]:
    """Return what was asked for."""
    bursts, beside = found["rounds"], found["sides"]
    own = lambda figure: [each["ours"][figure] for each in beside]  # noqa: E731
    return [
        Goal("traced thread, to a bare SDK span, on the turn", own("turn"), 0.2),
        Goal("the same, a decorated call", own("call"), 0.25),
        Goal("the same, a prompt with 100 messages", own("long_prompt"), 1 / 3),
        Goal("the same, to a span whose JSON is made by Python's json", own("plain_long_prompt"), 1 / 3),
        Goal("all threads, µs a span", [each["ours"]["all"] for each in bursts], 25),
        Goal(
            "all threads, to the exporter with a large queue",
            ratio(bursts, "all", "ours", "exporter, large queue"),
            0.27,
        ),
        Goal("spans lost in the burst, parts", [1 - each["ours"]["kept"] for each in bursts], 0),
        Goal("disk, B a span", [each["ours"]["disk"] for each in bursts], 900),
    ]


def main() -> None:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--turns", type=int, help=f"turns a burst ({TURNS})")
    arguments.add_argument("--rounds", type=int, help=f"({ROUNDS})")
    arguments.add_argument("--quick", action="store_true", help="seconds instead of minutes")
    arguments.add_argument("--json", type=Path, help="write the figures here as well")
    given = arguments.parse_args()
    found = measure(quick=given.quick, turns=given.turns, count=given.rounds)
    loaded = imports.measure(quick=given.quick)
    for table in (*tables(found), *imports.tables(loaded)):
        print(table.markdown(), end="\n\n")
    for goal in (*goals(found), *imports.goals(loaded)):
        print(goal.line())
    if given.json:
        given.json.write_text(json.dumps({"turn": found, "imports": loaded}, indent=2))


if __name__ == "__main__":
    main()
