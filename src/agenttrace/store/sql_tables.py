"""The statements that `store.apply` needs, in SQL, on a connection that is inside a transaction."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from agenttrace.model import ids
from agenttrace.model.rows import (
    RUN_FIELDS,
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
    columns_of,
    run_of_values,
    values_of_run,
)
from agenttrace.slices import in_slices
from agenttrace.store import link_text, sql_text
from agenttrace.store.apply import Known, Orphan
from agenttrace.store.derived import is_derived
from agenttrace.store.link_reading import make_whole
from agenttrace.store.sql_lists import chunks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from agenttrace.store.dialect import Connection, Dialect
    from agenttrace.store.entities import Entities
    from agenttrace.store.link_writing import LinkWriter
    from agenttrace.store.links import Link, Shortened

__all__ = ["SQLTables", "chunks", "event_row", "run_row", "session_row"]

Key = tuple[bytes, bytes]

_CONTENT = RUN_FIELDS.index("content")
_event_values = attrgetter(*columns_of(EventRow))
_session_values = attrgetter(*columns_of(SessionRow))
_agent_values = attrgetter(*columns_of(AgentRow))
_conversation_values = attrgetter(*columns_of(ConversationRow))
_span_values = attrgetter(*columns_of(SpanRow))
_log_values = attrgetter(*columns_of(LogRow))
_key_values = attrgetter(*columns_of(ApiKeyRow))
_process_values = attrgetter(*columns_of(ProcessRow))
_audit_values = attrgetter(*columns_of(AuditRow))
_letter_values = attrgetter(*columns_of(DeadLetterRow))


def run_row(values: Sequence[Any]) -> RunRow:
    """Return the run that a row of `RUN_COLUMNS` is."""
    row = run_of_values(tuple(values))
    row.is_root = bool(row.is_root)
    return row


def event_row(values: Sequence[Any]) -> EventRow:
    """Return the event that a row of `EVENT_COLUMNS` is."""
    row = EventRow(*values)
    row.hidden = bool(row.hidden)
    return row


def session_row(values: Sequence[Any]) -> SessionRow:
    """Return the session that a row of `SESSION_COLUMNS` is."""
    return SessionRow(*values)


def _with_links(values: tuple[Any, ...], short: Shortened) -> tuple[Any, ...]:
    return (*values[:_CONTENT], short.content, *values[_CONTENT + 1 : -2], short.history_link, short.context_link)


class SQLTables:
    """`store.apply.Tables` on one connection."""

    def __init__(self, connection: Connection, dialect: Dialect, links: LinkWriter | None = None) -> None:
        self._connection = connection
        self._dialect = dialect
        self._links = links

    def known(self, keys: Iterable[Key]) -> dict[Key, Known]:
        """Return which of these runs are stored."""
        found = self._by_id("SELECT id, session_id, learnt FROM run", "id", self._in_reach(keys))
        return {(workspace, row[0]): Known(row[1], row[2]) for workspace, row in found}

    def _in_reach(self, keys: Iterable[Key]) -> list[Key]:
        """Return those of these runs whose ids are not greater than all that are stored.

        Ids begin with the time, mostly: so what one look says of the greatest one spares looking for most of a batch.
        """
        wanted = list(keys)
        workspaces = {workspace for workspace, _ in wanted}
        greatest = {workspace: self.rows(sql_text.LAST_RUN, workspace) for workspace in workspaces}
        # Text, which only another program writes there, is less than all bytes: then no id of ours is stored.
        last = {workspace: rows[0][0] for workspace, rows in greatest.items() if rows and type(rows[0][0]) is bytes}
        return [key for key in wanted if key[1] <= last.get(key[0], b"")]

    def load(self, keys: Iterable[Key]) -> dict[Key, RunRow]:
        """Return these runs, as far as they are stored; the prompts of our own as skeletons (`store.links`).

        What is derived is compared with what is derived anew, so that is whole.
        """
        found = self._by_id(f"SELECT {sql_text.RUN_COLUMNS} FROM run", "id", keys)  # noqa: S608
        runs = {(run.workspace_id, run.id): run for run in (run_row(row) for _, row in found)}
        make_whole([run for run in runs.values() if is_derived(run)], lambda sql, values: self.rows(sql, *values))
        return runs

    def open_runs(self, process_id: bytes) -> list[RunRow]:
        """Return the running runs of a process."""
        select = f"SELECT {sql_text.RUN_COLUMNS} FROM run WHERE status = 'running' AND process_id = ?"  # noqa: S608
        return [run_row(row) for row in self.rows(select, process_id)]

    def put_runs(self, runs: Sequence[RunRow], *, are_new: bool = False) -> None:  # noqa: ARG002
        """Insert or replace runs."""
        self._many(sql_text.PUT_RUN, self.run_values(runs))

    def run_values(self, runs: Sequence[RunRow]) -> list[tuple[Any, ...]]:
        """Return the values of these runs by column, after storing what of them is kept once."""
        values: list[tuple[Any, ...]] = list(map(values_of_run, in_slices(runs)))
        for index, short in self.short_values(runs).items():
            values[index] = short
        return values

    def short_values(self, runs: Sequence[RunRow]) -> dict[int, tuple[Any, ...]]:
        """Store what of these runs is kept once, and return the values of those that have such, by place."""
        taken = self._links.take(runs, self) if self._links is not None else {}
        return {index: _with_links(values_of_run(runs[index]), short) for index, short in taken.items()}

    def known_links(self, keys: Iterable[Key]) -> set[Key]:
        """Return which of these links are stored."""
        return {(workspace, row[0]) for workspace, row in self._by_id(link_text.KNOWN, "hash", keys)}

    def put_links(self, links: Iterable[Link], now: int) -> None:
        """Insert links; those that are stored stay as they are."""
        self._many(link_text.PUT, ((*link, now) for link in links))

    def forget_links(self, workspace_id: bytes, hashes: Sequence[bytes]) -> None:
        """Delete links."""
        for part in chunks(hashes):
            delete = link_text.FORGET.format(hashes=sql_text.marks(len(part)))
            self._connection.execute(self._dialect.sql(delete), (workspace_id, *part))

    def orphans(self, workspace_id: bytes, parents: Sequence[bytes]) -> list[Orphan]:
        """Return the roots whose parent is one of these."""
        # Nearly always there is none at all, which costs one look.
        if not self.rows(sql_text.ANY_ORPHAN, workspace_id):
            return []
        select = "SELECT id, parent_id, trace_id FROM run"
        keys = [(workspace_id, parent) for parent in parents]
        found = self._by_id(select, "is_root AND parent_id", keys)
        return [Orphan(*row) for _, row in found]

    def ancestors(self, workspace_id: bytes, run_id: bytes) -> list[bytes]:
        """Return the stored runs from this one upward, itself first, each once."""
        parents: dict[bytes, bytes | None] = dict(
            self.rows(sql_text.ANCESTORS, workspace_id, run_id, workspace_id)  # pyright: ignore[reportArgumentType]
        )
        chain: dict[bytes, None] = {}
        here: bytes | None = run_id
        while here is not None and here in parents and here not in chain:
            chain[here] = None
            here = parents[here]
        return list(chain)

    def set_root(self, workspace_id: bytes, run_ids: Sequence[bytes], is_root: bool) -> None:
        """Set the root flag of stored runs."""
        update = "UPDATE run SET is_root = ? WHERE workspace_id = ? AND id = ?"
        self._many(update, ((is_root, workspace_id, run) for run in run_ids))

    def outline(self, workspace_id: bytes, trace_id: bytes) -> list[RunRow]:
        """Return the runs of a trace, without content, error and attributes."""
        low, high = ids.trace_range(int.from_bytes(trace_id, "big"))
        return [run_row(row) for row in self.rows(sql_text.OUTLINE, workspace_id, low, high, trace_id)]

    def delete_runs(self, keys: Sequence[Key]) -> None:
        """Delete runs, as far as they are stored."""
        self._many("DELETE FROM run WHERE workspace_id = ? AND id = ?", keys)

    def put_spans(self, spans: Sequence[SpanRow]) -> None:
        """Insert versions of foreign spans."""
        self._many(sql_text.PUT_SPAN, map(_span_values, spans))

    def put_logs(self, logs: Sequence[LogRow]) -> None:
        """Insert log records."""
        self._many(sql_text.PUT_LOG, map(_log_values, logs))

    def spans(self, workspace_id: bytes, trace_id: bytes) -> list[SpanRow]:
        """Return all versions of the foreign spans of a trace."""
        return [SpanRow(*row) for row in self.rows(sql_text.SPANS, workspace_id, trace_id)]

    def logs(self, workspace_id: bytes, trace_id: bytes) -> list[LogRow]:
        """Return the log records of a trace."""
        return [LogRow(*row) for row in self.rows(sql_text.LOGS, workspace_id, trace_id)]

    def open_spans(self, process_id: bytes) -> list[SpanRow]:
        """Return the present versions without an end that a process recorded."""
        return [SpanRow(*row) for row in self.rows(sql_text.OPEN_SPANS, process_id)]

    def with_spans(self, traces: Iterable[Key]) -> set[Key]:
        """Return which of these traces have foreign spans."""
        wanted = list(traces)
        # Where nobody sends foreign spans, that costs one look.
        if not wanted or not self.rows("SELECT 1 FROM span LIMIT 1"):
            return set()
        found = self._by_id("SELECT DISTINCT trace_id FROM span", "trace_id", wanted)
        return {(workspace, row[0]) for workspace, row in found}

    def events_between(self, workspace_id: bytes, session_id: bytes, low: str, high: str) -> list[EventRow]:
        """Return the visible events of a session between two ids."""
        select = sql_text.EVENTS_BETWEEN.format(event=f"event{self._dialect.using('event_session')}")
        return [event_row(row) for row in self.rows(select, workspace_id, session_id, low, high)]

    def put_events(self, events: Sequence[EventRow]) -> None:
        """Insert events; a stored one without a session gets session and hidden flag."""
        self._many(sql_text.PUT_EVENT, map(_event_values, in_slices(events)))

    def delete_events(self, keys: Sequence[tuple[bytes, str]]) -> None:
        """Delete events, as far as they are stored."""
        self._many("DELETE FROM event WHERE workspace_id = ? AND id = ?", keys)

    def sessionless(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[EventRow]:
        """Return the events of these runs that have no session."""
        if not self.rows("SELECT 1 FROM event WHERE session_id IS NULL LIMIT 1"):
            return []
        table = f"event{self._dialect.using('event_sessionless')}"
        select = f"SELECT {sql_text.EVENT_COLUMNS} FROM {table}"  # noqa: S608
        keys = [(workspace_id, run) for run in run_ids]
        return [event_row(row) for _, row in self._by_id(select, "session_id IS NULL AND run_id", keys)]

    def resets(self, keys: Iterable[Key]) -> dict[Key, int]:
        """Return when these sessions were last reset, for those that were."""
        found = self._by_id("SELECT id, reset_at FROM session", "reset_at IS NOT NULL AND id", keys)
        return {(workspace, row[0]): row[1] for workspace, row in found}

    def put_entities(self, entities: Entities) -> None:
        """Insert what is not stored, and complete what is."""
        self._many(sql_text.PUT_SESSION, map(_session_values, entities.sessions.values()))
        self._many(sql_text.PUT_AGENT, map(_agent_values, entities.agents.values()))
        self._many(sql_text.PUT_CONTACT, entities.contacts)
        self._many(sql_text.PUT_CONVERSATION, map(_conversation_values, entities.conversations.values()))
        self._many(sql_text.PUT_SESSION_AGENT, entities.session_agents)

    def put_audit(self, notes: Sequence[AuditRow]) -> None:
        """Insert notes of the audit log; those that are stored stay as they are."""
        self._many(sql_text.PUT_AUDIT, map(_audit_values, notes))

    def use_keys(self, used: Mapping[tuple[bytes, str], int]) -> None:
        """Move the last use of API keys to these times, never back."""
        self._many(sql_text.USE_KEY, ((time, *key, time) for key, time in used.items()))

    def put_processes(self, beats: Sequence[ProcessRow]) -> None:
        """Insert heartbeats, or replace them where they are stored."""
        self._many(sql_text.PUT_PROCESS, map(_process_values, beats))

    def forget_process(self, process_id: bytes) -> None:
        """Delete the heartbeat of a process, if there is one."""
        self._many(sql_text.FORGET_PROCESS, [(process_id,)])

    def put_letters(self, letters: Iterable[DeadLetterRow]) -> None:
        """Insert dead letters; of those that are stored, set time and error."""
        once = {letter.id: letter for letter in letters}
        self._many(sql_text.PUT_LETTER, map(_letter_values, once.values()))

    def discard_letters(self, ids: Sequence[bytes]) -> int:
        """Delete dead letters, and return how many there were."""
        wanted = list(dict.fromkeys(ids))
        asked = self._dialect.for_keys("SELECT id FROM dead_letter WHERE TRUE", (), "id", wanted)
        found = [row[0] for sql, values in asked for row in self.rows(sql, *values)]
        self._many(sql_text.DISCARD_LETTER, ((key,) for key in found))
        return len(found)

    def add_key(self, row: ApiKeyRow) -> None:
        """Insert an API key; the database refuses an id that exists."""
        self._connection.execute(self._dialect.sql(sql_text.ADD_KEY), _key_values(row))

    def revoke_key(self, workspace_id: bytes, key_id: str, at: int) -> None:
        """Set when a key was revoked, unless it is set."""
        self._connection.execute(self._dialect.sql(sql_text.REVOKE_KEY), (at, workspace_id, key_id))

    def reset(self, session: SessionRow, now: int) -> SessionRow:
        """Reset a session: hide its input messages, delete its other events."""
        reset_at = max(now, session.reset_at or now)
        key = (session.workspace_id, session.id)
        self._connection.execute(self._dialect.sql(sql_text.RESET_SESSION), (reset_at, *key))
        events = f"event{self._dialect.using('event_session')}"
        for statement in sql_text.RESET_EVENTS:
            self._connection.execute(self._dialect.sql(statement.format(event=events)), key)
        session.last_message_at, session.reset_at = None, reset_at
        return session

    def _by_id(self, select: str, condition: str, keys: Iterable[Key]) -> Iterator[tuple[bytes, Any]]:
        by_workspace: dict[bytes, list[bytes]] = {}
        for workspace, key in keys:
            by_workspace.setdefault(workspace, []).append(key)
        for workspace, wanted in by_workspace.items():
            one = f"{select} WHERE workspace_id = ?"
            for sql, values in self._dialect.for_keys(one, (workspace,), condition, list(dict.fromkeys(wanted))):
                for row in self.rows(sql, *values):
                    yield workspace, row

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """Return what a statement of the common subset gives."""
        return self._connection.execute(self._dialect.sql(sql), values).fetchall()

    def _many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each row."""
        self._connection.executemany(self._dialect.sql(sql), list(rows))
