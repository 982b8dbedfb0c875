"""The fingerprint of rows that were deleted: the same in whatever order and however many steps they went. Pure."""

from __future__ import annotations

from hashlib import sha256

__all__ = ["digest_text", "row_digest", "sum_digests"]

_MODULUS = 1 << 256


def row_digest(table: str, *key: bytes | str | int) -> int:
    """Return the SHA-256 of a row as an integer: of its table's name and the parts of its primary key.

    >>> row_digest("run", b"w", b"1") == row_digest("run", b"w1", b"")
    False
    """
    parts = [_bytes(part) for part in key]
    text = table.encode() + b"\0" + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return int.from_bytes(sha256(text).digest(), "big")


def sum_digests(*digests: int) -> int:
    """Return the digest of all rows that these are of."""
    return sum(digests) % _MODULUS


def digest_text(digest: int) -> str:
    """Return a digest as 64 hexadecimal digits.

    >>> digest_text(255)[-4:]
    '00ff'
    """
    return f"{digest:064x}"


def _bytes(part: bytes | str | int) -> bytes:
    if isinstance(part, int):
        return part.to_bytes(8, "big")
    return part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
