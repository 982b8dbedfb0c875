"""Clients of the engine: lent to one thread at a time, and none that a forked child shares with its parent."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from agenttrace.errors import ConfigurationError, StoreUnavailable
from agenttrace.store import forking
from agenttrace.store.clickhouse.failures import failure

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from agenttrace.store.clickhouse.address import Address

__all__ = ["Client", "Clients", "connect", "require_engine"]

_MAX_IDLE = 4

#: Settings of every statement: long lists of ids, subqueries on a shard's own rows, changes that are made on return.
_SETTINGS: dict[str, Any] = {
    "max_query_size": 64 << 20,
    "max_ast_elements": 1_000_000,
    "max_expanded_ast_elements": 1_000_000,
    "distributed_product_mode": "local",
    "distributed_foreground_insert": 1,
    "mutations_sync": 2,
    "lightweight_deletes_sync": 2,
}
#: On a server: many writers' inserts become one part, and an insert returns once it is committed.
_ON_SERVERS = {"async_insert": 1, "wait_for_async_insert": 1}

_engine_of: int | None = None  # the process in which the engine of `chdb` was started


class Client(Protocol):
    """What the store needs of a `clickhouse_connect` client."""

    def query(self, query: str) -> Any:
        """Run a SELECT; `result_rows` of what is returned are its rows."""
        ...

    def command(self, cmd: str) -> Any:
        """Run a statement that returns nothing."""
        ...

    def insert(
        self,
        table: str,
        data: Sequence[Sequence[Any]],
        column_names: Sequence[str],
        *,
        column_type_names: Sequence[str],
        column_oriented: bool,
    ) -> Any:
        """Insert rows, given column by column, as one block."""
        ...

    def close(self) -> None:
        """Give up the connection."""
        ...


def require_engine() -> None:
    """Import what runs the engine in this process; raises ImportError where it is not installed."""
    import chdb  # pyright: ignore[reportUnusedImport, reportMissingTypeStubs] # noqa: F401


def connect(address: Address) -> Client:
    """Return a new client: of a server, or of the engine in this process."""
    made: Any = clickhouse_connect.get_client  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if address.folder is None:
        settings = _SETTINGS | _ON_SERVERS
        return made(**address.options, settings=settings, autogenerate_session_id=False, query_retries=2)
    return _in_process(made, address)


def _in_process(make: Any, address: Address) -> Client:
    global _engine_of
    if _engine_of not in (None, os.getpid()):
        raise StoreUnavailable(
            f"{address.url}: the engine was started before this process was forked, and it cannot be used in a forked "
            "child; start the child with `spawn`, or use a ClickHouse server"
        )
    try:
        require_engine()
    except ImportError as error:
        raise ConfigurationError(
            f"store: {address.url} needs the ClickHouse engine; run: pip install 'agenttrace-otel[clickhouse]'"
        ) from error
    _engine_of = os.getpid()
    os.makedirs(address.folder or "", mode=0o700, exist_ok=True)
    return make(interface="chdb", path=str(address.folder), settings=_SETTINGS)


class Clients:
    """Lends clients. Safe to use from several threads, and after a fork on both sides."""

    def __init__(self, address: Address, make: Callable[[Address], Client] = connect) -> None:
        self._address = address
        self._make = make
        self._lock = threading.Lock()
        self._idle: list[Client] = []
        self._lent: set[Client] = set()
        self._open = False
        self._shares = address.folder is not None and make is connect
        _open_stores.add(self)
        forking.register(self)

    @contextmanager
    def opening(self) -> Generator[Client]:
        """Lend a client to open the store with: `lend` is possible once the block has ended without an error."""
        with self._lending() as client:
            yield client
            self._open = True

    @contextmanager
    def looking(self) -> Generator[Client]:
        """Lend a client whether or not the store is open, and leave it as it is. Errors are those of `lend`."""
        with self._lending() as client:
            yield client

    def close(self) -> None:
        """Close what is idle, and have what is lent closed when it comes back."""
        self._open = False
        with self._lock:
            idle, self._idle = self._idle, []
        for client in idle:
            self._part_with(client)

    @contextmanager
    def lend(self) -> Generator[Client]:
        """Lend a client. Errors of driver and engine become StoreErrors, and the client that met one is closed."""
        self.require_open()
        with self._lending() as client:
            yield client

    def require_open(self) -> None:
        """Raise StoreUnavailable where the store is closed."""
        if not self._open:
            raise StoreUnavailable(f"{self._address.url}: the store is closed; call open() first")

    @contextmanager
    def _lending(self) -> Generator[Client]:
        try:
            with forking.inside(client=self._address.folder is None):
                client = self._take()
                try:
                    yield client
                except BaseException as error:
                    self._give_back(client, healthy=_is_healthy(error))
                    raise
                self._give_back(client, healthy=True)
        except Exception as error:
            meant = failure(self._address.url, error)
            if meant is None:
                raise
            raise meant from error

    def after_fork(self, *, calm: bool) -> None:
        """Leave the parent's clients alone."""
        del calm
        clients = [*self._idle, *self._lent, *_spare.pop(self._address.folder, [])]
        self._lock = threading.Lock()
        self._idle, self._lent = [], set()
        _abandoned.extend(clients)
        if self._address.folder is not None and clients:
            _leave_engine(clients)

    def _take(self) -> Client:
        with self._lock:
            spare = _spare.get(self._address.folder, []) if self._shares else []
            client = self._idle.pop() if self._idle else spare.pop() if spare else None
        if client is None:
            client = self._make(self._address)
        with self._lock:
            self._lent.add(client)
        return client

    def _give_back(self, client: Client, *, healthy: bool) -> None:
        with self._lock:
            self._lent.discard(client)
            keep = healthy and self._open and len(self._idle) < _MAX_IDLE
            if keep:
                self._idle.append(client)
        if not keep:
            self._part_with(client, healthy=healthy)

    def _part_with(self, client: Client, *, healthy: bool = True) -> None:
        """Close a client, or leave it to another store that uses the same engine."""
        others = [one for one in list(_open_stores) if one is not self and one.uses(self._address.folder)]
        if healthy and self._shares and others:
            _spare.setdefault(self._address.folder, []).append(client)
            return
        client.close()
        if self._shares and not others:
            for spare in _spare.pop(self._address.folder, []):
                spare.close()

    def uses(self, folder: Path | None) -> bool:
        """Return whether this is open and its engine keeps its data in this folder."""
        return self._open and self._address.folder == folder


#: Clients of an engine in this process that one store has left to the others: to make one takes long.
_spare: dict[Path | None, list[Client]] = {}
_open_stores: weakref.WeakSet[Clients] = weakref.WeakSet()

#: A forked child's copies of its parent's clients, which it must not close.
_abandoned: list[Client] = []


def _is_healthy(error: BaseException) -> bool:
    return isinstance(error, Exception) and not (
        isinstance(error, ClickHouseError) and not getattr(error, "code", None)
    )


def _leave_engine(clients: Sequence[Client]) -> None:
    """Have a forked child end without a look at the engine, whose threads it does not have: it would wait for them.

    The driver closes its connections when the interpreter ends, and the engine's library closes itself when the process
    exits; the first is called off, and the second is not reached, since `_exit` comes before it.
    """
    for client in clients:
        backend: Any = getattr(client, "_backend", None)
        connection: Any = getattr(getattr(backend, "_handle", None), "conn", None)
        release: Any = getattr(backend, "_release", None)
        if connection is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
        if release is not None:
            release.detach()
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        library.on_exit(library._exit, None)
