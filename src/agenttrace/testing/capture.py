"""Capture what a program records through the module's functions, in memory, for the length of a block."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from agenttrace.configure import AgentTrace, default

__all__ = ["capture"]


@contextmanager
def capture(**settings: Any) -> Generator[AgentTrace]:
    """Yield the default AgentTrace with an empty memory store; the settings in force before come back afterwards.

    Takes the settings of `AgentTrace`; `clock=FixedClock(...)` and `ids=CountedIds()` make a recording repeatable.
    Errors inside agenttrace, which a program never sees otherwise, raise `errors.InternalError` in the block; those of
    the writer's thread do so at its end.

    >>> import agenttrace
    >>> with capture() as trace:
    ...     with agenttrace.master("greet", input="hello"):
    ...         pass
    ...     [run.name for run in trace.query.runs()]
    ['greet']
    """
    settings.setdefault("store", "memory://")
    with default.replaced(settings) as trace:
        yield trace
