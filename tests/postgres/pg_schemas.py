"""What the tables of a PostgreSQL schema are, so that two can be compared: whatever counts, in no order."""

from __future__ import annotations

from typing import Any

import psycopg

__all__ = ["shape"]

_RELATIONS = """
SELECT c.oid, c.relname, c.relkind::text, pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
       CASE WHEN c.relkind IN ('i', 'I') THEN pg_get_indexdef(c.oid) END
FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
"""
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
       col_description(a.attrelid, a.attnum)
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
"""
_CONSTRAINTS = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s"
_FUNCTIONS = """
SELECT proname, prosrc, pg_get_function_arguments(oid) FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
"""


def shape(url: str) -> dict[str, Any]:
    """Return tables with columns, keys and partitions, indexes as they were made, and functions."""
    found: dict[str, Any] = {}
    with psycopg.connect(url, autocommit=True) as connection:
        schema = str(connection.execute("SELECT current_schema()::text").fetchall()[0][0])
        for oid, name, kind, key, bounds, index in connection.execute(_RELATIONS).fetchall():
            if kind in ("i", "I"):
                found[f"index {name}"] = str(index).replace(f"{schema}.", "")
                continue
            columns = {row[0]: row[1:] for row in connection.execute(_COLUMNS, (oid,)).fetchall()}
            constraints = dict(connection.execute(_CONSTRAINTS, (oid,)).fetchall())
            found[f"table {name}"] = {"columns": columns, "constraints": constraints, "parts": (kind, key, bounds)}
        for name, *rest in connection.execute(_FUNCTIONS).fetchall():
            found[f"function {name}"] = rest
    return found
