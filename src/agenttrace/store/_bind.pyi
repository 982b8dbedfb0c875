from typing import Any

def bind(
    rows: list[tuple[Any, ...]], filled: tuple[int, ...], gaps: tuple[int, ...], /
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[Any, ...]]: ...
