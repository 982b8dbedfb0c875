"""What redaction of 1 KB costs where it finds nothing: the search alone, and a span with 1 KB beside one without."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from benchmarks.content import CHUNKS, text
from benchmarks.figures import Goal, Table, cell, measured, median, rounds, said
from benchmarks.ways import SAID, WAYS

__all__ = ["goals", "measure", "searched", "tables"]

SLICE = 500
NAMES = ("ours", "ours, process")
VALUES: dict[str, Any] = {"a text of 1 KB": text(1024), "a list of objects, 1 KB": [*CHUNKS[:2], text(150)]}


def searched(name: str, slices: int) -> dict[str, Any]:
    """Return for each value what the search alone takes, and a span with it and with a few letters instead, in µs."""
    from agenttrace.record.redact import suspicious
    from agenttrace.record.secretwords import SecretNames

    names = SecretNames()
    with tempfile.TemporaryDirectory() as folder:
        way = WAYS[name](Path(folder))
        found: dict[str, Any] = {}
        for what, value in VALUES.items():
            written = value if isinstance(value, str) else orjson.dumps(value).decode()
            assert not suspicious(written, names)
            taken: dict[str, list[float]] = {"search": [], "with": [], "little": []}
            for _ in range(slices):
                started = time.thread_time_ns()
                for _ in range(SLICE):
                    suspicious(written, names)
                taken["search"].append((time.thread_time_ns() - started) / SLICE / 1000)
                taken["with"].append(_spans(way.trace, value))
                taken["little"].append(_spans(way.trace, "a few letters"))
                way.settle()
            found[what] = {kind: median(each) for kind, each in taken.items()} | {"bytes": len(written)}
        way.close()
        return found


def _spans(trace: Any, value: Any) -> float:
    started = time.thread_time_ns()
    for _ in range(SLICE):
        with trace.tool_call("search") as call:
            call.output = value
    return (time.thread_time_ns() - started) / SLICE / 1000


def measure(*, quick: bool) -> dict[str, Any]:
    """Return the figures, round by round."""
    count, slices = (2, 5) if quick else (5, 20)
    return {"rounds": rounds(count, NAMES, lambda name: measured("redaction", "searched", name=name, slices=slices))}


def tables(found: dict[str, Any]) -> list[Table]:
    """Return what was found as a table."""
    each, kinds = found["rounds"], ("search", "with", "little")
    rows = [
        said(name, SAID, each[-1][name])
        or [f"{SAID[name]}: {what}", *(cell([one[name][what][kind] for one in each], 2) for kind in kinds)]
        for name in NAMES
        for what in VALUES
    ]
    heads = ["", "the search alone, µs", "a span with it", "a span with a few letters"]
    return [
        Table(
            "Redaction that finds nothing",
            heads,
            rows,
            "CPU time of the traced thread; what is no text is searched while it is written.",
        )
    ]


def goals(found: dict[str, Any]) -> list[Goal]:
    """Return what was asked for."""
    (first, *_) = VALUES
    return [
        Goal("redaction of 1 KB that finds nothing, µs", [each["ours"][first]["search"] for each in found["rounds"]], 2)
    ]
