"""A PostgreSQL schema as text: the statements that make it, and its rows; see `tests.store.released`."""

from __future__ import annotations

from importlib.resources import files

import psycopg

__all__ = ["dump", "restore", "statements"]

_TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
AND relname <> 'agenttrace_version' ORDER BY relname
"""
_ROWS = "-- The rows, as COPY gives them.\n"


def statements() -> str:
    """Return the statements that make a new schema today."""
    return files("agenttrace.store").joinpath("schema", "postgresql.sql").read_text(encoding="utf-8")


def dump(url: str) -> str:
    """Return a new schema's statements, and what stands in the tables."""
    parts = [statements(), _ROWS]
    with psycopg.connect(url) as connection:
        for (table,) in connection.execute(_TABLES).fetchall():
            with connection.cursor() as cursor:
                columns = ", ".join(f'"{column.name}"' for column in cursor.execute(f"TABLE {table}").description or ())
                with cursor.copy(f"COPY (SELECT {columns} FROM {table} ORDER BY 1, 2) TO STDOUT") as rows:  # noqa: S608
                    text = b"".join(bytes(row) for row in rows).decode()
            parts.append(f"COPY {table} ({columns}) FROM STDIN;\n{text}\\.\n")
    return "".join(parts)


def restore(text: str, url: str) -> None:
    """Make what was dumped in the schema of a URL."""
    made, _, tables = text.partition(_ROWS)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(made.encode())
        for part in tables.split("\\.\n")[:-1]:
            command, _, rows = part.partition("\n")
            with cursor.copy(command.removesuffix(";").encode()) as copying:
                copying.write(rows)
