"""Receive: what came over OTLP, or from a file of it, into a journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agenttrace.model.wire import LOG, SPAN
from agenttrace.otel.raw import RawWriter
from agenttrace.record.context import EMPTY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agenttrace.otel.received import Received
    from agenttrace.otel.target import Target
    from agenttrace.record.context import Scope

__all__ = ["Receiver"]


class Receiver:
    """Appends received spans and logs to the journal of an AgentTrace, redacted like what is recorded here.

    They belong to the workspace that the caller names; nothing in them can change that.
    """

    def __init__(self, target: Target) -> None:
        self._recorder = target.recorder
        self._raw = RawWriter(self._recorder)

    def take(self, received: Received, workspace_id: str | None = None, *, most: int | None = None) -> int:
        """Record all of it, and return how many items that was; the store has them some moments later.

        Each span's record holds the attributes of its resource, which a request has once: the records may be far larger
        than it. What comes after `most` bytes of records is not taken.
        """
        recorder = self._recorder
        if not recorder.enabled:
            return len(received.logs) + len(received.spans)
        scope = EMPTY.extended({"workspace_id": workspace_id}, None, recorder.attribute)
        taken = size = 0
        for kind, payload in self._records(received, scope):
            size += len(payload)
            if most is not None and size > most:
                break
            recorder.append(kind, payload)
            taken += 1
        return taken

    def _records(self, received: Received, scope: Scope) -> Iterator[tuple[int, bytes]]:
        for log in received.logs:
            yield LOG, self._raw.log(log, scope)
        for span in received.spans:
            yield SPAN, self._raw.span(span, scope)
