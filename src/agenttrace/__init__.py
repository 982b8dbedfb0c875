"""Record what AI agents do, without a server and without slowing them, and get it back as trees, events and prompts.

>>> import agenttrace
>>> trace = agenttrace.AgentTrace(store="memory://")
>>> @trace.tool_call
... def add(a: int, b: int) -> int:
...     return a + b
>>> add(1, b=2)
3
>>> [run.content["input"] for run in trace.query.runs()]
[{'a': 1, 'b': 2}]
>>> trace.shutdown()
True
"""

from importlib import import_module
from typing import TYPE_CHECKING

from agenttrace.configure import (
    AgentTrace,
    configure,
    context,
    doctor,
    flush,
    master,
    predefined_behaviour,
    prompt,
    purge,
    register_agent,
    register_contact,
    register_session,
    scope,
    shutdown,
    span,
    stats,
    tool_call,
)
from agenttrace.loading import LOADING
from agenttrace.record.span import Span, current

if TYPE_CHECKING:
    from agenttrace import errors, query
    from agenttrace.journal.stats import Stats
    from agenttrace.record.propagate import extract, inject, wrap

__version__ = "0.1.0"

__all__ = [
    "AgentTrace",
    "Span",
    "Stats",
    "configure",
    "context",
    "current",
    "doctor",
    "errors",
    "extract",
    "flush",
    "inject",
    "master",
    "predefined_behaviour",
    "prompt",
    "purge",
    "query",
    "register_agent",
    "register_contact",
    "register_session",
    "scope",
    "shutdown",
    "span",
    "stats",
    "tool_call",
    "wrap",
]

_LATE = frozenset(("Stats", "errors", "extract", "inject", "otel", "query", "wrap"))
_ROOMS = frozenset(("errors", "otel", "query"))


if not TYPE_CHECKING:  # which would take it for an answer to every name

    def __getattr__(name: str) -> object:
        """Load what most programs never ask for."""
        if name not in _LATE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        with LOADING:
            if name in _ROOMS:
                return import_module(f"agenttrace.{name}")
            from agenttrace.journal.stats import Stats
            from agenttrace.record.propagate import extract, inject, wrap
        globals().update(Stats=Stats, extract=extract, inject=inject, wrap=wrap)
        return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE})
