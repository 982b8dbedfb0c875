"""Where foreign spans go: the AgentTrace that a processor was given, or the default one. Imports nothing heavy."""

from __future__ import annotations

from typing import Protocol

from agenttrace.default import default_trace
from agenttrace.record.recorder import Recorder

__all__ = ["Target", "target_of"]


class Target(Protocol):
    """What a processor needs of an AgentTrace."""

    @property
    def recorder(self) -> Recorder:
        """The traced thread's end of the pipeline."""
        ...

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until what was recorded is stored."""
        ...

    def stats(self) -> object:
        """Return numbers that tell how it is doing, see `journal.stats`."""
        ...


def target_of(trace: Target | None) -> Target:
    """Return the AgentTrace itself, or the default one for None."""
    if trace is not None:
        return trace
    default: Target | None = default_trace()
    if default is None:
        raise RuntimeError("there is no default AgentTrace before `import agenttrace`")
    return default
