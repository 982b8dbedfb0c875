"""The SQLite store: one file in WAL mode, safe with several threads and several processes on it."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
import weakref
from contextlib import suppress
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson

from agenttrace.errors import StoreError, StoreRejected, StoreUnavailable
from agenttrace.store.dialect import TableSeen
from agenttrace.store.migrations.upgrade import upgrade
from agenttrace.store.sql import SQLStore, transaction
from agenttrace.store.sql_lists import chunks
from agenttrace.store.sql_text import marks, of_traces
from agenttrace.store.sqlite_connection import SQLiteConnection
from agenttrace.store.sqlite_files import access_to, create_file, identity
from agenttrace.store.sqlite_tables import SQLitePurgeTables, SQLiteTables
from agenttrace.store.version import SCHEMA_VERSION, check_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agenttrace.store.dialect import Connection
    from agenttrace.store.sqlite_files import Identity

__all__ = ["SQLite", "SQLiteStore"]

_log = logging.getLogger("agenttrace.store")

#: How long a statement waits for another process's write, in seconds.
_BUSY_SECONDS = 10.0
#: How often it is looked whether the file is still the same, in seconds.
_LOOK_EVERY = 0.1
#: Bytes of a new file's pages. A run takes a good kilobyte: of 4 KiB, as usual, three would leave the rest free.
_PAGE_SIZE = 8192
# Read here, since `importlib.resources` imports as it goes: whoever makes the tables must not (see `store.urls`).
_SCHEMA = files("agenttrace.store").joinpath("schema", "sqlite.sql").read_text(encoding="utf-8")
_REJECTED = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError)


class SQLiteStore(SQLStore):
    """Keep runs and events in one SQLite file, made with mode 0600 where it does not exist.

    >>> store = SQLiteStore("traces.db")
    >>> store.url.endswith("/traces.db")
    True
    """

    _tables = SQLiteTables
    _purge_tables = SQLitePurgeTables

    def __init__(self, path: str | os.PathLike[str], *, clock: Callable[[], int] | None = None) -> None:
        super().__init__(SQLite(path), clock=clock)


class SQLite:
    """What SQLite is to `store.sql`."""

    begin = "BEGIN IMMEDIATE"
    client = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)
        self.url = f"sqlite:///{self.path}"
        self._has_tables = False
        self._seen: Identity | None = None  # the file that was there at the last look
        self._next_look = 0.0
        self._left: Identity | None = None  # the last file that was removed or replaced
        self._connections: dict[int, weakref.ref[SQLiteConnection]] = {}

    def connect(self) -> Connection:
        """Return a new connection; creates the file and its folder where they are missing.

        Once `create` was called, there are tables in what it returns: the file may be another one than it was then.
        """
        self._leave_gone()
        path = os.path.realpath(self.path)
        create_file(path)
        file = identity(path)
        if file == self._left:
            self._left = None  # the number is in use again
        self._seen = file
        access = access_to(path)
        opened = sqlite3.connect(
            f"{Path(path).as_uri()}?mode={access}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
            factory=SQLiteConnection,
        )
        opened.access = access
        connection = cast("Connection", opened)
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA cache_size = -8000")
            opened.opened(path, file)
            self._connections[id(opened)] = weakref.ref(opened)
            # One that was upgraded meanwhile is read as before, as far as that goes.
            if self._has_tables and self.version(connection) <= SCHEMA_VERSION:
                self.create(connection)
        except BaseException:  # a file that is no database
            connection.close()
            raise
        return connection

    def _leave_gone(self) -> None:
        """Have connections to files that are gone leave nothing beside them: SQLite would take it for a new one's."""
        for key, known in list(self._connections.items()):  # copied in one step, as other threads connect as well
            connection = known()
            if connection is not None:
                connection.leave()
            elif self._connections.get(key) is known:
                del self._connections[key]

    def alive(self, connection: Connection) -> bool:
        """Return whether the file is still there, and the same; as far as one look in a tenth of a second tells.

        A connection that believes that nobody writes is used only once.
        """
        if "immutable" in cast("SQLiteConnection", connection).access:
            return False
        # Looking costs as much as a small query.
        return self._is_there(connection) if time.monotonic() < self._next_look else not self.gone(connection)

    def gone(self, connection: Connection) -> bool:
        """Return whether the file was removed or replaced."""
        self._next_look = time.monotonic() + _LOOK_EVERY
        with suppress(OSError):  # nobody can tell
            self._seen = identity(self.path)
        if self._is_there(connection):
            return False
        file = cast("SQLiteConnection", connection).file
        if self._left != file:
            self._left = file
            _log.warning("%s: the file was removed or replaced; from here on a new one is used", self.url)
        return True

    def _is_there(self, connection: Connection) -> bool:
        return cast("SQLiteConnection", connection).file == self._seen

    def version(self, connection: Connection) -> int:
        """Return the version that the file's header says, 0 for a new file."""
        version: Any = connection.execute("PRAGMA user_version").fetchall()[0][0]
        return int(version)

    def create(self, connection: Connection) -> None:
        """Create the tables, or bring those of an older version up to this one; raises StoreTooNew.

        A file that may only be read has to have them as they are now, or StoreUnavailable is raised.
        """
        opened = cast("SQLiteConnection", connection)
        if opened.access != "rw":
            self._check_readable(connection)
        else:
            self._make_writable(connection)
            opened.opened(os.path.realpath(self.path), opened.file)  # the log may be new
        self._has_tables = True

    def _check_readable(self, connection: Connection) -> None:
        found = self.version(connection)
        check_version(self.url, found)
        if found != SCHEMA_VERSION:
            raise StoreUnavailable(
                f"{self.url}: its tables have version {found}, this agenttrace reads {SCHEMA_VERSION}, and you may not "
                "write to the file; have `agenttrace migrate` run by who may"
            )

    def _make_writable(self, connection: Connection) -> None:
        connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")  # a file that has pages keeps them as they are
        _use_wal(connection)
        if self.version(connection) != SCHEMA_VERSION:
            self._create_or_upgrade(connection)

    def _create_or_upgrade(self, connection: Connection) -> None:
        # Of several processes the others wait for the one that is in here, and then find the version as it should be.
        with transaction(connection, self.begin):
            found = self.version(connection)
            check_version(self.url, found)
            if found == 0:
                _create_tables(connection)
            elif found < SCHEMA_VERSION:
                upgrade(connection, "sqlite", found, wanted=SCHEMA_VERSION)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def tables(self, connection: Connection) -> dict[str, TableSeen]:
        """Return the tables of the file by name, whoever made them."""
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        return {name: _table(connection, name) for (name,) in names.fetchall()}

    def sql(self, statement: str) -> str:
        """Return the statement as it is."""
        return statement

    def using(self, index: str | None) -> str:
        """Return the index by name: without statistics SQLite would rather walk a whole table in order than sort."""
        return "" if index is None else f" INDEXED BY {index}"

    def state(self, connection: Connection) -> object | None:
        """Return the connection and its number of changes by others, which is what it alone can compare."""
        # This reads memory that SQLite shares with other processes. In WAL mode no lock keeps it waiting but that of a
        # recovery, which takes milliseconds, after a process died in the middle of a commit.
        found: Any = connection.execute("PRAGMA data_version").fetchall()[0][0]
        return cast("SQLiteConnection", connection).token, found

    def member(self, column: str, key: str) -> str:
        """Return the member; what is no JSON has none."""
        return f"CASE WHEN json_valid({column}) THEN json_quote(json_extract({column}, '$.{key}')) END"

    def for_keys(
        self, select: str, values: Sequence[Any], condition: str, keys: Sequence[bytes]
    ) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield statements with lists of keys."""
        for part in chunks(keys):
            # As bytearrays, which the driver binds at once: see `sqlite_tables`.
            yield f"{select} AND {condition} IN ({marks(len(part))})", (*values, *map(bytearray, part))

    def for_ranges(
        self, columns: str, workspace_id: bytes, ranges: Sequence[tuple[bytes, bytes]]
    ) -> tuple[str, tuple[Any, ...]]:
        """Return a statement with one part for each range."""
        return of_traces(columns, len(ranges)), tuple(chain.from_iterable((workspace_id, *one) for one in ranges))

    def bundle(self, columns: Sequence[str], tables: str) -> str:
        """Return a SELECT that gives all its rows as one.

        The driver gives up the GIL for each row that it steps to; where other threads compute, getting it back takes
        longer than the row.
        """
        values = ", ".join(f"hex({name})" if name.endswith("id") else name for name in columns)
        return f"SELECT lower(json_group_array(json_array({values}))) FROM {tables}"  # noqa: S608

    def unbundle(self, rows: list[Any]) -> list[Sequence[Any]]:
        """Return the rows."""
        return orjson.loads(rows[0][0])

    def scrub(self, connection: Connection) -> bool:
        """Write the file anew, without what deleted rows have left in it, and empty the write-ahead log.

        `PRAGMA secure_delete` alone does not do: where pages are rearranged, copies of rows stay in the gaps.
        """
        connection.execute("VACUUM")
        # Waits for those who read an older state, as long as a statement waits.
        busy, _pages, _moved = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0]
        return not busy

    def failure(self, error: Exception) -> StoreError | None:
        """Return what an error of SQLite means."""
        if isinstance(error, (*_REJECTED, OverflowError, UnicodeEncodeError)):
            return StoreRejected(f"{self.url}: {error}")
        if isinstance(error, (sqlite3.Error, OSError)):
            return StoreUnavailable(f"{self.url}: {error}")
        return None


def _table(connection: Connection, name: str) -> TableSeen:
    found = connection.execute("SELECT name, pk FROM pragma_table_info(?) ORDER BY cid", (name,)).fetchall()
    key = sorted((place, column) for column, place in found if place)
    return TableSeen(tuple(column for column, _ in found), tuple(column for _, column in key))


def _use_wal(connection: Connection) -> None:
    # The change to WAL needs the file alone, and SQLite does not wait for that by itself.
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _create_tables(connection: Connection) -> None:
    for statement in _SCHEMA.split(";\n"):
        if statement.strip():
            connection.execute(statement)
