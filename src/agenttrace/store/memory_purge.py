"""The statements that `store.purge` needs, over dicts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from agenttrace.store.purge_tables import NamesOfRuns, Note, OldRun, RawKey, StoredEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from agenttrace.model.rows import AuditRow, EventRow, LogRow, RunRow, SessionRow, SpanRow
    from agenttrace.store.entities import Entities

__all__ = ["MemoryPurgeTables"]

Key = tuple[bytes, bytes]
Row = TypeVar("Row", bound="tuple[object, ...] | bytes")


class MemoryPurgeTables:
    """What `MemoryTables` does for purges."""

    runs: dict[bytes, dict[bytes, RunRow]]
    events: dict[tuple[bytes, str], EventRow]
    raw_spans: dict[Key, dict[tuple[bytes, int], SpanRow]]
    raw_logs: dict[Key, dict[bytes, LogRow]]
    audit: dict[Key, AuditRow]
    entities: Entities

    def next_workspace(self, after: bytes | None, *, audit: bool) -> bytes | None:
        """Return the least workspace that has rows to purge, beyond this one."""
        keys = {
            key[0] for table in (self.events, self.raw_spans, self.raw_logs, self.entities.sessions) for key in table
        }
        keys |= {workspace for workspace, runs in self.runs.items() if runs}
        if audit:
            keys |= {key[0] for key in self.audit}
        return min((key for key in keys if after is None or key > after), default=None)

    # Runs.

    def old_runs(self, workspace_id: bytes, before: int, *, after: tuple[int, bytes], limit: int) -> list[OldRun]:
        """Return runs that started before, by start and id."""
        runs = self.runs.get(workspace_id, {}).values()
        found = [OldRun(run.start_time, run.id, run.trace_id) for run in runs if run.start_time < before]
        return _page([run for run in found if run[:2] > after], limit)

    def window(self, workspace_id: bytes, after: bytes) -> bytes | None:
        """Return None: all runs are one window."""

    def carriers(
        self, workspace_id: bytes, column: str, value: str | bytes, *, after: bytes, last: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return id and trace of the runs with this value whose ids are beyond `after` and not beyond `last`, by id."""
        runs = (run for run in self.runs.get(workspace_id, {}).values() if getattr(run, column) == value)
        return _page([(run.id, run.trace_id) for run in runs if after < run.id <= last], limit)

    def names_between(self, workspace_id: bytes, after: bytes, last: bytes) -> list[NamesOfRuns]:
        """Return whom the runs name whose ids are beyond `after` and not beyond `last`."""
        runs = (run for run in self.runs.get(workspace_id, {}).values() if after < run.id <= last)
        return list({NamesOfRuns(*(getattr(run, name) for name in NamesOfRuns._fields)) for run in runs})

    def prompts(self, workspace_id: bytes, column: str, value: bytes, *, limit: int) -> list[bytes]:
        """Return the prompts of a session or conversation."""
        runs = (run for run in self.runs.get(workspace_id, {}).values() if run.run_type == "prompt")
        return _page([run.id for run in runs if getattr(run, column) == value], limit)

    def expect(self, workspace_id: bytes, traces: Sequence[bytes]) -> None:
        """Do nothing."""

    def stored_runs(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> set[bytes]:
        """Return which of these runs are stored."""
        return self.runs.get(workspace_id, {}).keys() & set(run_ids)

    def traces_with(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> set[bytes]:
        """Return the traces of these runs, as far as they are stored."""
        runs = self.runs.get(workspace_id, {})
        return {runs[run].trace_id for run in run_ids if run in runs}

    # Events.

    def run_events(
        self, workspace_id: bytes, run_ids: Collection[bytes], session_ids: Sequence[bytes], *, limit: int
    ) -> list[StoredEvent]:
        """Return events of these runs that are in one of these sessions or in none."""
        found = [event for event in self._events(workspace_id) if event.run_id in run_ids]
        places = {*session_ids, None}
        return [event for event in found if self.events[workspace_id, event.id].session_id in places][:limit]

    def has_events(self, workspace_id: bytes, session_id: bytes) -> bool:
        """Return whether there are events of a session, those that are hidden too."""
        return bool(self.session_events(workspace_id, session_id))

    def session_events(self, workspace_id: bytes, session_id: bytes) -> list[StoredEvent]:
        """Return all events of a session, those that are hidden too."""
        found = self._events(workspace_id)
        return [event for event in found if self.events[workspace_id, event.id].session_id == session_id]

    def old_events(self, workspace_id: bytes, below: str, *, after: str, limit: int) -> list[StoredEvent]:
        """Return events whose id is less than `below`, by id."""
        return _page([event for event in self._events(workspace_id) if after < event.id < below], limit)

    def _events(self, workspace_id: bytes) -> list[StoredEvent]:
        events = self.events.values()
        return [StoredEvent(event.id, event.run_id) for event in events if event.workspace_id == workspace_id]

    # Foreign spans and logs.

    def old_spans(self, workspace_id: bytes, before: int, *, after: RawKey, limit: int) -> list[RawKey]:
        """Return versions of spans that started before, by time, trace, span and version."""
        rows = [row for spans in self.raw_spans.values() for row in spans.values()]
        rows = [row for row in rows if row.workspace_id == workspace_id and row.start_time < before]
        keys = [RawKey(row.start_time, row.trace_id, row.span_id, row.version) for row in rows]
        return _page([key for key in keys if key > after], limit)

    def old_logs(self, workspace_id: bytes, before: int, *, after: RawKey, limit: int) -> list[RawKey]:
        """Return logs that were written before, by time, trace and id."""
        rows = [row for logs in self.raw_logs.values() for row in logs.values()]
        rows = [row for row in rows if row.workspace_id == workspace_id and row.time < before]
        return _page([key for row in rows if (key := RawKey(row.time, row.trace_id, row.id)) > after], limit)

    def delete_spans(self, workspace_id: bytes, keys: Sequence[RawKey]) -> None:
        """Delete versions of spans."""
        for key in keys:
            self.raw_spans.get((workspace_id, key.trace_id), {}).pop((key.id, key.number), None)
            _drop_if_empty(self.raw_spans, (workspace_id, key.trace_id))

    def delete_logs(self, workspace_id: bytes, keys: Sequence[RawKey]) -> None:
        """Delete logs."""
        for key in keys:
            self.raw_logs.get((workspace_id, key.trace_id), {}).pop(key.id, None)
            _drop_if_empty(self.raw_logs, (workspace_id, key.trace_id))

    # Sessions, contacts, conversations.

    def session(self, workspace_id: bytes, session_id: bytes) -> SessionRow | None:
        """Return a session."""
        return self.entities.sessions.get((workspace_id, session_id))

    def old_sessions(
        self, workspace_id: bytes, before: int, *, after: tuple[int, bytes], limit: int
    ) -> list[tuple[int, bytes]]:
        """Return `created_at` and id of the sessions that were created before, by both."""
        rows = [row for row in self.entities.sessions.values() if row.workspace_id == workspace_id]
        found = [(row.created_at, row.id) for row in rows if row.created_at < before]
        return _page([one for one in found if one > after], limit)

    def sessions_of(self, workspace_id: bytes, user_id: str, *, after: bytes, limit: int) -> list[bytes]:
        """Return the sessions that a user owns, by id."""
        rows = [row for row in self.entities.sessions.values() if row.workspace_id == workspace_id]
        return sorted(row.id for row in rows if row.user_id == user_id and row.id > after)[:limit]

    def session_agents(self, workspace_id: bytes, session_id: bytes) -> list[str]:
        """Return the agents of a session."""
        return [row[2] for row in self.entities.session_agents if row[:2] == (workspace_id, session_id)]

    def delete_session(self, workspace_id: bytes, session_id: bytes) -> None:
        """Delete a session and its agents."""
        self.entities.sessions.pop((workspace_id, session_id), None)
        agents = self.session_agents(workspace_id, session_id)
        self.entities.session_agents -= {(workspace_id, session_id, agent) for agent in agents}

    def clear_session(self, workspace_id: bytes, session_id: bytes) -> None:
        """Take the user from a session."""
        key = (workspace_id, session_id)
        self.entities.sessions[key] = replace(self.entities.sessions[key], user_id=None)

    def has_contact(self, workspace_id: bytes, contact_id: bytes) -> bool:
        """Return whether the contact is stored."""
        return (workspace_id, contact_id) in self.entities.contacts

    def has_conversation(self, workspace_id: bytes, conversation_id: bytes) -> bool:
        """Return whether the conversation is stored."""
        return (workspace_id, conversation_id) in self.entities.conversations

    def delete_contact(self, workspace_id: bytes, contact_id: bytes) -> None:
        """Delete a contact."""
        self.entities.contacts.pop((workspace_id, contact_id), None)

    def delete_conversation(self, workspace_id: bytes, conversation_id: bytes) -> None:
        """Delete a conversation."""
        self.entities.conversations.pop((workspace_id, conversation_id), None)

    def leave_session(self, workspace_id: bytes, conversation_ids: Sequence[bytes] | None, session_id: bytes) -> None:
        """Let those of these conversations that name this session name none; None: of all conversations."""
        known = self.entities.conversations
        for key in list(known) if conversation_ids is None else [(workspace_id, talk) for talk in conversation_ids]:
            if key[0] == workspace_id and key in known and known[key].session_id == session_id:
                known[key] = replace(known[key], session_id=None)

    # The audit log.

    def old_notes(self, workspace_id: bytes, below: bytes, *, after: bytes, limit: int) -> list[Note]:
        """Return notes whose id is less than `below`, by id."""
        notes = [note for note in self.audit.values() if note.workspace_id == workspace_id]
        return _page([Note(note.id, note.action) for note in notes if after < note.id < below], limit)

    def notes_of(self, workspace_id: bytes, user_id: str, below: bytes, *, after: bytes, limit: int) -> list[Note]:
        """Return the notes of what a user did, whose id is less than `below`, by id."""
        notes = [note for note in self.audit.values() if note.workspace_id == workspace_id and note.user_id == user_id]
        return _page([Note(note.id, note.action) for note in notes if after < note.id < below], limit)

    def delete_notes(self, workspace_id: bytes, note_ids: Sequence[bytes]) -> None:
        """Delete notes."""
        for note in note_ids:
            self.audit.pop((workspace_id, note), None)

    def clear_notes(self, workspace_id: bytes, note_ids: Sequence[bytes]) -> None:
        """Take the user from notes."""
        for note in note_ids:
            self.audit[workspace_id, note] = replace(self.audit[workspace_id, note], user_id=None)


def _page(rows: list[Row], limit: int) -> list[Row]:
    return sorted(rows)[:limit]


def _drop_if_empty(
    table: dict[Key, dict[tuple[bytes, int], SpanRow]] | dict[Key, dict[bytes, LogRow]], key: Key
) -> None:
    if not table.get(key):
        table.pop(key, None)
