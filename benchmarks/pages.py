"""Put what was measured into a page of the documentation: between two marks, and nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["put"]


def put(page: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- NAME -->` and `<!-- end of NAME -->`; exits where a mark is not there."""
    opening, closing = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    head, begins, rest = page.read_text(encoding="utf-8").partition(opening)
    _, ends, tail = rest.partition(closing)
    if not (begins and ends):
        sys.exit(f"{page}: has no {opening.strip()} ... {closing}, between which the figures belong")
    page.write_text(f"{head}{opening}\n{text}\n\n{closing}{tail}", encoding="utf-8")
