"""One measure, in a process of its own: `python -m benchmarks.child MODULE FUNCTION JSON` prints what it found."""

from __future__ import annotations

import importlib
import json
import sys

from benchmarks.ways import Unavailable

if __name__ == "__main__":
    _, module, measure, arguments = sys.argv
    try:
        found = getattr(importlib.import_module(f"benchmarks.{module}"), measure)(**json.loads(arguments))
    except Unavailable as why:
        found = {"skipped": str(why)}
    print("\n" + json.dumps(found))
