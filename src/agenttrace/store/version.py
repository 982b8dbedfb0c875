"""The version of the SQL stores' tables, and what becomes of a store whose version is another."""

from __future__ import annotations

from agenttrace.errors import StoreTooNew

__all__ = ["SCHEMA_VERSION", "check_version"]

#: Version 1 is the first; `migrations/versions` has the ways from each version to the next.
SCHEMA_VERSION = 2


def check_version(url: str, found: int) -> None:
    """Raise StoreTooNew where a store's tables are of a later version than this library knows."""
    if found > SCHEMA_VERSION:
        raise StoreTooNew(
            f"{url}: its tables have version {found}, this agenttrace knows {SCHEMA_VERSION}; "
            "upgrade with `pip install --upgrade agenttrace-otel`, or name another store"
        )
