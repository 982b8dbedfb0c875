from collections.abc import Sequence
from typing import Any

def bind(rows: list[Sequence[Any]], known: tuple[int, ...], /) -> tuple[tuple[int, ...], tuple[Any, ...]]: ...
