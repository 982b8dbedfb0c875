"""The quick way from a value to redacted JSON, for what most calls pass and return: texts and flat dicts of them.

What it cannot settle at once goes the thorough way (`clip.to_clean_clipped`), whose answers it must equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from agenttrace.record.clip import to_clean_clipped
from agenttrace.record.gate import suspicious
from agenttrace.record.redact import Redactor

__all__ = ["capturer"]

_MAX_KEYS: Final = 4096
_MAX_ITEMS: Final = 16
_SMALL_INT: Final = 10**12  # 13 digits may be a card number
_type: Callable[[Any], Any] = type
_dumps: Final = orjson.dumps


def capturer(redactor: Redactor, limit: int) -> Callable[[Any], bytes]:
    """Return a function that gives the redacted JSON of anything, truncated at `limit` bytes; it never raises."""
    if not redactor.gated:
        return lambda value: to_clean_clipped(value, redactor, limit)
    names = redactor.names
    longest = limit >> 3  # a character takes six bytes of JSON at most
    plain_keys: set[Any] = set()  # keys that are texts, and neither name nor hold a secret

    def is_plain_key(key: Any) -> bool:
        if type(key) is not str or len(key) > 256 or names.secret(key) or suspicious(key, None, names):
            return False
        if len(plain_keys) >= _MAX_KEYS:
            plain_keys.clear()
        plain_keys.add(key)
        return True

    def capture(value: Any) -> bytes:
        try:
            kind = _type(value)
            if kind is str:
                if len(value) <= longest and not suspicious(value, None, names):
                    return _dumps(value)
            elif kind is dict and len(value) <= _MAX_ITEMS:
                value = value.copy()  # what is looked at below is what is written, whatever other threads do
                for key, item in value.items():
                    if key not in plain_keys and not is_plain_key(key):
                        break
                    kind = _type(item)
                    if kind is str:
                        if len(item) > longest or suspicious(item, None, names):
                            break
                    elif kind is int:
                        if not -_SMALL_INT < item < _SMALL_INT:
                            break
                    elif item is not None and kind is not bool:
                        break
                else:
                    return _dumps(value)
        except Exception:  # noqa: BLE001 - lone surrogates: the thorough way
            pass
        return to_clean_clipped(value, redactor, limit)

    return capture
