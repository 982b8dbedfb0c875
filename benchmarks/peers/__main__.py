"""`python -m benchmarks.peers`: the turn through other libraries, beside ours; Markdown, JSON and plots.

A library that is not installed is skipped by name. `--python PATH` says with which interpreter the libraries run, and
`--python NAME=PATH` with which one of them does, since some of them do not get on in one environment. Ours and the bare
SDK run with this one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import imports
from benchmarks.__main__ import machine, where
from benchmarks.figures import ROOT, Table, cell, environment, measured, ratio, rounds, said
from benchmarks.pages import put
from benchmarks.peers.loopback import QUIET
from benchmarks.peers.through import PEERS
from benchmarks.ways import SAID

__all__ = ["main", "tables"]

BESIDE = ("ours", "sdk")
LONGEST = 900  # seconds for one burst


def main(arguments: list[str] | None = None) -> None:
    """Run what the arguments ask for."""
    given = _parser().parse_args(arguments)
    found = json.loads(given.load.read_text(encoding="utf-8")) if given.load else _measured(given)
    text = "\n\n".join([where(found["machine"]), *(table.markdown() for table in tables(found["peers"]))])
    print(text)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if given.docs:
        put(given.docs, "peers", text)
    if given.plots:
        from benchmarks.plots import draw

        for path in draw(found, given.plots):
            print(f"wrote {path}", file=sys.stderr)


def _measured(given: argparse.Namespace) -> dict[str, Any]:
    turns, count, loads = (200, 1, 1) if given.quick else (2_000, 3, 5)
    load, names = os.getloadavg()[0], given.only or list(PEERS)
    pythons = {name: _python(given.python, name) for name in names}

    def one(name: str) -> dict[str, Any]:
        began = time.monotonic()
        if name in BESIDE:
            figures = measured("turn", "burst", name=name, turns=turns)
        else:
            figures = recorded(name, turns, pythons[name])
        print(
            f"{name} ... {figures.get('skipped') or f'{time.monotonic() - began:.0f} s'}", file=sys.stderr, flush=True
        )
        return figures

    bursts = rounds(count, [*BESIDE, *names], one)
    there = [name for name in names if "skipped" not in bursts[-1][name]]
    codes = {name: f"{PEERS[name].imported}\n" for name in there}
    taken = imports.taken({"ours": imports.FIRST, **codes}, loads, python=pythons, more=QUIET) if there else {}
    return {
        "machine": machine(load, quick=given.quick),
        "peers": {"spans": turns * 5, "rounds": bursts, "imports": taken},
    }


def recorded(name: str, turns: int, python: str) -> dict[str, Any]:
    """Return a library's figures, with a sink of its own; what goes wrong is told instead."""
    with serving(python) as sink, tempfile.TemporaryDirectory() as home:
        command = [python, "-m", "benchmarks.peers.child", name, str(turns), sink]
        where = {**environment(), **QUIET, "HOME": home}
        try:
            ran = subprocess.run(
                command, cwd=ROOT, env=where, capture_output=True, text=True, timeout=LONGEST, check=False
            )
        except subprocess.TimeoutExpired:
            return {"skipped": f"not done after {LONGEST} s"}
        if ran.returncode:
            print(ran.stderr[-3000:], file=sys.stderr)
            return {"skipped": f"failed: {(ran.stderr.strip().splitlines() or ['no reason told'])[-1][:200]}"}
        return json.loads(ran.stdout.rstrip().rpartition("\n")[2])


@contextmanager
def serving(python: str) -> Iterator[str]:
    """Give the URL of a sink that another process serves."""
    command = [python, "-m", "benchmarks.peers.sink"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sink:
        assert sink.stdin is not None
        assert sink.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(sink.stdout.readline())}"
        finally:
            sink.stdin.close()
            sink.wait(60)


def tables(found: dict[str, Any]) -> list[Table]:
    """Return what was found as tables."""
    each, names = found["rounds"], list(found["rounds"][-1])
    rows = [
        said(name, SAID, each[-1][name])
        or [
            SAID.get(name, f"{name} {each[-1][name].get('version', '')}"),
            _cell(each, name, "traced", 1),
            cell(ratio(each, "traced", name, "ours"), 1),
            _cell(each, name, "all", 1),
            _cell(each, name, "kept", 2),
            _cell(each, name, "disk", 0),
            cell(found["imports"][name], 0) if found["imports"].get(name) else "",
        ]
        for name in names
    ]
    heads = [
        "",
        "traced thread, µs a span",
        "times ours",
        "all threads, µs a span",
        "kept",
        "disk, B a span",
        "import, ms",
    ]
    note = (
        f"Bursts of {found['spans']:,} spans, CPU time; {len(each)} rounds. Import: wall time over bare Python, "
        "of ours with a first span."
    )
    how = [[name, f"`{PEERS[name].package}`", PEERS[name].how] for name in names if name in PEERS]
    return [Table("Peers", heads, rows, note), Table("How each is set up", ["", "package", ""], how)]


def _cell(each: list[dict[str, Any]], name: str, figure: str, digits: int) -> str:
    values = [one[name][figure] for one in each if figure in one[name]]
    return cell(values, digits) if values else ""


def _python(given: list[str], name: str) -> str:
    chosen = sys.executable
    for each in given:
        named, equals, path = each.rpartition("=")
        if not equals or named == name:
            chosen = os.path.abspath(path)  # where a link leads to would be another environment's
    return chosen


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--only", action="append", choices=list(PEERS), help="this library; may be repeated")
    parser.add_argument("--python", action="append", default=[], metavar="[NAME=]PATH", help="see above")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="draw plots into this folder (needs matplotlib)")
    parser.add_argument("--docs", type=Path, metavar="PAGE", help="put the tables into this page, between its marks")
    parser.add_argument("--load", type=Path, metavar="FILE", help="measure nothing: print and draw what FILE has")
    return parser


if __name__ == "__main__":
    main()
