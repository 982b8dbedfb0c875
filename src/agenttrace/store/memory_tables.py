"""The tables of the memory store: dicts, with the statements that `store.apply` needs."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from agenttrace.errors import StoreRejected
from agenttrace.store.apply import Known, Orphan
from agenttrace.store.entities import Entities, join_agents, join_conversations, join_sessions
from agenttrace.store.memory_purge import MemoryPurgeTables
from agenttrace.store.raw import present

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from agenttrace.model.rows import (
        ApiKeyRow,
        AuditRow,
        DeadLetterRow,
        EventRow,
        LogRow,
        ProcessRow,
        RunRow,
        SessionRow,
        SpanRow,
    )

__all__ = ["MemoryTables"]

Key = tuple[bytes, bytes]
_KINDS = {"bytes": bytes, "str": str, "int": int, "bool": bool, "None": type(None)}


class MemoryTables(MemoryPurgeTables):
    """Runs by workspace and id, children by parent, events by id, and entities. Rows are replaced, never changed."""

    def __init__(self) -> None:
        self.runs: dict[bytes, dict[bytes, RunRow]] = {}
        self.children: dict[Key, set[bytes]] = {}
        self.traces: dict[Key, set[bytes]] = {}
        self.events: dict[tuple[bytes, str], EventRow] = {}
        self.entities = Entities()
        self.state = object()  # another one after each transaction
        self.raw_spans: dict[Key, dict[tuple[bytes, int], SpanRow]] = {}
        self.raw_logs: dict[Key, dict[bytes, LogRow]] = {}
        self.audit: dict[Key, AuditRow] = {}
        self.keys: dict[str, ApiKeyRow] = {}
        self.beats: dict[bytes, ProcessRow] = {}
        self.letters: dict[bytes, DeadLetterRow] = {}

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
        copy.raw_spans = {key: dict(spans) for key, spans in self.raw_spans.items()}
        copy.raw_logs = {key: dict(logs) for key, logs in self.raw_logs.items()}
        copy.entities = _copy(self.entities)
        copy.audit, copy.keys = dict(self.audit), dict(self.keys)
        copy.beats, copy.letters = dict(self.beats), dict(self.letters)
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

    def put_runs(self, runs: Sequence[RunRow], *, are_new: bool = False) -> None:  # noqa: ARG002
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

    def delete_runs(self, keys: Sequence[Key]) -> None:
        """Delete runs, as far as they are stored."""
        for workspace, key in keys:
            run = self.runs.get(workspace, {}).pop(key, None)
            if run is not None:
                self.traces[workspace, run.trace_id].discard(key)
                if run.parent_id is not None:
                    self.children[workspace, run.parent_id].discard(key)

    def put_spans(self, spans: Sequence[SpanRow]) -> None:
        """Insert versions of foreign spans."""
        for span in spans:
            _check(span)
            versions = self.raw_spans.setdefault((span.workspace_id, span.trace_id), {})
            versions.setdefault((span.span_id, span.version), replace(span))

    def put_logs(self, logs: Sequence[LogRow]) -> None:
        """Insert log records."""
        for log in logs:
            _check(log)
            self.raw_logs.setdefault((log.workspace_id, log.trace_id), {}).setdefault(log.id, replace(log))

    def spans(self, workspace_id: bytes, trace_id: bytes) -> list[SpanRow]:
        """Return all versions of the foreign spans of a trace."""
        return [replace(span) for span in self.raw_spans.get((workspace_id, trace_id), {}).values()]

    def logs(self, workspace_id: bytes, trace_id: bytes) -> list[LogRow]:
        """Return the log records of a trace."""
        return [replace(log) for log in self.raw_logs.get((workspace_id, trace_id), {}).values()]

    def open_spans(self, process_id: bytes) -> list[SpanRow]:
        """Return the present versions without an end that a process recorded."""
        versions = (present(list(spans.values())).values() for spans in self.raw_spans.values())
        return [replace(span) for spans in versions for span in spans if span.process_id == process_id]

    def with_spans(self, traces: Iterable[Key]) -> set[Key]:
        """Return which of these traces have foreign spans."""
        return set(traces) & self.raw_spans.keys()

    def events_between(self, workspace_id: bytes, session_id: bytes, low: str, high: str) -> list[EventRow]:
        """Return copies of the visible events of a session between two ids."""
        found = (event for event in self.events.values() if event.session_id == session_id and not event.hidden)
        return [replace(event) for event in found if event.workspace_id == workspace_id and low <= event.id <= high]

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

    def put_audit(self, notes: Sequence[AuditRow]) -> None:
        """Insert notes of the audit log; those that are stored stay as they are."""
        for note in notes:
            _check(note)
            self.audit.setdefault((note.workspace_id, note.id), note)

    def use_keys(self, used: Mapping[tuple[bytes, str], int]) -> None:
        """Move the last use of API keys to these times, never back."""
        for (workspace, key_id), time in used.items():
            key = self.keys.get(key_id)
            if key is not None and key.workspace_id == workspace:
                self.keys[key_id] = replace(key, last_used_at=max(time, key.last_used_at or time))

    def put_processes(self, beats: Sequence[ProcessRow]) -> None:
        """Insert heartbeats, or replace them where they are stored."""
        self.beats |= {beat.id: beat for beat in beats}

    def forget_process(self, process_id: bytes) -> None:
        """Delete the heartbeat of a process, if there is one."""
        self.beats.pop(process_id, None)

    def put_letters(self, letters: Sequence[DeadLetterRow]) -> None:
        """Insert dead letters, or replace them where they are stored."""
        for letter in letters:
            _check(letter)
            self.letters[letter.id] = letter

    def add_key(self, row: ApiKeyRow) -> None:
        """Insert an API key; raises StoreRejected where its id exists."""
        _check(row)
        if row.id in self.keys:
            raise StoreRejected(f"an API key with the id {row.id} exists")
        self.keys[row.id] = row

    def revoke_key(self, workspace_id: bytes, key_id: str, at: int) -> ApiKeyRow | None:
        """Set when a key was revoked, unless it is set, and return the key."""
        key = self.keys.get(key_id)
        if key is None or key.workspace_id != workspace_id:
            return None
        if key.revoked_at is None:
            self.keys[key_id] = key = replace(key, revoked_at=at)
        return key

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
