"""One library, in a process of its own and perhaps in an environment of its own.

`python -m benchmarks.peers.child NAME TURNS SINK` prints its figures as JSON.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.content import SPANS
from benchmarks.peers.loopback import only_loopback
from benchmarks.peers.through import PEERS

__all__ = ["recorded"]


def recorded(name: str, turns: int, sink: str) -> dict[str, Any]:
    """Return the figures of one burst, a span; or that the library is not installed."""
    made = PEERS[name]
    try:
        installed = version(made.package)
    except PackageNotFoundError:
        return {"skipped": f"{made.package} is not installed"}
    only_loopback()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        way = made(Path(folder), sink)
        for _ in range(20):
            way.turn()
        way.settle()
        before = way.found()
        process, thread = time.process_time_ns(), time.thread_time_ns()
        for _ in range(turns):
            way.turn()
        thread = time.thread_time_ns() - thread
        way.settle()
        process = time.process_time_ns() - process
        spans, found = turns * SPANS, way.found()
        size = way.size()
        return {
            "version": installed,
            "traced": thread / spans / 1000,
            "all": process / spans / 1000,
            "kept": min((found - before) / spans, 1.0),  # some tell of themselves as well
            **({"disk": size / found} if size else {}),
        }


if __name__ == "__main__":
    _, named, number, where = sys.argv
    told = recorded(named, int(number), where)
    sys.stdout.write("\n" + json.dumps(told) + "\n")
    sys.stdout.flush()
    os._exit(0)  # what a library does at its end is no part of this
