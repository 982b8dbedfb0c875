"""The PostgreSQL store: many processes and hosts on one database, runs and events divided by time.

Everything a store does is in `store.sql`; here is what PostgreSQL adds. The text columns hold what
`postgres_values.text_from` reads.
"""

from __future__ import annotations

import logging
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

from agenttrace.errors import StoreError
from agenttrace.location import shown
from agenttrace.store import postgres_retention as retention
from agenttrace.store import postgres_text
from agenttrace.store.dialect import TableSeen
from agenttrace.store.migrations.upgrade import upgrade
from agenttrace.store.postgres_connection import PostgresConnection, Statements
from agenttrace.store.postgres_errors import ServerError, meaning
from agenttrace.store.postgres_long import short_filter
from agenttrace.store.postgres_partitions import LOCKED, Partitions, drop_empty
from agenttrace.store.postgres_statistics import Growth, analyze
from agenttrace.store.postgres_tables import PostgresPurgeTables, PostgresTables
from agenttrace.store.postgres_url import conninfo_of
from agenttrace.store.protocol import PurgeCounts, PurgeStep
from agenttrace.store.sql import SQLStore, transaction
from agenttrace.store.version import SCHEMA_VERSION, check_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from agenttrace.store.batch import Batch
    from agenttrace.store.dialect import Connection
    from agenttrace.store.protocol import PurgeFilter, RunFilter
    from agenttrace.store.sql_where import Where

__all__ = ["Postgres", "PostgresStore"]

_SCHEMA = files("agenttrace.store").joinpath("schema", "postgresql.sql").read_text(encoding="utf-8")
#: Begins a transaction in which nobody else makes or upgrades the tables of the schema.
_CREATING = (
    "BEGIN ISOLATION LEVEL READ COMMITTED; "
    "SELECT pg_advisory_xact_lock(hashtextextended('agenttrace.' || current_schema(), 0))"
)
_OURS = frozenset(re.findall(r"CREATE TABLE (\w+)", _SCHEMA))
#: Tables, columns, and the place of each in its table's primary key.
_COLUMNS = """
SELECT relname::text, attname::text, coalesce(array_position(string_to_array(indkey::text, ' '), attnum::text), 0)
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
LEFT JOIN pg_index ON indrelid = attrelid AND indisprimary
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
AND attnum > 0 AND NOT attisdropped ORDER BY relname, attnum
"""
# DDL waits for whoever reads, and others wait behind it: rather not for long.
_BRIEFLY = "SET LOCAL lock_timeout = '2s'"

# What the server says where a lock is not to be had, or rights are missing.
_IN_THE_WAY = ("55P03", "42501")

_log = logging.getLogger("agenttrace.store")


