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
from collections.abc import Callable
from typing import Any, Final, cast

import orjson

from agenttrace.record.marks import mark_failure
from agenttrace.record.walk import plain

__all__ = ["to_json"]

_dumps: Final = orjson.dumps
_type: Final[Callable[[Any], Any]] = type
_plain_form: Final = marshal.dumps
# In marshal's form a double is "g" (or "g" with its high bit set) and 8 bytes, little-endian.
_NON_FINITE: Final = re.compile(rb"[g\xe7].{6}[\xf0-\xff][\x7f\xff]", re.DOTALL)

# marshal writes a container that appears again as "r" and its number: 200 bytes of form may be gigabytes of JSON.
_SWELLING: Final = 200
_FEW: Final = 1 << 20  # parts that are no burden
_DEEPEST: Final = 256  # orjson gives up before
_CONTAINERS: Final = frozenset((dict, list, tuple))
_opens: Final[Callable[[Any], bool]] = _CONTAINERS.__contains__


def to_json(value: object) -> bytes:
    """Return compact JSON of anything: UTF-8, without a newline.

    Plain JSON values come back equal from `json.loads`. What has no JSON form becomes a marked string (`record.marks`).
    Never raises an Exception, never consumes an iterator or a generator, copes with cycles, with objects whose own code
    fails and with containers that other threads change meanwhile. Plain values cost about twice what orjson costs,
    large ones up to ten times; others about 1 µs a node, and at most 131,072 items of them are looked at
    (`walk.MAX_ITEMS`), as of plain ones that are more than a million parts because containers in them are shared.

    >>> to_json({"a": [1, float("nan"), {2}]})
    b'{"a":[1,"<NaN>",[2]]}'
    """
    try:
        if type(value) is str:
            return _dumps(value)
        form = _plain_form(cast("str", value))
        if len(form) > _SWELLING and type(value) in _CONTAINERS and b"r" in form and _swells(value, len(form)):
            return _careful(value)
        data = _dumps(value)
    except Exception:  # noqa: BLE001 - not plain, too deep, or out of memory
        return _careful(value)
    if (b"\x7f" in form or b"\xff" in form) and b"null" in data and _NON_FINITE.search(form):
        return _careful(value)
    return data


def _swells(value: Any, size: int) -> bool:
    """Return whether a plain value, of a form of so many bytes, has a JSON of many more parts, or is too deep for one.

    A container counts as often as it appears. Without shared ones there are no more parts than bytes.
    """
    left = max(size, _FEW)
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        left -= sum(map(len, level))
        if left < 0:
            return True
        level = [part for container in level for part in _parts(container) if _opens(_type(part))]
        if not level:
            return False
    return True


def _parts(container: Any) -> Any:
    return cast("Any", container.values() if isinstance(container, dict) else container)


def _careful(value: object) -> bytes:
    try:
        return _dumps(plain(value))
    except Exception as error:  # noqa: BLE001 - no stack or memory left
        return _dumps(mark_failure(value, error))
