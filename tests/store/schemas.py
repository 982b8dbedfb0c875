"""What the tables of a SQLite file are, so that two files can be compared: whatever counts, in no order."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

__all__ = ["shape", "shape_of"]


def shape_of(path: Path) -> dict[str, Any]:
    """Return the shape of a file."""
    with closing(sqlite3.connect(path)) as connection:
        return shape(connection)


def shape(connection: sqlite3.Connection) -> dict[str, Any]:
    """Return tables with columns, keys and options, indexes with columns and conditions, and whatever else there is."""
    found: dict[str, Any] = {}
    for kind, name, table, sql in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"):
        if kind == "table":
            found[f"table {name}"] = _table(connection, name)
        elif kind == "index":
            found[f"index {name}"] = _index(connection, name, table, sql)
        else:
            found[f"{kind} {name}"] = sql
    return found


def _table(connection: sqlite3.Connection, name: str) -> dict[str, Any]:
    columns = {row[1]: row[2:] for row in connection.execute("SELECT * FROM pragma_table_xinfo(?)", (name,))}
    ((options),) = connection.execute("SELECT wr, strict FROM pragma_table_list(?) WHERE schema = 'main'", (name,))
    keys = connection.execute("SELECT * FROM pragma_foreign_key_list(?)", (name,)).fetchall()
    return {"columns": columns, "options": options, "foreign keys": keys}


def _index(connection: sqlite3.Connection, name: str, table: str, sql: str | None) -> dict[str, Any]:
    columns = connection.execute("SELECT name, desc, coll, key FROM pragma_index_xinfo(?)", (name,)).fetchall()
    (kind,) = connection.execute(
        'SELECT "unique", origin, partial FROM pragma_index_list(?) WHERE name = ?', (table, name)
    )
    where = re.search(r"(?is)\bWHERE\b(.*)", sql or "")
    return {"table": table, "columns": columns, "kind": kind, "where": where and " ".join(where[1].split())}
