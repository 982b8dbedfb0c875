"""What harmed programs told: the lines of their pipe, as values. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Started", "Told"]


@dataclass(frozen=True)
class Started:
    """A span whose start was acknowledged: the run that it must be inside of, and its name."""

    parent: str | None
    name: str


@dataclass
class Told:
    """What programs said on their pipe. Pauses are nanoseconds; those of a program's first span are in `firsts`."""

    started: dict[str, Started] = field(default_factory=dict[str, Started])
    ended: dict[str, str] = field(default_factory=dict[str, str])  # run id -> status
    raised: list[str] = field(default_factory=list[str])
    pauses: array[int] = field(default_factory=lambda: array("q"))
    firsts: array[int] = field(default_factory=lambda: array("q"))
    others: list[list[str]] = field(default_factory=list[list[str]])  # whatever else programs said, by words

    @classmethod
    def of(cls, lines: Iterable[str]) -> Told:
        """Return what these lines say."""
        told = cls()
        for line in lines:
            told.add(line)
        return told

    def add(self, line: str) -> None:
        """Take in one line."""
        match line.split(" "):
            case ["start", run, parent, name, took]:
                self.started[run] = Started(None if parent == "-" else parent, name)
                self._pause(int(took))
            case ["end", run, status, took]:
                self.ended[run] = status
                self._pause(int(took))
            case ["raised", *text]:
                self.raised.append(" ".join(text))
            case words:
                self.others.append(words)

    def said(self, word: str) -> list[list[str]]:
        """Return what follows this word on each line that begins with it."""
        return [words[1:] for words in self.others if words[0] == word]

    def _pause(self, took: int) -> None:
        (self.firsts if took < 0 else self.pauses).append(abs(took))