class PostgresStore(SQLStore):
    """Keep runs and events in a PostgreSQL database, 13 or newer, whose encoding is UTF8.

    `url` is what libpq understands: `postgresql://user:password@host:port/database?options`, several hosts included.
    The tables are made in the first schema of the connection's search path, at the first `open()`.

    >>> PostgresStore("postgresql://app:hunter2@db.example/traces").url
    'postgresql://app:***@db.example/traces'
    """

    _tables = PostgresTables
    _purge_tables = PostgresPurgeTables

    def __init__(self, url: str, *, clock: Callable[[], int] | None = None) -> None:
        self._postgres = Postgres(url)
        self._growth = Growth()
        super().__init__(self._postgres, clock=clock)

    def open(self) -> None:
        """Connect, create the tables that are missing, and partitions for the time to come; raises StoreTooNew."""
        super().open()
        self._make(self._postgres.partitions.ahead(self.now()))

    def write(self, batch: Batch) -> None:
        """Write a batch: all of it, or nothing."""
        times = [run.start_time for run in batch.runs.values()]
        times += [event.created_at for event in batch.events.values()]
        partitions = self._postgres.partitions
        periods = partitions.missing(times, self.now())
        if periods:
            self._make(periods)
        super().write(batch)
        grown = self._growth.add(partitions.rows(times))
        if grown:
            self._analyze(grown)

    def _wheres(self, where: RunFilter, *, paged: bool) -> list[Where]:
        return super()._wheres(short_filter(where), paged=paged)

    def purge(self, where: PurgeFilter, *, limit: int = 1000, after: bytes = b"") -> PurgeStep:
        """Delete for good some of what matches; of all that is old, whole partitions first, which are dropped."""
        if retention.concerns(where) and after != retention.OVER and after[:1] in (b"", retention.SIGN):
            step = self._drop_step(where, limit, after)
            if step is not None:
                return step
        step = super().purge(where, limit=limit, after=b"" if after == retention.OVER else after)
        if step.after is None and where.before is not None:
            self._drop_empty(where.before)
        return step

    def _drop_step(self, where: PurgeFilter, limit: int, after: bytes) -> PurgeStep | None:
        """Take a step towards dropping partitions; one that cannot be dropped now is left to the other steps."""
        try:
            with self._connections.writing() as lent:
                connection = cast("PostgresConnection", lent)
                with (
                    transaction(lent, LOCKED),
                    self._connections.holding(None, quiet=False),
                ):
                    connection.script(_BRIEFLY)
                    tables = self._purge_tables(lent, self._dialect)
                    step = retention.step(connection, tables, where, limit=limit, after=after)
                self._postgres.partitions.look(connection)
        except ServerError as error:
            if not after or error.state not in _IN_THE_WAY:
                raise meaning(self.url, error) from error
            _log.info("%s: a partition stays, its rows go one by one (%s)", self.url, error)
            return PurgeStep(PurgeCounts(), retention.after_failure(after))
        return step

    def _drop_empty(self, before: int) -> None:
        """Drop old partitions without rows, or let it be."""
        try:
            with self._connections.writing() as lent:
                connection = cast("PostgresConnection", lent)
                with transaction(lent, LOCKED):
                    connection.script(_BRIEFLY)
                    drop_empty(connection, before)
                    self._postgres.partitions.look(connection)
        except ServerError as error:
            _log.info("%s: empty partitions stay for now (%s)", self.url, error)

    def _analyze(self, grown: Mapping[str, int]) -> None:
        """Have the server gather statistics of partitions that have grown, or let it be."""
        try:
            with self._connections.writing() as lent:
                for day, rows in grown.items():
                    analyze(cast("PostgresConnection", lent), day, rows)
        except (ServerError, StoreError) as error:
            _log.info("%s: no statistics for now (%s)", self.url, error)

    def _make(self, periods: Sequence[int]) -> None:
        """Make partitions, or let it be: the default one takes every row."""
        partitions = self._postgres.partitions
        if not periods:
            return
        try:
            with self._connections.writing() as lent:
                connection = cast("PostgresConnection", lent)
                with transaction(lent, LOCKED):
                    connection.script(_BRIEFLY)
                    partitions.make(connection, periods)
        except ServerError as error:
            partitions.failed(periods)
            _log.info("%s: no partitions were made for now (%s)", self.url, error)


