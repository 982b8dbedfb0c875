"""Capture: turn any value into compact JSON bytes, in the traced thread. No redaction here.

Plain values, of exact built-in types throughout, take two calls at C speed: `marshal` looks whether a value is plain
(it accepts nothing else, and runs no Python code), orjson writes it. Everything else takes a careful walk in Python,
see `record.walk`. orjson alone is not safe enough for a tracer, though it knows more types:

- its `default` hook runs Python code in the middle of the encoder. A list or dict that another thread changes then is
  read after it was freed;
- an enum, dataclass or time zone whose own code raises (for want of stack, say) makes it crash the interpreter;
- it writes null for NaN.
"""

from __future__ import annotations

import marshal
import re
from typing import Any, Final, cast

import orjson

from agenttrace.record.marks import mark_failure
from agenttrace.record.walk import plain

__all__ = ["to_json"]

_dumps: Final = orjson.dumps
_plain_form: Final = marshal.dumps
# In marshal's form a double is "g" (or "g" with its high bit set) and 8 bytes, little-endian.
_NON_FINITE: Final = re.compile(rb"[g\xe7].{6}[\xf0-\xff][\x7f\xff]", re.DOTALL)

# marshal writes a container that appears again as "r" and its number: 200 bytes of form may be gigabytes of JSON.
_SWELLING: Final = 200
_HEAVIEST: Final = 1 << 24
_CONTAINERS: Final = frozenset((dict, list, tuple))


def to_json(value: object) -> bytes:
    """Return compact JSON of anything: UTF-8, without a newline.

    Plain JSON values come back equal from `json.loads`. What has no JSON form becomes a marked string (`record.marks`).
    Never raises an Exception, never consumes an iterator or a generator, copes with cycles, with objects whose own code
    fails and with containers that other threads change meanwhile. Plain values cost about twice what orjson costs;
    others about 1 µs a node, and at most 131,072 items of them are looked at (`walk.MAX_ITEMS`).

    >>> to_json({"a": [1, float("nan"), {2}]})
    b'{"a":[1,"<NaN>",[2]]}'
    """
    try:
        if type(value) is str:
            return _dumps(value)
        form = _plain_form(cast("str", value))
        if len(form) > _SWELLING and type(value) in _CONTAINERS and b"r" in form and _weight(value) > _HEAVIEST:
            return _careful(value)
        data = _dumps(value)
    except Exception:  # noqa: BLE001 - not plain, too deep, or out of memory
        return _careful(value)
    if (b"\x7f" in form or b"\xff" in form) and b"null" in data and _NON_FINITE.search(form):
        return _careful(value)
    return data


def _weight(value: Any) -> int:
    """Return how many parts the JSON of a plain value has: a container counts as often as it appears."""
    weights: dict[int, int] = {}
    below: list[Any] = [value]
    while below:
        item = below.pop()
        parts = _parts(item)
        inner = [part for part in parts if type(part) in _CONTAINERS]
        if id(item) not in weights:
            weights[id(item)] = 0  # until its inner ones are known; for good where it contains itself
            below.append(item)
            below += [part for part in inner if id(part) not in weights]
        else:
            weights[id(item)] = 1 + len(parts) + sum(weights.get(id(part), 0) for part in inner)
    return weights[id(value)]


def _parts(value: Any) -> list[Any]:
    """Return a container's items, or a dict's values."""
    return list(cast("Any", value.values() if isinstance(value, dict) else value))


def _careful(value: object) -> bytes:
    try:
        return _dumps(plain(value))
    except Exception as error:  # noqa: BLE001 - no stack or memory left
        return _dumps(mark_failure(value, error))
