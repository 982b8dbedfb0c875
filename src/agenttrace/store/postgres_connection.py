"""One connection to PostgreSQL, as `store.sql` uses it: statements of the common subset, prepared, in binary format."""

from __future__ import annotations

import os
import select
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg import RawCursor
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus

from agenttrace.store.postgres_errors import ServerError, said
from agenttrace.store.postgres_long import lengthened
from agenttrace.store.postgres_values import TEXTS, Kind, adapt, array_of, kind_of, text_from, values_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

__all__ = ["PostgresConnection", "Statements"]

#: How much one statement inserts; a server takes 1 GB.
_ROWS_AT_ONCE = 1000
_BYTES_AT_ONCE = 64 * 1024 * 1024
#: Statements that one connection keeps prepared.
_PREPARED = 300
#: After so many seconds plans are made anew at first, then after twice as many, and so on up to the last figure.
_PLANS_FOR = (1.0, 60.0)


class _Insert(NamedTuple):
    """An INSERT of one row as one of lists of values."""

    sql: str
    kinds: tuple[Kind, ...]


class Statements:
    """What the server says of the statements' parameters: the same on each connection to the same tables."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[Kind, ...]] = {}
        self._inserts: dict[str, _Insert] = {}

    def kinds(self, connection: psycopg.Connection[Any], sql: str) -> tuple[Kind, ...]:
        """Return the types of a statement's parameters; asks the server once."""
        known = self._kinds.get(sql)
        if known is None:
            if len(self._kinds) > 10 * _PREPARED:
                self._kinds.clear()
            known = self._kinds[sql] = _described(connection, sql)
        return known

    def insert(self, connection: psycopg.Connection[Any], sql: str) -> _Insert:
        """Return an INSERT of one row as one of many."""
        known = self._inserts.get(sql)
        if known is None:
            kinds = self.kinds(connection, sql)
            lists = ", ".join(f"${place}::{kind.name}[]" for place, kind in enumerate(kinds, 1))
            head, _, rest = sql.partition(" VALUES (")
            many = f"{head} SELECT * FROM unnest({lists}) AS given{rest.partition(')')[2]}"  # noqa: S608
            known = self._inserts[sql] = _Insert(many, kinds)
        return known


class PostgresConnection:
    """A connection in autocommit mode: transactions are statements. Used by one thread at a time.

    Its methods raise ServerError.
    """

    def __init__(self, conninfo: str, statements: Statements) -> None:
        with _errors():
            self.driver: psycopg.Connection[Any] = psycopg.connect(conninfo, autocommit=True, prepare_threshold=0)
        self.driver.prepared_max = _PREPARED
        adapt(self.driver)
        self._statements = statements
        self._pid = os.getpid()
        self._plans_for = _PLANS_FOR[0]
        self._plans_until = time.monotonic() + self._plans_for

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> _Rows:
        """Run one statement."""
        with _errors():
            self._plan_anew()
            if sql.startswith(("BEGIN", "COMMIT")):
                return _Rows(self._boundary(sql))
            if not parameters:
                return _Rows(self._cursor().execute(sql.encode(), binary=True))
            values = values_of(self._statements.kinds(self.driver, sql), parameters)
            return _Rows(self._cursor().execute(sql.encode(), values, binary=True))

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> None:
        """Run one statement for each of these; they travel together."""
        waiting = list(parameters)
        if waiting:
            with _errors():
                kinds = self._statements.kinds(self.driver, sql)
                self._cursor().executemany(sql.encode(), [values_of(kinds, row) for row in waiting])

    def script(self, sql: str) -> None:
        """Run several statements without parameters, in one round trip."""
        with _errors():
            self._cursor().execute(sql.encode(), prepare=False)

    def insert_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run an INSERT of one row for each of these, whose keys differ, in few statements."""
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            with _errors():
                self._insert(self._statements.insert(self.driver, sql), rows[start : start + _ROWS_AT_ONCE])

    @contextmanager
    def lent(self) -> Generator[psycopg.Connection[Any]]:
        """Lend the driver's connection to others, and raise what it raises as ServerError."""
        with _errors():
            yield self.driver

    def is_alive(self) -> bool:
        """Return whether the connection is still there, as far as one can tell without asking the server."""
        connection = self.driver.pgconn
        if self.driver.closed:
            return False
        poll = select.poll()
        poll.register(connection.socket, select.POLLIN)
        if not poll.poll(0):
            return True
        # Nobody talks unasked but a server that ends the connection, or one with a notice.
        try:
            connection.consume_input()
        except psycopg.Error:
            return False
        return connection.status == ConnStatus.OK and not poll.poll(0)

    def close(self) -> None:
        """End the connection; a forked child gives up its copy and leaves the parent's alone."""
        if os.getpid() != self._pid and not self.driver.closed:
            void = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            os.dup2(void, self.driver.pgconn.socket, inheritable=False)
            os.close(void)
        self.driver.close()

    def _cursor(self) -> RawCursor[Any]:
        return RawCursor(self.driver)

    def _boundary(self, sql: str) -> RawCursor[Any]:
        cursor = self._cursor()
        cursor.execute(sql.encode(), prepare=False)  # in the simple protocol, which takes several statements at once
        if cursor.statusmessage == "ROLLBACK":
            raise ServerError("40000", "the transaction was rolled back instead of committed")
        return cursor

    def _plan_anew(self) -> None:
        """Forget plans that were made for tables with less in them, or with nothing.

        The server does so itself once it has counted anew, which it puts off for minutes; until then it would walk
        whole tables.
        """
        now = time.monotonic()
        if now >= self._plans_until:
            self._cursor().execute(b"DISCARD PLANS", prepare=False)
            self._plans_for = min(self._plans_for * 2, _PLANS_FOR[1])
            self._plans_until = now + self._plans_for

    def _insert(self, insert: _Insert, rows: Sequence[Sequence[Any]]) -> None:
        values = [array_of(kind, column) for kind, column in zip(insert.kinds, zip(*rows, strict=True), strict=True)]
        if len(rows) > 1 and sum(map(len, values)) > _BYTES_AT_ONCE:
            middle = len(rows) // 2
            self._insert(insert, rows[:middle])
            self._insert(insert, rows[middle:])
            return
        self._cursor().execute(insert.sql.encode(), values, binary=True)


class _Rows:
    """What a statement gives."""

    def __init__(self, cursor: RawCursor[Any]) -> None:
        self._cursor = cursor

    def fetchall(self) -> list[Any]:
        """Return the rows."""
        with _errors():
            rows = self._cursor.fetchall()
        texts = [place for place, column in enumerate(self._cursor.description or ()) if column.type_code in TEXTS]
        if any("\x1a" in (row[place] or "") for row in rows for place in texts):
            columns = [column.name for column in self._cursor.description or ()]
            return [
                lengthened(tuple(text_from(value) if isinstance(value, str) else value for value in row), columns)
                for row in rows
            ]
        return rows


def _described(connection: psycopg.Connection[Any], sql: str) -> tuple[Kind, ...]:
    server = connection.pgconn
    result = server.prepare(b"", sql.encode())
    if result.status == ExecStatus.COMMAND_OK:
        result = server.describe_prepared(b"")
    if result.status != ExecStatus.COMMAND_OK:
        raise error_from_result(result)
    return tuple(kind_of(result.param_type(place)) for place in range(result.nparams))


@contextmanager
def _errors() -> Generator[None]:
    """Say what the driver says without its details: they hold rows, and the notes of a connection its parameters."""
    try:
        yield
    except psycopg.Error as error:
        raise said(error) from None
    except OSError as error:
        raise ServerError("", type(error).__name__) from None
