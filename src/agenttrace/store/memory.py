"""A store in plain Python, for tests and for looking at a few runs: nothing outlives the process."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import fields, is_dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, cast

from agenttrace.errors import StoreUnavailable
from agenttrace.model import ids
from agenttrace.model.content import parse
from agenttrace.model.ids import canonical
from agenttrace.model.jsontext import compact_json
from agenttrace.model.rows import TREE_ROW, LetterFigures, RunFigures
from agenttrace.store import apply, purge
from agenttrace.store.entities import Entities
from agenttrace.store.match import audit_matches, event_matches, run_matches, session_matches
from agenttrace.store.memory_tables import MemoryTables
from agenttrace.store.protocol import LINK_AGE, CollectStep, StoredRow
from agenttrace.store.raw import present

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agenttrace.model.rows import (
        AgentRow,
        ApiKeyRow,
        AuditRow,
        ConversationRow,
        DeadLetterRow,
        EventRow,
        LogRow,
        ProcessRow,
        RunRow,
        SessionRow,
        SpanRow,
        TreeRow,
        TreeStamp,
    )
    from agenttrace.store.batch import Batch
    from agenttrace.store.protocol import (
        AuditFilter,
        EventFilter,
        PurgeCounts,
        PurgeFilter,
        PurgeStep,
        RunFilter,
        SessionFilter,
    )

__all__ = ["MemoryStore"]

Row = TypeVar("Row")


class MemoryStore:
    """Keep runs and events in this process; what `agenttrace.store.protocol.Store` promises holds.

    `clock` returns microseconds; resets take their time from it. Rows that are returned are copies.
    """

    url = "memory://"

    def __init__(self, *, clock: Callable[[], int] | None = None) -> None:
        self._clock = clock or _wall_clock
        self._lock = threading.RLock()
        self._tables = MemoryTables()
        self._open = False

    def open(self) -> None:
        """Make the store usable; what was written before it was closed is still there."""
        self._open = True

    def close(self) -> None:
        """Refuse calls until the store is opened again."""
        self._open = False

    def now(self) -> int:
        """Return the clock in microseconds."""
        return self._clock()

    def state(self) -> object | None:
        """Return a value that equals an earlier one only if nothing was written since."""
        return self._usable().state

    def write(self, batch: Batch) -> None:
        """Write a batch: all of it, or nothing."""
        with self._lock, self._usable().transaction() as tables:
            apply.write(batch, tables)

    def abandon(self, process_id: bytes, *, at: int) -> int:
        """End the running runs of a dead process, and return how many there were."""
        with self._lock, self._usable().transaction() as tables:
            return apply.abandon(process_id, at, tables)

    def revive(self, process_id: bytes, runs: Sequence[tuple[bytes, bytes]]) -> int:
        """Open abandoned runs of a living process again, and return how many there were."""
        with self._lock, self._usable().transaction() as tables:
            return apply.revive(process_id, runs, tables)

    def processes(self) -> list[ProcessRow]:
        """Return the heartbeats of the processes that record, by id."""
        with self._lock:
            return sorted(self._usable().beats.values(), key=lambda row: row.id)

    def reset(self, workspace_id: bytes, *, team_id: str, user_id: str) -> list[SessionRow]:
        """Reset the sessions of (workspace, team, user) and return them."""
        team, user = canonical(team_id), canonical(user_id)
        with self._lock, self._usable().transaction() as tables:
            now = self._clock()
            owned = [row for row in tables.entities.sessions.values() if row.workspace_id == workspace_id]
            owned = [row for row in owned if row.team_id == team and row.user_id == user]
            return [replace(tables.reset(row, now)) for row in _newest_sessions(owned)]

    def runs(self, where: RunFilter) -> list[RunRow]:
        """Return the runs that match, newest first."""
        with self._lock:
            found = sorted(self._matching(where), key=lambda run: (-run.start_time, run.id))
        if where.after is not None:
            start, last = where.after
            found = [run for run in found if (-run.start_time, run.id) > (-start, last)]
        return [replace(run) for run in _page(found, where.offset, where.limit)]

    def count_runs(self, where: RunFilter) -> int:
        """Return how many runs match, on all pages."""
        with self._lock:
            return len(self._matching(where))

    def workspaces(self) -> list[bytes]:
        """Return the ids of the workspaces that have runs, ascending."""
        with self._lock:
            return sorted(workspace for workspace, runs in self._usable().runs.items() if runs)

    def run_figures(self, where: RunFilter) -> list[RunFigures]:
        """Return what sums need of the runs that match, newest first."""
        return [_figures(run) for run in self.runs(where)]

    def traces(self, workspace_id: bytes, trace_ids: Sequence[bytes]) -> list[RunRow]:
        """Return all runs of these traces, oldest first."""
        wanted = set(trace_ids)
        with self._lock:
            runs = [run for run in self._usable().of(workspace_id).values() if run.trace_id in wanted]
        return [replace(run) for run in sorted(runs, key=lambda run: (run.start_time, run.seq, run.id))]

    def run_ids(self, where: RunFilter) -> list[bytes]:
        """Return the ids of the runs that match, newest first."""
        return [run.id for run in self.runs(where)]

    def tree_stamps(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[TreeStamp]:
        """Return figures for the trace of each of these runs: they differ once a run of it differs."""
        return [_stamp(self._traces(workspace_id, [run_id])) for run_id in run_ids]

    def tree_rows(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[TreeRow]:
        """Return what trees show of all runs of the same traces."""
        return [_tree_row(run) for run in self._traces(workspace_id, run_ids)]

    def _traces(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[RunRow]:
        ranges = {ids.run_range(run_id) for run_id in run_ids}
        with self._lock:
            runs = list(self._usable().of(workspace_id).values())
        return [run for run in runs if ids.run_range(run.id) in ranges]

    def events(self, where: EventFilter) -> list[EventRow]:
        """Return the visible events that match."""
        with self._lock:
            found = [row for row in self._usable().events.values() if event_matches(row, where)]
        found.sort(key=lambda row: row.id, reverse=where.newest_first)
        if where.after is not None:
            after, newest = where.after, where.newest_first
            found = [row for row in found if (row.id < after if newest else row.id > after)]
        return [replace(row) for row in _page(found, 0, where.limit)]

    def count_events(self, where: EventFilter) -> int:
        """Return how many visible events match, on all pages."""
        with self._lock:
            return sum(event_matches(row, where) for row in self._usable().events.values())

    def sessions(self, where: SessionFilter) -> list[SessionRow]:
        """Return the sessions that match, newest first."""
        with self._lock:
            known = self._usable().entities
            found = [row for row in known.sessions.values() if session_matches(row, where, known.session_agents)]
        return [replace(row) for row in _page(_newest_sessions(found), where.offset, where.limit)]

    def session_has_agent(self, workspace_id: bytes, session_id: bytes, agent_key: str) -> bool:
        """Return whether the agent took part in the session."""
        with self._lock:
            return (workspace_id, session_id, agent_key) in self._usable().entities.session_agents

    def agents(self, workspace_id: bytes, keys: Sequence[str]) -> list[AgentRow]:
        """Return those of the agents that exist, by key."""
        with self._lock:
            agents = self._usable().entities.agents
            return [agents[workspace_id, key] for key in sorted(set(keys)) if (workspace_id, key) in agents]

    def has_contact(self, workspace_id: bytes, contact_id: bytes) -> bool:
        """Return whether the AI contact exists."""
        with self._lock:
            return (workspace_id, contact_id) in self._usable().entities.contacts

    def conversation(self, workspace_id: bytes, conversation_id: bytes) -> ConversationRow | None:
        """Return the conversation, or None."""
        with self._lock:
            return self._usable().entities.conversations.get((workspace_id, conversation_id))

    def spans(self, workspace_id: bytes, trace_id: bytes) -> list[SpanRow]:
        """Return the foreign spans of a trace as they were received, by span id."""
        with self._lock:
            found = present(self._usable().spans(workspace_id, trace_id))
        return [found[span] for span in sorted(found)]

    def logs(self, workspace_id: bytes, trace_id: bytes) -> list[LogRow]:
        """Return the log records inside the foreign spans of a trace, oldest first."""
        with self._lock:
            return sorted(self._usable().logs(workspace_id, trace_id), key=lambda log: (log.time, log.id))

    def audit(self, where: AuditFilter) -> list[AuditRow]:
        """Return the notes of the audit log that match, newest first."""
        with self._lock:
            found = [note for note in self._usable().audit.values() if audit_matches(note, where)]
        found.sort(key=lambda note: note.id, reverse=True)
        return _page([note for note in found if where.after is None or note.id < where.after], 0, where.limit)

    def add_key(self, row: ApiKeyRow) -> None:
        """Add an API key."""
        with self._lock:
            self._usable().add_key(row)

    def key(self, key_id: str) -> ApiKeyRow | None:
        """Return the API key with this id, or None."""
        with self._lock:
            return self._usable().keys.get(key_id)

    def keys(self, workspace_id: bytes) -> list[ApiKeyRow]:
        """Return the API keys of a workspace, newest first."""
        with self._lock:
            found = [key for key in self._usable().keys.values() if key.workspace_id == workspace_id]
        return sorted(found, key=lambda key: (-key.created_at, key.id))

    def revoke_key(self, workspace_id: bytes, key_id: str, *, at: int) -> ApiKeyRow | None:
        """Revoke an API key, unless it is, and return it."""
        with self._lock:
            return self._usable().revoke_key(workspace_id, key_id, at)

    def set_aside(self, letters: Sequence[DeadLetterRow]) -> None:
        """Keep records that were refused."""
        with self._lock, self._usable().transaction() as tables:
            tables.put_letters(letters)

    def dead_letters(
        self,
        *,
        ids: Sequence[bytes] | None = None,
        after: tuple[int, bytes] | None = None,
        limit: int | None = None,
    ) -> list[DeadLetterRow]:
        """Return dead letters, oldest first."""
        with self._lock:
            found = self._usable().letters
            chosen = found.values() if ids is None else [found[key] for key in set(ids) if key in found]
        ordered = sorted(chosen, key=lambda row: (row.time, row.id))
        return _page([row for row in ordered if after is None or (row.time, row.id) > after], 0, limit)

    def discard_letters(self, ids: Sequence[bytes]) -> int:
        """Delete these dead letters, and return how many there were."""
        with self._lock, self._usable().transaction() as tables:
            return len([key for key in set(ids) if tables.letters.pop(key, None) is not None])

    def letter_figures(self, *, since: int) -> LetterFigures:
        """Return how many dead letters there are, and the newest one's error."""
        found = self.dead_letters()
        recent = sum(row.time >= since for row in found)
        last = (found[-1].time, found[-1].error) if found else (None, None)
        return LetterFigures(len(found), recent, sum(len(row.payload) for row in found), *last)

    def collect(
        self,
        *,
        workspace_id: bytes | None = None,  # noqa: ARG002
        older_than: int = LINK_AGE,  # noqa: ARG002
        after: bytes = b"",  # noqa: ARG002
        limit: int = 1000,  # noqa: ARG002
    ) -> CollectStep:
        """Return that there is nothing to collect: prompts are kept whole."""
        self._usable()
        return CollectStep(0, None)

    def purge(self, where: PurgeFilter, *, limit: int = 1000, after: bytes = b"") -> PurgeStep:
        """Delete for good some of what matches, and return what went and where to go on."""
        with self._lock, self._usable().transaction() as tables:
            return purge.step(tables, where, limit=limit, after=after)

    def purge_counts(self, where: PurgeFilter) -> PurgeCounts:
        """Return what a whole purge would delete now."""
        with self._lock:
            return purge.count(self._usable(), where)

    def stored_rows(self) -> Iterator[StoredRow]:
        """Yield every row; the key is what the row begins with."""
        with self._lock:
            rows = list(_rows_in(vars(self._tables)))
        for row in rows:
            values = {field.name: getattr(row, field.name) for field in fields(row)}
            yield StoredRow(_table_of(row), tuple(values.values())[:2], values)

    def scrub(self) -> bool:
        """Return True: there is no file."""
        self._usable()
        return True

    def _usable(self) -> MemoryTables:
        if not self._open:
            raise StoreUnavailable(f"{self.url}: the store is closed; call open() first")
        return self._tables

    def _matching(self, where: RunFilter) -> list[RunRow]:
        stored = self._usable().of(where.workspace_id)
        if where.ids is None:
            return [run for run in stored.values() if run_matches(run, where)]
        return [stored[key] for key in set(where.ids) if key in stored and run_matches(stored[key], where)]


