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
from typing import Final, cast

import orjson

from agenttrace.record.marks import mark_failure
from agenttrace.record.walk import plain

__all__ = ["to_json"]

_dumps: Final = orjson.dumps
_plain_form: Final = marshal.dumps
# In marshal's form a double is "g" (or "g" with its high bit set) and 8 bytes, little-endian.
_NON_FINITE: Final = re.compile(rb"[g\xe7].{6}[\xf0-\xff][\x7f\xff]", re.DOTALL)


def to_json(value: object) -> bytes:
    """Return compact JSON of anything: UTF-8, without a newline.

    Plain JSON values come back equal from `json.loads`. What has no JSON form becomes a marked string (`record.marks`).
    Never raises an Exception, never consumes an iterator or a generator, copes with cycles, with objects whose own code
    fails and with containers that other threads change meanwhile. Plain values cost about twice what orjson costs;
    others about 1 µs a node.

    >>> to_json({"a": [1, float("nan"), {2}]})
    b'{"a":[1,"<NaN>",[2]]}'
    """
    try:
        if type(value) is str:
            return _dumps(value)
        form = _plain_form(cast("str", value))
        data = _dumps(value)
    except Exception:  # noqa: BLE001 - not plain, too deep, or out of memory
        return _careful(value)
    if (b"\x7f" in form or b"\xff" in form) and b"null" in data and _NON_FINITE.search(form):
        return _careful(value)
    return data


def _careful(value: object) -> bytes:
    try:
        return _dumps(plain(value))
    except Exception as error:  # noqa: BLE001 - no stack or memory left
        return _dumps(mark_failure(value, error))
