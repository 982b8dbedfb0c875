"""`python -m agenttrace`, where the command's script is not on the path."""

from __future__ import annotations

from agenttrace.cli import main

if __name__ == "__main__":
    main()
