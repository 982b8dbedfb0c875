"""What came of a fault: counts for the table, and whatever is not as it should be. Values, and the sums over them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Tally"]


def _words() -> list[str]:
    return []


@dataclass
class Tally:
    """What came of trying one fault `times` times. Pauses are nanoseconds, one for each call of a traced thread."""

    name: str
    times: int = 0
    acknowledged: int = 0  # spans whose start was acknowledged
    found: int = 0  # of these, those that the store has as they were acknowledged
    in_gaps: int = 0  # of these, those that found no room, and that gaps in the stored traces stand for
    duplicates: int = 0  # rows that are there more than once
    wrong_parents: int = 0
    exceptions: int = 0  # raised into the traced program
    damaged: int = 0  # places in journals where no whole record could be read
    pauses: array[int] = field(default_factory=lambda: array("q"))
    problems: list[str] = field(default_factory=_words)
    notes: list[str] = field(default_factory=_words)  # figures and remarks, for below the table
    skipped: str | None = None

    @property
    def failed(self) -> bool:
        """Return whether anything is not as it should be."""
        short = self.acknowledged != self.found + self.in_gaps
        return bool(short or self.duplicates or self.wrong_parents or self.exceptions or self.problems)

    def pause(self, share: float) -> int | None:
        """Return the pause, in nanoseconds, that this share of all calls does not exceed; None: nothing measured."""
        if not self.pauses:
            return None
        ordered = sorted(self.pauses)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it; pauses in microseconds."""
        p999, longest = self.pause(0.999), self.pause(1.0)
        return {
            "fault": self.name,
            "times": self.times,
            "acknowledged": self.acknowledged,
            "found": self.found,
            "in_gaps": self.in_gaps,
            "duplicates": self.duplicates,
            "wrong_parents": self.wrong_parents,
            "exceptions": self.exceptions,
            "damaged": self.damaged,
            "calls": len(self.pauses),
            "pause_p999_us": None if p999 is None else p999 / 1000,
            "pause_max_us": None if longest is None else longest / 1000,
            "problems": self.problems,
            "notes": self.notes,
            "skipped": self.skipped,
        }
