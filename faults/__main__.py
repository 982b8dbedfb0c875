"""`python -m faults`: try the faults, print the table; exit with 1 where anything is not as it should be."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from faults.child import WRITER
from faults.fault import Fault, all_faults
from faults.table import as_json, as_text
from faults.tally import Tally

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Try what the arguments ask for, print the table, and return the exit status."""
    options = _parser().parse_args(arguments)
    chosen = [fault for fault in all_faults() if not options.only or any(part in fault.name for part in options.only)]
    if options.list:
        print("\n".join(f"{fault.name} ({fault.times} times, quick: {fault.quick})" for fault in chosen))
        return 0
    if not chosen:
        print(f"--only: no fault's name contains any of {options.only}; --list shows them", file=sys.stderr)
        return 2
    if options.writer:
        os.environ[WRITER] = options.writer  # the programs inherit it
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # a program that drops its rights works below it
        tallies, status = _all_tried(chosen, Path(folder), options)
    print(as_text(tallies))
    if options.json:
        Path(options.json).write_text(as_json(tallies) + "\n", encoding="utf-8")
    return status or (1 if any(tally.failed for tally in tallies) else 0)


def _all_tried(chosen: list[Fault], folder: Path, options: argparse.Namespace) -> tuple[list[Tally], int]:
    """Return what was found, and the exit status where it was stopped in the middle: else 0."""
    tallies: list[Tally] = []
    try:
        for fault in chosen:
            tally = _tried(fault, folder, options)
            if tally is not None:
                tallies.append(tally)
    except (KeyboardInterrupt, SystemExit) as stop:
        print("stopped; the table has what was tried until then", file=sys.stderr)
        return tallies, stop.code if isinstance(stop, SystemExit) and isinstance(stop.code, int) else 130
    return tallies, 0


def _tried(fault: Fault, folder: Path, options: argparse.Namespace) -> Tally | None:
    times = options.times or (fault.quick if options.quick else fault.times)
    if not times:
        return None
    print(f"{fault.name} ({times} times) ...", end=" ", file=sys.stderr, flush=True)
    began = time.monotonic()
    tally = fault.tried(folder / fault.name.replace("/", "-"), times, seed=options.seed, quick=options.quick)
    verdict = "skipped" if tally.skipped is not None else "FAILED" if tally.failed else "ok"
    print(f"{verdict}, {time.monotonic() - began:.1f} s", file=sys.stderr)
    return tally


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m faults", description="Harm programs that record; print what was lost."
    )
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="faults whose name contains this; may be repeated"
    )
    parser.add_argument("--times", type=int, metavar="N", help="try each so many times instead of its own number")
    parser.add_argument("--quick", action="store_true", help="the short form, as the test suite runs it")
    parser.add_argument("--writer", choices=("thread", "process"), help="who writes to the store (thread)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="other random instants (0)")
    parser.add_argument("--json", metavar="FILE", help="write the table to this file, too")
    parser.add_argument("--list", action="store_true", help="print the names of the faults and stop")
    return parser


if __name__ == "__main__":
    # A shell that starts it in the background has it ignore Ctrl-C, and the programs that it harms would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # and end what was started
    sys.exit(main())
