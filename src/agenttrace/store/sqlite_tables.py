"""How rows are inserted through Python's driver of SQLite: many at a time, and with values that it binds as they are.

Binding is most of what an INSERT of many columns costs. The driver binds int, float, str and bytearray at once; for any
other value, None and bytes among them, it first looks whether somebody has registered an adapter or the value has one,
which takes most of a microsecond each (CPython's `Modules/_sqlite/microprotocols.c`). So bytes go as bytearray, bool as
int, columns in which nothing ever stood are left out of the statement, for they are NULL by themselves, and in those in
which something stands now and then a number says None (`sql_text.of_many`).
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final, cast

from agenttrace.model.rows import RunRow, values_of_run
from agenttrace.slices import in_slices, is_beside_others
from agenttrace.store.runs import NATIVE
from agenttrace.store.sql_purge import SQLPurgeTables
from agenttrace.store.sql_tables import SQLTables
from agenttrace.store.sql_text import ADD_RUN, NOTHING, PUT_RUN, of_many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from agenttrace.store.sqlite_connection import SQLiteConnection

__all__ = ["SQLitePurgeTables", "SQLiteTables", "bind", "bind_in_python"]

#: How many rows one statement inserts: 64 runs have some 1,600 values, of the 32,766 that SQLite takes. To bind the
#: values of 4 takes some 20 µs, with the GIL held.
_AT_ONCE = (64, 16, 4, 1)
_AT_ONCE_BESIDE_OTHERS = (4, 1)

#: The values of a row by column, or the run whose fields they are.
Line = tuple[Any, ...] | RunRow
Places = tuple[int, ...]
Bound = tuple[Places, Places, tuple[Any, ...]]


class SQLiteTables(SQLTables):
    """`store.apply.Tables` on one connection to SQLite."""

    def put_runs(self, runs: Sequence[RunRow], *, are_new: bool = False) -> None:
        """Insert or replace runs."""
        rows: list[Line] = list(runs)
        for index, short in self.short_values(runs).items():
            rows[index] = short
        self._insert_all(ADD_RUN if are_new else PUT_RUN, rows)

    def _many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each row; rows to insert go many at a time.

        SQLite's driver gives up the GIL for each statement, and a program that computes gives it back only after a
        whole switch interval: one statement a row would make the writer wait for each of them.
        """
        if " VALUES (" not in sql:
            super()._many(sql, rows)
            return
        self._insert_all(sql, list(map(tuple, rows)))

    def _insert_all(self, sql: str, waiting: list[Line]) -> None:
        start = 0
        for size in _AT_ONCE_BESIDE_OTHERS if is_beside_others() else _AT_ONCE:
            places = range(start, len(waiting) - size + 1, size)
            for place in in_slices(places, 1):
                self._insert(sql, waiting[place : place + size])
            start += len(places) * size

    def _insert(self, sql: str, rows: list[Line]) -> None:
        # Columns that once had a value stay, and those that once had none: so statements stay the same, and few.
        ever = cast("SQLiteConnection", self._connection).filled
        filled, gaps, values = bind(rows, *ever.get(sql, ((), ())))
        ever[sql] = filled, gaps
        self._connection.execute(of_many(sql, len(rows), filled, gaps), values)


class SQLitePurgeTables(SQLiteTables, SQLPurgeTables):
    """`store.purge_tables.PurgeTables` on one connection to SQLite."""


def bind_in_python(rows: list[Line], filled: Places, gaps: Places, /) -> Bound:
    """Return the columns that have a value, those of them that have none at times, and the values, row by row.

    `filled` and `gaps` are those that are known already. The values are such as the driver binds at once: where there
    are gaps `sql_text.NOTHING` stands for None, but for columns in which just that stands; None stays None there. There
    is one row at least, and all are of one length.
    """
    columns = list(zip(*[row if isinstance(row, tuple) else values_of_run(row) for row in rows], strict=True))
    more = (place for place, column in enumerate(columns) if column.count(None) != len(rows))
    filled = tuple(sorted({*filled, *more}))
    gaps = tuple(place for place in filled if place in gaps or None in columns[place])
    gaps = tuple(place for place in gaps if NOTHING not in columns[place])
    values = zip(*[_bindable(columns[place], place in gaps) for place in filled], strict=True)
    return filled, gaps, tuple(chain.from_iterable(values))


def _bindable(column: Sequence[Any], has_gaps: bool) -> Sequence[Any]:
    kinds = set(map(type, column))
    if bytes in kinds:
        column = [bytearray(value) if type(value) is bytes else value for value in column]
    if has_gaps:
        column = [NOTHING if value is None else value for value in column]
    return list(map(_number, column)) if bool in kinds else column


def _number(value: Any) -> Any:
    return int(value) if type(value) is bool else value


def _best() -> Callable[[list[Line], Places, Places], Bound]:
    try:
        from agenttrace.store import _bind
    except ImportError:  # built without a compiler
        return bind_in_python
    return _bind.bind if NATIVE else bind_in_python


#: `bind_in_python`, or the same in C (`_bind.c`).
bind: Final = _best()
