"""The quick way from a value to redacted JSON, for what most calls pass and return: texts and flat dicts of them.

What it cannot settle at once goes the thorough way (`clip.to_clean_clipped`), whose answers it must equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from agenttrace.record.clip import to_clean_clipped
from agenttrace.record.gate import ESCAPE, look, names_secret, suspicious
from agenttrace.record.redact import Redactor

__all__ = ["Capture", "capturer"]

Capture = Callable[[Any], bytes]

_MAX_KEYS: Final = 4096
_MAX_ITEMS: Final = 16
_SMALL_INT: Final = 10**12  # 13 digits may be a card number
_type: Callable[[Any], Any] = type
_dumps: Final = orjson.dumps


class _Thorough(Exception):
    """The value needs the thorough way."""


def capturer(redactor: Redactor, limit: int) -> tuple[Capture, Capture]:
    """Return two functions that give the redacted JSON of anything, truncated at `limit` bytes; neither raises.

    The second one is for dicts that nobody else holds, such as a call's arguments by name.
    """
    if not redactor.gated:

        def thorough(value: Any) -> bytes:
            return to_clean_clipped(value, redactor, limit)

        return thorough, thorough
    names = redactor.names
    longest = limit >> 3  # a character takes six bytes of JSON at most
    heads: dict[Any, bytes] = {}  # JSON of keys that are texts, and neither name nor hold a secret, with a colon

    def head_of(key: Any) -> bytes:
        # "value" may stand beside a name that makes it a secret.
        plain = type(key) is str and len(key) <= 256 and key != "value"
        if not plain or names.secret(key) or suspicious(key, names):
            raise _Thorough
        if len(heads) >= _MAX_KEYS:
            heads.clear()
        heads[key] = head = _dumps(key) + b":"
        return head

    def text(value: str) -> bytes:
        if len(value) > longest:
            raise _Thorough
        found = look(value)
        if type(found) is bytes:
            return found
        if found != ESCAPE and names_secret(value, found, names):  # pyright: ignore[reportArgumentType]
            raise _Thorough
        return _dumps(value)

    def capture(value: Any) -> bytes:
        try:
            kind = _type(value)
            if kind is str:
                return text(value)
            if kind is dict and len(value) <= _MAX_ITEMS:
                # What is looked at is what is written, whatever other threads do.
                return flat(value.copy())
        except Exception:  # noqa: BLE001 - lone surrogates, and what is not plain
            pass
        return to_clean_clipped(value, redactor, limit)

    def capture_own(value: dict[Any, Any]) -> bytes:
        try:
            return flat(value)
        except Exception:  # noqa: BLE001 - as above
            return to_clean_clipped(value, redactor, limit)

    def flat(value: dict[Any, Any]) -> bytes:
        parts: list[bytes] = []
        for key, item in value.items():
            head = heads.get(key) or head_of(key)
            kind = _type(item)
            if kind is str:
                parts.append(head + text(item))
            elif kind is int:
                if not -_SMALL_INT < item < _SMALL_INT:
                    raise _Thorough
                parts.append(head + _dumps(item))
            elif item is None or kind is bool:
                parts.append(head + _dumps(item))
            else:
                raise _Thorough
        return b"{" + b",".join(parts) + b"}"

    return capture, capture_own
