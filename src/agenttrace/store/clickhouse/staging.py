"""What a batch changes, gathered in memory: `store.apply` works on it, and then whole rows are inserted, runs last.

The engine has no transactions. Each table gets one insert, which it takes whole or not at all, and the runs' rows come
last of all: where a process dies in between, the batch is delivered again, finds its runs missing, and does the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agenttrace.model import ids
from agenttrace.store.apply import Known, Orphan
from agenttrace.store.clickhouse.engine import by_workspace
from agenttrace.store.clickhouse.rows import check
from agenttrace.store.clickhouse.stagedevents import StagedEvents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from agenttrace.model.rows import AuditRow, EventRow, LogRow, ProcessRow, RunRow, SpanRow
    from agenttrace.store.batch import Batch
    from agenttrace.store.clickhouse.engine import Engine
    from agenttrace.store.entities import Entities

__all__ = ["Staging"]

Key = tuple[bytes, bytes]


class Staging:
    """`store.apply.Tables` over what is stored and what the batch has changed so far. For one batch, in one thread."""

    def __init__(self, engine: Engine, batch: Batch | None = None) -> None:
        self._engine = engine
        self.runs: dict[Key, RunRow | None] = {}  # changed; None: deleted
        self.stored: dict[Key, RunRow | None] = {}  # as it was read; None: not stored
        self.places: dict[Key, int] = {}  # of what is stored, deleted or not
        self.events = StagedEvents(engine)
        self.entities: Entities | None = None
        self.new_spans: list[SpanRow] = []
        self.new_logs: list[LogRow] = []
        self.notes: list[AuditRow] = []
        self.keys_used: dict[tuple[bytes, str], int] = {}
        self.beats: dict[bytes, ProcessRow | None] = {}  # None: gone
        self._outlines: dict[tuple[bytes, bytes, bytes], dict[bytes, RunRow]] = {}
        self._raw_spans: dict[Key, list[SpanRow]] = {}
        self._raw_logs: dict[Key, list[LogRow]] = {}
        # The traces that apply will ask for, so that one query answers for all of them.
        self._expected: set[Key] = set() if batch is None else {key[:2] for key in (*batch.spans, *batch.logs)}
        self._spreading: set[Key] = set() if batch is None else set(batch.spread)

    # -- runs --------------------------------------------------------------------------------------

    def known(self, keys: Iterable[Key]) -> dict[Key, Known]:
        """Return which of these runs are stored."""
        return {key: Known(run.session_id, run.learnt) for key, run in self._present(keys).items()}

    def load(self, keys: Iterable[Key]) -> dict[Key, RunRow]:
        """Return copies of these runs, as far as they are stored."""
        return {key: replace(run) for key, run in self._present(keys).items()}

    def open_runs(self, process_id: bytes) -> list[RunRow]:
        """Return the running runs of a process."""
        found = self.load(self._engine.runs_of_process(process_id)).values()
        return [run for run in found if run.status == "running" and run.process_id == process_id]

    def put_runs(self, runs: Sequence[RunRow], *, are_new: bool = False) -> None:  # noqa: ARG002
        """Insert or replace runs; raises StoreRejected where a value fits no column."""
        for run in runs:
            check(run)
            self.runs[run.workspace_id, run.id] = run
            self.events.saw(run.workspace_id, run.session_id)

    def orphans(self, workspace_id: bytes, parents: Sequence[bytes]) -> list[Orphan]:
        """Return the roots whose parent is one of these."""
        wanted = set(parents)
        found = self._present((workspace_id, run) for run in self._engine.orphans(workspace_id, parents))
        found |= {key: run for key, run in self.runs.items() if run is not None and key[0] == workspace_id}
        roots = (run for run in found.values() if run.is_root and run.parent_id in wanted)
        return sorted(Orphan(run.id, run.parent_id or b"", run.trace_id) for run in roots)

    def ancestors(self, workspace_id: bytes, run_id: bytes) -> list[bytes]:
        """Return the stored runs from this one upward, itself first, each once."""
        chain: dict[bytes, None] = {}
        here: bytes | None = run_id
        while here is not None and here not in chain:
            run = self._outlined(workspace_id, here)
            if run is None:
                break
            chain[here] = None
            here = run.parent_id
        return list(chain)

    def set_root(self, workspace_id: bytes, run_ids: Sequence[bytes], is_root: bool) -> None:
        """Set the root flag of stored runs."""
        for key, run in self.load((workspace_id, run) for run in run_ids).items():
            self.runs[key] = replace(run, is_root=is_root)

    def outline(self, workspace_id: bytes, trace_id: bytes) -> list[RunRow]:
        """Return the runs of a trace; content, error and attributes are those that were loaded, or None."""
        low, high = ids.trace_range(int.from_bytes(trace_id, "big"))
        stored = self._outline(workspace_id, low, high)
        changed = self._changed_between(workspace_id, low, high)
        found = {**stored, **changed}.values()
        return [run for run in found if run is not None and run.trace_id == trace_id]

    def delete_runs(self, keys: Sequence[Key]) -> None:
        """Delete runs, as far as they are stored."""
        self._present(keys)
        for key in keys:
            self.runs[key] = None

    def left_orphans(self, again: Staging) -> Iterator[tuple[bytes, Orphan]]:
        """Yield the roots that miss their parent, of this batch or of others beside it, as `again` sees them now."""
        arrived = [key for key, run in self.runs.items() if run is not None and self.stored.get(key) is None]
        waiting = {key for key in arrived if (run := self.runs[key]) and run.is_root and run.parent_id is not None}
        for workspace, runs in by_workspace(arrived).items():
            waiting |= {(workspace, orphan) for orphan in self._engine.orphans(workspace, runs)}
        for (workspace, run_id), run in again.load(waiting).items():
            if run.is_root and run.parent_id is not None:
                yield workspace, Orphan(run_id, run.parent_id, run.trace_id)

    def has_missed_spans(self) -> bool:
        """Return whether there are more versions of foreign spans in the batch's traces than it took into account."""
        traces = {(span.workspace_id, span.trace_id) for span in self.new_spans}
        known = sum(len(self._raw_spans.get(trace, ())) for trace in traces)
        return bool(traces) and known > 0 and len(self._engine.spans(traces)) > known

    # -- foreign spans -----------------------------------------------------------------------------

    def put_spans(self, spans: Sequence[SpanRow]) -> None:
        """Insert versions of foreign spans."""
        for span in spans:
            check(span)
            self.new_spans.append(span)
            if (span.workspace_id, span.trace_id) in self._raw_spans:
                self._raw_spans[span.workspace_id, span.trace_id].append(span)

    def put_logs(self, logs: Sequence[LogRow]) -> None:
        """Insert log records."""
        for log in logs:
            check(log)
            self.new_logs.append(log)

    def spans(self, workspace_id: bytes, trace_id: bytes) -> list[SpanRow]:
        """Return all versions of the foreign spans of a trace."""
        key = (workspace_id, trace_id)
        if key not in self._raw_spans:
            wanted = self._expected | {key}
            self._raw_spans |= {trace: [] for trace in wanted}
            versions = {(one.trace_id, one.span_id, one.version): one for one in self._engine.spans(wanted)}
            versions |= {
                (one.trace_id, one.span_id, one.version): one
                for one in self.new_spans
                if (one.workspace_id, one.trace_id) in wanted
            }
            for one in versions.values():
                self._raw_spans[one.workspace_id, one.trace_id].append(one)
        return [replace(span) for span in self._raw_spans[key]]

    def logs(self, workspace_id: bytes, trace_id: bytes) -> list[LogRow]:
        """Return the log records of a trace."""
        key = (workspace_id, trace_id)
        if key not in self._raw_logs:
            wanted = self._expected | {key}
            self._raw_logs |= {trace: [] for trace in wanted}
            found = {(one.workspace_id, one.trace_id, one.id): one for one in self._engine.logs(wanted)}
            found |= {(one.workspace_id, one.trace_id, one.id): one for one in self.new_logs}
            for one in found.values():
                if (one.workspace_id, one.trace_id) in wanted:
                    self._raw_logs[one.workspace_id, one.trace_id].append(one)
        return list(self._raw_logs[key])

    def open_spans(self, process_id: bytes) -> list[SpanRow]:
        """Return the present versions without an end that a process recorded."""
        return self._engine.open_spans(process_id)

    def with_spans(self, traces: Iterable[Key]) -> set[Key]:
        """Return which of these traces have foreign spans."""
        found = self._engine.with_spans(list(traces))
        self._expected |= found
        return found

    # -- events, entities, access ------------------------------------------------------------------

    def events_between(self, workspace_id: bytes, session_id: bytes, low: str, high: str) -> list[EventRow]:
        """Return the visible events of a session between two ids."""
        return self.events.between(workspace_id, session_id, low, high)

    def put_events(self, events: Sequence[EventRow]) -> None:
        """Insert events; a stored one without a session gets session and hidden flag."""
        self.events.put(events)

    def delete_events(self, keys: Sequence[tuple[bytes, str]]) -> None:
        """Delete events, as far as they are stored."""
        self.events.delete(keys)

    def sessionless(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[EventRow]:
        """Return the events of these runs that have no session."""
        return self.events.sessionless(workspace_id, run_ids)

    def resets(self, keys: Iterable[Key]) -> dict[Key, int]:
        """Return when these sessions were last reset, for those that were."""
        found = self.events.sessions(keys)
        return {key: row.reset_at for key, (row, _) in found.items() if row.reset_at is not None}

    def put_entities(self, entities: Entities) -> None:
        """Insert what is not stored, and complete what is."""
        for session in entities.sessions.values():
            check(session)
        self.entities = entities

    def put_audit(self, notes: Sequence[AuditRow]) -> None:
        """Insert notes of the audit log; those that are stored stay as they are."""
        for note in notes:
            check(note)
        self.notes += notes

    def use_keys(self, used: Mapping[tuple[bytes, str], int]) -> None:
        """Move the last use of API keys to these times, never back."""
        self.keys_used |= used

    def put_processes(self, beats: Sequence[ProcessRow]) -> None:
        """Insert heartbeats, or replace them where they are stored."""
        self.beats |= {beat.id: beat for beat in beats}

    def forget_process(self, process_id: bytes) -> None:
        """Delete the heartbeat of a process, if there is one."""
        self.beats[process_id] = None

    # -- what is stored, under what was changed ------------------------------------------------------

    def _present(self, keys: Iterable[Key]) -> dict[Key, RunRow]:
        wanted = list(dict.fromkeys(keys))
        missing = [key for key in wanted if key not in self.runs and key not in self.stored]
        self._fetch(missing)
        found = ((key, self.runs[key] if key in self.runs else self.stored[key]) for key in wanted)
        return {key: run for key, run in found if run is not None}

    def _fetch(self, keys: Sequence[Key]) -> None:
        if not keys:
            return
        self.stored |= dict.fromkeys(keys)
        for run, deleted, place in self._engine.load(keys):
            key = (run.workspace_id, run.id)
            self.places[key] = place
            if not deleted:
                self.stored[key] = run
                self.events.saw(run.workspace_id, run.session_id)

    def _outlined(self, workspace: bytes, run_id: bytes) -> RunRow | None:
        key = (workspace, run_id)
        if key in self.runs:
            return self.runs[key]
        if key in self.stored:
            return self.stored[key]
        return self._outline(workspace, *ids.run_range(run_id)).get(run_id)

    def _outline(self, workspace: bytes, low: bytes, high: bytes) -> dict[bytes, RunRow]:
        key = (workspace, low, high)
        if key not in self._outlines:
            wanted = {key} | {(one[0], *_range(one)) for one in self._expected | self._spreading}
            wanted -= self._outlines.keys()
            self._outlines |= {one: {} for one in wanted}
            for found, run in self._engine.outlines(wanted):
                self._outlines[found][run.id] = run
        return self._outlines[key]

    def _changed_between(self, workspace: bytes, low: bytes, high: bytes) -> dict[bytes, RunRow | None]:
        return {key[1]: run for key, run in self.runs.items() if key[0] == workspace and low <= key[1] <= high}


def _range(trace: Key) -> tuple[bytes, bytes]:
    return ids.trace_range(int.from_bytes(trace[1], "big"))
