"""OTLP in: requests of other processes and languages, in protobuf or JSON, become foreign spans and log records. Pure.

Follows the OpenTelemetry Protocol specification 1.x: OTLP/HTTP, and its JSON Protobuf encoding (ids in hex, 64-bit
integers as text, lowerCamelCase names, unknown fields ignored). Damage is confined: a span that cannot be read is
counted, the rest is taken.
"""

from __future__ import annotations

import json
import zlib
from typing import Any, cast

import orjson

from agenttrace.otel import otlp_json, otlp_proto
from agenttrace.otel.received import Malformed, Received, TooLarge, Unsupported
from agenttrace.otel.values import clean

__all__ = ["JSON", "PROTOBUF", "inflate", "protobuf_status", "protobuf_success", "read", "read_json"]

JSON = "application/json"
PROTOBUF = "application/x-protobuf"

#: Parts of a gzip body. Each one costs a copy of all that follow it.
_MOST_MEMBERS = 64
_ENCODINGS = {"gzip": 31, "deflate": 47}  # window bits: a gzip header, any header


def read(body: bytes, kind: str, *, logs: bool = False) -> Received:
    """Return what the body of an export request holds: log records where `logs` is true, else spans.

    Raises Malformed, and Unsupported for another kind than `JSON` and `PROTOBUF` or where protobuf is not installed.
    """
    if kind == JSON:
        return read_json(body, logs=logs)
    if kind == PROTOBUF:
        return otlp_proto.read(body, logs)
    raise Unsupported(f"content type: must be {PROTOBUF} or {JSON}, got {kind!r}")


def read_json(body: bytes | str, *, logs: bool | None = None) -> Received:
    """Return what an export request in JSON holds; spans and logs alike where `logs` is None. Raises Malformed."""
    try:
        document = _loaded(body)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"body: no JSON ({error})") from error
    if not isinstance(document, dict):
        raise Malformed("body: no JSON object")
    members = cast("dict[str, Any]", document)
    received = Received()
    if logs is not True:
        otlp_json.spans(members, received)
    if logs is not False:
        otlp_json.logs(members, received)
    return received


def _loaded(body: bytes | str) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        # Half an emoji, NaN or a bad byte in one text must not cost the others of the request.
        text = body if isinstance(body, str) else body.decode("utf-8", "surrogateescape")
        return clean(json.loads(text))


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """Return a body without its content encoding. Raises TooLarge beyond `limit` bytes, Malformed and Unsupported."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        if len(body) > limit:
            raise TooLarge(f"body: it may take {limit} bytes")
        return body
    if name not in _ENCODINGS:
        raise Unsupported(f"content encoding: must be gzip, deflate or none, got {encoding!r}")
    try:
        return _inflated(body, _ENCODINGS[name], limit)
    except zlib.error as error:
        raise Malformed(f"body: not {name} ({error})") from error


def _inflated(body: bytes, window: int, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    while body:
        if len(parts) == _MOST_MEMBERS:
            raise Malformed(f"body: it has more than {_MOST_MEMBERS} gzip members")
        stream = zlib.decompressobj(window)
        part = stream.decompress(body, left + 1)
        left -= len(part)
        if left < 0:
            raise TooLarge(f"body: it may take {limit} bytes once it is inflated")
        if not stream.eof:
            raise Malformed("body: it ends too early")
        parts.append(part)
        body = stream.unused_data  # gzip may have several members
    return b"".join(parts)


def protobuf_success(rejected: int, message: str) -> bytes:
    """Return an export response: empty, or one with a partial success.

    Written by hand, for both signals alike: field 1 is the partial success, in it 1 the count and 2 the message.

    >>> protobuf_success(0, ""), protobuf_success(1, "no")
    (b'', b'\\n\\x06\\x08\\x01\\x12\\x02no')
    """
    if not rejected:
        return b""
    inner = b"\x08" + _varint(rejected) + _text_field(message)
    return b"\x0a" + _varint(len(inner)) + inner


def protobuf_status(code: int, message: str) -> bytes:
    """Return a `google.rpc.Status`: field 1 is the code, 2 the message.

    >>> protobuf_status(3, "no")
    b'\\x08\\x03\\x12\\x02no'
    """
    return b"\x08" + _varint(code) + _text_field(message)


def _text_field(text: str) -> bytes:
    data = text.encode("utf-8", "backslashreplace")
    return b"\x12" + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
