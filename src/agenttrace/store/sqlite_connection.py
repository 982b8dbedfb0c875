"""A connection to a SQLite file, and its cursors."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from agenttrace.store.sqlite_files import companions_of, identity, leave_behind

if TYPE_CHECKING:
    from agenttrace.store.sqlite_files import Companions, Identity

__all__ = ["SQLiteConnection"]


class SQLiteConnection(sqlite3.Connection):
    """A connection for which text that is no UTF-8, which only others can have written, spoils one field, no page."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.token = object()
        #: By INSERT, for which of its columns any row that came here had a value, and for which of those one had none.
        self.filled: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}
        self.file: Identity | None = None
        self.access = "rw"
        self._pid = os.getpid()
        self._path = ""
        self._companions: Companions = {}
        self._lock = threading.Lock()  # while it is held, what SQLite keeps beside the file stays open

    def opened(self, path: str, file: Identity | None) -> None:
        """Take note of the file that this is a connection to, and of what SQLite has opened beside it.

        `path` is the file's own, not that of a link to it: SQLite looks beside the file.
        """
        found = companions_of(path)
        self._path, self.file = path, file
        # If it was replaced while it was opened, these may be those of the new one.
        self._companions = found if identity(path) == file else {}

    def leave(self) -> None:
        """Leave nothing beside a file that is gone. May be called while another thread uses or closes it."""
        if self._pid != os.getpid():  # the parent's; and another of its threads may have held the lock
            return
        with self._lock:
            if self._companions and self._is_gone():
                leave_behind(self._path, self._companions)
                self._companions = {}

    def close(self) -> None:
        """End the connection."""
        if self._pid == os.getpid():
            self._close_files()
        self.file = None
        super().close()

    def _close_files(self) -> None:
        if self._is_gone():
            # The file may have another name now. What still stands in its log belongs to it.
            with suppress(sqlite3.Error):
                self.execute("PRAGMA wal_checkpoint")
            self.leave()
        with self._lock:
            self._companions = {}

    def _is_gone(self) -> bool:
        """Return whether the file was removed or replaced: what is written here, nobody will read."""
        file = self.file  # once: another thread may be closing the connection
        try:
            return file is not None and identity(self._path) != file
        except OSError:  # nobody can tell
            return False

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
