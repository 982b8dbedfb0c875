"""What one SQL database is to `store.sql`: how it is reached, its way to begin, and what its errors mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from agenttrace.errors import StoreError

__all__ = ["Connection", "Cursor", "Dialect", "TableSeen"]


class TableSeen(NamedTuple):
    """A table that is there: its columns, and those of its primary key, in order; none where it has none."""

    columns: tuple[str, ...]
    key: tuple[str, ...]


class Cursor(Protocol):
    """What a statement gives."""

    def fetchall(self) -> list[Any]:
        """Return the rows."""
        ...


class Connection(Protocol):
    """A connection in autocommit mode: transactions are statements."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor:
        """Run one statement."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Any:
        """Run one statement for each of these."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


class Dialect(Protocol):
    """One database."""

    url: str
    #: Whether connections are a client's to a server, which may wait for it for long.
    client: bool
    #: The statement that begins a transaction in which no other writer interferes.
    begin: str

    def connect(self) -> Connection:
        """Return a new connection, usable from any thread, one at a time."""
        ...

    def alive(self, connection: Connection) -> bool:
        """Return whether a connection that lay idle may be lent again, as far as that shows without asking a server."""
        ...

    def gone(self, connection: Connection) -> bool:
        """Return whether what is committed here is lost: into a file that was removed or replaced meanwhile."""
        ...

    def version(self, connection: Connection) -> int:
        """Return the version of the tables, 0 where there are none. Changes nothing."""
        ...

    def create(self, connection: Connection) -> None:
        """Create what is missing; safe where several processes do so at once. Raises StoreTooNew."""
        ...

    def tables(self, connection: Connection) -> Mapping[str, TableSeen]:
        """Return the tables of agenttrace that are there, by name."""
        ...

    def sql(self, statement: str) -> str:
        """Return a statement of the common subset as the database's driver wants it."""
        ...

    def using(self, index: str | None) -> str:
        """Return what follows a table's name where this index has to be used; nothing where the database knows."""
        ...

    def state(self, connection: Connection) -> object | None:
        """Return a value that equals an earlier one of this connection only if no other connection committed since.

        None where the database cannot tell in microseconds, without a network and without waiting.
        """
        ...

    def member(self, column: str, key: str) -> str:
        """Return an expression: a member of the JSON object in a column, as JSON text.

        NULL, or `null`, where there is none, or where the text is no JSON.
        """
        ...

    def for_keys(
        self, select: str, values: Sequence[Any], condition: str, keys: Sequence[bytes]
    ) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield statements, with their values, that give what `select` gives where a column has one of these keys.

        `select` ends in its condition, `condition` ends with the column. A row comes once where the keys differ.
        """
        ...

    def for_ranges(
        self, columns: str, workspace_id: bytes, ranges: Sequence[tuple[bytes, bytes]]
    ) -> tuple[str, tuple[Any, ...]]:
        """Return a statement, and its values, that gives these columns of the runs in each of these ranges of ids.

        `{place}` in a column becomes the place of the range, from 0 on; an aggregate is of one range.
        """
        ...

    def bundle(self, columns: Sequence[str], tables: str) -> str:
        """Return a SELECT of columns FROM `tables`, for `unbundle`: of integers, and of ids as 32 hexadecimal digits.

        An id that is NULL gives an empty text or None.
        """
        ...

    def unbundle(self, rows: list[Any]) -> list[Sequence[Any]]:
        """Return the rows of a bundled SELECT."""
        ...

    def scrub(self, connection: Connection) -> bool:
        """Overwrite what deleted rows have left in files that others may read; return whether nothing of it is left.

        False where others were in the way. A server that keeps its files to itself returns True.
        """
        ...

    def failure(self, error: Exception) -> StoreError | None:
        """Return what a driver's error means, or None where the error is not the driver's."""
        ...
