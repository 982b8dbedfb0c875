"""Responses made of JSON text: whole where it is small, piece by piece where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from agenttrace.asgi.pool import StorePool

__all__ = ["JSON", "Text", "json_response", "response_of", "taken"]

JSON = "application/json"

#: A document that is longer is streamed in pieces of about this size.
_PIECE = 1 << 18


class Text:
    """JSON text that was begun: its first piece, and the rest, or None where that was all."""

    __slots__ = ("first", "rest")

    def __init__(self, pieces: Iterator[str]) -> None:
        self.first, more = taken(pieces)
        self.rest = pieces if more else None


def taken(pieces: Iterator[str]) -> tuple[bytes, bool]:
    """Return the next piece of text that is worth sending, and whether there may be more."""
    found: list[str] = []
    size = 0
    for piece in pieces:
        found.append(piece)
        size += len(piece)
        if size >= _PIECE:
            return "".join(found).encode(), True
    return "".join(found).encode(), False


def json_response(body: bytes | str) -> Response:
    """Return the response of a whole document."""
    return Response(body, media_type=JSON)


def response_of(text: Text, pool: StorePool) -> Response:
    """Return the response of text; what is not made yet is made in the pool's threads, as the client reads it."""
    if text.rest is None:
        return json_response(text.first)
    return StreamingResponse(_stream(text.first, text.rest, pool), media_type=JSON)


async def _stream(first: bytes, rest: Iterator[str], pool: StorePool) -> AsyncIterator[bytes]:
    yield first
    more = True
    while more:
        piece, more = await pool.run(lambda: taken(rest))
        yield piece
