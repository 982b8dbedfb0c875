"""The tables of the memory store: dicts, with the statements that `store.apply` needs."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from agenttrace.errors import StoreRejected
from agenttrace.store.apply import Known, Orphan
from agenttrace.store.entities import Entities, join_agents, join_conversations, join_sessions

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from agenttrace.model.rows import EventRow, RunRow, SessionRow

__all__ = ["MemoryTables"]

Key = tuple[bytes, bytes]
_KINDS = {"bytes": bytes, "str": str, "int": int, "bool": bool, "None": type(None)}


class MemoryTables:
    """Runs by workspace and id, children by parent, events by id, and entities. Rows are replaced, never changed."""

    def __init__(self) -> None:
        self.runs: dict[bytes, dict[bytes, RunRow]] = {}
        self.children: dict[Key, set[bytes]] = {}
        self.traces: dict[Key, set[bytes]] = {}
        self.events: dict[tuple[bytes, str], EventRow] = {}
        self.entities = Entities()

    def of(self, workspace_id: bytes) -> dict[bytes, RunRow]:
        """Return the runs of a workspace by id."""
        return self.runs.get(workspace_id, {})

    @contextmanager
    def transaction(self) -> Generator[MemoryTables]:
        """Give a copy to change, which takes the place of this one's content unless an error ends it."""
        copy = MemoryTables()
        copy.runs = {workspace: dict(runs) for workspace, runs in self.runs.items()}
        copy.children = {key: set(children) for key, children in self.children.items()}
        copy.traces = {key: set(runs) for key, runs in self.traces.items()}
        copy.events = dict(self.events)
        copy.entities = _copy(self.entities)
        yield copy
        self.__dict__.update(copy.__dict__)

    def known(self, keys: Iterable[Key]) -> dict[Key, Known]:
        """Return which of these runs are stored."""
        return {key: Known(run.session_id, run.learnt) for key, run in self.load(keys).items()}

    def load(self, keys: Iterable[Key]) -> dict[Key, RunRow]:
        """Return copies of these runs, as far as they are stored."""
        found = ((key, self.of(key[0]).get(key[1])) for key in keys)
        return {key: replace(run) for key, run in found if run is not None}

    def open_runs(self, process_id: bytes) -> list[RunRow]:
        """Return copies of the running runs of a process."""
        runs = (run for rows in self.runs.values() for run in rows.values())
        return [replace(run) for run in runs if run.status == "running" and run.process_id == process_id]

    def put_runs(self, runs: Sequence[RunRow]) -> None:
        """Insert or replace runs; raises StoreRejected where a value is not of its field's type."""
        for run in runs:
            _check(run)
            self.runs.setdefault(run.workspace_id, {})[run.id] = replace(run)
            self.traces.setdefault((run.workspace_id, run.trace_id), set()).add(run.id)
            if run.parent_id is not None:
                self.children.setdefault((run.workspace_id, run.parent_id), set()).add(run.id)

    def orphans(self, workspace_id: bytes, parents: Sequence[bytes]) -> list[Orphan]:
        """Return the roots whose parent is one of these."""
        stored = self.of(workspace_id)
        found = (stored[child] for key in parents for child in sorted(self.children.get((workspace_id, key), ())))
        wanted = set(parents)
        return [Orphan(run.id, run.parent_id, run.trace_id) for run in found if run.is_root and run.parent_id in wanted]

    def ancestors(self, workspace_id: bytes, run_id: bytes) -> list[bytes]:
        """Return the stored runs from this one upward, itself first, each once."""
        stored, chain = self.of(workspace_id), dict[bytes, None]()
        here: bytes | None = run_id
        while here is not None and here in stored and here not in chain:
            chain[here] = None
            here = stored[here].parent_id
        return list(chain)

    def set_root(self, workspace_id: bytes, run_ids: Sequence[bytes], is_root: bool) -> None:
        """Set the root flag of stored runs."""
        stored = self.runs[workspace_id]
        for key in run_ids:
            stored[key] = replace(stored[key], is_root=is_root)

    def outline(self, workspace_id: bytes, trace_id: bytes) -> list[RunRow]:
        """Return the runs of a trace."""
        stored = self.of(workspace_id)
        runs = (stored[key] for key in self.traces.get((workspace_id, trace_id), ()))
        return [run for run in runs if run.trace_id == trace_id]

    def put_events(self, events: Sequence[EventRow]) -> None:
        """Insert events; a stored one without a session gets session and hidden flag."""
        for event in events:
            _check(event)
            key = (event.workspace_id, event.id)
            known = self.events.get(key)
            if known is None:
                self.events[key] = replace(event)
            elif known.session_id is None:
                self.events[key] = replace(known, session_id=event.session_id, hidden=event.hidden)

    def delete_events(self, keys: Sequence[tuple[bytes, str]]) -> None:
        """Delete events, as far as they are stored."""
        for key in keys:
            self.events.pop(key, None)

    def sessionless(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[EventRow]:
        """Return copies of the events of these runs that have no session."""
        wanted = set(run_ids)
        events = (event for event in self.events.values() if event.session_id is None)
        return [replace(event) for event in events if event.workspace_id == workspace_id and event.run_id in wanted]

    def resets(self, keys: Iterable[Key]) -> dict[Key, int]:
        """Return when these sessions were last reset, for those that were."""
        rows = ((key, self.entities.sessions.get(key)) for key in keys)
        return {key: row.reset_at for key, row in rows if row is not None and row.reset_at is not None}

    def put_entities(self, entities: Entities) -> None:
        """Insert what is not stored, and complete what is."""
        ours = self.entities
        for key, session in entities.sessions.items():
            _check(session)
            ours.sessions[key] = join_sessions(ours.sessions.get(key, session), session)
        for agent_key, agent in entities.agents.items():
            ours.agents[agent_key] = join_agents(ours.agents.get(agent_key, agent), agent)
        for key, conversation in entities.conversations.items():
            ours.conversations[key] = join_conversations(ours.conversations.get(key, conversation), conversation)
        ours.contacts.update(entities.contacts)
        ours.session_agents.update(entities.session_agents)

    def reset(self, session: SessionRow, now: int) -> SessionRow:
        """Reset a session: hide its input messages, delete its other events."""
        for key, event in list(self.events.items()):
            if event.workspace_id != session.workspace_id or event.session_id != session.id:
                continue
            if event.type == "input_message":
                self.events[key] = replace(event, hidden=True)
            else:
                del self.events[key]
        row = replace(session, last_message_at=None, reset_at=max(now, session.reset_at or now))
        self.entities.sessions[row.workspace_id, row.id] = row
        return row


def _copy(entities: Entities) -> Entities:
    copy = Entities()
    for name in Entities.__slots__:
        setattr(copy, name, getattr(entities, name).copy())
    return copy


def _check(row: Any) -> None:
    for field in fields(row):
        value = getattr(row, field.name)
        kinds = tuple(_KINDS[name] for name in str(field.type).split(" | "))
        if not isinstance(value, kinds):
            raise StoreRejected(f"{type(row).__name__}.{field.name}: {value!r} is no {field.type}")
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            raise StoreRejected(f"{type(row).__name__}.{field.name}: {value} does not fit into 64 bits")
