"""The careful walk: turn any value into one that orjson can write. Slow, and proof against the value's own code."""

from __future__ import annotations

import datetime as dt
import enum
import math
import types
import uuid
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Callable, ItemsView, KeysView, Mapping, ValuesView
from dataclasses import fields, is_dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePath
from typing import Any, Final, cast

import orjson

from agenttrace.faults import let_through
from agenttrace.record.marks import CYCLE, DEPTH, mark, mark_bytes, mark_failure, mark_more, sane, type_name

__all__ = ["MAX_DEPTH", "MAX_ITEMS", "fragment", "plain"]

#: Containers deeper than this become a mark (in values that need the walk).
MAX_DEPTH: Final = 200

#: Items of containers that are looked at in one value, those of shared ones each time; the others become a mark.
MAX_ITEMS: Final = 1 << 17

#: JSON that orjson writes as it is (missing from orjson's own type stubs).
fragment: Final[Any] = cast("Any", orjson).Fragment

_LOW, _HIGH = -(1 << 63), (1 << 64) - 1
_TIMES = (dt.datetime, dt.date, dt.time)
_AS_TEXT = (Decimal, Fraction, PurePath, uuid.UUID)
_SETS = (set, frozenset)
_LISTS = (list, tuple, deque, UserList, KeysView, ValuesView, ItemsView)
_MAPPINGS = (types.MappingProxyType, UserDict, ChainMap, Mapping)
_MISSING: Final = object()


class _Above(set[int]):
    """The containers around a value, by id, and how many more items may be looked at.

    Objects that know each other have as many paths through them as they have orders: each would be walked.
    """

    left = MAX_ITEMS


def plain(value: object) -> Any:
    """Return a value of plain dicts, lists, text, numbers and orjson fragments that says what `value` said.

    Containers are copied in one step before they are looked at, so other threads may change them meanwhile. Raises only
    where even a mark cannot be made (no stack or memory left).
    """
    return _plain(value, 0, _Above())


def _plain(value: Any, depth: int, above: _Above) -> Any:
    try:
        kind = cast("type[Any]", type(value))
        scalar = _SCALARS.get(kind)
        if scalar is not None:
            return scalar(value)
        if depth >= MAX_DEPTH:
            return DEPTH
        if id(value) in above:
            return CYCLE
        above.add(id(value))
        try:
            return _opened(value, depth + 1, above)
        finally:
            above.discard(id(value))
    except BaseException as error:  # noqa: BLE001 - the value's own code may raise anything
        let_through(error)
        return mark_failure(value, error)


def _opened(value: Any, depth: int, above: _Above) -> Any:
    if isinstance(value, dict):
        return _dict(_items(value), depth, above)
    if isinstance(value, list):
        return _list(_copy(value), depth, above)
    found = _leaf(value)
    return _rich(value, depth, above) if found is _MISSING else found


