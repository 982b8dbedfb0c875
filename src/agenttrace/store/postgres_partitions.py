"""Partitions of the tables run and event: one of each for four weeks, and one for all other times: none is refused.

Why four weeks: a look-up by id asks every partition, since ids of others tell no time. That costs some microseconds
for each; there are 13 a year, and a store that keeps everything for five years has 65, which the server's locks allow.
A run's partition is told by its start, an event's by its id, which begins with its time.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agenttrace.store.postgres_connection import PostgresConnection

__all__ = ["LOCKED", "Partitions", "drop_empty", "old_days", "period_of"]

#: Begins a transaction in which no other writer interferes. The lock belongs to the table, whatever the path to it.
LOCKED = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; "
    "SELECT pg_advisory_xact_lock((1096045123::bigint << 32) | 'run'::regclass::oid::bigint)"
)

_LENGTH = 28 * 24 * 3600 * 1_000_000
#: The epoch was a Thursday: periods begin on Mondays, at midnight UTC.
_MONDAY = 4 * 24 * 3600 * 1_000_000
_AHEAD = 1  # periods that are made before they are needed
_FUTURE = 2  # periods from now on for which a batch may have partitions made
_PAST = 27  # periods back, likewise: two years
_AGAIN = 60.0  # seconds before something that failed is tried again
_NAME = re.compile(r"run_(\d{8})\Z")
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)

_KNOWN = """SELECT c.relname::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'run'::regclass"""

_IS_OURS = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'run'::regclass"

# Rows of the period that came before their partition lie in the default one, which refuses it until they have moved.
_MAKE = """
CREATE TABLE {table}_{day} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE);
WITH moved AS (DELETE FROM {table}_other WHERE {column} >= '{low}' AND {column} < '{high}' RETURNING *)
INSERT INTO {table}_{day} SELECT * FROM moved;
ALTER TABLE {table} ATTACH PARTITION {table}_{day} FOR VALUES FROM ('{low}') TO ('{high}');
"""


class Partitions:
    """Which partitions there are, as far as this process knows, and how more are made."""

    def __init__(self) -> None:
        self._known: frozenset[int] = frozenset()
        self._failed: dict[int, float] = {}

    def missing(self, times: Iterable[int], now: int) -> list[int]:
        """Return the periods in which these instants lie and that have no partition, but might have one."""
        found = {period_of(instant) for instant in times} - self._known
        if not found:
            return []
        this = period_of(now)
        clock = time.monotonic()
        return sorted(
            period
            for period in found
            if this - _PAST <= period <= this + _FUTURE and self._failed.get(period, -_AGAIN) <= clock - _AGAIN
        )

    def rows(self, times: Iterable[int]) -> Counter[str]:
        """Return how many rows of these instants lie in each partition, by what its name ends with."""
        found: Counter[str] = Counter()
        for period, rows in Counter(map(period_of, times)).items():
            found[_day(period) if period in self._known else "other"] += rows
        return found

    def ahead(self, now: int) -> list[int]:
        """Return this period and the next ones, as far as they have no partition."""
        this = period_of(now)
        return [period for period in range(this, this + _AHEAD + 1) if period not in self._known]

    def look(self, connection: PostgresConnection) -> None:
        """Ask which partitions there are."""
        names = [_NAME.match(row[0]) for row in connection.execute(_KNOWN).fetchall()]
        self._known = frozenset(period_of(_instant(name[1])) for name in names if name)

    def make(self, connection: PostgresConnection, periods: Sequence[int]) -> None:
        """Make partitions, inside a transaction that excludes other writers; raises ServerError."""
        self.look(connection)
        for period in periods:
            if period not in self._known:
                connection.script(_statements(period))
        self._known |= set(periods)

    def failed(self, periods: Iterable[int]) -> None:
        """Remember that these could not be made: the default partition takes their rows until it is tried again."""
        self._failed.update(dict.fromkeys(periods, time.monotonic()))


def old_days(connection: PostgresConnection, before: int) -> list[str]:
    """Return, by what their names end with, the periods that ended before an instant; none where they are not ours."""
    if not connection.execute(_IS_OURS).fetchall()[0][0]:
        return []
    names = [_NAME.match(row[0]) for row in connection.execute(_KNOWN).fetchall()]
    return sorted(name[1] for name in names if name and _instant(name[1]) + _LENGTH <= before)


def drop_empty(connection: PostgresConnection, before: int) -> None:
    """Drop the partitions of periods that ended before an instant and have no row.

    Inside a transaction that excludes other writers. Readers wait for a moment.
    """
    for day in old_days(connection, before):
        names = [f"{table}_{day}" for table in ("run", "event")]
        if not any(_has_rows(connection, name) for name in names):
            connection.script(f"DROP TABLE {', '.join(names)}")


def _has_rows(connection: PostgresConnection, table: str) -> bool:
    return bool(connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall())  # noqa: S608


def period_of(instant: int) -> int:
    """Return the number of an instant's period; number 0 begins on the first Monday after the epoch.

    >>> period_of(0), period_of(4 * 24 * 3600 * 1_000_000)
    (-1, 0)
    """
    return (instant - _MONDAY) // _LENGTH


def _statements(period: int) -> str:
    low, high = period * _LENGTH + _MONDAY, (period + 1) * _LENGTH + _MONDAY
    day = _day(period)
    runs = _MAKE.format(table="run", column="start_time", day=day, low=_stamp(low), high=_stamp(high))
    return runs + _MAKE.format(table="event", column="id", day=day, low=f"aev_{low:014x}", high=f"aev_{high:014x}")


def _day(period: int) -> str:
    return f"{_moment(period * _LENGTH + _MONDAY):%Y%m%d}"


def _moment(instant: int) -> datetime:
    return _FIRST + timedelta(microseconds=instant)


def _stamp(instant: int) -> str:
    return f"{_moment(instant):%Y-%m-%d %H:%M:%S}+00"


def _instant(day: str) -> int:
    moment = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
    return (moment - _FIRST) // timedelta(microseconds=1)
