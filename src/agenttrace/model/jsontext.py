"""JSON text of values of any depth. Pure; encoders of others stop at 127 to 500 levels."""

from __future__ import annotations

import math
from typing import Any, cast

import orjson

__all__ = ["compact_json", "fold"]

#: Pydantic and orjson write at most 254 levels; a document around a value needs some of them.
_LEVELS = 200


def compact_json(value: object) -> str:
    """Return JSON text without spaces, for a value made of JSON types, however deep.

    Not-a-number and the infinities become null; what has no JSON form becomes its `str`.

    >>> compact_json({"a": [1, None, "é"]})
    '{"a":[1,null,"é"]}'
    """
    try:
        return orjson.dumps(value).decode()
    except (TypeError, RecursionError):
        return _written(value)


def fold(value: Any, levels: int = _LEVELS) -> Any:
    """Return the value with containers nested deeper than `levels` replaced, in place, by their JSON text.

    >>> fold({"a": {"b": {"c": 1}}}, 2)
    {'a': {'b': '{"c":1}'}}
    """
    current = [value]
    for _ in range(levels - 1):
        current = [child for container in current for _, child in _entries(container)]
        if not current:
            return value
    for container in current:
        for key, child in _entries(container):
            container[key] = compact_json(child)
    return value


def _entries(container: Any) -> list[tuple[Any, Any]]:
    """Return the entries of a container that are containers themselves."""
    entries = cast("dict[Any, Any]", container).items() if isinstance(container, dict) else enumerate(container)
    return [(key, child) for key, child in entries if isinstance(child, (dict, list))]


class _Written(str):
    """A piece of JSON text that is already written."""

    __slots__ = ()


def _written(value: Any) -> str:
    pieces: list[str] = []
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, _Written):
            pieces.append(item)
        elif isinstance(item, dict):
            stack.extend(reversed(_members(cast("dict[Any, Any]", item))))
        elif isinstance(item, (list, tuple)):
            stack.extend(reversed(_items(list(cast("list[Any]", item)))))
        else:
            pieces.append(_scalar(item))
    return "".join(pieces)


def _members(item: dict[Any, Any]) -> list[Any]:
    parts: list[Any] = [_Written("{")]
    for index, (key, child) in enumerate(item.items()):
        parts += [_Written(("," if index else "") + _scalar(str(key)) + ":"), child]
    return [*parts, _Written("}")]


def _items(items: list[Any]) -> list[Any]:
    parts: list[Any] = [_Written("[")]
    for index, child in enumerate(items):
        parts += [_Written(","), child] if index else [child]
    return [*parts, _Written("]")]


def _scalar(item: Any) -> str:
    if isinstance(item, bool) or item is None:
        return {True: "true", False: "false", None: "null"}[item]
    if isinstance(item, int):
        return int.__repr__(item)
    if isinstance(item, float):
        return float.__repr__(item) if math.isfinite(item) else "null"
    text = item if isinstance(item, str) else str(item)
    return orjson.dumps(text.encode("utf-8", "backslashreplace").decode()).decode()
