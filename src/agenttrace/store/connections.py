"""Connections of one store: one for writing, some for reading, and none that a forked child shares with its parent."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agenttrace.errors import StoreUnavailable
from agenttrace.store import forking

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from agenttrace.store.dialect import Connection

__all__ = ["Connections"]

_MAX_IDLE = 4

#: Connections of a parent process that were in use when it forked: closing them could end its transactions.
_parents: list[_Pool] = []


class _Pool:
    """The connections of one process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.write_lock = threading.RLock()
        self.writer: Connection | None = None
        self.changes = 0  # transactions of ours that changed what readers are told
        self.held: object | None = None  # what the state is while the transaction that is open holds others back
        self.idle: list[Connection] = []


class Connections:
    """Lends connections. Safe to use from several threads, and after a fork on both sides."""

    def __init__(
        self,
        url: str,
        connect: Callable[[], Connection],
        alive: Callable[[Connection], bool] = lambda _: True,
        *,
        client: bool = False,
    ) -> None:
        """Lend what `connect` makes; `client` says that it is a client of a server, for which no fork waits long."""
        self._url = url
        self._client = client
        self._connect = connect
        self._alive = alive
        self._pool = _Pool()
        self._open = False
        forking.register(self)

    @contextmanager
    def writing(self, *, opening: bool = False) -> Generator[Connection]:
        """Lend the connection for writing, to one thread at a time.

        An error that ends the block closes the connection, which undoes what was not committed.
        """
        pool = self._usable(opening=opening)
        with pool.write_lock, forking.inside(client=self._client):
            connection, pool.writer = self._living(pool.writer), None
            connection = connection or self._connect()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            pool.writer = connection
        if not self._open and not opening:  # closed between the first line and the second
            self.close()

    @contextmanager
    def reading(self, *, opening: bool = False) -> Generator[Connection]:
        """Lend a connection for reading; with `opening` also where the store is not open."""
        pool = self._usable(opening=opening)
        with forking.inside(client=self._client):
            connection = self._idle(pool) or self._connect()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            with pool.lock:
                if self._open and len(pool.idle) < _MAX_IDLE:
                    pool.idle.append(connection)
                    return
            connection.close()

    @contextmanager
    def holding(self, state: object | None, *, quiet: bool) -> Generator[None]:
        """Say what the state is for the length of an open transaction; `quiet` ones leave it as it is.

        It is not known from before the commit until the connection is given back.
        """
        pool = self._own_pool()
        pool.held = None if state is None else (state, pool.changes)
        try:
            yield
        finally:
            pool.held = None
            if not quiet:
                pool.changes += 1

    def state(self, look: Callable[[Connection], object | None]) -> object | None:
        """Return what the writer's connection says, and how often this process changed something; None if unknown.

        A connection is told of the commits of others only, so our own are counted. Never waits for another thread:
        during a transaction of ours nobody else can commit, and its state is known.
        """
        pool = self._usable()
        if not pool.write_lock.acquire(blocking=False):
            return pool.held
        try:
            connection, pool.writer = pool.writer, None
            if connection is None:
                return pool.held
            with forking.inside(client=self._client):
                try:
                    found = look(connection)
                except BaseException:
                    connection.close()
                    raise
            pool.writer = connection
            return None if found is None else (found, pool.changes)
        finally:
            pool.write_lock.release()

    def open(self) -> None:
        """Lend from now on."""
        self._open = True

    def close(self) -> None:
        """Close what is not lent, wait for the writer, and lend no more."""
        self._open = False
        pool = self._own_pool()
        with pool.lock:
            idle, pool.idle = pool.idle, []
        with pool.write_lock:
            writer, pool.writer = pool.writer, None
        with forking.inside(client=self._client):
            for connection in [*idle, *([writer] if writer else [])]:
                connection.close()

    def after_fork(self, *, calm: bool) -> None:
        """Give up the parent's connections, in a forked child.

        While they are open SQLite takes the parent's locks on the file for this process's, which has none. So they are
        closed; in a moment when nobody uses them that touches nothing of the parent's.
        """
        inherited, self._pool = self._pool, _Pool()
        if not calm:
            _parents.append(inherited)
            return
        for connection in [*inherited.idle, *([inherited.writer] if inherited.writer else [])]:
            connection.close()

    def _idle(self, pool: _Pool) -> Connection | None:
        while True:
            with pool.lock:
                connection = pool.idle.pop() if pool.idle else None
            if connection is None or self._living(connection):
                return connection

    def _living(self, connection: Connection | None) -> Connection | None:
        """Return the connection, unless its server is known to be gone: then it is closed."""
        if connection is None or self._alive(connection):
            return connection
        connection.close()
        return None

    def _usable(self, *, opening: bool = False) -> _Pool:
        if not self._open and not opening:
            raise StoreUnavailable(f"{self._url}: the store is closed; call open() first")
        return self._own_pool()

    def _own_pool(self) -> _Pool:
        if self._pool.pid != os.getpid():
            _parents.append(self._pool)
            self._pool = _Pool()
        return self._pool
