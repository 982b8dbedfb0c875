"""PostgreSQL keeps the promises of the protocol."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from agenttrace.store.postgres import Postgres, PostgresStore
from agenttrace.testing.conformance import StoreConformance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agenttrace.store.protocol import Store


class TestPostgres(StoreConformance):
    """The PostgreSQL store, on a real server."""

    processes = True
    faults = True

    @pytest.fixture(autouse=True)
    def _schema(self, postgres_url: str) -> None:
        self._url = postgres_url

    def make_store(self, tmp_path: Path, clock: Callable[[], int]) -> Store:
        """Return a store in this test's schema."""
        return PostgresStore(self._url, clock=clock)

    @contextmanager
    def fail_at(self, store: Store, step: int) -> Iterator[None]:
        """End the writer's session at one of its statements, as a server that goes away does."""
        assert isinstance(store, PostgresStore)
        dialect: Any = store._dialect
        left = iter(range(step - 1, -1, -1))

        def sql(statement: str) -> str:
            if next(left, 1) == 0:
                _end_writer(self._url, store)
            return Postgres.sql(dialect, statement)

        dialect.sql = sql
        try:
            yield
        finally:
            del dialect.sql


def _end_writer(url: str, store: PostgresStore) -> None:
    """End all sessions that are in a transaction of this test's tables."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE state = 'idle in transaction' "
            "AND pid IN (SELECT pid FROM pg_locks WHERE relation = 'run'::regclass "
            "OR locktype = 'advisory' AND objid = 'run'::regclass)"
        )
