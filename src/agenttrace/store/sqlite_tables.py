"""How rows are inserted through Python's driver of SQLite: many at a time, and with values that it binds as they are.

Binding is most of what an INSERT of many columns costs. The driver binds int, float, str and bytearray at once; for any
other value, None and bytes among them, it first looks whether somebody has registered an adapter or the value has one,
which takes most of a microsecond each (CPython's `Modules/_sqlite/microprotocols.c`). So bytes go as bytearray, bool as
int, and columns in which nothing ever stood are left out of the statement: they are NULL by themselves.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from agenttrace.slices import in_slices, is_beside_others
from agenttrace.store.sql_purge import SQLPurgeTables
from agenttrace.store.sql_tables import SQLTables
from agenttrace.store.sql_text import of_many

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agenttrace.store.sqlite_connection import SQLiteConnection

__all__ = ["SQLitePurgeTables", "SQLiteTables"]

#: How many rows one statement inserts: 64 runs have some 1,600 values, of the 32,766 that SQLite takes. To bind the
#: values of 4 takes some 20 µs, with the GIL held.
_AT_ONCE = (64, 16, 4, 1)
_AT_ONCE_BESIDE_OTHERS = (4, 1)


class SQLiteTables(SQLTables):
    """`store.apply.Tables` on one connection to SQLite."""

    def _many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each row; rows to insert go many at a time.

        SQLite's driver gives up the GIL for each statement, and a program that computes gives it back only after a
        whole switch interval: one statement a row would make the writer wait for each of them.
        """
        if " VALUES (" not in sql:
            super()._many(sql, rows)
            return
        waiting, start = list(rows), 0
        for size in _AT_ONCE_BESIDE_OTHERS if is_beside_others() else _AT_ONCE:
            places = range(start, len(waiting) - size + 1, size)
            for place in in_slices(places, 1):
                self._insert(sql, waiting[place : place + size])
            start += len(places) * size

    def _insert(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        columns = list(zip(*rows, strict=True))
        filled = self._filled(sql, columns)
        values = zip(*[_bindable(columns[place]) for place in filled], strict=True)
        self._connection.execute(of_many(sql, len(rows), filled), tuple(chain.from_iterable(values)))

    def _filled(self, sql: str, columns: Sequence[Sequence[Any]]) -> tuple[int, ...]:
        """Return the columns that have a value, or once had one: statements stay the same, and few."""
        ever = cast("SQLiteConnection", self._connection).filled
        known = ever.get(sql, ())
        rows = len(columns[0])
        more = [place for place, column in enumerate(columns) if place not in known and column.count(None) != rows]
        if more:
            known = ever[sql] = tuple(sorted({*known, *more}))
        return known


class SQLitePurgeTables(SQLiteTables, SQLPurgeTables):
    """`store.purge_tables.PurgeTables` on one connection to SQLite."""


def _bindable(column: Sequence[Any]) -> Sequence[Any]:
    kinds = set(map(type, column))
    if bytes in kinds:
        return [bytearray(value) if type(value) is bytes else value for value in column]
    return list(map(_number, column)) if bool in kinds else column


def _number(value: Any) -> Any:
    return int(value) if type(value) is bool else value
