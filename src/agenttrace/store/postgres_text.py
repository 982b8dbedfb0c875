"""Statements as PostgreSQL wants them. Text only: nothing runs here.

Lists of keys are joined to what is looked up, one look at the index for each: given all at once, a database without
statistics, as of a partition that is new, takes a workspace for a small part of a table and walks through all of it.
"""

from __future__ import annotations

from functools import lru_cache

from agenttrace.store.postgres_long import with_starts

__all__ = ["for_keys", "for_ranges", "numbered"]

#: Keys that are no UUIDs.
_BINARY = ("trace_id", "hash")


@lru_cache(maxsize=2048)
def numbered(statement: str) -> str:
    """Return a statement with numbered parameters; a run's key has its start, by which the table is divided.

    >>> numbered("SELECT 1 FROM run WHERE workspace_id = ? AND id = ?")
    'SELECT 1 FROM run WHERE workspace_id = $1 AND id = $2'
    """
    if statement.startswith("INSERT INTO run ("):
        statement = statement.replace("ON CONFLICT (workspace_id, id)", "ON CONFLICT (workspace_id, start_time, id)")
    first, *rest = statement.split("?")
    return with_starts(first + "".join(f"${place}{part}" for place, part in enumerate(rest, 1)))


@lru_cache(maxsize=512)
def for_keys(select: str, condition: str) -> str:
    """Return a statement for a list of keys, its first parameter: what `select`, which ends in its condition, gives.

    `condition` ends with the column that has the key.
    """
    kind = "bytea" if condition in _BINARY else "uuid"
    one = f"{select} AND {condition} = wanted.wanted_key OFFSET 0"
    return f"SELECT found.* FROM unnest(?::{kind}[]) AS wanted (wanted_key) CROSS JOIN LATERAL ({one}) AS found"  # noqa: S608


@lru_cache(maxsize=64)
def for_ranges(columns: str) -> str:
    """Return a statement for two lists, of the first and of the last ids of ranges, and a workspace, in this order."""
    lists = "unnest(?::uuid[], ?::uuid[]) WITH ORDINALITY AS wanted (low, high, number)"
    of_one = columns.replace("{place}", "wanted.number - 1")
    one = f"SELECT {of_one} FROM run WHERE workspace_id = ? AND id >= wanted.low AND id <= wanted.high OFFSET 0"  # noqa: S608
    return f"SELECT found.* FROM {lists} CROSS JOIN LATERAL ({one}) AS found"  # noqa: S608
