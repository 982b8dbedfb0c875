"""What a PostgreSQL store shows of what it keeps, for `agenttrace verify-redaction`."""

from __future__ import annotations

from pathlib import Path

import psycopg

from agenttrace.store.postgres import PostgresStore
from tests.security.stored import check_stored_rows


def test_every_row_is_shown_once(postgres_url: str, tmp_path: Path) -> None:
    """Of partitioned tables, too; a table of somebody else in the same schema is left alone."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE theirs (secret text)")
        connection.execute("INSERT INTO theirs VALUES ('ghp_aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA1b')")
    check_stored_rows(lambda: PostgresStore(postgres_url), tmp_path)
