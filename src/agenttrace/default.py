"""The default AgentTrace, for rooms that must not know who makes it: queries and processors that were given none.

So a program that uses neither need not load them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["default_trace", "use_default"]

_source: Callable[[], Any] | None = None


def use_default(source: Callable[[], Any]) -> None:
    """Say where the default AgentTrace comes from. Called once, where the parts are wired together."""
    global _source
    _source = source


def default_trace() -> Any:
    """Return the default AgentTrace; None before there is one."""
    return None if _source is None else _source()
