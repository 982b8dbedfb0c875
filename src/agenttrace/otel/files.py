"""OTLP in files: spans of a file into a store, runs of a store into a file. One request a line, or one in the file.

The lines are those of the OpenTelemetry Collector's file exporter.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agenttrace.model.ids import service_id
from agenttrace.model.wire import LOG, SPAN
from agenttrace.otel import otlp
from agenttrace.otel.derive import derive
from agenttrace.otel.export import run_of, thought_of
from agenttrace.otel.names import NameSet, Thought, span_of
from agenttrace.otel.otlp_write import request_of
from agenttrace.otel.raw import RawWriter
from agenttrace.otel.received import Malformed, Received
from agenttrace.record.context import EMPTY
from agenttrace.record.recorder import Recorder
from agenttrace.store.batch import Batch
from agenttrace.store.protocol import EventFilter, RunFilter, SessionFilter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from agenttrace.model.foreign import ForeignSpan
    from agenttrace.model.rows import RunRow
    from agenttrace.store.protocol import Store

__all__ = ["Imported", "import_file", "requests"]

_PAGE = 500
_NOBODY = bytes(16)  # the process of what is imported: nobody can abandon it


@dataclass(slots=True)
class Imported:
    """What a file held: how many spans and log records were taken, how many could not be read."""

    spans: int = 0
    logs: int = 0
    rejected: int = 0


def import_file(file: BinaryIO, store: Store, workspace_id: str | None = None) -> Imported:
    """Write what a file of OTLP JSON holds into a store, redacted, and say how much that was.

    Doing it again changes nothing. Raises Malformed where the file is no OTLP JSON; the lines before stay written.
    """
    counted = Imported()
    recorder = Recorder()
    raw = RawWriter(recorder)
    scope = EMPTY.extended({"workspace_id": workspace_id}, None, recorder.attribute)
    for received in _received(file):
        batch = Batch(derive=derive)
        now = time.time_ns() // 1000
        for log in received.logs:
            batch.add(LOG, raw.log(log, scope), process_id=_NOBODY, now=now)
        for span in received.spans:
            batch.add(SPAN, raw.span(span, scope), process_id=_NOBODY, now=now)
        store.write(batch)
        counted.spans += len(received.spans)
        counted.logs += len(received.logs)
        counted.rejected += received.rejected
    return counted


def _received(file: BinaryIO) -> Iterator[Received]:
    """Yield the requests of a file; a first line that is not JSON by itself begins a document of many lines.

    An empty file has none: it is what a store without ended runs leaves as.
    """
    first = next((line for line in file if line.strip()), None)
    if first is None:
        return
    try:
        received = otlp.read_json(first)
    except Malformed:
        yield otlp.read_json(first + file.read())
        return
    yield received
    for line in file:
        if line.strip():
            yield otlp.read_json(line)


def requests(store: Store, workspace_id: bytes, *, names: NameSet = "gen_ai") -> Iterator[bytes]:
    """Yield the runs of a workspace that have ended, newest first, as export requests of up to 500 spans each."""
    after: tuple[int, bytes] | None = None
    while True:
        rows = store.runs(RunFilter(workspace_id=workspace_id, after=after, limit=_PAGE))
        spans = list(_spans(rows, store, names))
        if spans:
            yield request_of(spans)
        if len(rows) < _PAGE:
            return
        after = rows[-1].start_time, rows[-1].id


def _spans(rows: Iterable[RunRow], store: Store, names: NameSet) -> Iterator[ForeignSpan]:
    ended = [row for row in rows if row.end_time is not None]
    keys: dict[bytes, str] = {}
    thoughts: dict[bytes, list[Thought]] = {}
    wanted = {row.session_id for row in ended if row.session_id is not None}
    if wanted:
        found = store.sessions(SessionFilter(workspace_id=ended[0].workspace_id, ids=sorted(wanted)))
        keys = {session.id: session.key for session in found}
        thoughts = _thoughts(store, ended[0].workspace_id, wanted)
    for row in ended:
        run = run_of(row, keys.get(row.session_id or b""))
        span = span_of(run, names=names, thoughts=thoughts.get(row.id, ()))
        span.resource = {"service.name": "agenttrace"}
        if run.service:
            span.resource["service.instance.id"] = service_id(run.service)
        yield span


def _thoughts(store: Store, workspace_id: bytes, sessions: Iterable[bytes]) -> dict[bytes, list[Thought]]:
    """Return the thoughts of some sessions by run, oldest first; without a session they show nowhere."""
    found: dict[bytes, list[Thought]] = {}
    for session in sorted(sessions):
        for event in store.events(EventFilter(workspace_id=workspace_id, session_id=session, types=("thinking",))):
            found.setdefault(event.run_id, []).append(thought_of(event))
    return found
