"""Plain values that hold no secret: their JSON, written and searched for secrets in one pass. Pure.

What cannot be settled at once is for the thorough way (`clip.to_clean_clipped`), whose answers this must equal. Where
the package was built with a C compiler `_plain.h` does it, and only tests load this, which compare the two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from agenttrace.record.redact import look, names_secret
from agenttrace.record.secretwords import ESCAPE, SecretNames

__all__ = ["flat_in_python", "plain_in_python"]

_DEEPEST: Final = 64
_SMALL: Final = 10**12  # 13 digits may be a card number
_CONTAINERS: Final = frozenset((dict, list, tuple))
_dumps: Final = orjson.dumps
_type: Callable[[Any], Any] = type
_no_names: Final = SecretNames()


class _Thorough(Exception):
    """The value needs the thorough way."""


class _NewKey(Exception):
    """A key is not known yet."""


def plain_in_python(value: Any, heads: dict[str, bytes], limit: int) -> bytes | str | None:
    """Return compact JSON; a key that is not in `heads` yet, which is to be added or to be cared for; or None.

    None where something is not plain (exact types that JSON knows, at most 64 levels deep), has more than `limit`
    bytes, or could be a secret: by its form, or as the second of a pair whose first names a secret. Runs no code of
    the value, and holds on to nothing of it.
    """
    try:
        made = _value(value, heads, 0)
    except _NewKey as new:
        return new.args[0]
    except Exception:  # noqa: BLE001 - lone surrogates; changed by another thread meanwhile
        return None
    return made if len(made) <= limit else None


def _value(value: Any, heads: dict[str, bytes], depth: int) -> bytes:
    kind = _type(value)
    if kind is str:
        return _text(value)
    if value is None or kind is bool:
        return _dumps(value)
    if kind is int and -_SMALL < value < _SMALL:
        return _dumps(value)
    if kind is float and (value == 0 or 1e-4 <= abs(value) < _SMALL):
        return _dumps(value)
    if depth == _DEEPEST:
        raise _Thorough
    if kind is dict:
        return b"{" + b",".join([_head(k, heads) + _value(v, heads, depth + 1) for k, v in value.copy().items()]) + b"}"
    if kind is list or kind is tuple:
        items = list(value)
        if len(items) == 2 and isinstance(items[0], str) and _no_names.secret(items[0]):
            raise _Thorough
        return b"[" + b",".join([_value(item, heads, depth + 1) for item in items]) + b"]"
    raise _Thorough


def _text(value: str) -> bytes:
    found = look(value)
    if type(found) is bytes:
        return found
    if found != ESCAPE and names_secret(value, found, _no_names):  # pyright: ignore[reportArgumentType]
        raise _Thorough
    return _dumps(value)


def _head(key: Any, heads: dict[str, bytes]) -> bytes:
    if _type(key) is not str:
        raise _Thorough
    head = heads.get(key)
    if head is None:
        raise _NewKey(key)
    return head


def flat_in_python(value: Any, heads: dict[str, bytes], limit: int) -> bytes | str | None:
    """Return what `plain_in_python` does for texts and flat dicts; None for the rest: the thorough way is quicker."""
    flat = _type(value) is str or (_type(value) is dict and _CONTAINERS.isdisjoint(map(_type, value.copy().values())))
    return plain_in_python(value, heads, limit) if flat else None
