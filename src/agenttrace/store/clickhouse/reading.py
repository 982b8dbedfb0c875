"""How runs are found: by lookup rows first, which are in order and small, then by id, whole and as they are now.

A lookup row may tell of a version of a run that is no more, so what it finds is always checked against the run itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agenttrace.store.clickhouse.filters import Cursor, key_where, run_where
from agenttrace.store.clickhouse.rows import RUN_FIELDS
from agenttrace.store.clickhouse.text import among, literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agenttrace.store.clickhouse.schema import Place
    from agenttrace.store.clickhouse.text import Where
    from agenttrace.store.protocol import RunFilter

__all__ = ["RUN_COLUMNS", "RunReader", "in_parts"]

Rows = list[tuple[Any, ...]]

RUN_COLUMNS = ", ".join(RUN_FIELDS)
_AT_ONCE = 2_000  # ids in one statement
_LEAST = 32


def in_parts(values: Sequence[bytes], size: int = _AT_ONCE) -> Iterator[Sequence[bytes]]:
    """Yield the distinct values, so many at a time."""
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), size):
        yield distinct[start : start + size]


class RunReader:
    """Finds runs with a function that runs a SELECT."""

    def __init__(self, select: Callable[[str], Rows], place: Place) -> None:
        self._select = select
        self._run, self._key = place.name("run"), place.name("run_key")

    def page(self, where: RunFilter, columns: str) -> Rows:
        """Return these columns of the runs that match, newest first: `offset` and `limit` count."""
        if where.ids is not None:
            found = _ordered(self._of_ids(where, where.ids, columns))
            found = [row for row in found if where.after is None or _key_of(row) > _place_of(where.after)]
            return _cut([row[2:] for row in found], where.offset, where.limit)
        if not where.offset:
            return [row[2:] for row in self._walk(where, where.limit, columns)]
        wanted = None if where.limit is None else where.offset + where.limit
        ids = [row[1] for row in _cut(self._walk(where, wanted, ""), where.offset, where.limit)]
        return [row[2:] for row in _ordered(self._of_ids(where, ids, columns))]

    def count(self, where: RunFilter) -> int:
        """Return how many runs match, on all pages."""
        where = replace(where, after=None)
        if where.ids is not None:
            return sum(self._count(run_where(where).plus(among("id", part))) for part in in_parts(where.ids))
        keys = key_where(where).sql
        return self._count(run_where(where).plus(f"id IN (SELECT id FROM {self._key} WHERE {keys})"))  # noqa: S608

    def ranges(self, workspace: bytes, ranges: Sequence[tuple[bytes, bytes]], columns: str, *more: str) -> Rows:
        """Return these columns of all runs whose ids lie in one of these ranges."""
        found: Rows = []
        for start in range(0, len(ranges), 200):
            within = " OR ".join(
                f"(id >= {literal(low)} AND id <= {literal(high)})" for low, high in ranges[start : start + 200]
            )
            found += self._select(
                f"SELECT {columns} FROM {self._run} FINAL "  # noqa: S608
                f"WHERE workspace_id = {literal(workspace)} AND ({within}) AND NOT deleted {' '.join(more)}"
            )
        return found

    def _walk(self, where: RunFilter, wanted: int | None, columns: str) -> Rows:
        """Return the first runs that match, in order, each with its start and id before the columns."""
        found: Rows = []
        after = None if where.after is None else Cursor(*where.after)
        while wanted is None or len(found) < wanted:
            size = _AT_ONCE if wanted is None else min(_AT_ONCE, max(_LEAST, wanted - len(found)))
            candidates = self._candidates(where, after, size)
            found += _ordered(self._of_ids(where, [row[1] for row in candidates], columns, candidates))
            if len(candidates) < size:
                break
            after = Cursor(-candidates[-1][0], candidates[-1][1])
        return found if wanted is None else found[:wanted]

    def _candidates(self, where: RunFilter, after: Cursor | None, size: int) -> Rows:
        return self._select(
            f"SELECT back, id FROM {self._key} WHERE {key_where(where, after).sql} "  # noqa: S608
            f"ORDER BY {_order(where)} LIMIT 1 BY back, id LIMIT {size}"
        )

    def _of_ids(self, where: RunFilter, ids: Sequence[bytes], columns: str, candidates: Rows | None = None) -> Rows:
        found: Rows = []
        condition, more = run_where(where), f", {columns}" if columns else ""
        for part in in_parts(ids):
            found += self._select(
                f"SELECT start_time, id{more} FROM {self._run} FINAL "  # noqa: S608
                f"WHERE {condition.plus(among('id', part)).sql}"
            )
        if candidates is None:
            return found
        # A run that has another start now stands elsewhere in the order, where it has a lookup row of its own.
        places = {(-back, run_id) for back, run_id in candidates}
        return [row for row in found if (row[0], row[1]) in places]

    def _count(self, where: Where) -> int:
        return self._select(f"SELECT count() FROM {self._run} FINAL WHERE {where.sql}")[0][0]  # noqa: S608


def _order(where: RunFilter) -> str:
    """Return the order of lookup rows. Spelt out as the table's own, it lets the engine stop after the first rows."""
    two_kinds = where.call_sid is not None and where.call_session_id is not None
    return "back, id" if two_kinds else "workspace_id, kind, value, back, id"


def _key_of(row: tuple[Any, ...]) -> tuple[int, bytes]:
    return -row[0], row[1]


def _place_of(after: tuple[int, bytes]) -> tuple[int, bytes]:
    return -after[0], after[1]


def _ordered(rows: Rows) -> Rows:
    return sorted(rows, key=_key_of)


def _cut(rows: Rows, offset: int, limit: int | None) -> Rows:
    return rows[offset:] if limit is None else rows[offset : offset + limit]
