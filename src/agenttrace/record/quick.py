"""The quick way from a value to redacted JSON, for what is plain and holds no secret, as almost everything.

What it cannot settle at once goes the thorough way (`clip.to_clean_clipped`), whose answers it must equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from agenttrace.loading import LOADING
from agenttrace.record.redact import Redactor, suspicious

__all__ = ["NATIVE", "Capture", "Plain", "capturer", "plain"]

Capture = Callable[[Any], bytes]

#: Takes a value, the JSON of known keys with a colon, and a limit in bytes.
Plain = Callable[[Any, dict[str, bytes], int], bytes | str | None]

_MOST_KEYS: Final = 4096
_LONGEST_KEY: Final = 256
_MOST_NEW: Final = 64  # keys of one value that are learnt before it goes the thorough way


def _best() -> Plain:
    try:
        from agenttrace.record import _native
    except ImportError:  # built without a compiler
        from agenttrace.record.plain import flat_in_python

        return flat_in_python
    return _native.plain


#: `plain_in_python` in C, or `flat_in_python`.
plain: Final = _best()
#: Whether `plain` is the compiled one.
NATIVE: Final = plain.__module__ != "agenttrace.record.plain"


def capturer(redactor: Redactor, limit: int) -> tuple[Capture, dict[str, bytes] | None]:
    """Return a function that gives the redacted JSON of anything, truncated at `limit` bytes, and never raises.

    Beside it what it knows of keys: their JSON with a colon, of those that neither name nor hold a secret. With it
    `plain` gives the same answers, where it gives any; None where each value must go the thorough way.
    """
    if redactor.has_extra:
        return lambda value: _thoroughly(value, redactor, limit), None
    heads: dict[str, bytes] = {}
    names = redactor.names

    def learn(key: str) -> bool:
        # "value" may stand beside a name that makes it a secret.
        if len(key) > _LONGEST_KEY or key == "value" or names.secret(key) or suspicious(key, names):
            return False
        if len(heads) >= _MOST_KEYS:
            heads.clear()
        heads[key] = orjson.dumps(key) + b":"
        return True

    def capture(value: Any) -> bytes:
        found = plain(value, heads, limit)
        return found if type(found) is bytes else capture_carefully(value, found)

    def capture_carefully(value: Any, found: bytes | str | None) -> bytes:
        try:
            for _ in range(_MOST_NEW):
                if type(found) is not str or not learn(found):
                    break
                found = plain(value, heads, limit)
            if type(found) is bytes:
                return found
        except Exception:  # noqa: BLE001 - lone surrogates in keys # nosec B110
            pass
        return _thoroughly(value, redactor, limit)

    return capture, heads


def _thoroughly(value: Any, redactor: Redactor, limit: int) -> bytes:
    global _clipped
    if _clipped is None:
        # Loaded at first use: most programs only record what is plain. Only then, since whoever loads holds a lock.
        with LOADING:
            from agenttrace.record.clip import to_clean_clipped
        _clipped = to_clean_clipped
    return _clipped(value, redactor, limit)


_clipped: Callable[[object, Redactor, int], bytes] | None = None