def _leaf(value: Any) -> Any:
    """Return the JSON form of a value without children, or _MISSING."""
    if isinstance(value, enum.Enum):
        return _plain(value._value_, MAX_DEPTH - 8, _Above())
    for kind, convert in _SUBCLASSES:
        if isinstance(value, kind):
            return convert(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return mark_bytes(cast("bytes", value))
    if isinstance(value, _TIMES):
        text = sane(value.isoformat())
        return text[:-6] + "Z" if text.endswith("+00:00") else text
    if isinstance(value, _AS_TEXT):
        return sane(str(value))
    return _MISSING


def _rich(value: Any, depth: int, above: _Above) -> Any:
    """Return the JSON form of containers and of objects with fields; of everything else the mark."""
    if isinstance(value, _SETS):
        return _list(_ordered(cast("set[Any]", value)), depth, above)
    if isinstance(value, tuple) and (names := _tuple_fields(cast("type[Any]", type(cast("Any", value))))):
        return _dict(list(zip(names, cast("tuple[Any, ...]", value), strict=False)), depth, above)
    if isinstance(value, _LISTS):
        return _list(_snapshot(value), depth, above)
    if isinstance(value, type | BaseException):
        return mark(value)
    if isinstance(value, _MAPPINGS):
        mapping = cast("Mapping[Any, Any]", value)
        return _dict([(key, mapping[key]) for key in _snapshot(mapping)], depth, above)
    return _object(value, depth, above)


def _object(value: Any, depth: int, above: _Above) -> Any:
    kind = cast("type[Any]", type(value))
    if callable(getattr(kind, "model_dump", None)):
        return _model(value, depth, above)
    names = _field_names(kind)
    if names is not None:
        return _dict([(n, v) for n in names if (v := getattr(value, n, _MISSING)) is not _MISSING], depth, above)
    if callable(getattr(kind, "__array__", None)) and callable(getattr(kind, "tobytes", None)):
        return _array(value, depth, above)
    return mark(value)


def _model(value: Any, depth: int, above: _Above) -> Any:
    """Return a pydantic model's own JSON form; where that fails, its fields; where those fail, the mark."""
    dumps: list[Callable[[], Any]] = [
        lambda: value.model_dump(mode="json"),
        lambda: value.model_dump(),
        lambda: dict(value.__dict__),
    ]
    for dump in dumps:
        try:
            dumped = dump()
        except BaseException as error:  # noqa: BLE001 - the next, simpler form may work
            let_through(error)
            continue
        if dumped is not value:
            return _plain(dumped, depth, above)
    return mark(value)


def _tuple_fields(kind: type[Any]) -> tuple[str, ...]:
    names: Any = getattr(kind, "_fields", None)
    return cast("tuple[str, ...]", names) if isinstance(names, tuple) else ()


def _field_names(kind: type[Any]) -> list[str] | None:
    """Return the field names of a dataclass (as orjson takes them), an attrs class or a msgspec struct."""
    if is_dataclass(kind):
        return [field.name for field in fields(kind) if not field.name.startswith("_")]
    attributes = getattr(kind, "__attrs_attrs__", None)
    if isinstance(attributes, tuple):
        return [str(attribute.name) for attribute in cast("tuple[Any, ...]", attributes)]
    names = getattr(kind, "__struct_fields__", None)
    return [str(name) for name in cast("tuple[Any, ...]", names)] if isinstance(names, tuple) else None


def _array(value: Any, depth: int, above: _Above) -> Any:
    """Return a numpy array or scalar as orjson writes it, or as Python lists where that loses a NaN or fails."""
    try:
        data = orjson.dumps(value, None, orjson.OPT_SERIALIZE_NUMPY)
        if b"null" not in data:
            return fragment(data)
    except Exception:  # noqa: BLE001 - not contiguous, or a type that orjson does not know # nosec B110
        pass
    listed = value.tolist()
    return mark(value) if listed is value or type(listed) is type(value) else _plain(listed, depth, above)


def _snapshot(value: Any) -> list[Any]:
    for _ in range(3):
        try:
            return list(value)
        except RuntimeError:  # changed by another thread meanwhile
            continue
    return list(value)


def _ordered(value: set[Any]) -> list[Any]:
    items = _snapshot(value)
    try:
        return sorted(items)
    except BaseException as error:  # noqa: BLE001 - not comparable
        let_through(error)
        return items


def _list(items: list[Any], depth: int, above: _Above) -> list[Any]:
    shown = _shown(items, above)
    result = [_plain(item, depth, above) for item in shown]
    return result if shown is items else [*result, mark_more(len(items) - len(shown))]


def _dict(items: list[tuple[Any, Any]], depth: int, above: _Above) -> dict[str, Any]:
    shown = _shown(items, above)
    result = _members(shown, depth, above)
    if shown is not items:
        result[mark_more(len(items) - len(shown))] = None
    return result


def _shown(items: list[Any], above: _Above) -> list[Any]:
    """Return the items, or the first ones where there are more than may still be looked at."""
    left = above.left
    above.left = max(left - len(items), 0)
    return items if len(items) <= left else items[:left]


def _members(items: list[tuple[Any, Any]], depth: int, above: _Above) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, item in items:
        name = _key(key)
        if name in result:  # 1 and "1": both stay
            name = f"<{type_name(key)} {name}>"
        while name in result:
            name += "'"
        result[name] = _plain(item, depth, above)
    return result


def _key(key: Any) -> str:
    form = _plain(key, MAX_DEPTH - 8, _Above()) if not isinstance(key, tuple) else mark(cast("object", key))
    if isinstance(form, str):
        return form
    if isinstance(form, fragment):
        return orjson.dumps(form).decode().strip('"')
    return orjson.dumps(form).decode()


def _integer(value: int) -> int | str:
    if _LOW <= value <= _HIGH:
        return value
    try:
        return str(value)
    except ValueError:  # more digits than sys.get_int_max_str_digits()
        return f"<int of {value.bit_length()} bits>"


def _float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "<NaN>" if value != value else "<Infinity>" if value > 0 else "<-Infinity>"


def _items(value: Any) -> list[tuple[Any, Any]]:
    """Return a dict's items, copied in one step, whatever a subclass makes of `items`."""
    return list(cast("Any", dict).items(value))


def _copy(value: Any) -> list[Any]:
    return cast("Any", list).copy(value)


def _same(value: Any) -> Any:
    return value


def _own_text(value: str) -> str:
    return sane(str.__str__(value))


def _own_integer(value: int) -> int | str:
    return _integer(int.__int__(value))


def _own_float(value: float) -> float | str:
    return _float(float.__float__(value))


_SCALARS: Final[dict[type, Callable[[Any], Any]]] = {
    str: sane,
    int: _integer,
    float: _float,
    bool: _same,
    type(None): _same,
}
_SUBCLASSES: Final[tuple[tuple[type, Callable[[Any], Any]], ...]] = (
    (str, _own_text),
    (int, _own_integer),
    (float, _own_float),
)
