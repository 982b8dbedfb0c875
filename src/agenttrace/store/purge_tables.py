"""What a purge needs of a store that keeps tables: the statements, inside one transaction or one reading connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from agenttrace.model.rows import LogRow, RunRow, SessionRow, SpanRow

__all__ = ["NamesOfRuns", "Note", "OldRun", "PurgeTables", "RawKey", "StoredEvent"]

Key = tuple[bytes, bytes]


class OldRun(NamedTuple):
    """A run that was found by its start."""

    start_time: int
    id: bytes
    trace_id: bytes


class NamesOfRuns(NamedTuple):
    """Whom some runs of a trace name."""

    trace_id: bytes
    user_id: str | None
    ai_contact_id: bytes | None
    session_id: bytes | None
    conversation_id: bytes | None


class StoredEvent(NamedTuple):
    """An event, without what happened."""

    id: str
    run_id: bytes


class RawKey(NamedTuple):
    """A version of a foreign span (`number` is its version) or a log (`id` is its id)."""

    time: int
    trace_id: bytes
    id: bytes
    number: int = 0


class Note(NamedTuple):
    """A note of the audit log."""

    id: bytes
    action: str


class PurgeTables(Protocol):
    """Lists come in the order of what `after` compares, and hold at most `limit` rows that come after that."""

    def next_workspace(self, after: bytes | None, *, audit: bool) -> bytes | None:
        """Return the least workspace that has rows to purge, beyond this one; with `audit`, notes count as well."""
        ...

    # Runs, and what hangs on them.

    def old_runs(self, workspace_id: bytes, before: int, *, after: tuple[int, bytes], limit: int) -> list[OldRun]:
        """Return runs that started before, by start and id."""
        ...

    def window(self, workspace_id: bytes, after: bytes) -> bytes | None:
        """Return the id of the last run of the next window beyond this id, by id; None where the last one begins.

        A window holds as many runs as can be looked at while others wait.
        """
        ...

    def carriers(
        self, workspace_id: bytes, column: str, value: str | bytes, *, after: bytes, last: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return id and trace of the runs with this value whose ids are beyond `after` and not beyond `last`, by id."""
        ...

    def names_between(self, workspace_id: bytes, after: bytes, last: bytes) -> list[NamesOfRuns]:
        """Return whom the runs name whose ids are beyond `after` and not beyond `last`, in any order."""
        ...

    def prompts(self, workspace_id: bytes, column: str, value: bytes, *, limit: int) -> list[bytes]:
        """Return the prompts of a session (`session_id`) or conversation (`conversation_id`), in any order."""
        ...

    def expect(self, workspace_id: bytes, traces: Sequence[bytes]) -> None:
        """Learn of which traces outlines, spans and logs are asked for next."""
        ...

    def outline(self, workspace_id: bytes, trace_id: bytes) -> list[RunRow]: ...
    def traces_with(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> set[bytes]:
        """Return the traces of these runs, as far as they are stored."""
        ...

    def delete_runs(self, keys: Sequence[Key]) -> None: ...
    def set_root(self, workspace_id: bytes, run_ids: Sequence[bytes], is_root: bool) -> None: ...
    def stored_runs(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> set[bytes]:
        """Return which of these runs are stored."""
        ...

    # Events.

    def run_events(
        self, workspace_id: bytes, run_ids: Collection[bytes], session_ids: Sequence[bytes], *, limit: int
    ) -> list[StoredEvent]:
        """Return events of these runs that are in one of these sessions or in none, in any order."""
        ...

    def has_events(self, workspace_id: bytes, session_id: bytes) -> bool:
        """Return whether there are events of a session, those that are hidden too."""
        ...

    def session_events(self, workspace_id: bytes, session_id: bytes) -> list[StoredEvent]:
        """Return all events of a session, those that are hidden too."""
        ...

    def old_events(self, workspace_id: bytes, below: str, *, after: str, limit: int) -> list[StoredEvent]:
        """Return events whose id is less than `below`, by id."""
        ...

    def delete_events(self, keys: Sequence[tuple[bytes, str]]) -> None: ...

    # Foreign spans and logs.

    def spans(self, workspace_id: bytes, trace_id: bytes) -> list[SpanRow]: ...
    def logs(self, workspace_id: bytes, trace_id: bytes) -> list[LogRow]: ...
    def old_spans(self, workspace_id: bytes, before: int, *, after: RawKey, limit: int) -> list[RawKey]:
        """Return versions of spans that started before, by time, trace, span and version."""
        ...

    def old_logs(self, workspace_id: bytes, before: int, *, after: RawKey, limit: int) -> list[RawKey]:
        """Return logs that were written before, by time, trace and id."""
        ...

    def delete_spans(self, workspace_id: bytes, keys: Sequence[RawKey]) -> None:
        """Delete versions of spans."""
        ...

    def delete_logs(self, workspace_id: bytes, keys: Sequence[RawKey]) -> None:
        """Delete logs."""
        ...

    # Sessions, contacts, conversations.

    def session(self, workspace_id: bytes, session_id: bytes) -> SessionRow | None:
        """Return a session."""
        ...

    def old_sessions(
        self, workspace_id: bytes, before: int, *, after: tuple[int, bytes], limit: int
    ) -> list[tuple[int, bytes]]:
        """Return `created_at` and id of the sessions that were created before, by both."""
        ...

    def sessions_of(self, workspace_id: bytes, user_id: str, *, after: bytes, limit: int) -> list[bytes]:
        """Return the sessions that a user owns, by id."""
        ...

    def session_agents(self, workspace_id: bytes, session_id: bytes) -> list[str]:
        """Return the agents of a session."""
        ...

    def delete_session(self, workspace_id: bytes, session_id: bytes) -> None:
        """Delete a session and its agents."""
        ...

    def clear_session(self, workspace_id: bytes, session_id: bytes) -> None:
        """Take the user from a session."""
        ...

    def has_contact(self, workspace_id: bytes, contact_id: bytes) -> bool:
        """Return whether the contact is stored."""
        ...

    def has_conversation(self, workspace_id: bytes, conversation_id: bytes) -> bool:
        """Return whether the conversation is stored."""
        ...

    def delete_contact(self, workspace_id: bytes, contact_id: bytes) -> None:
        """Delete a contact."""
        ...

    def delete_conversation(self, workspace_id: bytes, conversation_id: bytes) -> None:
        """Delete a conversation."""
        ...

    def leave_session(self, workspace_id: bytes, conversation_ids: Sequence[bytes] | None, session_id: bytes) -> None:
        """Let those of these conversations that name this session name none; None: of all conversations."""
        ...

    # The audit log.

    def old_notes(self, workspace_id: bytes, below: bytes, *, after: bytes, limit: int) -> list[Note]:
        """Return notes whose id is less than `below`, by id."""
        ...

    def notes_of(self, workspace_id: bytes, user_id: str, below: bytes, *, after: bytes, limit: int) -> list[Note]:
        """Return the notes of what a user did, whose id is less than `below`, by id."""
        ...

    def delete_notes(self, workspace_id: bytes, note_ids: Sequence[bytes]) -> None:
        """Delete notes."""
        ...

    def clear_notes(self, workspace_id: bytes, note_ids: Sequence[bytes]) -> None:
        """Take the user from notes."""
        ...
