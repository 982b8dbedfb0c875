"""Statistics of young partitions, without which the server takes the wrong index, as one that is sorted by time.

It gathers them by itself, a minute or some after a partition got its first rows, if it is left to. Until then a
partition that fills fast would be read as if it were empty. So this process asks for them as well, of the columns that
indexes have, which takes milliseconds, a few times in the life of a partition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agenttrace.store.postgres_connection import PostgresConnection

__all__ = ["Growth", "analyze"]

#: How many rows this process has written to a partition when it asks; after that the server does so soon enough.
_MARKS = (500, 5_000, 50_000)
_COUNTED = "SELECT reltuples::float8 FROM pg_class WHERE oid = to_regclass($1)"
_COLUMNS = {
    "run": "workspace_id, id, parent_id, is_root, run_type, status, start_time, process_id, session_id, "
    "conversation_id, call_sid, ai_contact_id, interaction_type, history_link, context_link",
    "event": "workspace_id, id, session_id, run_id, type, hidden",
}


class Growth:
    """How many rows this process has written to each partition."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}

    def add(self, rows: Mapping[str, int]) -> dict[str, int]:
        """Add numbers of rows by partition; return those partitions that passed a mark, with their rows so far."""
        passed: dict[str, int] = {}
        for name, more in rows.items():
            before = self._rows.get(name, 0)
            now = self._rows[name] = before + more
            if any(before < mark <= now for mark in _MARKS):
                passed[name] = now
        return passed


def analyze(connection: PostgresConnection, day: str, rows: int) -> None:
    """Have the server look at the partitions of a period, unless it saw half as many rows; raises ServerError.

    It does nothing where another process is at it, and for a role that does not own the tables.
    """
    for table, columns in _COLUMNS.items():
        name = f"{table}_{day}"
        found = connection.execute(_COUNTED, (name,)).fetchall()
        if found and found[0][0] < rows / 2:
            connection.script(f"ANALYZE (SKIP_LOCKED) {name} ({columns})")
