"""The store of SQL databases: what it does is here, what a database adds is its dialect."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from agenttrace.errors import StoreError, StoreRejected, StoreUnavailable
from agenttrace.model import ids
from agenttrace.model.rows import (
    AgentRow,
    ApiKeyRow,
    AuditRow,
    ConversationRow,
    DeadLetterRow,
    EventRow,
    LetterFigures,
    LogRow,
    ProcessRow,
    RunFigures,
    RunRow,
    SessionRow,
    SpanRow,
    TreeRow,
    TreeStamp,
)
from agenttrace.store import apply, purge, sql_text
from agenttrace.store.connections import Connections
from agenttrace.store.link_collecting import forget, look
from agenttrace.store.link_reading import TREE_COLUMNS, make_whole, whole_trees
from agenttrace.store.link_writing import KnownLinks, LinkWriter
from agenttrace.store.protocol import LINK_AGE, CollectStep, SessionFilter, StoredRow
from agenttrace.store.raw import present
from agenttrace.store.sql_purge import SQLPurgeTables
from agenttrace.store.sql_tables import SQLTables, event_row, run_row, session_row
from agenttrace.store.sql_where import Where, audit_where, event_where, run_wheres, session_where
from agenttrace.store.version import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from agenttrace.store.batch import Batch
    from agenttrace.store.dialect import Connection, Dialect, TableSeen
    from agenttrace.store.protocol import AuditFilter, EventFilter, PurgeCounts, PurgeFilter, PurgeStep, RunFilter

__all__ = ["SQLStore"]

Row = TypeVar("Row")

_log = logging.getLogger("agenttrace.store")

_COLLECT_EVERY = 5.0  # seconds
_NEWEST_RUN = "ORDER BY start_time DESC, id"
_TREES_AT_ONCE = 20
_ROWS_AT_ONCE = 200
_NEWEST_SESSION = "ORDER BY created_at DESC, id"


class SQLStore:
    """Keep runs and events in a SQL database; what `agenttrace.store.protocol.Store` promises holds.

    `clock` returns microseconds; resets take their time from it. A forked child makes connections of its own.
    """

    #: The statements of a batch, where a database has better ones.
    _tables: type[SQLTables] = SQLTables

    #: The statements of a purge, likewise.
    _purge_tables: type[SQLPurgeTables] = SQLPurgeTables

    #: The version of the tables that this library knows.
    known_version = SCHEMA_VERSION

    def __init__(self, dialect: Dialect, *, clock: Callable[[], int] | None = None) -> None:
        self.url = dialect.url
        self._dialect = dialect
        self._clock = clock or _wall_clock
        self._connections = Connections(dialect.url, dialect.connect, dialect.alive, client=dialect.client)
        self._links = KnownLinks()
        self._damage_told = False
        self._collected = b""  # how far the present pass has come
        self._next_collection = time.monotonic() + _COLLECT_EVERY

    def open(self) -> None:
        """Connect, and create the tables or bring older ones up to this version; raises StoreTooNew."""
        try:
            with self._failures(), self._connections.writing(opening=True) as connection:
                self._dialect.create(connection)
        except StoreRejected as error:
            # It is not about the rows that somebody wants to write: they have to wait.
            raise StoreUnavailable(f"{error}; the tables could not be made or upgraded") from error
        self._connections.open()

    def version(self) -> int:
        """Return the version of the tables that are there, 0 where there are none. Changes nothing, `open` or not."""
        with self._failures(), self._connections.writing(opening=True) as connection:
            return self._dialect.version(connection)

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def now(self) -> int:
        """Return the store's clock in microseconds."""
        return self._clock()

    def state(self) -> object | None:
        """Return a value that equals an earlier one only if no run or entity was changed since; None if unknown."""
        # Asked at every request: a context manager would cost as much as the question.
        try:
            return self._connections.state(self._state)
        except Exception as error:
            raise self._dialect.failure(error) or error from error

    def _state(self, connection: Connection) -> object | None:
        return self._dialect.state(connection) if self._dialect.alive(connection) else None

    def write(self, batch: Batch) -> None:
        """Write a batch: all of it, or nothing."""
        with self._transaction(quiet=batch.is_side) as tables:
            apply.write(batch, tables)
        self._collect_sometimes()

    def abandon(self, process_id: bytes, *, at: int) -> int:
        """End the running runs of a dead process, and return how many there were."""
        with self._transaction() as tables:
            return apply.abandon(process_id, at, tables)

    def revive(self, process_id: bytes, runs: Sequence[tuple[bytes, bytes]]) -> int:
        """Open abandoned runs of a living process again, and return how many there were."""
        with self._transaction() as tables:
            return apply.revive(process_id, runs, tables)

    def processes(self) -> list[ProcessRow]:
        """Return the heartbeats of the processes that record, by id."""
        return sorted((ProcessRow(*row) for row in self._rows(sql_text.PROCESSES, ())), key=lambda row: row.id)

    def reset(self, workspace_id: bytes, *, team_id: str, user_id: str) -> list[SessionRow]:
        """Reset the sessions of (workspace, team, user) and return them."""
        owner = session_where(SessionFilter(workspace_id=workspace_id, team_id=team_id, user_id=user_id))
        select = f"{self._select('session', sql_text.SESSION_COLUMNS, owner)} {_NEWEST_SESSION}"
        with self._transaction() as tables:
            now = self._clock()
            owned = tables.rows(select, *owner.values)
            return [tables.reset(session_row(row), now) for row in owned]

    def runs(self, where: RunFilter) -> list[RunRow]:
        """Return the runs that match, newest first."""
        return self._whole(lambda: self._found(where))

    def count_runs(self, where: RunFilter) -> int:
        """Return how many runs match, on all pages."""
        wheres = self._wheres(where, paged=False)
        if where.ids is not None:
            return sum(count for found in wheres for (count,) in self._with_ids("count(*)", found, where.ids))
        return sum(self._count("run", found) for found in wheres)

    def workspaces(self) -> list[bytes]:
        """Return the ids of the workspaces that have runs, ascending."""
        # One look-up each: a database without statistics would read the whole index for DISTINCT.
        found: list[bytes] = []
        last, sign = bytes(16), ">="
        while rows := self._rows(*self._next_workspace(last, sign)):
            last, sign = rows[0][0], ">"
            found.append(last)
        return found

    def _next_workspace(self, last: bytes, sign: str) -> tuple[str, tuple[bytes]]:
        where = Where(f"workspace_id {sign} ?", (last,), "run_time")
        return f"{self._select('run', 'workspace_id', where)} ORDER BY workspace_id LIMIT 1", (last,)

    def run_figures(self, where: RunFilter) -> list[RunFigures]:
        """Return what sums need of the runs that match, newest first; `where.ids` is not set."""
        usage, cost = (
            f"CASE WHEN run_type = 'prompt' THEN {self._dialect.member('content', key)} END"
            for key in ("usage", "cost")
        )
        columns = f"id, trace_id, start_time, end_time, status, session_id, user_id, {usage}, {cost}"
        sql, values = self._union(self._wheres(where, paged=True), columns)
        found = self._rows(*_paged(f"{sql} {_NEWEST_RUN}", values, where.offset, where.limit))
        return [RunFigures(*row) for row in found]

    def traces(self, workspace_id: bytes, trace_ids: Sequence[bytes]) -> list[RunRow]:
        """Return all runs of these traces, oldest first."""
        return self._whole(lambda: self._of_traces(workspace_id, trace_ids))

    def run_ids(self, where: RunFilter) -> list[bytes]:
        """Return the ids of the runs that match, newest first."""
        columns = ("id", "start_time")
        sql, values = self._union(self._wheres(where, paged=True), ", ".join(columns))
        sql, values = _paged(f"{sql} {_NEWEST_RUN}", values, where.offset, where.limit)
        found = self._bundled(columns, f"({sql})", values)
        return [bytes.fromhex(run_id) for run_id, _ in sorted(found, key=lambda row: (-row[1], row[0]))]

    def tree_stamps(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[TreeStamp]:
        """Return figures for the trace of each of these runs: they differ once a run of it differs."""
        ranges = [ids.run_range(run_id) for run_id in run_ids]
        stamps: dict[tuple[bytes, bytes], TreeStamp] = {}
        for part in _parts(ranges):
            sql, values = self._dialect.for_ranges(sql_text.TREE_STAMP, workspace_id, part)
            found = self._bundled(sql_text.STAMPED, f"({sql})", values)
            stamps.update({part[place]: (runs, int(figure)) for place, runs, figure in found})
        return [stamps[one] for one in ranges]

    def tree_rows(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[TreeRow]:
        """Return what trees show of all runs of the same traces."""
        return [
            row
            for part in _parts([ids.run_range(run_id) for run_id in run_ids])
            for row in self._complete(lambda part=part: self._tree_part(workspace_id, part))
        ]

    def events(self, where: EventFilter) -> list[EventRow]:
        """Return the visible events that match."""
        found = event_where(where, paged=True)
        order = "ORDER BY id DESC" if where.newest_first else "ORDER BY id"
        select = f"{self._select('event', sql_text.EVENT_COLUMNS, found)} {order}"
        return [event_row(row) for row in self._rows(*_paged(select, found.values, 0, where.limit))]

    def count_events(self, where: EventFilter) -> int:
        """Return how many visible events match, on all pages."""
        return self._count("event", event_where(where, paged=False))

    def sessions(self, where: SessionFilter) -> list[SessionRow]:
        """Return the sessions that match, newest first."""
        found = session_where(where)
        select = f"{self._select('session', sql_text.SESSION_COLUMNS, found)} {_NEWEST_SESSION}"
        return [session_row(row) for row in self._rows(*_paged(select, found.values, where.offset, where.limit))]

    def session_has_agent(self, workspace_id: bytes, session_id: bytes, agent_key: str) -> bool:
        """Return whether the agent took part in the session."""
        select = "SELECT 1 FROM session_agent WHERE workspace_id = ? AND session_id = ? AND agent_key = ?"
        return bool(self._rows(select, (workspace_id, session_id, agent_key)))

    def agents(self, workspace_id: bytes, keys: Sequence[str]) -> list[AgentRow]:
        """Return those of the agents that exist, by key."""
        select = 'SELECT workspace_id, "key", name, named_at FROM agent WHERE workspace_id = ? AND "key" = ?'
        found = [row for key in sorted(set(keys)) for row in self._rows(select, (workspace_id, key))]
        return [AgentRow(*row) for row in found]

    def has_contact(self, workspace_id: bytes, contact_id: bytes) -> bool:
        """Return whether the AI contact exists."""
        select = "SELECT 1 FROM contact WHERE workspace_id = ? AND id = ?"
        return bool(self._rows(select, (workspace_id, contact_id)))

    def conversation(self, workspace_id: bytes, conversation_id: bytes) -> ConversationRow | None:
        """Return the conversation, or None."""
        select = "SELECT workspace_id, id, call_sid, session_id FROM conversation WHERE workspace_id = ? AND id = ?"
        rows = self._rows(select, (workspace_id, conversation_id))
        return ConversationRow(*rows[0]) if rows else None

    def spans(self, workspace_id: bytes, trace_id: bytes) -> list[SpanRow]:
        """Return the foreign spans of a trace as they were received, by span id."""
        found = present([SpanRow(*row) for row in self._rows(sql_text.SPANS, (workspace_id, trace_id))])
        return [found[span] for span in sorted(found)]

    def logs(self, workspace_id: bytes, trace_id: bytes) -> list[LogRow]:
        """Return the log records inside the foreign spans of a trace, oldest first."""
        return [LogRow(*row) for row in self._rows(f"{sql_text.LOGS} ORDER BY time, id", (workspace_id, trace_id))]

    def audit(self, where: AuditFilter) -> list[AuditRow]:
        """Return the notes of the audit log that match, newest first."""
        found = audit_where(where)
        select = f"{self._select('audit', sql_text.AUDIT_COLUMNS, found)} ORDER BY id DESC"
        return [AuditRow(*row) for row in self._rows(*_paged(select, found.values, 0, where.limit))]

    def add_key(self, row: ApiKeyRow) -> None:
        """Add an API key."""
        with self._transaction() as tables:
            tables.add_key(row)

    def key(self, key_id: str) -> ApiKeyRow | None:
        """Return the API key with this id, or None."""
        rows = self._rows(f"SELECT {sql_text.KEY_COLUMNS} FROM api_key WHERE id = ?", (key_id,))  # noqa: S608
        return ApiKeyRow(*rows[0]) if rows else None

    def keys(self, workspace_id: bytes) -> list[ApiKeyRow]:
        """Return the API keys of a workspace, newest first."""
        select = f"SELECT {sql_text.KEY_COLUMNS} FROM api_key WHERE workspace_id = ? {_NEWEST_SESSION}"  # noqa: S608
        return [ApiKeyRow(*row) for row in self._rows(select, (workspace_id,))]

    def revoke_key(self, workspace_id: bytes, key_id: str, *, at: int) -> ApiKeyRow | None:
        """Revoke an API key, unless it is, and return it."""
        with self._transaction() as tables:
            tables.revoke_key(workspace_id, key_id, at)
        found = self.key(key_id)
        return found if found is not None and found.workspace_id == workspace_id else None

    def set_aside(self, letters: Sequence[DeadLetterRow]) -> None:
        """Keep records that were refused."""
        with self._transaction(quiet=True) as tables:
            tables.put_letters(letters)

    def dead_letters(
        self,
        *,
        ids: Sequence[bytes] | None = None,
        after: tuple[int, bytes] | None = None,
        limit: int | None = None,
    ) -> list[DeadLetterRow]:
        """Return dead letters, oldest first."""
        select, values = sql_text.LETTERS, ()
        if after is not None:
            select, values = f"{select} AND time >= ? AND (time > ? OR id > ?)", (after[0], *after)
        if ids is None:
            found = self._rows(*_paged(f"{select} {sql_text.LETTER_ORDER}", values, 0, limit))
            return [DeadLetterRow(*row) for row in found]
        asked = self._dialect.for_keys(select, values, "id", _distinct(ids))
        named = [DeadLetterRow(*row) for sql, given in asked for row in self._rows(sql, given)]
        return sorted(named, key=lambda row: (row.time, row.id))[:limit]

    def discard_letters(self, ids: Sequence[bytes]) -> int:
        """Delete these dead letters, and return how many there were."""
        with self._transaction(quiet=True) as tables:
            return tables.discard_letters(ids)

    def letter_figures(self, *, since: int) -> LetterFigures:
        """Return how many dead letters there are, and the newest one's error."""
        figures = self._rows(sql_text.LETTER_FIGURES, (since,))[0]
        last = self._rows(sql_text.LAST_LETTER, ())
        return LetterFigures(*figures, *(last[0] if last else (None, None)))

    def collect(
        self, *, workspace_id: bytes | None = None, older_than: int = LINK_AGE, after: bytes = b"", limit: int = 1000
    ) -> CollectStep:
        """Look at the next links of prompts, delete those that nothing leads to, and those before them."""
        latest = self._clock() - older_than
        seen = self._rows(*look(self._dialect, workspace_id, after, latest, limit))
        todo = [(row[0], row[1]) for row in seen if row[2]]
        count = 0
        while todo:
            with self._transaction(quiet=True) as tables:
                gone, todo = forget(tables, self._dialect, todo, latest, limit)
            count += gone
        return CollectStep(count, seen[-1][0] + seen[-1][1] if len(seen) == limit else None)

    def _collect_sometimes(self) -> None:
        """Take a step, now and then: a pass over all links takes as many of them as it takes."""
        if time.monotonic() < self._next_collection:
            return
        self._next_collection = time.monotonic() + _COLLECT_EVERY
        # The batch is written; what cannot be collected now is collected later.
        with suppress(StoreError):
            self._collected = self.collect(after=self._collected).after or b""

    def _found(self, where: RunFilter) -> list[RunRow]:
        if where.ids is not None:
            return self._runs_by_id(where, where.ids)
        sql, values = self._union(self._wheres(where, paged=True), sql_text.run_columns(where.fields))
        return [run_row(row) for row in self._rows(*_paged(f"{sql} {_NEWEST_RUN}", values, where.offset, where.limit))]

    def _of_traces(self, workspace_id: bytes, trace_ids: Sequence[bytes]) -> list[RunRow]:
        wanted = set(trace_ids)
        runs: list[RunRow] = []
        for part in _parts([ids.trace_range(int.from_bytes(trace, "big")) for trace in trace_ids]):
            found = self._rows(*self._dialect.for_ranges(sql_text.RUN_COLUMNS, workspace_id, part))
            runs += [run for run in map(run_row, found) if run.trace_id in wanted]
        return sorted(runs, key=lambda run: (run.start_time, run.seq, run.id))

    def _tree_part(self, workspace_id: bytes, part: list[tuple[bytes, bytes]]) -> tuple[list[TreeRow], bool]:
        found = self._rows(*self._dialect.for_ranges(TREE_COLUMNS, workspace_id, part))
        return whole_trees(workspace_id, found, self._rows)

    def _whole(self, fetch: Callable[[], list[RunRow]]) -> list[RunRow]:
        """Return the runs that are fetched, prompts whole again."""
        return self._complete(lambda: make_whole(fetch(), self._rows))

    def _complete(self, read: Callable[[], tuple[Row, bool]]) -> Row:
        """Return what is read; once more where links were missing.

        Between the two statements a run may have been replaced or erased, and its links with it.
        """
        found, complete = read()
        if not complete:
            found, complete = read()
        if not complete:
            self._tell_damage()
        return found

    def _tell_damage(self) -> None:
        if not self._damage_told:
            self._damage_told = True
            _log.error("%s: prompts are shown with gaps, since rows of the table `link` are missing", self.url)

    def purge(self, where: PurgeFilter, *, limit: int = 1000, after: bytes = b"") -> PurgeStep:
        """Delete for good some of what matches, and return what went and where to go on."""
        with (
            self._failures(),
            self._connections.writing() as connection,
            transaction(connection, self._dialect.begin),
            self._connections.holding(self._dialect.state(connection), quiet=False),
        ):
            return purge.step(self._purge_tables(connection, self._dialect), where, limit=limit, after=after)

    def purge_counts(self, where: PurgeFilter) -> PurgeCounts:
        """Return what a whole purge would delete now."""
        with self._failures(), self._connections.reading() as connection:
            return purge.count(self._purge_tables(connection, self._dialect), where)

    def stored_rows(self) -> Iterator[StoredRow]:
        """Yield every row of every table as it is kept, `open` or not; changes nothing."""
        with self._failures(), self._connections.reading(opening=True) as connection:
            tables = dict(self._dialect.tables(connection))
        for name, table in tables.items():
            last: tuple[Any, ...] = ()
            while rows := self._next_rows(name, table, last):
                for row in rows:
                    values = dict(zip(table.columns, row, strict=True))
                    last = tuple(values[column] for column in table.key)
                    yield StoredRow(name, last, values)
                if len(rows) < _ROWS_AT_ONCE or not last:
                    break

    def _next_rows(self, name: str, table: TableSeen, last: tuple[Any, ...]) -> list[Any]:
        columns, key = (", ".join(f'"{column}"' for column in names) for names in (table.columns, table.key))
        behind = f" WHERE ({key}) > ({sql_text.marks(len(last))})" if last else ""
        order = f" ORDER BY {key} LIMIT {_ROWS_AT_ONCE}" if key else ""
        select = f'SELECT {columns} FROM "{name}"{behind}{order}'  # noqa: S608
        with self._failures(), self._connections.reading(opening=True) as connection:
            return connection.execute(self._dialect.sql(select), last).fetchall()

    def scrub(self) -> bool:
        """Overwrite what deleted rows have left in the database's files, and return whether that succeeded."""
        with self._failures(), self._connections.writing() as connection:
            return self._dialect.scrub(connection)

    def _runs_by_id(self, where: RunFilter, wanted: Sequence[bytes]) -> list[RunRow]:
        wheres = self._wheres(where, paged=True)
        # Sorted here: asked to sort, SQLite would rather walk the whole workspace in order of time.
        columns = sql_text.run_columns(where.fields)
        found = [run_row(row) for one in wheres for row in self._with_ids(columns, one, wanted)]
        found.sort(key=lambda run: (-run.start_time, run.id))
        return found[where.offset :] if where.limit is None else found[where.offset : where.offset + where.limit]

    def _wheres(self, where: RunFilter, *, paged: bool) -> list[Where]:
        return run_wheres(where, paged=paged)

    def _with_ids(self, columns: str, where: Where, wanted: Sequence[bytes]) -> Iterator[Any]:
        select = self._select("run", columns, where)
        for sql, values in self._dialect.for_keys(select, where.values, "id", _distinct(wanted)):
            yield from self._rows(sql, values)

    def _count(self, table: str, where: Where) -> int:
        return self._rows(self._select(table, "count(*)", where), where.values)[0][0]

    def _select(self, table: str, columns: str, where: Where) -> str:
        return f"SELECT {columns} FROM {table}{self._dialect.using(where.served_by)} WHERE {where.sql}"  # noqa: S608

    def _union(self, wheres: Sequence[Where], columns: str) -> tuple[str, tuple[Any, ...]]:
        """Return one statement for several conditions that exclude each other; ordered, the database merges them."""
        sql = " UNION ALL ".join(self._select("run", columns, where) for where in wheres)
        return sql, tuple(value for where in wheres for value in where.values)

    def _bundled(self, columns: Sequence[str], tables: str, values: Sequence[Any]) -> list[Sequence[Any]]:
        return self._dialect.unbundle(self._rows(self._dialect.bundle(columns, tables), values))

    def _rows(self, sql: str, values: Sequence[Any]) -> list[Any]:
        with self._failures(), self._connections.reading() as connection:
            return connection.execute(self._dialect.sql(sql), values).fetchall()

    @contextmanager
    def _transaction(self, *, quiet: bool = False) -> Generator[SQLTables]:
        links = LinkWriter(self._links, self._clock())
        with self._failures(), self._connections.writing() as connection:
            with (
                transaction(connection, self._dialect.begin),
                self._connections.holding(self._dialect.state(connection), quiet=quiet),
            ):
                yield self._tables(connection, self._dialect, links)
            if self._dialect.gone(connection):
                raise StoreUnavailable(f"{self.url}: it was removed or replaced while it was written to")
            links.committed()

    @contextmanager
    def _failures(self) -> Generator[None]:
        try:
            yield
        except Exception as error:
            failure = self._dialect.failure(error)
            if failure is None:
                raise
            raise failure from error


@contextmanager
def transaction(connection: Connection, begin: str) -> Generator[None]:
    """Run what is inside as one transaction; an error leaves it open, and whoever lent the connection closes it."""
    connection.execute(begin)
    yield
    connection.execute("COMMIT")


def _paged(sql: str, values: tuple[Any, ...], offset: int, limit: int | None) -> tuple[str, tuple[Any, ...]]:
    if limit is None and not offset:
        return sql, values
    return f"{sql} LIMIT ? OFFSET ?", (*values, (1 << 62) if limit is None else limit, offset)


def _parts(ranges: Sequence[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    """Yield the distinct ones, as many at a time as a statement takes."""
    distinct = list(dict.fromkeys(ranges))
    for start in range(0, len(distinct), _TREES_AT_ONCE):
        yield distinct[start : start + _TREES_AT_ONCE]


def _distinct(values: Sequence[bytes]) -> list[bytes]:
    return list(dict.fromkeys(values))


def _wall_clock() -> int:
    return time.time_ns() // 1000
