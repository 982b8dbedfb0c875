"""Write journal records into a memory store, for the tests of this folder."""

from __future__ import annotations

import json
from typing import Any

from agenttrace.model.wire import ENTITY, EVENT
from agenttrace.store.batch import Batch
from agenttrace.store.memory import MemoryStore
from agenttrace.testing.records import run_record

_PROCESS = bytes(range(16))


class Recording:
    """A memory store and one batch for it; records are sent as a recording process sends them."""

    def __init__(self, now: int) -> None:
        self.store = MemoryStore(clock=lambda: now)
        self.store.open()
        self._batch = Batch()
        self._now = now
        self._seq = 0

    def run(
        self, run_type: str, name: str, *, start: int, end: int | None = None, content: Any = None, **fields: Any
    ) -> None:
        """Send a whole version of a run; `content` is an object, or text that is no JSON."""
        self._seq += 2
        kind, payload = run_record(
            self._seq,
            trace=1 << 120,
            run_type=run_type,
            name=name,
            start=start,
            seq=self._seq,
            end=end,
            content=None if isinstance(content, str) else content,
            **fields,
        )
        unreadable = b"," + content.encode() if isinstance(content, str) else b""
        self._batch.add(kind, payload + unreadable, process_id=_PROCESS, now=self._now)

    def event(self, kind: str, data: Any, *, time: int, **fields: Any) -> None:
        """Send an event of a span."""
        self._seq += 1
        head = {
            "trace": f"{1 << 120:032x}",
            "span": f"{1:016x}",
            "time": time,
            "seq": self._seq,
            "type": kind,
            **fields,
        }
        self._send(EVENT, head, data)

    def entity(self, kind: str, known: str, name: str | None = None, **scope: str) -> None:
        """Register something."""
        self._send(ENTITY, {"entity": kind, "id": known, "name": name, "time": self._now, "scope": scope}, None)

    def written(self) -> MemoryStore:
        """Write the batch, and return the store."""
        self.store.write(self._batch)
        return self.store

    def _send(self, kind: int, head: dict[str, Any], line: Any) -> None:
        payload = json.dumps(head).encode()
        if line is not None:
            payload += b"\n" + (line if isinstance(line, str) else json.dumps(line)).encode()
        self._batch.add(kind, payload, process_id=_PROCESS, now=self._now)
