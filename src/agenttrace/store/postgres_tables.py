"""The statements of `store.sql_tables` where PostgreSQL has a better way: lists of rows, and runs in partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from agenttrace.store.apply import Known
from agenttrace.store.sql_tables import SQLTables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from agenttrace.model.rows import RunRow
    from agenttrace.store.dialect import Connection, Dialect
    from agenttrace.store.link_writing import LinkWriter
    from agenttrace.store.postgres_connection import PostgresConnection

__all__ = ["PostgresTables"]

Key = tuple[bytes, bytes]

#: Ids that are no UUIDs.
_BINARY = ("trace_id", "hash")


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

    def put_runs(self, runs: Sequence[RunRow]) -> None:
        """Insert or replace runs."""
        self.known({(run.workspace_id, run.id) for run in runs} - self._starts.keys())
        moved = [(run, self._starts[run.workspace_id, run.id]) for run in runs]
        self._many(
            "DELETE FROM run WHERE workspace_id = ? AND start_time = ? AND id = ?",
            [(run.workspace_id, start, run.id) for run, start in moved if start not in (None, run.start_time)],
        )
        super().put_runs(runs)
        self._starts.update({(run.workspace_id, run.id): run.start_time for run in runs})

    def delete_runs(self, keys: Sequence[Key]) -> None:
        """Delete runs, as far as they are stored."""
        super().delete_runs(keys)
        self._starts.update(dict.fromkeys(keys))

    def _by_id(self, select: str, condition: str, keys: Iterable[Key]) -> Iterator[tuple[bytes, Any]]:
        """Yield the rows for each of these keys.

        Each key is looked up by itself. Given all at once, a database without statistics, as of a partition that
        is new, takes a workspace for a small part of a table, and walks through all of it.
        """
        by_workspace: dict[bytes, list[bytes]] = {}
        for workspace, key in keys:
            by_workspace.setdefault(workspace, []).append(key)
        kind = "bytea" if condition in _BINARY else "uuid"
        for workspace, wanted in by_workspace.items():
            one = f"{select} WHERE workspace_id = ? AND {condition} = wanted.wanted_key OFFSET 0"
            lists = f"unnest(?::{kind}[]) AS wanted (wanted_key)"
            sql = f"SELECT found.* FROM {lists} CROSS JOIN LATERAL ({one}) AS found"  # noqa: S608
            for row in self.rows(sql, list(dict.fromkeys(wanted)), workspace):
                yield workspace, row

    def _many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each row; rows to insert go in one list, whose keys differ."""
        waiting = list(rows)
        if " VALUES (" in sql:
            self._postgres.insert_many(self._dialect.sql(sql), waiting)
        else:
            self._postgres.executemany(self._dialect.sql(sql), waiting)
