"""What every library here is: set up with a sink, records turns, tells how many spans arrived.

Each is set up with what it does by default, but for where it sends: `sink`, a URL on loopback. What it says of itself:
`package` (the distribution whose version is told), `imported` (how its user imports it), `counts` (a pattern that finds
a span in what it sends; empty: OTLP), `how` (what was configured).
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from pathlib import Path

from benchmarks.content import HISTORY, SYSTEM

__all__ = ["MESSAGES", "Peer"]

MESSAGES = [{"role": "system", "content": SYSTEM}, *HISTORY]


class Peer:
    """A library, set up to send to a sink."""

    package = imported = how = counts = ""

    def __init__(self, folder: Path, sink: str) -> None:
        self.folder, self.sink = folder, sink

    def turn(self) -> None:
        """Record one turn."""
        raise NotImplementedError

    def settle(self) -> None:
        """Wait until all was sent."""
        raise NotImplementedError

    def found(self) -> int:
        """Return how many spans arrived."""
        asked = urllib.parse.urlencode({"of": self.counts})
        with urllib.request.urlopen(f"{self.sink}/received?{asked}") as answer:  # noqa: S310 - a sink of ours
            return json.load(answer)["spans"]

    def size(self) -> int:
        """Return the bytes of its store; 0 where it has none here."""
        return 0
