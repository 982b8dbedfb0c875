from collections.abc import Callable
from typing import Any, TypeVar

class RunFields: ...

_Row = TypeVar("_Row", bound=RunFields)
_Envelope = TypeVar("_Envelope")

def read(
    known: Callable[[bytes], _Envelope],
    fresh: Callable[[bytes], _Envelope],
    make: type[_Row],
    statuses: tuple[str, ...],
    thorough: Callable[[bytes, bytes, int], tuple[_Row, Any, int]],
    payload: bytes,
    process: bytes,
    now: int,
    /,
) -> tuple[_Row, Any, int]: ...
def add(
    known: Callable[[bytes], _Envelope],
    fresh: Callable[[bytes], _Envelope],
    make: type[_Row],
    statuses: tuple[str, ...],
    records: list[tuple[int, bytes]],
    first: int,
    end: int,
    needless: set[int],
    process: bytes,
    now: int,
    runs: dict[tuple[bytes, bytes], _Row],
    scopes: dict[Any, int],
    /,
) -> int: ...
def row_of(make: type[_Row], values: tuple[Any, ...], /) -> _Row: ...
def values(row: RunFields, /) -> tuple[Any, ...]: ...
