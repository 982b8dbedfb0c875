"""Receive: what came over OTLP, or from a file of it, into a journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agenttrace.model.wire import LOG, SPAN
from agenttrace.otel.raw import RawWriter
from agenttrace.record.scope import EMPTY

if TYPE_CHECKING:
    from agenttrace.otel.received import Received
    from agenttrace.otel.target import Target

__all__ = ["Receiver"]


class Receiver:
    """Appends received spans and logs to the journal of an AgentTrace, redacted like what is recorded here.

    They belong to the workspace that the caller names; nothing in them can change that.
    """

    def __init__(self, target: Target) -> None:
        self._recorder = target.recorder
        self._raw = RawWriter(self._recorder)

    def take(self, received: Received, workspace_id: str | None = None) -> None:
        """Record all of it; the store has it some moments later. Takes time in proportion to its size."""
        recorder = self._recorder
        if not recorder.enabled:
            return
        scope = EMPTY.extended({"workspace_id": workspace_id}, None, recorder.attribute)
        for log in received.logs:
            recorder.append(LOG, self._raw.log(log, scope))
        for span in received.spans:
            recorder.append(SPAN, self._raw.span(span, scope))
