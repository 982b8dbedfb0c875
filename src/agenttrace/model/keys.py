"""API keys: how they are made, read and hashed. Pure but for the randomness of `new_key`.

A key is `agtk_ID_SECRET`: the id, 16 hex digits, is public and finds the stored row; the secret is 64 hex digits, 256
random bits, of which only a hash is stored. The hash is a fast one: a slow one protects what can be guessed, and what
somebody chose can be; 256 random bits cannot, however fast the guesses come.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

__all__ = ["KEY", "ROLES", "SCOPES", "KeyText", "fits", "hash_of", "new_key", "read_key"]

ROLES = ("member", "admin", "owner", "su")
SCOPES = ("read", "ingest", "manage")

#: A whole key. `agt_`, without the k, begins agents' keys.
KEY = re.compile(r"agtk_([0-9a-f]{16})_([0-9a-f]{64})\Z", re.A)

_PERSON = b"agenttrace key 1"


class KeyText(NamedTuple):
    """A key taken apart; its text has the secret in it, so it shows in no repr."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"KeyText(id={self.id!r}, secret=...)"

    @property
    def text(self) -> str:
        """Return the whole key, as its user sends it."""
        return f"agtk_{self.id}_{self.secret}"


def new_key() -> KeyText:
    """Return a key that nobody has."""
    return KeyText(secrets.token_hex(8), secrets.token_hex(32))


def read_key(text: str) -> KeyText | None:
    """Return the parts of a key, or None for text that is none.

    >>> key = new_key()
    >>> read_key(key.text) == key, read_key("agtk_1"), key.secret in repr(key)
    (True, None, False)
    """
    found = KEY.match(text)
    return None if found is None else KeyText(*found.groups())


def hash_of(key: KeyText) -> bytes:
    """Return what is stored of a secret: BLAKE2b, 32 bytes, keyed with the key's public id (RFC 7693)."""
    return hashlib.blake2b(key.secret.encode(), digest_size=32, key=key.id.encode(), person=_PERSON).digest()


def fits(key: KeyText, stored: bytes) -> bool:
    """Return whether this is the hash of the key's secret; takes the same time wherever they differ."""
    return hmac.compare_digest(hash_of(key), stored)
