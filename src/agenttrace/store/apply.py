"""How a batch changes a store: the one algorithm of all stores, over the few statements that each of them brings.

No SQL here, no lock, no clock. Whoever calls these functions holds a transaction that no other writer shares.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import orjson

from agenttrace.model.rows import EventRow, ProcessRow, RunRow
from agenttrace.model.versions import RANK_ABANDONED, RANK_ALIVE, version
from agenttrace.slices import in_slices
from agenttrace.store.derived import is_derived
from agenttrace.store.entities import Entities
from agenttrace.store.events import MESSAGES, apply_reset, run_events
from agenttrace.store.foreign import RawTables, derive_traces
from agenttrace.store.merge import INHERITED, merge_runs
from agenttrace.store.raw import ABANDONED, abandoned_span
from agenttrace.store.roots import cycle_in, cycles
from agenttrace.store.runs import LAST_TIME, in_time
from agenttrace.store.spread import spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agenttrace.model.rows import AuditRow
    from agenttrace.store.batch import Batch

__all__ = ["ABANDONED", "Known", "Orphan", "Tables", "abandon", "revive", "write"]

Key = tuple[bytes, bytes]

_NEXT_REVISION = 1 << 32
_CHEAP = 64  # runs, each of which takes less than half a microsecond


class Known(NamedTuple):
    """What a store says about a run that it holds."""

    session_id: bytes | None
    learnt: str | None


class Orphan(NamedTuple):
    """A run that is a root since its parent was not there."""

    id: bytes
    parent_id: bytes
    trace_id: bytes


class Tables(RawTables, Protocol):
    """The statements of one store, inside one transaction. Keys are (workspace_id, id)."""

    def known(self, keys: Iterable[Key]) -> dict[Key, Known]:
        """Return which of these runs are stored."""
        ...

    def load(self, keys: Iterable[Key]) -> dict[Key, RunRow]:
        """Return these runs, as far as they are stored."""
        ...

    def open_runs(self, process_id: bytes) -> list[RunRow]:
        """Return the running runs of a process."""
        ...

    def put_runs(self, runs: Sequence[RunRow], *, are_new: bool = False) -> None:
        """Insert runs, or replace them where they are stored; `are_new` says that `known` found none of them."""
        ...

    def orphans(self, workspace_id: bytes, parents: Sequence[bytes]) -> list[Orphan]:
        """Return the roots whose parent is one of these."""
        ...

    def ancestors(self, workspace_id: bytes, run_id: bytes) -> list[bytes]:
        """Return the stored runs from this one upward, itself first, each once."""
        ...

    def set_root(self, workspace_id: bytes, run_ids: Sequence[bytes], is_root: bool) -> None:
        """Set the root flag of stored runs."""
        ...

    def outline(self, workspace_id: bytes, trace_id: bytes) -> list[RunRow]:
        """Return the runs of a trace, in any order; content, error and attributes may be None."""
        ...

    def put_events(self, events: Sequence[EventRow]) -> None:
        """Insert events; of one that is stored without a session, set session and hidden flag."""
        ...

    def delete_events(self, keys: Sequence[tuple[bytes, str]]) -> None:
        """Delete events, by workspace and event id, as far as they are stored."""
        ...

    def sessionless(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[EventRow]:
        """Return the events of these runs that have no session."""
        ...

    def resets(self, keys: Iterable[Key]) -> dict[Key, int]:
        """Return, by session, the time of its last reset, for those that were reset."""
        ...

    def put_entities(self, entities: Entities) -> None:
        """Insert what is not stored, and complete what is."""
        ...

    def put_audit(self, notes: Sequence[AuditRow]) -> None:
        """Insert notes of the audit log; those that are stored stay as they are."""
        ...

    def use_keys(self, used: Mapping[tuple[bytes, str], int]) -> None:
        """Move the last use of API keys, by workspace and id, to these times; never back."""
        ...

    def put_processes(self, beats: Sequence[ProcessRow]) -> None:
        """Insert heartbeats, or replace them where they are stored."""
        ...

    def forget_process(self, process_id: bytes) -> None:
        """Delete the heartbeat of a process, if there is one."""
        ...


def write(batch: Batch, tables: Tables) -> None:
    """Bring a batch into the tables."""
    _Change(tables, batch.entities()).write(batch)
    if batch.audit:
        tables.put_audit(list(batch.audit.values()))
    if batch.keys_used:
        tables.use_keys(batch.keys_used)
    if batch.beats:
        _beat(batch.beats, tables)


def _beat(beats: Mapping[bytes, ProcessRow | None], tables: Tables) -> None:
    tables.put_processes([beat for beat in beats.values() if beat is not None])
    for process_id, beat in beats.items():
        if beat is None:
            tables.forget_process(process_id)


def revive(process_id: bytes, keys: Sequence[Key], tables: Tables) -> int:
    """Open those of these runs again that were ended as abandoned, and return how many there were."""
    stored = tables.load(keys).values()
    runs = [run for run in stored if run.error == ABANDONED and not is_derived(run)]
    change = _Change(tables, Entities())
    change.put([(run, _revived(run, process_id)) for run in runs])
    change.finish()
    return len(runs)


def _revived(run: RunRow, process_id: bytes) -> RunRow:
    number = max((run.version & -_NEXT_REVISION) + _NEXT_REVISION, version(RANK_ALIVE, 0, 0))
    return replace(
        run, status="running", end_time=None, end_seq=None, error=None, process_id=process_id, version=number
    )


def abandon(process_id: bytes, at: int, tables: Tables) -> int:
    """End the running runs of a process as abandoned, and return how many there were."""
    tables.forget_process(process_id)
    runs = tables.open_runs(process_id)
    tables.put_spans([abandoned_span(span, at) for span in tables.open_spans(process_id)])
    change = _Change(tables, Entities())
    change.put([(run, _abandoned(run, at)) for run in runs])
    change.finish()
    return len(runs)


def settle(orphans: Iterable[tuple[bytes, Orphan]], tables: Tables) -> None:
    """Put roots, each given with its workspace, under those parents that are stored after all.

    For stores whose writers may miss what another one writes at the same moment.
    """
    change = _Change(tables, Entities())
    for workspace, orphan in orphans:
        change.settle(workspace, orphan)
    change.spread_all()
    change.finish()


def _abandoned(run: RunRow, at: int) -> RunRow:
    # A run that was proved alive has a greater version than a plain abandoned end; the next proof is greater again.
    number = version(RANK_ABANDONED, 0, 0)
    if is_derived(run):
        number = run.version  # its span is known to be abandoned, and the run will be derived from that again
    elif run.version >= number:
        number = (run.version & -_NEXT_REVISION) + _NEXT_REVISION
    end = max(in_time(at), run.start_time)
    return replace(run, status="failed", end_time=end, end_seq=None, error=ABANDONED, process_id=None, version=number)


class _Change:
    """One transaction's work in progress."""

    def __init__(self, tables: Tables, entities: Entities) -> None:
        self.tables = tables
        self.entities = entities
        self.events: dict[tuple[bytes, str], EventRow] = {}
        self.spread: set[Key] = set()
        self.sessions: dict[Key, bytes] = {}

    def write(self, batch: Batch) -> None:
        self.spread |= batch.spread
        runs = batch.runs
        known = self.tables.known(_neighbours(batch))
        stored = self.tables.load(key for key in runs if key in known)
        pairs: list[tuple[RunRow | None, RunRow]] = [(None, run) for run in runs.values()]
        if stored:
            joined = [(stored.get(key), run) for key, run in in_slices(runs.items())]
            pairs = [(old, run if old is None else merge_runs(old, run)) for old, run in in_slices(joined)]
            pairs = [(old, new) for old, new in pairs if new is not old]
        self._flag_roots(pairs, runs, known)
        fresh, changed = [new for old, new in pairs if old is None], [new for old, new in pairs if old is not None]
        if fresh:
            self.tables.put_runs(fresh, are_new=True)
        if changed:
            self.tables.put_runs(changed)
        self._follow(pairs)
        self._join_orphans(pairs)
        derive_traces(batch, self)
        self.spread_all()
        self._add_events(batch, known)
        self.finish()

    def spread_all(self) -> None:
        """Bring ids to all runs of the trees that have changed."""
        for workspace, trace in sorted(self.spread):
            self._spread(workspace, trace)

    def put(self, pairs: Sequence[tuple[RunRow | None, RunRow]]) -> None:
        """Write runs, given as (stored, new), with what follows from them."""
        self.tables.put_runs([new for _, new in pairs])
        self._follow(pairs)

    def _follow(self, pairs: Sequence[tuple[RunRow | None, RunRow]]) -> None:
        """Bring events and sessions up to date with runs, given as (stored, new)."""
        telling = [
            (old, new) for old, new in pairs if old is not None or new.session_id is not None or new.learnt is not None
        ]
        for old, new in in_slices(telling):
            self._derive(old, new)
            if new.session_id is not None:
                self.sessions[new.workspace_id, new.id] = new.session_id
        self._find_sessionless([new for old, new in pairs if new.session_id != (old and old.session_id)])

    def finish(self) -> None:
        """Write events and entities, minding the resets of their sessions."""
        events = list(self.events.values())
        resets = self.tables.resets({(event.workspace_id, event.session_id) for event in events if event.session_id})
        if resets:
            events = self._after_resets(resets)
        for event in in_slices(events):
            if event.type in MESSAGES:
                self.entities.message(event)
        self.tables.put_events(events)
        self.tables.put_entities(self.entities)

    def _after_resets(self, resets: dict[Key, int]) -> list[EventRow]:
        kept: list[EventRow] = []
        lost: list[tuple[bytes, str]] = []
        for key, event in self.events.items():
            left = apply_reset(event, resets.get((event.workspace_id, event.session_id or b"")))
            if left is None:
                lost.append(key)
            else:
                kept.append(left)
        self.tables.delete_events(lost)
        return kept

    def _derive(self, old: RunRow | None, new: RunRow) -> None:
        events = {(event.workspace_id, event.id): event for event in run_events(new)}
        if old is not None:
            past = {(event.workspace_id, event.id): event for event in run_events(old)}
            gone = [key for key, was in past.items() if key not in events or events[key].session_id != was.session_id]
            self.tables.delete_events(gone)
            for key in gone:
                self.events.pop(key, None)
        self.events.update(events)
        if new.learnt is not None:
            # Whoever taught the run these ids has named the session, which therefore is not younger.
            self.entities.note(new, time=LAST_TIME)

    def _find_sessionless(self, runs: list[RunRow]) -> None:
        by_workspace: dict[bytes, dict[bytes, bytes]] = {}
        for run in runs:
            if run.session_id is not None:
                by_workspace.setdefault(run.workspace_id, {})[run.id] = run.session_id
        for workspace, sessions in by_workspace.items():
            for event in self.tables.sessionless(workspace, list(sessions)):
                event.session_id = sessions[event.run_id]
                self.events[workspace, event.id] = event

    def _flag_roots(
        self, pairs: list[tuple[RunRow | None, RunRow]], runs: dict[Key, RunRow], known: dict[Key, Known]
    ) -> None:
        for old, new in pairs:
            if old is not None and old.parent_id == new.parent_id:
                new.is_root = old.is_root
        placed = (new for old, new in pairs if old is None or old.parent_id != new.parent_id)
        fresh: dict[Key, RunRow] = {(run.workspace_id, run.id): run for run in placed}
        may_loop = False
        for (workspace, _), run in in_slices(fresh.items(), _CHEAP):
            if run.parent_id is None:
                run.is_root = True
                continue
            above = (workspace, run.parent_id)
            stored = known.get(above)
            run.is_root = stored is None and above not in runs
            parent = fresh.get(above)
            # Somewhere in a loop of parents one of them does not begin before its child.
            may_loop = may_loop or (parent is not None and parent.start_time >= run.start_time)
            learnt = None if stored is None else stored.learnt
            if learnt is not None and any(getattr(run, name, None) is None for name in orjson.loads(learnt)):
                self.spread.add((workspace, run.trace_id))
        parents = {key: (key[0], run.parent_id) for key, run in fresh.items() if run.parent_id} if may_loop else {}
        for loop in cycles(parents):
            fresh[min(loop)].is_root = True

    def _join_orphans(self, pairs: list[tuple[RunRow | None, RunRow]]) -> None:
        """Put roots under their parents that arrive now; a loop of parents keeps one root, its least id."""
        arrived: dict[bytes, list[bytes]] = {}
        for old, new in pairs:
            if old is None:
                arrived.setdefault(new.workspace_id, []).append(new.id)
            elif old.parent_id != new.parent_id and new.parent_id is not None:
                self.settle(new.workspace_id, Orphan(new.id, new.parent_id, new.trace_id))
        for workspace, ids in arrived.items():
            for orphan in self.tables.orphans(workspace, ids):
                self.settle(workspace, orphan)

    def settle(self, workspace: bytes, orphan: Orphan) -> None:
        """Put a root under its parent, if that is stored."""
        chain = self.tables.ancestors(workspace, orphan.parent_id)
        loop = cycle_in(chain, orphan.id)
        if loop:
            self.tables.set_root(workspace, loop, is_root=False)
            self.tables.set_root(workspace, [min(loop)], is_root=True)
        elif chain:
            self.tables.set_root(workspace, [orphan.id], is_root=False)
            self.spread.add((workspace, orphan.trace_id))

    def _spread(self, workspace: bytes, trace: bytes) -> None:
        changed = spread(self.tables.outline(workspace, trace))
        if not changed:
            return
        stored = self.tables.load((workspace, run.id) for run in changed)
        pairs: list[tuple[RunRow | None, RunRow]] = []
        for run in changed:
            old = stored[workspace, run.id]
            pairs.append((old, replace(old, learnt=run.learnt, **{name: getattr(run, name) for name in INHERITED})))
        self.put(pairs)

    def _add_events(self, batch: Batch, known: dict[Key, Known]) -> None:
        for key, event in batch.events.items():
            if event.session_id is None:
                run = (event.workspace_id, event.run_id)
                session = self.sessions.get(run) or known.get(run, _UNKNOWN).session_id
                event = replace(event, session_id=session) if session else event
            self.events[key] = event


_UNKNOWN = Known(None, None)


def _neighbours(batch: Batch) -> set[Key]:
    """Return the runs of a batch, their parents, and the runs of events that know no session."""
    keys = set(batch.runs)
    runs = in_slices(batch.runs.values(), _CHEAP)
    keys.update([(run.workspace_id, run.parent_id) for run in runs if run.parent_id is not None])
    keys.update((event.workspace_id, event.run_id) for event in batch.events.values() if event.session_id is None)
    return keys
