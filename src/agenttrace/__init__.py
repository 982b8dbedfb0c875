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

from agenttrace import errors, query
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
from agenttrace.journal.stats import Stats
from agenttrace.record.propagate import extract, inject, wrap
from agenttrace.record.span import Span, current

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
