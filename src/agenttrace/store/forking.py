"""Forks and databases: a fork waits until no thread is inside a database, for a moment.

SQLite keeps its mutexes and the locks of a file in the process's memory. A child that is forked while another thread of
its parent is inside SQLite inherits them as they are, held by nobody, and hangs or finds the file busy for good.
A client of a server has nothing of that kind, and may wait for the server for a minute: a fork hardly waits for it.
"""

from __future__ import annotations

import threading
import weakref
from typing import Protocol

from agenttrace.loading import at_fork

__all__ = ["Inheriting", "inside", "register"]

# Seconds that a fork waits, at most, unless a block asks for more. A disk or a machine that is busy takes seconds for
# a commit, and a child that did not wait for it finds the file locked for good.
_PATIENCE = 10.0
# Seconds for one who is inside a client of a server: enough for most batches to end, and little where it hangs.
_BRIEFLY = 0.1


class Inheriting(Protocol):
    """What a forked child inherits of a database."""

    def after_fork(self, *, calm: bool) -> None:
        """Start anew in the child; `calm` says that no thread was inside a database when it was forked.

        Inside a client of a server there may have been one all the same.
        """
        ...


_databases: weakref.WeakSet[Inheriting] = weakref.WeakSet()


# The thread, the seconds that a fork waits for it at least, and whether it is in a client of a server.
_Visit = tuple[int, float, bool]


class _Gate:
    """Counts the threads that are inside a database, and lets nobody in while the process forks."""

    def __init__(self) -> None:
        self.calm = True
        self._held: list[int] = []  # the threads that keep the others out; several may fork at once
        self._waiting: list[int] = []  # those that wait until nobody is inside
        self._inside: list[_Visit] = []
        self._changed = threading.Condition()

    def enter(self, patience: float = 0.0, client: bool = False) -> _Visit:
        visit = threading.get_ident(), patience, client
        with self._changed:
            self._inside.append(visit)
        return visit

    def leave(self, visit: _Visit) -> None:
        with self._changed:
            self._inside.remove(visit)
            if self._waiting:
                self._changed.notify_all()

    def shut(self) -> None:
        # A signal handler may fork inside a database's own thread, for which there is no use in waiting.
        own = threading.get_ident()
        self._waiting.append(own)
        held = self._changed.acquire(timeout=_PATIENCE)
        if held:
            self._held.append(own)
            patience = max([_PATIENCE, *(patience for _, patience, _ in self._inside)])
            self._changed.wait_for(lambda: all(client or who == own for who, _, client in self._inside), patience)
            self._changed.wait_for(lambda: all(who == own for who, _, client in self._inside if client), _BRIEFLY)
        self.calm = held and all(client for _, _, client in self._inside)
        self._waiting.remove(own)

    def open(self) -> None:
        own = threading.get_ident()
        if own in self._held:
            self._held.remove(own)
            self._changed.release()


_gate = _Gate()


class inside:  # noqa: N801 - used as a function; a class costs a third of a generator
    """Hold back forks for the length of a block, in which a database is used. Blocks may nest.

    A fork waits ten seconds for the block, at most, or `patience` where that is more seconds; a tenth of a second where
    it is one of a `client` of a server. It does not wait for a block of its own thread.
    """

    __slots__ = ("_client", "_gate", "_patience", "_visit")

    def __init__(self, *, patience: float = 0.0, client: bool = False) -> None:
        self._patience = patience
        self._client = client

    def __enter__(self) -> None:
        """Enter the block."""
        self._gate = _gate
        self._visit = self._gate.enter(self._patience, self._client)

    def __exit__(self, *_: object) -> None:
        """Leave it, on the gate by which it was entered; a generator's block may end in another thread."""
        self._gate.leave(self._visit)


def register(database: Inheriting) -> None:
    """Have `after_fork` called in forked children as long as somebody holds the database."""
    _databases.add(database)


def _after_in_child() -> None:
    global _gate
    calm, _gate = _gate.calm, _Gate()
    for database in list(_databases):
        database.after_fork(calm=calm)


at_fork(before=lambda: _gate.shut(), after_in_parent=lambda: _gate.open(), after_in_child=_after_in_child)
