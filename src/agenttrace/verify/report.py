"""What a verification found: values, and the same as one JSON document. No secret is in it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agenttrace.verify.finder import Find

__all__ = ["Leak", "Report", "Tally"]

#: How many leaks are listed; all are counted.
_MOST = 1000


@dataclass(slots=True, frozen=True, kw_only=True)
class Leak:
    """One secret, or what looks like one: where it lies and what it is, never the value."""

    place: str  # store, file, journal or dead letters
    where: str  # the table, or the file
    column: str | None  # of the table
    id: str | None  # the row's primary key, or the number of the record in its file
    kind: str  # canary 1, api_key, jwt, card, ...; named: the value of a name that is a secret's
    name: str | None  # that name, where it can be told
    digest: str  # equal values of one report have equal digests, which say nothing outside of it


@dataclass(slots=True, frozen=True, kw_only=True)
class Report:
    """What was found. `status`: 0 nothing, 1 something, 2 nothing, but not all could be looked at."""

    status: Literal[0, 1, 2]
    leaks: tuple[Leak, ...]  # the first thousand
    count: int  # how many there are
    problems: tuple[str, ...]  # what could not be looked at
    rows: int
    records: int  # of journals and dead letters
    bytes: int  # of files that were read as they are

    def document(self) -> dict[str, Any]:
        """Return the report as JSON values, member by member."""
        return asdict(self) | {"leaks": [asdict(leak) for leak in self.leaks], "problems": list(self.problems)}


class Tally:
    """Gathers what is found, and counts what was looked at."""

    def __init__(self) -> None:
        self.rows = self.records = self.bytes = 0
        self._leaks: list[Leak] = []
        self._count = 0
        self._problems: list[str] = []

    def add(
        self, finds: Iterable[Find], place: str, where: str, *, column: str | None = None, row: str | None = None
    ) -> None:
        """Add what was found at one place, the same thing once."""
        for find in _distinct(finds):
            self._count += 1
            if len(self._leaks) < _MOST:
                known = Leak(place=place, where=where, column=column, id=row, **find._asdict())
                self._leaks.append(known)

    def problem(self, words: str) -> None:
        """Say that something could not be looked at."""
        if len(self._problems) < _MOST:
            self._problems.append(words)

    def report(self) -> Report:
        """Return what was found so far."""
        return Report(
            status=1 if self._count else 2 if self._problems else 0,
            leaks=tuple(self._leaks),
            count=self._count,
            problems=tuple(self._problems),
            rows=self.rows,
            records=self.records,
            bytes=self.bytes,
        )


def _distinct(finds: Iterable[Find]) -> Iterator[Find]:
    yield from dict.fromkeys(finds)