_tree_row: Callable[[RunRow], TreeRow] = attrgetter(*TREE_ROW)


def _stamp(runs: list[RunRow]) -> TreeStamp:
    figures = ((run.version << 2) | (run.is_root << 1) | (run.ai_contact_id is None) for run in runs)
    return len(runs), hash(tuple(sorted(figures)))


def _newest_sessions(rows: list[SessionRow]) -> list[SessionRow]:
    return sorted(rows, key=lambda row: (-row.created_at, row.id))


def _page(rows: list[Row], offset: int, limit: int | None) -> list[Row]:
    return rows[offset:] if limit is None else rows[offset : offset + limit]


def _rows_in(value: Any) -> Iterator[Any]:
    """Yield the rows that are in containers, at any depth; ids alone are none."""
    if is_dataclass(value):
        yield value
    elif isinstance(value, Entities):
        yield from _rows_in({name: getattr(value, name) for name in Entities.__slots__})
    elif isinstance(value, dict):
        for item in cast("dict[Any, Any]", value).values():
            yield from _rows_in(item)


def _table_of(row: Any) -> str:
    """Return the name that the table of such rows has in SQL stores."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(row).__name__.removesuffix("Row")).lower()


def _wall_clock() -> int:
    return time.time_ns() // 1000


def _figures(run: RunRow) -> RunFigures:
    content = (parse(run.content) if run.run_type == "prompt" else None) or {}
    usage, cost = (compact_json(content[key]) if key in content else None for key in ("usage", "cost"))
    times = (run.start_time, run.end_time)
    return RunFigures(run.id, run.trace_id, *times, run.status, run.session_id, run.user_id, usage, cost)
