"""`python -m benchmarks`: measure what agenttrace costs; print the tables in Markdown, write JSON and plots."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import bursts, growth, imports, readers, reading, redaction, tail, threads, turn
from benchmarks.figures import Table
from benchmarks.pages import put

__all__ = ["main"]

SECTIONS: dict[str, ModuleType] = {
    "turn": turn,
    "bursts": bursts,
    "tail": tail,
    "threads": threads,
    "growth": growth,
    "readers": readers,
    "reading": reading,
    "redaction": redaction,
    "imports": imports,
}


def main(arguments: list[str] | None = None) -> None:
    """Run what the arguments ask for."""
    given = _parser().parse_args(arguments)
    found = json.loads(given.load.read_text(encoding="utf-8")) if given.load else _measured(given)
    print(report(found))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if given.docs:
        put(given.docs, "benchmarks", report(found))
    if given.plots:
        from benchmarks.plots import draw

        for path in draw(found, given.plots):
            print(f"wrote {path}", file=sys.stderr)


def report(found: dict[str, Any]) -> str:
    """Return the tables of what was measured, and what was asked for, in Markdown."""
    sections = {name: module for name, module in SECTIONS.items() if name in found}
    goals = [goal for name, module in sections.items() for goal in module.goals(found[name])]
    asked = Table("Aims", ["", "found", "at most", "reached"], [goal.cells() for goal in goals])
    all_of_them = [asked, *(table for name, module in sections.items() for table in module.tables(found[name]))]
    return "\n\n".join([where(found["machine"]), *(table.markdown() for table in all_of_them)])


def where(machine: dict[str, Any]) -> str:
    """Return what the figures were measured on, as a sentence."""
    return (
        f"{machine['cores']} cores ({machine['processor']}), {machine['system']}, Python {machine['python']}, "
        f"OpenTelemetry {machine['opentelemetry']}; "
        f"load {machine['load']:.1f} before and {machine['load after']:.1f} after"
        f"{'; the quick form' if machine['quick'] else ''}."
    )


def _measured(given: argparse.Namespace) -> dict[str, Any]:
    load = os.getloadavg()[0]
    found: dict[str, Any] = {}
    for name in given.only or SECTIONS:
        began = time.monotonic()
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        found[name] = SECTIONS[name].measure(quick=given.quick)
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return {"machine": machine(load, quick=given.quick), **found}


def machine(load: float, *, quick: bool) -> dict[str, Any]:
    """Return what this machine is; `load` is what it was at the beginning."""
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "opentelemetry": version("opentelemetry-sdk"),
        "load": load,
        "load after": os.getloadavg()[0],
        "quick": quick,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: seconds instead of minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    parser.add_argument("--only", action="append", choices=list(SECTIONS), help="this section; may be repeated")
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="draw plots into this folder (needs matplotlib)")
    parser.add_argument("--docs", type=Path, metavar="PAGE", help="put the tables into this page, between its marks")
    parser.add_argument("--load", type=Path, metavar="FILE", help="measure nothing: print and draw what FILE has")
    return parser


if __name__ == "__main__":
    main()
