"""The statements that `store.purge` needs, in SQL, on one connection."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from agenttrace.store import sql_text
from agenttrace.store.purge_tables import NamesOfRuns, Note, OldRun, RawKey, StoredEvent
from agenttrace.store.sql_tables import SQLTables, chunks, session_row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from agenttrace.model.rows import SessionRow

__all__ = ["SQLPurgeTables"]

Key = tuple[bytes, bytes]

#: What is less than every id but this one; a database with a type for UUIDs takes nothing shorter.
_NIL = bytes(16)
_LENGTHS = (1, 8, 64)
_LEAVE = "UPDATE conversation SET session_id = NULL WHERE workspace_id = ? AND session_id = ?"
_EVENTS_AT_ONCE = 5_000
_WITH_WORKSPACES = ("run", "event", "span", "log", "session")


class SQLPurgeTables(SQLTables):
    """`store.purge_tables.PurgeTables` on one connection. Rows go many at a time: see `store.sqlite_tables`."""

    #: How many runs a walk looks at in one step.
    at_once = 10_000

    def next_workspace(self, after: bytes | None, *, audit: bool) -> bytes | None:
        """Return the least workspace that has rows to purge, beyond this one."""
        sign, low = (">=", _NIL) if after is None else (">", after)
        tables = (*_WITH_WORKSPACES, "audit") if audit else _WITH_WORKSPACES
        select = "SELECT workspace_id FROM {} WHERE workspace_id {} ? ORDER BY workspace_id LIMIT 1"
        return min((row[0] for table in tables for row in self.rows(select.format(table, sign), low)), default=None)

    # Runs.

    def old_runs(self, workspace_id: bytes, before: int, *, after: tuple[int, bytes], limit: int) -> list[OldRun]:
        """Return runs that started before, by start and id."""
        start, last = max(after[0], 0), after[1] or _NIL
        table = f"run{self._dialect.using('run_time')}"
        select = (
            f"SELECT start_time, id, trace_id FROM {table} "  # noqa: S608
            "WHERE workspace_id = ? AND start_time < ? AND start_time >= ? AND (start_time > ? OR id > ?) "
            "ORDER BY start_time, id LIMIT ?"
        )
        return [OldRun(*row) for row in self.rows(select, workspace_id, before, start, start, last, limit)]

    def window(self, workspace_id: bytes, after: bytes) -> bytes | None:
        """Return the id of the last run of the next window beyond this id; None where the last one begins."""
        select = "SELECT id FROM run WHERE workspace_id = ? AND id > ? ORDER BY id LIMIT 1 OFFSET ?"
        rows = self.rows(select, workspace_id, after, self.at_once - 1)
        return rows[0][0] if rows else None

    def carriers(
        self, workspace_id: bytes, column: str, value: str | bytes, *, after: bytes, last: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return id and trace of the runs with this value whose ids are beyond `after` and not beyond `last`, by id."""
        select = (
            "SELECT id, trace_id FROM run "  # noqa: S608
            f"WHERE workspace_id = ? AND id > ? AND id <= ? AND {column} = ? ORDER BY id LIMIT ?"
        )
        return [(row[0], row[1]) for row in self.rows(select, workspace_id, after, last, value, limit)]

    def names_between(self, workspace_id: bytes, after: bytes, last: bytes) -> list[NamesOfRuns]:
        """Return whom the runs name whose ids are beyond `after` and not beyond `last`."""
        select = (
            f"SELECT DISTINCT {', '.join(NamesOfRuns._fields)} FROM run "  # noqa: S608
            "WHERE workspace_id = ? AND id > ? AND id <= ?"
        )
        return [NamesOfRuns(*row) for row in self.rows(select, workspace_id, after, last)]

    def prompts(self, workspace_id: bytes, column: str, value: bytes, *, limit: int) -> list[bytes]:
        """Return the prompts of a session or conversation."""
        index = {"session_id": "run_prompt_session", "conversation_id": "run_prompt_conversation"}[column]
        select = (
            f"SELECT id FROM run{self._dialect.using(index)} "  # noqa: S608
            f"WHERE workspace_id = ? AND run_type = 'prompt' AND {column} = ? LIMIT ?"
        )
        return [row[0] for row in self.rows(select, workspace_id, value, limit)]

    def expect(self, workspace_id: bytes, traces: Sequence[bytes]) -> None:
        """Do nothing: each is asked for by itself."""

    def delete_runs(self, keys: Sequence[Key]) -> None:
        """Delete runs, as far as they are stored."""
        self._delete("run", "id", keys)

    def stored_runs(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> set[bytes]:
        """Return which of these runs are stored."""
        keys = [(workspace_id, run) for run in dict.fromkeys(run_ids)]
        return {row[0] for _, row in self._by_id("SELECT id FROM run", "id", keys)}

    def traces_with(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> set[bytes]:
        """Return the traces of these runs, as far as they are stored."""
        keys = [(workspace_id, run) for run in dict.fromkeys(run_ids)]
        return {row[0] for _, row in self._by_id("SELECT trace_id FROM run", "id", keys)}

    # Events.

    def run_events(
        self, workspace_id: bytes, run_ids: Collection[bytes], session_ids: Sequence[bytes], *, limit: int
    ) -> list[StoredEvent]:
        """Return events of these runs that are in one of these sessions or in none."""
        keys = [(workspace_id, run) for run in run_ids]
        table = f"event{self._dialect.using('event_sessionless')}"
        select = f"SELECT id, run_id FROM {table}"  # noqa: S608
        found = [StoredEvent(*row) for _, row in self._by_id(select, "session_id IS NULL AND run_id", keys)]
        among = (min(run_ids), max(run_ids)) if run_ids else None
        for session in session_ids:
            for event in self._session_events(workspace_id, session, among):
                if len(found) >= limit:
                    return found[:limit]
                if event.run_id in run_ids:
                    found.append(event)
        return found[:limit]

    def has_events(self, workspace_id: bytes, session_id: bytes) -> bool:
        """Return whether there are events of a session, those that are hidden too."""
        return next(self._session_events(workspace_id, session_id, at_once=1), None) is not None

    def session_events(self, workspace_id: bytes, session_id: bytes) -> list[StoredEvent]:
        """Return all events of a session, those that are hidden too."""
        return list(self._session_events(workspace_id, session_id))

    def _session_events(
        self,
        workspace: bytes,
        session: bytes,
        runs: tuple[bytes, bytes] | None = None,
        *,
        at_once: int = _EVENTS_AT_ONCE,
    ) -> Iterator[StoredEvent]:
        """Yield the events of a session; of the runs between two of them, both included."""
        more = "" if runs is None else " AND run_id >= ? AND run_id <= ?"
        for index, condition in (("event_session", "NOT hidden"), ("event_hidden", "hidden")):
            select = (
                f"SELECT id, run_id FROM event{self._dialect.using(index)} "  # noqa: S608
                f"WHERE workspace_id = ? AND session_id = ? AND {condition} AND id > ?{more} ORDER BY id LIMIT ?"
            )
            last = ""
            while page := self.rows(select, workspace, session, last, *(runs or ()), at_once):
                yield from (StoredEvent(*row) for row in page)
                if len(page) < at_once:
                    break
                last = page[-1][0]

    def old_events(self, workspace_id: bytes, below: str, *, after: str, limit: int) -> list[StoredEvent]:
        """Return events whose id is less than `below`, by id."""
        select = "SELECT id, run_id FROM event WHERE workspace_id = ? AND id < ? AND id > ? ORDER BY id LIMIT ?"
        return [StoredEvent(*row) for row in self.rows(select, workspace_id, below, after, limit)]

    def delete_events(self, keys: Sequence[tuple[bytes, str]]) -> None:
        """Delete events, as far as they are stored."""
        self._delete("event", "id", keys)

    # Foreign spans and logs.

    def old_spans(self, workspace_id: bytes, before: int, *, after: RawKey, limit: int) -> list[RawKey]:
        """Return versions of spans that started before, by time, trace, span and version."""
        start = max(after.time, 0)
        select = (
            f"SELECT start_time, trace_id, span_id, version FROM span{self._dialect.using('span_time')} "  # noqa: S608
            "WHERE workspace_id = ? AND start_time < ? AND start_time >= ? AND (start_time > ? OR trace_id > ? "
            "OR (trace_id = ? AND (span_id > ? OR (span_id = ? AND version > ?)))) "
            "ORDER BY start_time, trace_id, span_id, version LIMIT ?"
        )
        place = (start, start, after.trace_id, after.trace_id, after.id, after.id, after.number)
        return [RawKey(*row) for row in self.rows(select, workspace_id, before, *place, limit)]

    def old_logs(self, workspace_id: bytes, before: int, *, after: RawKey, limit: int) -> list[RawKey]:
        """Return logs that were written before, by time, trace and id."""
        start = max(after.time, 0)
        select = (
            f"SELECT time, trace_id, id FROM log{self._dialect.using('log_time')} "  # noqa: S608
            "WHERE workspace_id = ? AND time < ? AND time >= ? AND (time > ? OR trace_id > ? "
            "OR (trace_id = ? AND id > ?)) ORDER BY time, trace_id, id LIMIT ?"
        )
        place = (start, start, after.trace_id, after.trace_id, after.id or _NIL)
        return [RawKey(*row) for row in self.rows(select, workspace_id, before, *place, limit)]

    def delete_spans(self, workspace_id: bytes, keys: Sequence[RawKey]) -> None:
        """Delete versions of spans."""
        self._delete_by("span", ("trace_id", "span_id", "version"), workspace_id, [key[1:] for key in keys])

    def delete_logs(self, workspace_id: bytes, keys: Sequence[RawKey]) -> None:
        """Delete logs."""
        self._delete_by("log", ("trace_id", "id"), workspace_id, [key[1:3] for key in keys])

    # Sessions, contacts, conversations.

    def session(self, workspace_id: bytes, session_id: bytes) -> SessionRow | None:
        """Return a session."""
        select = f"SELECT {sql_text.SESSION_COLUMNS} FROM session WHERE workspace_id = ? AND id = ?"  # noqa: S608
        rows = self.rows(select, workspace_id, session_id)
        return session_row(rows[0]) if rows else None

    def old_sessions(
        self, workspace_id: bytes, before: int, *, after: tuple[int, bytes], limit: int
    ) -> list[tuple[int, bytes]]:
        """Return `created_at` and id of the sessions that were created before, by both."""
        created, last = max(after[0], 0), after[1] or _NIL
        select = (
            f"SELECT created_at, id FROM session{self._dialect.using('session_time')} "  # noqa: S608
            "WHERE workspace_id = ? AND created_at < ? AND created_at >= ? AND (created_at > ? OR id > ?) "
            "ORDER BY created_at, id LIMIT ?"
        )
        rows = self.rows(select, workspace_id, before, created, created, last, limit)
        return [(row[0], row[1]) for row in rows]

    def sessions_of(self, workspace_id: bytes, user_id: str, *, after: bytes, limit: int) -> list[bytes]:
        """Return the sessions that a user owns, by id."""
        select = (
            f"SELECT id FROM session{self._dialect.using('session_owner')} "  # noqa: S608
            "WHERE workspace_id = ? AND user_id = ? AND id > ? ORDER BY id LIMIT ?"
        )
        return [row[0] for row in self.rows(select, workspace_id, user_id, after or _NIL, limit)]

    def session_agents(self, workspace_id: bytes, session_id: bytes) -> list[str]:
        """Return the agents of a session."""
        select = "SELECT agent_key FROM session_agent WHERE workspace_id = ? AND session_id = ?"
        return [row[0] for row in self.rows(select, workspace_id, session_id)]

    def delete_session(self, workspace_id: bytes, session_id: bytes) -> None:
        """Delete a session and its agents."""
        self._do("DELETE FROM session WHERE workspace_id = ? AND id = ?", workspace_id, session_id)
        self._do("DELETE FROM session_agent WHERE workspace_id = ? AND session_id = ?", workspace_id, session_id)

    def clear_session(self, workspace_id: bytes, session_id: bytes) -> None:
        """Take the user from a session."""
        self._do("UPDATE session SET user_id = NULL WHERE workspace_id = ? AND id = ?", workspace_id, session_id)

    def has_contact(self, workspace_id: bytes, contact_id: bytes) -> bool:
        """Return whether the contact is stored."""
        return bool(self.rows("SELECT 1 FROM contact WHERE workspace_id = ? AND id = ?", workspace_id, contact_id))

    def has_conversation(self, workspace_id: bytes, conversation_id: bytes) -> bool:
        """Return whether the conversation is stored."""
        select = "SELECT 1 FROM conversation WHERE workspace_id = ? AND id = ?"
        return bool(self.rows(select, workspace_id, conversation_id))

    def delete_contact(self, workspace_id: bytes, contact_id: bytes) -> None:
        """Delete a contact."""
        self._do("DELETE FROM contact WHERE workspace_id = ? AND id = ?", workspace_id, contact_id)

    def delete_conversation(self, workspace_id: bytes, conversation_id: bytes) -> None:
        """Delete a conversation."""
        self._do("DELETE FROM conversation WHERE workspace_id = ? AND id = ?", workspace_id, conversation_id)

    def leave_session(self, workspace_id: bytes, conversation_ids: Sequence[bytes] | None, session_id: bytes) -> None:
        """Let those of these conversations that name this session name none; None: of all conversations."""
        if conversation_ids is None:
            self._do(_LEAVE, workspace_id, session_id)
            return
        for part in chunks(list(dict.fromkeys(conversation_ids))):
            update = f"{_LEAVE} AND id IN ({sql_text.marks(len(part))})"
            self._do(update, workspace_id, session_id, *part)

    # The audit log.

    def old_notes(self, workspace_id: bytes, below: bytes, *, after: bytes, limit: int) -> list[Note]:
        """Return notes whose id is less than `below`, by id."""
        select = "SELECT id, action FROM audit WHERE workspace_id = ? AND id < ? AND id > ? ORDER BY id LIMIT ?"
        return [Note(*row) for row in self.rows(select, workspace_id, below, after or _NIL, limit)]

    def notes_of(self, workspace_id: bytes, user_id: str, below: bytes, *, after: bytes, limit: int) -> list[Note]:
        """Return the notes of what a user did, whose id is less than `below`, by id."""
        select = (
            f"SELECT id, action FROM audit{self._dialect.using('audit_user')} "  # noqa: S608
            "WHERE workspace_id = ? AND user_id = ? AND id < ? AND id > ? ORDER BY id LIMIT ?"
        )
        return [Note(*row) for row in self.rows(select, workspace_id, user_id, below, after or _NIL, limit)]

    def delete_notes(self, workspace_id: bytes, note_ids: Sequence[bytes]) -> None:
        """Delete notes."""
        self._delete("audit", "id", [(workspace_id, note) for note in note_ids])

    def clear_notes(self, workspace_id: bytes, note_ids: Sequence[bytes]) -> None:
        """Take the user from notes."""
        for part in chunks(list(note_ids)):
            update = f"UPDATE audit SET user_id = NULL WHERE workspace_id = ? AND id IN ({sql_text.marks(len(part))})"  # noqa: S608
            self._do(update, workspace_id, *part)

    def _do(self, sql: str, *values: bytes | str | int) -> None:
        self._connection.execute(self._dialect.sql(sql), values)

    def _delete(self, table: str, column: str, keys: Iterable[tuple[bytes, bytes | str]]) -> None:
        by_workspace: dict[bytes, list[tuple[bytes | str]]] = {}
        for workspace, key in keys:
            by_workspace.setdefault(workspace, []).append((key,))
        for workspace, wanted in by_workspace.items():
            self._delete_by(table, (column,), workspace, wanted)

    def _delete_by(
        self, table: str, columns: Sequence[str], workspace_id: bytes, keys: Sequence[tuple[bytes | str | int, ...]]
    ) -> None:
        """Delete the rows with these keys."""
        # For `(a, b) IN (VALUES ...)`, and for OR beside a condition for all, SQLite walks the whole table.
        one = " AND ".join(f"{column} = ?" for column in ("workspace_id", *columns))
        for part in _parts(keys):
            if len(columns) == 1:
                delete = f"DELETE FROM {table} WHERE workspace_id = ? AND {columns[0]} IN ({sql_text.marks(len(part))})"  # noqa: S608
                self._do(delete, workspace_id, *chain.from_iterable(part))
            else:
                delete = f"DELETE FROM {table} WHERE {' OR '.join([f'({one})'] * len(part))}"  # noqa: S608
                self._do(delete, *chain.from_iterable((workspace_id, *key) for key in part))


def _parts(keys: Sequence[tuple[bytes | str | int, ...]]) -> Iterator[list[tuple[bytes | str | int, ...]]]:
    """Yield the keys in lists of a few fixed lengths; the last is filled up with its last key."""
    for start in range(0, len(keys), _LENGTHS[-1]):
        part = list(keys[start : start + _LENGTHS[-1]])
        length = next(length for length in _LENGTHS if length >= len(part))
        yield part + part[-1:] * (length - len(part))
