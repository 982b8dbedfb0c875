"""Lists of values for `IN`. Text and values only: nothing runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["chunks"]

#: Lists of values are filled up to one of these lengths, so that few statements are prepared, each of them once; and no
#: longer, since values are bound with the GIL held.
_LENGTHS = (1, 8, 64)


def chunks(values: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
    """Return lists of values for `IN`, of a few fixed lengths; the last is filled up with its last value."""
    for start in range(0, len(values), _LENGTHS[-1]):
        part = tuple(values[start : start + _LENGTHS[-1]])
        length = next(length for length in _LENGTHS if length >= len(part))
        yield part + part[-1:] * (length - len(part))
