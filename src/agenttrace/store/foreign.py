"""What foreign spans mean becomes rows: derived again, whole trace by whole trace, whenever a batch touches one.

The rows are a function of all raw spans and logs of the trace and of our own runs in it, so order, duplicates and the
way in which spans are spread over batches and processes do not matter. What spans mean is not decided here, but by the
batch's `derive`. No SQL, no lock, no clock.
"""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

from agenttrace.model import ids
from agenttrace.model.rows import EventRow, RunRow
from agenttrace.model.versions import RANK_DERIVED, version
from agenttrace.store.derived import LAST_SEQUENCE, derived_event, derived_row, is_derived, native_run
from agenttrace.store.events import run_events
from agenttrace.store.merge import INHERITED
from agenttrace.store.raw import foreign_log, foreign_spans, present
from agenttrace.store.roots import cycles
from agenttrace.store.scope import resolve
from agenttrace.store.spread import spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agenttrace.model.foreign import Derived, DerivedEvent, DerivedRun
    from agenttrace.model.rows import LogRow, SpanRow
    from agenttrace.store.batch import Batch, Derive
    from agenttrace.store.entities import Entities

__all__ = ["Change", "RawTables", "derive_traces"]

Key = tuple[bytes, bytes]
Runs = dict[bytes, RunRow]
Pair = tuple[RunRow | None, RunRow]  # as it is stored, as it shall be

_placed = attrgetter("parent_id", "via", "is_root", "learnt", *INHERITED)


