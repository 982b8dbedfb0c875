"""What PostgreSQL's errors mean, by their SQLSTATE (appendix A of its manual). Nothing here talks to a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from agenttrace.errors import StoreRejected, StoreUnavailable

if TYPE_CHECKING:
    from agenttrace.errors import StoreError

__all__ = ["ServerError", "meaning", "said"]

#: Classes of states that tell of the rows: of their values, their keys, their size.
_REJECTED = ("21", "22", "23", "44", "54")


class ServerError(Exception):
    """What the server or the driver said: a SQLSTATE, empty where the connection failed, and words without values."""

    def __init__(self, state: str, words: str) -> None:
        super().__init__(f"{words} (SQLSTATE {state})" if state else words)
        self.state = state


def said(error: psycopg.Error) -> ServerError:
    """Return what an error of the driver says, without its details: those hold rows."""
    if error.sqlstate is not None:
        return ServerError(error.sqlstate, error.diag.message_primary or type(error).__name__)
    if isinstance(error, psycopg.DataError):
        return ServerError("22000", "the driver cannot send a value")
    return ServerError("", " ".join(str(error).split()))


def meaning(url: str, error: ServerError) -> StoreError:
    """Return the store's error.

    Rows that the database will never take are rejected. Everything else may work later: lost connections, a server
    that stops, starts, is full, has changed places and is read-only now, deadlocks, timeouts, and also missing rights
    and tables, which somebody has to bring back, with the journal holding what was recorded.
    """
    rejected = error.state.startswith(_REJECTED)
    return StoreRejected(f"{url}: {error}") if rejected else StoreUnavailable(f"{url}: {error}")
