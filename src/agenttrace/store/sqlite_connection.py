"""A connection to a SQLite file, and its cursors."""

from __future__ import annotations

import sqlite3
from typing import Any

__all__ = ["SQLiteConnection"]


class SQLiteConnection(sqlite3.Connection):
    """A connection for which text that is no UTF-8, which only others can have written, spoils one field, no page."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.token = object()
        #: By INSERT, which of its columns any row that came here had a value for.
        self.filled: dict[str, tuple[int, ...]] = {}

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run one statement."""
        # `_Cursor(self)` would do, but CPython 3.11 forgets cursors that are gone only where it makes them itself.
        return self.cursor(_Cursor).execute(sql, parameters)


class _Cursor(sqlite3.Cursor):
    """Reads text as UTF-8, in C; where that fails it asks once more, and reads text with a function in Python."""

    _asked: tuple[str, Any] = ("", ())

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run one statement."""
        self._asked = (sql, parameters)
        try:
            return super().execute(sql, parameters)
        except BaseException:
            # The error's traceback keeps the cursor, which would keep the transaction of a connection that is closed.
            self.close()
            raise

    def fetchall(self) -> list[Any]:
        """Return the rows."""
        try:
            return super().fetchall()
        except sqlite3.OperationalError as error:
            if not str(error).startswith("Could not decode"):
                raise
        connection = self.connection
        connection.text_factory = _text
        try:
            return super().execute(*self._asked).fetchall()
        finally:
            connection.text_factory = str


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
