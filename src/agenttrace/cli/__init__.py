"""The `agenttrace` command: what a store holds, in a terminal. Needs the extra `cli`; asks `query` and nothing else."""

from __future__ import annotations

import sys
from importlib.util import find_spec

__all__ = ["main"]

_NEEDED = ("typer", "rich")


def main() -> None:
    """Run the command with the arguments of this process, and exit: 0 done, 1 not found, 2 wrong use."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        message = f"agenttrace: the command needs {' and '.join(missing)}: pip install 'agenttrace-otel[cli]'"
        print(message, file=sys.stderr)
        raise SystemExit(2)
    from agenttrace.cli.app import run  # typer and rich come with an extra

    run()
