"""Journal payloads (`model.wire`) become a batch of rows, the versions of a run joined. Pure: no store, no clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from agenttrace.model.rows import AgentRow, AuditRow, EventRow, RunRow
from agenttrace.model.wire import AUDIT, ENTITY, EVENT, KEY_USED, LOG, REMOTE, RUN, SPAN, SPREAD
from agenttrace.store.access import audit_row, key_use
from agenttrace.store.entities import Entities
from agenttrace.store.events import event_row
from agenttrace.store.merge import merge_runs
from agenttrace.store.raw import log_row, span_row
from agenttrace.store.runs import Found, Records, add_rows, hex_run_id, in_time, read_row
from agenttrace.store.scope import Scope, resolve

if TYPE_CHECKING:
    from agenttrace.model.foreign import Derived, ForeignLog, ForeignSpan, NativeRun
    from agenttrace.model.rows import LogRow, ProcessRow, SpanRow

__all__ = ["Batch", "Derive"]

Key = tuple[bytes, bytes]

#: Says what the foreign spans of one trace mean (`otel.derive`); None leaves what was said before as it is.
Derive = Callable[
    [Sequence["ForeignSpan"], Sequence["ForeignLog"], Sequence["NativeRun"]],
    "Derived | None",
]


class Batch:
    """Rows to write in one transaction, built record by record. Not for several threads at once.

    >>> from agenttrace.model.wire import RunRecord, write_run
    >>> start = RunRecord(bytes(15) + b"t", b"span-id.", None, 5, None, 5, 1, 0, 0, 1, "running", 0,
    ...     b'{"type":"master","name":"answer"}', b"")
    >>> batch = Batch()
    >>> batch.add(RUN, write_run(start), process_id=bytes(16), now=9)
    >>> [(run.name, run.start_time) for run in batch.runs.values()]
    [('answer', 5)]
    """

    __slots__ = (
        "_named",
        "_scopes",
        "audit",
        "beats",
        "derive",
        "events",
        "keys_used",
        "logs",
        "now",
        "runs",
        "spans",
        "spread",
    )

    def __init__(self, *, derive: Derive | None = None) -> None:
        #: Called inside the store's transaction for each trace of which there are foreign spans.
        self.derive = derive
        self.now = 0
        #: The runs by (workspace_id, id), their versions joined.
        self.runs: dict[Key, RunRow] = {}
        #: Foreign spans by (workspace_id, trace_id, span_id, version), and log records inside them.
        self.spans: dict[tuple[bytes, bytes, bytes, int], SpanRow] = {}
        self.logs: dict[tuple[bytes, bytes, bytes], LogRow] = {}
        self.events: dict[tuple[bytes, str], EventRow] = {}
        #: (workspace_id, trace_id) of the traces in which an id must be brought to the root and to the other runs.
        self.spread: set[tuple[bytes, bytes]] = set()
        self.audit: dict[tuple[bytes, bytes], AuditRow] = {}
        #: Last use, in microseconds, by (workspace_id, id of the API key).
        self.keys_used: dict[tuple[bytes, str], int] = {}
        #: Heartbeats of recording processes, by their ids; None: the process has ended, and left no run open.
        self.beats: dict[bytes, ProcessRow | None] = {}
        self._scopes: dict[Scope, int] = {}
        self._named: list[tuple[Scope, int, AgentRow | None]] = []

    def __len__(self) -> int:
        """Return how many records there are, the versions of a run counted once."""
        foreign = len(self.spans) + len(self.logs)
        return len(self.runs) + foreign + len(self.events) + len(self._named) + len(self.audit) + len(self.keys_used)

    @property
    def is_side(self) -> bool:
        """Whether there is nothing in it but audit notes, uses of keys and heartbeats, which no view of runs shows."""
        return len(self) == len(self.audit) + len(self.keys_used) and not self._scopes

    def add(self, kind: int, payload: bytes, *, process_id: bytes, now: int) -> None:
        """Add one record of a process, received at `now`; records may come in any order, and twice.

        Raises ValueError on a record that is not understood, and leaves the batch as it was.
        """
        try:
            if kind == RUN:
                self._add_run(read_row(payload, process_id, now))
                return
            if kind in (SPAN, LOG):
                self._add_foreign(kind, payload, process_id, now)
                return
            if kind == AUDIT:
                note = audit_row(payload)
                self.audit.setdefault((note.workspace_id, note.id), note)
                return
            head, _, line = payload.partition(b"\n")
            record = orjson.loads(head)
            if kind == EVENT:
                self._add_event(record, line.decode() if line else None)
            elif kind == ENTITY:
                self._add_entity(record)
            elif kind == KEY_USED:
                workspace, key, time = key_use(record)
                self.keys_used[workspace, key] = max(time, self.keys_used.get((workspace, key), 0))
            else:
                raise ValueError(f"unknown record kind {kind}")
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"record of kind {kind} not understood: {error!r}") from error

    def add_runs(
        self, records: Records, first: int, end: int, needless: set[int], *, process_id: bytes, now: int
    ) -> int:
        """Do what `add` does with the records from `first` on and before `end` that are not at a place in `needless`.

        Return the place of the first that has to be added by itself, `end` where there is none.
        """
        return add_rows(records, first, end, needless, process_id, now, self.runs, self._scopes)

    def entities(self) -> Entities:
        """Return the sessions, agents, contacts and conversations that the records named or registered."""
        entities = Entities()
        for scope, time in self._scopes.items():
            entities.note(scope, time=time, session_key=scope.session_key)
        for scope, time, agent in self._named:
            entities.note(scope, time=time, session_key=scope.session_key)
            if agent is not None:
                entities.name_agent(agent)
        return entities

    def _add_run(self, found: Found) -> None:
        row, scope, flags = found
        key = (row.workspace_id, row.id)
        known = self.runs.get(key)
        self.runs[key] = row if known is None else merge_runs(known, row)
        self._see(scope, row.start_time)
        if flags & (SPREAD | REMOTE):
            self.spread.add((row.workspace_id, row.trace_id))

    def _add_foreign(self, kind: int, payload: bytes, process_id: bytes, now: int) -> None:
        if kind == SPAN:
            span = span_row(payload, process_id)
            self.spans[span.workspace_id, span.trace_id, span.span_id, span.version] = span
        else:
            log = log_row(payload)
            self.logs[log.workspace_id, log.trace_id, log.id] = log
        self.now = max(self.now, now)

    def _add_event(self, record: dict[str, Any], content: str | None) -> None:
        scope = resolve(record.get("scope"))
        run = hex_run_id(record["trace"], record["span"])
        event = event_row(record, content, workspace=scope.workspace_id, session=scope.session_id, run=run)
        key = (event.workspace_id, event.id)
        known = self.events.get(key)
        if known is None or known.session_id is None:
            self.events[key] = event
        self._see(scope, event.created_at)

    def _add_entity(self, record: dict[str, Any]) -> None:
        kind, text, time = record["entity"], record["id"], record["time"]
        field = {"contact": "ai_contact_id", "session": "session_id", "agent": "agent_key"}[kind]
        if text is None or text == "" or type(time) is not int:
            raise ValueError(f"{kind} without an id or a time")
        scope = resolve({**(record.get("scope") or {}), field: text})
        agent = _named_agent(scope, record.get("name"), in_time(time)) if kind == "agent" else None
        self._named.append((scope, in_time(time), agent))

    def _see(self, scope: Scope, time: int) -> None:
        seen = self._scopes.get(scope)
        if seen is None or time < seen:
            self._scopes[scope] = in_time(time)


def _named_agent(scope: Scope, name: object, time: int) -> AgentRow | None:
    if scope.agent_key is None or name is None:
        return None
    return AgentRow(scope.workspace_id, scope.agent_key, str(name), time)
