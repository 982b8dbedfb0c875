"""OpenTelemetry both ways: spans of other libraries become runs, and runs leave as spans.

`SpanProcessor`, `LogRecordProcessor` and `instrument` take what is recorded in this process, `AgentsProcessor` what the
OpenAI Agents SDK traces of its own; `metrics` shows how agenttrace itself is doing. Each is imported when it is first
asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agenttrace.otel.agents import AgentsProcessor
    from agenttrace.otel.instrument import instrument
    from agenttrace.otel.logs import LogRecordProcessor
    from agenttrace.otel.meters import metrics
    from agenttrace.otel.processor import SpanProcessor

__all__ = ["AgentsProcessor", "LogRecordProcessor", "SpanProcessor", "instrument", "metrics"]

_HOMES = {
    "AgentsProcessor": "agents",
    "LogRecordProcessor": "logs",
    "SpanProcessor": "processor",
    "instrument": "instrument",
    "metrics": "meters",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value  # also over the submodule of the same name
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
