"""Texts that are too long for an index, whose entries have at most some 2,700 bytes. Pure.

Two ways: an index holds the beginning of a text, and conditions say that as well (`STARTED`, `with_starts`); or, where
an index has to answer by itself, the column holds the beginning and a digest, and the whole text is in the attributes.
"""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from agenttrace.model.rows import RunRow, columns_of
from agenttrace.model.wire import PROMOTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agenttrace.store.protocol import RunFilter

__all__ = ["LENGTH", "STARTED", "lengthened", "short_filter", "short_values", "with_starts"]

#: How many characters of a text are in an index: 500 bytes at most, since five may stand for one of them.
LENGTH = 100
#: The columns of whose texts an index holds the beginning.
STARTED = ("call_sid", "user_id", "team_id", "action")

_EQUALS = re.compile(rf"(?<![\w.])({'|'.join(STARTED)}) = (\$\d+)")
_BOTH = rf"left(\1, {LENGTH}) = left(\2, {LENGTH}) AND \1 = \2"
_SHORT = re.compile(r"\x1a~[0-9a-f]{32}\Z")
_FIRST = columns_of(RunRow).index(PROMOTED[0])
_LAST = _FIRST + len(PROMOTED)  # they are side by side


def with_starts(statement: str) -> str:
    """Return a statement with numbered parameters whose conditions say how texts begin, as indexes have them.

    >>> with_starts("DELETE FROM audit WHERE user_id = $1")
    'DELETE FROM audit WHERE left(user_id, 100) = left($1, 100) AND user_id = $1'
    """
    head, where, conditions = statement.partition(" WHERE ")
    return head + where + _EQUALS.sub(_BOTH, conditions)


def short_values(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the values of a run by column, those that repeat attributes shortened where they are long."""
    if all(value is None or len(value) <= LENGTH for value in values[_FIRST:_LAST]):
        return values
    return (*values[:_FIRST], *map(_short, values[_FIRST:_LAST]), *values[_LAST:])


def short_filter(where: RunFilter) -> RunFilter:
    """Return a filter that finds runs by what their columns hold."""
    kinds = where.interaction_types
    return replace(
        where,
        interaction_types=None if kinds is None else [_short(kind) or "" for kind in kinds],
        widget_id=_short(where.widget_id),
        placement_id=_short(where.placement_id),
        deployment_type=_short(where.deployment_type),
    )


def lengthened(row: tuple[Any, ...], columns: Sequence[str]) -> tuple[Any, ...]:
    """Return a row of these columns with its texts whole, as far as the attributes are among them."""
    if "attributes" not in columns:
        return row
    return tuple(
        _whole(value, name, row[columns.index("attributes")])
        if name in PROMOTED and isinstance(value, str) and _SHORT.search(value)
        else value
        for name, value in zip(columns, row, strict=True)
    )


def _short(value: str | None) -> str | None:
    if value is None or len(value) <= LENGTH:
        return value
    return f"{value[: LENGTH // 2]}\x1a~{sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _whole(value: str, name: str, attributes: str | None) -> str:
    try:
        found = orjson.loads(attributes or "null")[name]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return value
    text = found if isinstance(found, str) else str(found)
    return text if _short(text) == value else value
