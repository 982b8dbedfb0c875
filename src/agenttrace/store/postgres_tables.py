"""The statements of `store.sql_tables` where PostgreSQL has a better way: lists of rows, and runs in partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from agenttrace.model import ids
from agenttrace.store import sql_text
from agenttrace.store.apply import Known
from agenttrace.store.postgres_long import short_values
from agenttrace.store.sql_purge import SQLPurgeTables
from agenttrace.store.sql_tables import SQLTables, run_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agenttrace.model.rows import LogRow, RunRow, SpanRow
    from agenttrace.store.dialect import Connection, Dialect
    from agenttrace.store.link_writing import LinkWriter
    from agenttrace.store.postgres_connection import PostgresConnection

__all__ = ["PostgresPurgeTables", "PostgresTables"]

Key = tuple[bytes, bytes]


class PostgresTables(SQLTables):
    """`store.apply.Tables` on one connection.

    The key of a run has its start, by which the table is divided, so the database would keep two versions of a run
    with different starts as two rows. Starts are remembered here as far as they were read, and looked up else: the row
    of another start goes before the new one comes.
    """

    def __init__(self, connection: Connection, dialect: Dialect, links: LinkWriter | None = None) -> None:
        super().__init__(connection, dialect, links)
        self._postgres = cast("PostgresConnection", connection)
        self._starts: dict[Key, int | None] = {}

    def known(self, keys: Iterable[Key]) -> dict[Key, Known]:
        """Return which of these runs are stored."""
        wanted = list(keys)
        found: dict[Key, Known] = {}
        self._starts.update(dict.fromkeys(wanted))
        for workspace, row in self._by_id("SELECT id, session_id, learnt, start_time FROM run", "id", wanted):
            found[workspace, row[0]] = Known(row[1], row[2])
            self._starts[workspace, row[0]] = row[3]
        return found

    def put_runs(self, runs: Sequence[RunRow], *, are_new: bool = False) -> None:  # noqa: ARG002
        """Insert or replace runs; whatever was known of them, another writer may have inserted them meanwhile."""
        self.known({(run.workspace_id, run.id) for run in runs} - self._starts.keys())
        moved = [(run, self._starts[run.workspace_id, run.id]) for run in runs]
        self._many(
            "DELETE FROM run WHERE workspace_id = ? AND start_time = ? AND id = ?",
            [(run.workspace_id, start, run.id) for run, start in moved if start not in (None, run.start_time)],
        )
        super().put_runs(runs)
        self._starts.update({(run.workspace_id, run.id): run.start_time for run in runs})

    def run_values(self, runs: Sequence[RunRow]) -> list[tuple[Any, ...]]:
        """Return the values of these runs by column, short enough for the indexes."""
        return list(map(short_values, super().run_values(runs)))

    def delete_runs(self, keys: Sequence[Key]) -> None:
        """Delete runs, as far as they are stored."""
        super().delete_runs(keys)
        self._starts.update(dict.fromkeys(keys))

    def _many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each row; rows to insert go in one list, whose keys differ."""
        waiting = list(rows)
        if " VALUES (" in sql:
            self._postgres.insert_many(self._dialect.sql(sql), waiting)
        else:
            self._postgres.executemany(self._dialect.sql(sql), waiting)


class PostgresPurgeTables(SQLPurgeTables):
    """`store.purge_tables.PurgeTables` on one connection: what is asked of several traces is asked for together."""

    def __init__(self, connection: Connection, dialect: Dialect) -> None:
        super().__init__(connection, dialect)
        self._outlines: dict[Key, list[RunRow]] = {}
        self._bare: set[Key] = set()

    def expect(self, workspace_id: bytes, traces: Sequence[bytes]) -> None:
        """Read the runs of these traces, and which of them have no foreign spans or logs."""
        self._outlines = {(workspace_id, trace): [] for trace in traces}
        self._bare = set(self._outlines)
        if not traces:
            return
        ranges = dict.fromkeys(ids.trace_range(int.from_bytes(trace, "big")) for trace in traces)
        sql, values = self._dialect.for_ranges(sql_text.OUTLINED, workspace_id, list(ranges))
        for run in map(run_row, self.rows(sql, *values)):
            if (workspace_id, run.trace_id) in self._outlines:
                self._outlines[workspace_id, run.trace_id].append(run)
        for table in ("span", "log"):
            found = self._by_id(f"SELECT DISTINCT trace_id FROM {table}", "trace_id", self._outlines)  # noqa: S608
            self._bare -= {(workspace, row[0]) for workspace, row in found}

    def outline(self, workspace_id: bytes, trace_id: bytes) -> list[RunRow]:
        """Return the runs of a trace, without content, error and attributes; what was expected is told once."""
        known = self._outlines.pop((workspace_id, trace_id), None)
        return super().outline(workspace_id, trace_id) if known is None else known

    def spans(self, workspace_id: bytes, trace_id: bytes) -> list[SpanRow]:
        """Return all versions of the foreign spans of a trace."""
        return [] if (workspace_id, trace_id) in self._bare else super().spans(workspace_id, trace_id)

    def logs(self, workspace_id: bytes, trace_id: bytes) -> list[LogRow]:
        """Return the log records of a trace."""
        return [] if (workspace_id, trace_id) in self._bare else super().logs(workspace_id, trace_id)