class RawTables(Protocol):
    """The statements about foreign spans, and about what is derived from them, inside one transaction."""

    def put_spans(self, spans: Sequence[SpanRow]) -> None:
        """Insert versions of foreign spans; those that are stored stay as they are."""
        ...

    def put_logs(self, logs: Sequence[LogRow]) -> None:
        """Insert log records; those that are stored stay as they are."""
        ...

    def spans(self, workspace_id: bytes, trace_id: bytes) -> list[SpanRow]:
        """Return all versions of the foreign spans of a trace, in any order."""
        ...

    def logs(self, workspace_id: bytes, trace_id: bytes) -> list[LogRow]:
        """Return the log records of a trace, in any order."""
        ...

    def open_spans(self, process_id: bytes) -> list[SpanRow]:
        """Return the versions without an end that a process recorded and that no greater version follows."""
        ...

    def with_spans(self, traces: Iterable[Key]) -> set[Key]:
        """Return which of these traces, given by workspace and trace id, have foreign spans."""
        ...

    def load(self, keys: Iterable[Key]) -> dict[Key, RunRow]: ...
    def outline(self, workspace_id: bytes, trace_id: bytes) -> list[RunRow]: ...
    def delete_events(self, keys: Sequence[tuple[bytes, str]]) -> None: ...
    def sessionless(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[EventRow]: ...

    def delete_runs(self, keys: Sequence[Key]) -> None:
        """Delete runs, by workspace and id, as far as they are stored."""
        ...

    def events_between(self, workspace_id: bytes, session_id: bytes, low: str, high: str) -> list[EventRow]:
        """Return the visible events of a session whose ids lie between these two, both included."""
        ...


class Change(Protocol):
    """A transaction's work in progress, see `store.apply`."""

    entities: Entities
    events: dict[tuple[bytes, str], EventRow]
    spread: set[Key]

    @property
    def tables(self) -> RawTables: ...
    def put(self, pairs: Sequence[tuple[RunRow | None, RunRow]]) -> None: ...


def derive_traces(batch: Batch, change: Change) -> None:
    """Store a batch's foreign spans and logs, and bring the runs of the traces that it touches up to date."""
    change.tables.put_spans(list(batch.spans.values()))
    change.tables.put_logs(list(batch.logs.values()))
    if batch.derive is None:
        return
    touched = {key[:2] for key in batch.spans} | {key[:2] for key in batch.logs}
    touched |= change.tables.with_spans({(run.workspace_id, run.trace_id) for run in batch.runs.values()} - touched)
    pairs: list[Pair] = []
    events: list[EventRow] = []
    for workspace, trace in sorted(touched):
        more, happened = _Trace(change, workspace, trace).derive(batch.derive, batch.now)
        pairs += more
        events += happened
    change.put(pairs)  # many traces at once: few statements
    change.events.update({(event.workspace_id, event.id): event for event in events})


class _Trace:
    """One trace of one workspace, while what its foreign spans mean is worked out anew."""

    def __init__(self, change: Change, workspace: bytes, trace: bytes) -> None:
        self.change = change
        self.tables = change.tables
        self.workspace = workspace
        self.trace = trace
        self.inherited: dict[bytes, dict[str, Any]] = {}
        self.raw = self.tables.spans(workspace, trace)
        outline = self.tables.outline(workspace, trace)
        self.natives = {run.id: run for run in outline if not is_derived(run)}
        self.before = self._load(run.id for run in outline if is_derived(run))

    def derive(self, derive: Derive, now: int) -> tuple[list[Pair], list[EventRow]]:
        """Delete what is not so any more, and return the runs and the events to write."""
        derived = self._meaning(derive)
        if derived is None:
            return [], []
        runs = self._rows(derived.runs, now or max((run.ingested_at for run in self.natives.values()), default=0))
        places = self._places(runs, self._reparented(derived))
        self.change.spread.discard((self.workspace, self.trace))
        return self._replace(derived.events, {run: places[run] for run in runs}, places)

    def _meaning(self, derive: Derive) -> Derived | None:
        ours = {run.span_id for run in self.natives.values()}
        spans = [span for span in foreign_spans(self.raw) if span.span_id not in ours]
        self.inherited = {span.span_id: span.inherited for span in spans}
        if not spans and not self.before:
            return None
        logs = [foreign_log(row) for row in self.tables.logs(self.workspace, self.trace)]
        return derive(spans, logs, [native_run(run) for run in self.natives.values()])

    # -- runs --------------------------------------------------------------------------------------

    def _rows(self, derived: Sequence[DerivedRun], now: int) -> Runs:
        raw = present(self.raw)
        rows: Runs = {}
        for run in derived:
            scope = resolve({**run.scope_ids, "workspace_id": ids.as_uuid(self.workspace.hex())})
            row = derived_row(
                run, scope, raw.get(run.span_id), self.inherited.get(run.span_id, {}), self._id(run.span_id), now
            )
            row.parent_id = None if run.parent_id is None else self._id(run.parent_id)
            if row.id not in self.natives:
                rows[row.id] = row
                self.change.entities.note(scope, time=row.start_time, session_key=scope.session_key)
        return rows

    def _reparented(self, derived: Derived) -> Runs:
        """Return our own runs, those whose nearest run above is a foreign one under that."""
        natives = dict(self.natives)
        for span, parent in derived.reparented.items():
            run = natives.get(self._id(span))
            if run is not None:
                via = run.via or (None if run.parent_id is None else ids.span_of(run.parent_id).to_bytes(8, "big"))
                above = None if parent is None else self._id(parent)
                natives[run.id] = replace(run, parent_id=above, via=via)
        return natives

    def _places(self, runs: Runs, natives: Runs) -> Runs:
        """Return all runs of the trace with their root flags, turns and inherited ids."""
        rows = natives | runs
        parents = {run.id: run.parent_id for run in rows.values() if run.parent_id in rows}
        tops = {min(loop) for loop in cycles(parents)}
        for key, run in rows.items():
            is_root = key not in parents or key in tops
            if run.is_root != is_root:
                rows[key] = replace(run, is_root=is_root)
        for key, turn in _turns(rows).items():
            if key in runs:
                rows[key].turn_time = turn
        return rows | {run.id: run for run in spread(rows.values())}

    # -- writing -----------------------------------------------------------------------------------

    def _replace(self, derived: Sequence[DerivedEvent], runs: Runs, places: Runs) -> tuple[list[Pair], list[EventRow]]:
        events = self._events(derived, runs)
        self._drop_stale(events)
        gone = self.before.keys() - runs.keys()
        moved = [key for key, run in self.before.items() if key in gone or runs[key].turn_time != run.turn_time]
        self.tables.delete_events(
            [(event.workspace_id, event.id) for key in moved for event in run_events(self.before[key])]
        )
        self.tables.delete_runs([(self.workspace, run) for run in sorted(gone)])
        pairs = [(self.before.get(key), run) for key, run in runs.items()]
        pairs = [(old, _revised(old, new)) for old, new in pairs if old is None or not _same(old, new)]
        return [*pairs, *self._moved(places)], list(events.values())

    def _moved(self, places: Runs) -> list[Pair]:
        """Return those of our own runs whose place or ids have changed."""
        moved = {key: places[key] for key, run in self.natives.items() if _placed(places[key]) != _placed(run)}
        pairs: list[Pair] = []
        for key, old in self._load(moved).items():
            new = moved[key]
            inherited = {name: getattr(new, name) for name in INHERITED}
            whole = replace(
                old, parent_id=new.parent_id, via=new.via, is_root=new.is_root, learnt=new.learnt, **inherited
            )
            pairs.append((old, whole))
        return pairs

    def _events(self, derived: Sequence[DerivedEvent], runs: Runs) -> dict[str, EventRow]:
        events: dict[str, EventRow] = {}
        for event in derived:
            run = runs.get(self._id(event.span_id))
            if run is not None and run.end_time is not None:
                row = derived_event(event, run, min(max(event.time, run.start_time), run.end_time))
                events[row.id] = row
        return events

    def _drop_stale(self, events: dict[str, EventRow]) -> None:
        """Delete the events that were derived before and are not any more, or are other ones; leave the same alone."""
        implied = {event.id for run in self.before.values() for event in run_events(run)}
        stale: list[tuple[bytes, str]] = []
        for old in self._earlier():
            if old.id in implied:
                continue
            new = events.get(old.id)
            if new is None or replace(new, hidden=old.hidden) != old:
                stale.append((old.workspace_id, old.id))
            else:
                del events[old.id]
        self.tables.delete_events(stale)

    def _earlier(self) -> list[EventRow]:
        """Return the events of the runs that were derived before."""
        if not self.before:
            return []
        low = ids.event_id(min(run.start_time for run in self.before.values()), 0, 0)
        last = max(run.end_time or run.start_time for run in self.before.values())
        high = ids.event_id(last, LAST_SEQUENCE, (1 << 64) - 1)
        found = self.tables.sessionless(self.workspace, list(self.before))
        for session in {run.session_id for run in self.before.values()} - {None}:
            found += self.tables.events_between(self.workspace, session or b"", low, high)
        return [event for event in found if event.run_id in self.before]

    def _load(self, keys: Iterable[bytes]) -> Runs:
        found = self.tables.load((self.workspace, key) for key in keys)
        return {key[1]: run for key, run in found.items()}

    def _id(self, span: bytes) -> bytes:
        return ids.run_id(int.from_bytes(self.trace, "big"), int.from_bytes(span, "big"))


def _turns(rows: Mapping[bytes, RunRow]) -> dict[bytes, int]:
    """Return the start of each run's topmost ancestor."""
    turns: dict[bytes, int] = {}
    for start in rows:
        path: list[bytes] = []
        here = start
        while here not in turns:
            path.append(here)
            run = rows[here]
            if run.is_root or run.parent_id is None:
                turns[here] = run.turn_time if not is_derived(run) else run.start_time
                break
            here = run.parent_id
        for step in path:
            turns[step] = turns[here]
    return turns


def _same(old: RunRow, new: RunRow) -> bool:
    return replace(new, version=old.version, ingested_at=old.ingested_at) == old


def _revised(old: RunRow | None, new: RunRow) -> RunRow:
    """Return the new row as the next revision of the old one."""
    return new if old is None else replace(new, version=version(RANK_DERIVED, (old.version >> 32) + 1, 0))
