"""`python -m agenttrace.cli`: the same as `python -m agenttrace`."""

from __future__ import annotations

from agenttrace.cli import main

if __name__ == "__main__":
    main()
