from typing import Any

from agenttrace.model.rows import RunRow

def bind(
    rows: list[tuple[Any, ...] | RunRow], filled: tuple[int, ...], gaps: tuple[int, ...], /
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[Any, ...]]: ...
