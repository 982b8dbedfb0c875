"""What an OTLP request held, and how a body may fail. Values."""

from __future__ import annotations

from dataclasses import dataclass, field

from agenttrace.errors import AgentTraceError
from agenttrace.model.foreign import ForeignLog, ForeignSpan
from agenttrace.otel.places import Places

__all__ = ["Malformed", "Received", "TooLarge", "Unsupported"]


class Malformed(AgentTraceError, ValueError):
    """The request's body cannot be read at all."""


class TooLarge(AgentTraceError, ValueError):
    """The request's body is larger than it may be, once it is inflated."""


class Unsupported(AgentTraceError, ValueError):
    """The request's body has a type or an encoding that is not understood."""


@dataclass(slots=True)
class Received:
    """What a request held; `rejected` counts the spans and log records that cannot be read."""

    spans: list[ForeignSpan] = field(default_factory=list[ForeignSpan])
    logs: list[ForeignLog] = field(default_factory=list[ForeignLog])
    rejected: int = 0
    _places: Places = field(default_factory=Places, repr=False, compare=False)

    def take_log(self, log: ForeignLog) -> None:
        """Add a log record, behind those of its span and instant that came before it."""
        self._places.give(log)
        self.logs.append(log)
