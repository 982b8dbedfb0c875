"""The ClickHouse store keeps the promises of the protocol, on the real engine in this process."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from agenttrace.store.clickhouse import ClickHouseStore
from agenttrace.testing.conformance import StoreConformance
from tests.clickhouse.chdb_store import url_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agenttrace.store.protocol import Store


class TestChdb(StoreConformance):
    """The engine in this process."""

    processes = False
    faults = True
    rolls_back = False

    def make_store(self, tmp_path: Path, clock: Callable[[], int]) -> Store:
        """Return a store in a database of its own."""
        return ClickHouseStore(url_of(tmp_path), clock=clock)

    @contextmanager
    def fail_at(self, store: Store, step: int) -> Iterator[None]:
        """Fail at a query or an insert of the writer, as a connection that breaks does."""
        assert isinstance(store, ClickHouseStore)
        clients: Any = store._clients
        lend = clients.lend
        left = iter(range(step - 1, -1, -1))

        @contextmanager
        def lending() -> Iterator[Counted]:
            with lend() as client:
                yield Counted(client, left)

        clients.lend = lending
        try:
            yield
        finally:
            del clients.lend


class Counted:
    """A client that breaks once the count comes to zero."""

    def __init__(self, client: Any, left: Iterator[int]) -> None:
        self._client = client
        self._left = left

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            if next(self._left, 1) == 0:
                raise ConnectionResetError("the server is gone")
            return getattr(self._client, name)(*args, **options)

        return call
