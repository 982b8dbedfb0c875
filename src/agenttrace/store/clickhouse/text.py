"""SQL text for ClickHouse: values as literals, and conditions. Text only: nothing runs here.

Values stand in the statement itself: bytes and all text but plain words as hexadecimal escapes, so that nothing that a
value holds is ever read as SQL, whichever way the statement takes to the engine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Where", "among", "literal"]

_WORD = re.compile(r"[A-Za-z0-9_.-]{0,64}\Z")


def literal(value: bytes | str | int) -> str:
    """Return a value as a constant expression.

    >>> print(literal(5), literal("prompt"), literal("it's"), literal(b"\\x00\\xff"))
    5 'prompt' '\\x69\\x74\\x27\\x73' '\\x00\\xff'
    """
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, str):
        if _WORD.match(value):
            return f"'{value}'"
        value = value.encode()
    return "'" + "".join(map(_ESCAPES.__getitem__, value)) + "'"


_ESCAPES = tuple(f"\\x{byte:02x}" for byte in range(256))


def among(column: str, values: Iterable[bytes | str | int]) -> str:
    """Return the condition that a column has one of these values, which never holds where there are none.

    >>> among("type", ["a", "b", "a"])
    "type IN ('a', 'b')"
    """
    distinct = dict.fromkeys(values)
    return f"{column} IN ({', '.join(map(literal, distinct))})" if distinct else "0"


class Where(NamedTuple):
    """Conditions that must all hold."""

    conditions: tuple[str, ...] = ()

    def plus(self, *conditions: str) -> Where:
        """Return this with more conditions.

        >>> Where().equal(status="running", name=None).plus("NOT deleted").sql
        "status = 'running' AND NOT deleted"
        """
        return Where((*self.conditions, *conditions))

    def equal(self, **values: bytes | str | int | None) -> Where:
        """Return this, and that columns have these values; None says nothing."""
        known = ((name, value) for name, value in values.items() if value is not None)
        return self.plus(*(f"{name} = {literal(value)}" for name, value in known))

    @property
    def sql(self) -> str:
        """The conditions as one."""
        return " AND ".join(self.conditions) or "1"
