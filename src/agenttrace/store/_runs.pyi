from collections.abc import Callable

from agenttrace.model.rows import RunRow
from agenttrace.store.runs import Envelope
from agenttrace.store.scope import Scope

def read(
    known: Callable[[bytes], Envelope],
    fresh: Callable[[bytes], Envelope],
    make: type[RunRow],
    statuses: tuple[str, ...],
    payload: bytes,
    process: bytes,
    now: int,
    /,
) -> tuple[RunRow, Scope, int] | None: ...
