"""Values on their way to PostgreSQL and back, in its binary format: no text is parsed, and no time zone plays a part.

A row's ids are bytes and its instants integers (`model.rows`); the server wants UUIDs and instants since the year 2000.
"""

from __future__ import annotations

import re
from functools import partial
from struct import Struct, error
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.string import ByteaBinaryLoader, BytesBinaryDumper

from agenttrace.store.postgres_errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg import Connection
    from psycopg.abc import Buffer

__all__ = ["TEXTS", "Kind", "adapt", "array_of", "kind_of", "text_from", "values_of"]

#: PostgreSQL counts microseconds from the year 2000.
_EPOCH = 946_684_800_000_000
_ESCAPE = "\x1a"
_UNSAFE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")

_integer = Struct(">q")
_length = Struct(">i")
_small = Struct(">h")
_real = Struct(">d")
_header = Struct(">iiiii")
_NULL = _length.pack(-1)


class Kind(NamedTuple):
    """One type of the database: its number, its name, and what makes its binary format; None where a value is that."""

    oid: int
    name: str
    encode: Callable[[Any], bytes] | None


def text_from(value: str) -> str:
    """Return a stored text as it was given.

    PostgreSQL takes neither NUL nor lone surrogates. They, and the escape itself, stand there as U+001A and four
    hexadecimal digits.

    >>> text_from("a\\x1a0000b")
    'a\\x00b'
    """
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value) if _ESCAPE in value else value


def _text(value: str) -> bytes:
    if "\x00" not in value and _ESCAPE not in value:
        try:
            return value.encode()
        except UnicodeEncodeError:
            pass
    return _UNSAFE.sub(lambda found: f"{_ESCAPE}{ord(found[0]):04x}", value).encode()


def _instant(value: int) -> bytes:
    return _integer.pack(value - _EPOCH)


def _flag(value: object) -> bytes:
    return b"\x01" if value else b"\x00"


_KINDS = {
    kind.oid: kind
    for kind in (
        Kind(16, "bool", _flag),
        Kind(17, "bytea", None),
        Kind(20, "int8", _integer.pack),
        Kind(21, "int2", _small.pack),
        Kind(23, "int4", _length.pack),
        Kind(25, "text", _text),
        Kind(701, "float8", _real.pack),
        Kind(1184, "timestamptz", _instant),
        Kind(2950, "uuid", None),
    )
}

#: The types that `text_from` reads.
TEXTS = frozenset((25, 1043))


def kind_of(oid: int) -> Kind:
    """Return the type with this number; raises ServerError where no statement of ours should have it."""
    try:
        return _KINDS[oid]
    except KeyError:
        raise ServerError("42804", f"no parameter may have the type with the OID {oid}") from None


def values_of(kinds: Sequence[Kind], values: Sequence[Any]) -> list[bytes | None]:
    """Return the binary format of a statement's parameters; raises ServerError where a value fits no column."""
    try:
        return [
            None if value is None else value if kind.encode is None else kind.encode(value)
            for kind, value in zip(kinds, values, strict=True)
        ]
    except (error, TypeError, AttributeError, OverflowError, ValueError) as problem:
        raise _unfit(problem) from None


def array_of(kind: Kind, values: Sequence[Any]) -> bytes:
    """Return the binary format of a list of values of one type; raises ServerError as `values_of` does."""
    encode = kind.encode or cast("Callable[[Any], bytes]", bytes)
    parts = [_header.pack(1, 1, kind.oid, len(values), 1)]
    try:
        for value in values:
            if value is None:
                parts.append(_NULL)
            else:
                data = encode(value)
                parts.append(_length.pack(len(data)))
                parts.append(data)
    except (error, TypeError, AttributeError, OverflowError, ValueError) as problem:
        raise _unfit(problem) from None
    return b"".join(parts)


def _list_of(oid: int, of: int) -> Kind:
    kind = _KINDS[of]
    return Kind(oid, f"{kind.name}[]", partial(array_of, kind))


_KINDS.update((oid, _list_of(oid, of)) for oid, of in ((1001, 17), (1009, 25), (2951, 2950)))


def _unfit(problem: Exception) -> ServerError:
    return ServerError("22003", f"a value does not fit its column ({type(problem).__name__})")


class _Binary(BytesBinaryDumper):
    """Hands bytes over as they are; what they mean the server knows from the statement."""

    oid = 0


class _InstantLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> int:
        return _integer.unpack(data)[0] + _EPOCH


def adapt(connection: Connection[Any]) -> None:
    """Have a connection return ids as bytes and instants as microseconds since the Unix epoch."""
    adapters = connection.adapters
    adapters.register_dumper(bytes, _Binary)
    adapters.register_loader("uuid", ByteaBinaryLoader)
    adapters.register_loader("timestamptz", _InstantLoader)