class Postgres:
    """What PostgreSQL is to `store.sql`."""

    begin = LOCKED
    client = True

    def __init__(self, url: str) -> None:
        self.url = shown(url)
        self.partitions = Partitions()
        self._conninfo = conninfo_of(url)
        self._statements = Statements()

    def connect(self) -> Connection:
        """Return a new connection."""
        return PostgresConnection(self._conninfo, self._statements)

    def alive(self, connection: Connection) -> bool:
        """Return whether a connection is still there, as far as one can tell without asking the server."""
        return cast("PostgresConnection", connection).is_alive()

    def gone(self, connection: Connection) -> bool:  # noqa: ARG002
        """Return False: what a server has committed is kept."""
        return False

    def version(self, connection: Connection) -> int:
        """Return the version that the tables' own table says, 0 where there are none."""
        return _version(cast("PostgresConnection", connection))

    def create(self, connection: Connection) -> None:
        """Create the tables, or bring those of an older version up to this one; raises StoreTooNew."""
        postgres = cast("PostgresConnection", connection)
        if _version(postgres) != SCHEMA_VERSION:
            # Of several processes the others wait for the one in here, and then find the version as it should be.
            with transaction(connection, _CREATING):
                found = _version(postgres)
                check_version(self.url, found)
                if found == 0:
                    _create_tables(postgres)
                elif found < SCHEMA_VERSION:
                    _upgrade(postgres, found)
        self.partitions.look(postgres)

    def tables(self, connection: Connection) -> dict[str, TableSeen]:
        """Return the tables of agenttrace by name; others that are in the same schema are not its own."""
        found: dict[str, tuple[list[str], list[tuple[int, str]]]] = {}
        for name, column, place in connection.execute(_COLUMNS).fetchall():
            if name in _OURS:
                columns, key = found.setdefault(name, ([], []))
                columns.append(column)
                key += [(place, column)] if place else []
        return {
            name: TableSeen(tuple(columns), tuple(column for _, column in sorted(key)))
            for name, (columns, key) in found.items()
        }

    def sql(self, statement: str) -> str:
        """Return the statement with numbered parameters; a run's key has its start, by which the table is divided."""
        return postgres_text.numbered(statement)

    def using(self, index: str | None) -> str:  # noqa: ARG002
        """Return nothing: PostgreSQL has statistics."""
        return ""

    def state(self, connection: Connection) -> object | None:  # noqa: ARG002
        """Return None: only the server knows."""
        return None

    def member(self, column: str, key: str) -> str:
        """Return the member; what is no JSON has none."""
        return f"agenttrace_member({column}, '{key}')"

    def for_keys(
        self, select: str, values: Sequence[Any], condition: str, keys: Sequence[bytes]
    ) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield one statement, which looks up each key by itself."""
        yield postgres_text.for_keys(select, condition), (list(keys), *values)

    def for_ranges(
        self, columns: str, workspace_id: bytes, ranges: Sequence[tuple[bytes, bytes]]
    ) -> tuple[str, tuple[Any, ...]]:
        """Return a statement that looks up each range by itself."""
        lows, highs = zip(*ranges, strict=True)
        return postgres_text.for_ranges(columns), (list(lows), list(highs), workspace_id)

    def bundle(self, columns: Sequence[str], tables: str) -> str:
        """Return a plain SELECT."""
        return f"SELECT {', '.join(columns)} FROM {tables} AS bundled"  # noqa: S608

    def unbundle(self, rows: list[Any]) -> list[Sequence[Any]]:
        """Return the rows, their ids in hexadecimal digits."""
        return [tuple(value.hex() if isinstance(value, bytes) else value for value in row) for row in rows]

    def scrub(self, connection: Connection) -> bool:  # noqa: ARG002
        """Return True: the server keeps its files to itself, and writes over deleted rows as it vacuums."""
        return True

    def failure(self, error: Exception) -> StoreError | None:
        """Return what an error of PostgreSQL means."""
        return meaning(self.url, error) if isinstance(error, ServerError) else None


def _version(connection: PostgresConnection) -> int:
    """Return the version of the tables, 0 where there are none."""
    if connection.execute("SELECT to_regclass('agenttrace_version') IS NULL").fetchall()[0][0]:
        return 0
    return connection.execute("SELECT version FROM agenttrace_version").fetchall()[0][0]


def _create_tables(connection: PostgresConnection) -> None:
    encoding, schema = connection.execute(
        "SELECT current_setting('server_encoding'), current_schema()::text"
    ).fetchall()[0]
    if encoding != "UTF8":
        raise ServerError("0A000", f"the database's encoding is {encoding}; agenttrace needs one with UTF8")
    if schema is None:
        raise ServerError("3F000", "no schema of the search path exists; create one, or name another")
    connection.script(_SCHEMA)


def _upgrade(connection: PostgresConnection, found: int) -> None:
    connection.script("SELECT pg_advisory_xact_lock((1096045123::bigint << 32) | 'run'::regclass::oid::bigint)")
    connection.script("SET LOCAL statement_timeout = 0")  # an index on a large table takes its time
    with connection.lent() as driver:
        upgrade(driver, "postgresql", found, wanted=SCHEMA_VERSION)
    connection.execute("UPDATE agenttrace_version SET version = $1", (SCHEMA_VERSION,))
