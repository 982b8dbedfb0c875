"""The store itself: what `store.protocol` wants, over the statements of its neighbours."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

from agenttrace.errors import StoreRejected, StoreTooNew, StoreUnavailable
from agenttrace.model import ids
from agenttrace.model.rows import (
    TREE_ROW,
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
from agenttrace.store import apply, forking, purge
from agenttrace.store.clickhouse.address import read_url
from agenttrace.store.clickhouse.clients import Clients, connect
from agenttrace.store.clickhouse.commit import Inserts, inserts, key_values, session_values
from agenttrace.store.clickhouse.engine import EVENT_COLUMNS, SESSION_COLUMNS, Engine
from agenttrace.store.clickhouse.figures import FIGURES, figures
from agenttrace.store.clickhouse.filters import audit_where, event_where, session_where
from agenttrace.store.clickhouse.purging import Purging
from agenttrace.store.clickhouse.reading import RUN_COLUMNS, RunReader
from agenttrace.store.clickhouse.rows import RUN_FIELDS, check, event_of, letter_of, letter_values, run_of, session_of
from agenttrace.store.clickhouse.schema import NEEDED_VERSION, SCHEMA_VERSION, TABLES, Table, statements, types_of
from agenttrace.store.clickhouse.staging import Staging
from agenttrace.store.clickhouse.text import Where, among, literal
from agenttrace.store.protocol import LINK_AGE, CollectStep, SessionFilter, StoredRow
from agenttrace.store.raw import present
from agenttrace.store.sql_text import columns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from agenttrace.store.batch import Batch
    from agenttrace.store.clickhouse.address import Address
    from agenttrace.store.clickhouse.clients import Client
    from agenttrace.store.protocol import AuditFilter, EventFilter, PurgeCounts, PurgeFilter, PurgeStep, RunFilter

__all__ = ["ClickHouseStore"]

_COLUMNS = {table.name: [name for name, _ in table.columns] for table in TABLES} | {
    "run": [*RUN_FIELDS, "deleted", "place"]
}
_TYPES = {table.name: [types_of(table)[name] for name in _COLUMNS[table.name]] for table in TABLES}
_KEY_COLUMNS = ", ".join(columns_of(ApiKeyRow))
_PROCESS_COLUMNS = ", ".join(columns_of(ProcessRow))
_ROWS_AT_ONCE = 200
_NEWEST_NOTE = "workspace_id DESC, id DESC"
_LETTER_COLUMNS = "id, workspace_id, time, kind, process_id, error, hex(payload)"
_LETTERS_AT_ONCE = 1_000
_AUDIT_COLUMNS = ", ".join(columns_of(AuditRow))


class ClickHouseStore:
    """Keep runs and events in ClickHouse; what `agenttrace.store.protocol.Store` promises holds.

    `url` is `clickhouse://user@host:8123/database`, with `?cluster=name` for a cluster, or `chdb:///folder`, where the
    engine runs in this process (one process at a time, and one folder a process). The engine has no transactions: a
    write that failed half-way is whole once it is repeated, which the writer does. Not usable in a forked child where
    the engine runs in this process. `clock` returns microseconds; resets take their time from it. `connect` makes a
    client of an address, for tests.

    Raises ConfigurationError where the URL cannot be used.
    """

    #: The version of the tables that this library knows.
    known_version = SCHEMA_VERSION

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], int] | None = None,
        connect: Callable[[Address], Client] = connect,
    ) -> None:
        address = read_url(url)
        self.url = address.url
        #: Whether several processes may use the same data at once.
        self.shared = address.folder is None
        self._place = address.place
        self._clock = clock or _wall_clock
        self._clients = Clients(address, connect)
        self._engine = Engine(self._select, address.place)
        self._runs = RunReader(self._select, address.place)
        self._writing = threading.Lock()
        self._stamp = 0
        forking.register(self)

    def after_fork(self, *, calm: bool) -> None:
        """Start anew in a forked child, whatever a thread of its parent was about to write."""
        del calm
        self._writing = threading.Lock()

    def open(self) -> None:
        """Connect, and create the tables that are missing; raises StoreTooNew."""
        with self._clients.opening() as client:
            self._check_server(client)
            if not {table.name for table in TABLES} <= self._tables(client):
                for statement in statements(self._place):
                    client.command(statement)

    def version(self) -> int:
        """Return the version of the tables that are there, 0 where there are none. Changes nothing, `open` or not."""
        with self._clients.looking() as client:
            return self._found(client)[1]

    def close(self) -> None:
        """Close the connections."""
        self._clients.close()

    def now(self) -> int:
        """Return the store's clock in microseconds."""
        return self._clock()

    def state(self) -> object | None:
        """Return None: others may write at any time."""
        return None

    # -- writing -----------------------------------------------------------------------------------

    def write(self, batch: Batch) -> None:
        """Write a batch. What fails half-way is made whole by the same call again."""
        with self._writing:
            staging = self._apply(batch)
            if self.shared:
                self._meet_others(batch, staging)

    def abandon(self, process_id: bytes, *, at: int) -> int:
        """End the running runs of a dead process, and return how many there were."""
        with self._writing:
            staging = Staging(self._engine)
            count = apply.abandon(process_id, at, staging)
            self._commit(staging)
            return count

    def revive(self, process_id: bytes, runs: Sequence[tuple[bytes, bytes]]) -> int:
        """Open abandoned runs of a living process again, and return how many there were."""
        with self._writing:
            staging = Staging(self._engine)
            count = apply.revive(process_id, runs, staging)
            self._commit(staging)
            return count

    def processes(self) -> list[ProcessRow]:
        """Return the heartbeats of the processes that record, by id."""
        rows = self._of("process", _PROCESS_COLUMNS, Where().plus("NOT deleted"), "id")
        return [ProcessRow(*row) for row in rows]

    def reset(self, workspace_id: bytes, *, team_id: str, user_id: str) -> list[SessionRow]:
        """Reset the sessions of (workspace, team, user) and return them: one insert, which all reads honour."""
        with self._writing:
            owned = self._sessions(SessionFilter(workspace_id=workspace_id, team_id=team_id, user_id=user_id))
            if not owned:
                return []
            now = self._clock()
            last = self._engine.last_stamp(workspace_id, [row.id for row, _ in owned])
            stamp = max(self._next_stamp(), last, *(stamp + 1 for _, stamp in owned))
            for row, _ in owned:
                row.last_message_at, row.reset_at = None, max(now, row.reset_at or now)
            self._insert([("session", [session_values(row, stamp, is_reset=True) for row, _ in owned])])
            return [row for row, _ in owned]

    # -- runs --------------------------------------------------------------------------------------

    def runs(self, where: RunFilter) -> list[RunRow]:
        """Return the runs that match, newest first."""
        return [run_of(row) for row in self._runs.page(where, RUN_COLUMNS)]

    def count_runs(self, where: RunFilter) -> int:
        """Return how many runs match, on all pages."""
        return self._runs.count(where)

    def workspaces(self) -> list[bytes]:
        """Return the ids of the workspaces that have runs, ascending."""
        return [row[0] for row in self._of("run", "DISTINCT workspace_id", Where().plus("NOT deleted"), "workspace_id")]

    def run_figures(self, where: RunFilter) -> list[RunFigures]:
        """Return what sums need of the runs that match, newest first; `where.ids` is not set."""
        return [figures(row) for row in self._runs.page(where, FIGURES)]

    def traces(self, workspace_id: bytes, trace_ids: Sequence[bytes]) -> list[RunRow]:
        """Return all runs of these traces, oldest first."""
        wanted = list(dict.fromkeys(trace_ids))
        ranges = [ids.trace_range(int.from_bytes(trace, "big")) for trace in wanted]
        runs = [run_of(row) for row in self._runs.ranges(workspace_id, ranges, RUN_COLUMNS)]
        found = [run for run in runs if run.trace_id in set(wanted)]
        return sorted(found, key=lambda run: (run.start_time, run.seq, run.id))

    def run_ids(self, where: RunFilter) -> list[bytes]:
        """Return the ids of the runs that match, newest first."""
        return [row[0] for row in self._runs.page(where, "id")]

    def tree_stamps(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[TreeStamp]:
        """Return figures for the trace of each of these runs: they differ once a run of it differs."""
        ranges = [ids.run_range(run_id) for run_id in run_ids]
        columns = "toFixedString(substring(id, 1, 8), 8) AS head, count(), sum(cityHash64(id, place))"
        rows = self._runs.ranges(workspace_id, list(dict.fromkeys(ranges)), columns, "GROUP BY head")
        stamps: dict[bytes, TreeStamp] = {}
        for head, runs, figure in rows:
            trace = ids.run_range(head + bytes(8))[0][:8]
            known = stamps.get(trace, (0, 0))
            stamps[trace] = known[0] + runs, known[1] + figure
        return [stamps.get(low[:8], (0, 0)) for low, _ in ranges]

    def tree_rows(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[TreeRow]:
        """Return what trees show of all runs of the same traces."""
        ranges = list(dict.fromkeys(ids.run_range(run_id) for run_id in run_ids))
        found: Any = self._runs.ranges(workspace_id, ranges, ", ".join(TREE_ROW))
        return found

    # -- events, sessions, other entities ----------------------------------------------------------

    def events(self, where: EventFilter) -> list[EventRow]:
        """Return the visible events that match."""
        # Spelt out as the table's own, the order lets the engine stop after the first rows.
        way = " DESC" if where.newest_first else ""
        order = ", ".join(f"{column}{way}" for column in ("workspace_id", "with_session", "session_id", "id"))
        found = event_where(where, self._name("session"), paged=True)
        return [event_of(row) for row in self._of("event", EVENT_COLUMNS, found, order, where.limit)]

    def count_events(self, where: EventFilter) -> int:
        """Return how many visible events match, on all pages."""
        return self._of("event", "count()", event_where(where, self._name("session"), paged=False))[0][0]

    def sessions(self, where: SessionFilter) -> list[SessionRow]:
        """Return the sessions that match, newest first."""
        return [row for row, _ in self._sessions(where)]

    def session_has_agent(self, workspace_id: bytes, session_id: bytes, agent_key: str) -> bool:
        """Return whether the agent took part in the session."""
        where = Where().equal(workspace_id=workspace_id, session_id=session_id, agent_key=agent_key)
        return bool(self._of("session_agent", "1", where))

    def agents(self, workspace_id: bytes, keys: Sequence[str]) -> list[AgentRow]:
        """Return those of the agents that exist, by key."""
        return sorted(self._engine.agents((workspace_id, key) for key in keys), key=lambda agent: agent.key)

    def has_contact(self, workspace_id: bytes, contact_id: bytes) -> bool:
        """Return whether the AI contact exists."""
        return bool(self._engine.contacts([(workspace_id, contact_id)]))

    def conversation(self, workspace_id: bytes, conversation_id: bytes) -> ConversationRow | None:
        """Return the conversation, or None."""
        return next(iter(self._engine.conversations([(workspace_id, conversation_id)])), None)

    def spans(self, workspace_id: bytes, trace_id: bytes) -> list[SpanRow]:
        """Return the foreign spans of a trace as they were received, by span id."""
        found = present(self._engine.spans([(workspace_id, trace_id)]))
        return [found[span] for span in sorted(found)]

    def logs(self, workspace_id: bytes, trace_id: bytes) -> list[LogRow]:
        """Return the log records inside the foreign spans of a trace, oldest first."""
        return sorted(self._engine.logs([(workspace_id, trace_id)]), key=lambda log: (log.time, log.id))

    # -- access ------------------------------------------------------------------------------------

    def audit(self, where: AuditFilter) -> list[AuditRow]:
        """Return the notes of the audit log that match, newest first."""
        return [
            AuditRow(*row) for row in self._of("audit", _AUDIT_COLUMNS, audit_where(where), _NEWEST_NOTE, where.limit)
        ]

    def add_key(self, row: ApiKeyRow) -> None:
        """Add an API key."""
        with self._writing:
            if self.key(row.id) is not None:
                raise StoreRejected(f"{self.url}: an API key with the id {row.id} exists")
            self._insert([("api_key", [key_values(row)])])

    def key(self, key_id: str) -> ApiKeyRow | None:
        """Return the API key with this id, or None."""
        rows = self._of("api_key", _KEY_COLUMNS, Where().equal(id=key_id))
        return ApiKeyRow(*rows[0]) if rows else None

    def keys(self, workspace_id: bytes) -> list[ApiKeyRow]:
        """Return the API keys of a workspace, newest first."""
        rows = self._of("api_key", _KEY_COLUMNS, Where().equal(workspace_id=workspace_id), "created_at DESC, id")
        return [ApiKeyRow(*row) for row in rows]

    def revoke_key(self, workspace_id: bytes, key_id: str, *, at: int) -> ApiKeyRow | None:
        """Revoke an API key, unless it is, and return it."""
        with self._writing:
            found = self.key(key_id)
            if found is None or found.workspace_id != workspace_id:
                return None
            if found.revoked_at is None:
                values = dict(zip(_COLUMNS["api_key"], key_values(found), strict=True))
                self._insert([("api_key", [tuple((values | {"revoked_at": at}).values())])])
            return self.key(key_id)

    # -- dead letters --------------------------------------------------------------------------------

    def set_aside(self, letters: Sequence[DeadLetterRow]) -> None:
        """Keep records that were refused."""
        for letter in letters:
            check(letter)
        once = {letter.id: letter for letter in letters}
        with self._writing:
            stamp = self._next_stamp()
            rows = [("dead_letter", [letter_values(letter, stamp) for letter in once.values()])] if once else []
            self._insert(rows)

    def dead_letters(
        self,
        *,
        ids: Sequence[bytes] | None = None,
        after: tuple[int, bytes] | None = None,
        limit: int | None = None,
    ) -> list[DeadLetterRow]:
        """Return dead letters, oldest first."""
        where = Where() if ids is None else Where().plus(among("id", ids))
        if after is not None:
            where = where.plus(f"(time, id) > ({after[0]}, {literal(after[1])})")
        return [letter_of(row) for row in self._of("dead_letter", _LETTER_COLUMNS, where, "time, id", limit)]

    def discard_letters(self, ids: Sequence[bytes]) -> int:
        """Delete these dead letters, and return how many there were."""
        count, wanted = 0, list(dict.fromkeys(ids))
        with self._writing:
            for start in range(0, len(wanted), _LETTERS_AT_ONCE):
                where = Where().plus(among("id", wanted[start : start + _LETTERS_AT_ONCE]))
                count += self._of("dead_letter", "count()", where)[0][0]
                self._run([f"DELETE FROM {self._place.changing('dead_letter')} WHERE {where.sql}"])  # noqa: S608
        return count

    def letter_figures(self, *, since: int) -> LetterFigures:
        """Return how many dead letters there are, and the newest one's error."""
        figures = self._of("dead_letter", f"count(), countIf(time >= {since}), sum(length(payload))", Where())[0]
        last = self._of("dead_letter", "time, error", Where(), "time DESC, id DESC", 1)
        return LetterFigures(*figures, *(last[0] if last else (None, None)))

    # -- what goes for good ------------------------------------------------------------------------

    def purge(self, where: PurgeFilter, *, limit: int = 1000, after: bytes = b"") -> PurgeStep:
        """Delete for good some of what matches, and return what went and where to go on."""
        with self._writing:
            tables = Purging(self._engine, self._select, self._place)
            step = purge.step(tables, where, limit=limit, after=after)
            statements = list(tables.statements())
            tables.runs = {key: run for key, run in tables.runs.items() if run is not None}  # the new roots
            self._commit(tables)
            self._run(statements)
            return step

    def purge_counts(self, where: PurgeFilter) -> PurgeCounts:
        """Return what a whole purge would delete now."""
        return purge.count(Purging(self._engine, self._select, self._place), where)

    def collect(
        self, *, workspace_id: bytes | None = None, older_than: int = LINK_AGE, after: bytes = b"", limit: int = 1000
    ) -> CollectStep:
        """Return that there is nothing to collect: each prompt is kept whole."""
        del workspace_id, older_than, after, limit
        self._clients.require_open()
        return CollectStep(0, None)

    def scrub(self) -> bool:
        """Have the engine write anew what has deleted rows in it, and return True: when the old files go is its own.

        It deletes them some minutes later (`old_parts_lifetime`).
        """
        self._run(f"ALTER TABLE {self._place.changing(table.name)} APPLY DELETED MASK" for table in TABLES)
        return True

    def stored_rows(self) -> Iterator[StoredRow]:
        """Yield every row of every table but `run_key`, which repeats `run`; older versions too. Changes nothing."""
        with self._clients.looking() as client:
            there, _ = self._found(client)
        for table in TABLES:
            if table.name in there and table.name != "run_key":
                yield from self._stored(table)

    def _stored(self, table: Table) -> Iterator[StoredRow]:
        columns, order = _COLUMNS[table.name], table.order.split(", ")
        behind = ""
        while True:
            # Versions of one row have the same key, so none of them may be left for the next page.
            sql = (
                f"SELECT {', '.join(columns)} FROM {self._name(table.name)}{behind} "  # noqa: S608
                f"ORDER BY {table.order} LIMIT {_ROWS_AT_ONCE} WITH TIES"
            )
            with self._clients.looking() as client:
                rows = list(client.query(sql).result_rows)
            for row in rows:
                values = dict(zip(columns, row, strict=True))
                yield StoredRow(table.name, tuple(values[name] for name in order), values)
            if len(rows) < _ROWS_AT_ONCE:
                return
            last = ", ".join(literal(rows[-1][columns.index(name)]) for name in order)
            behind = f" WHERE ({table.order}) > ({last})"

    # -- the engine --------------------------------------------------------------------------------

    def _sessions(self, where: SessionFilter) -> list[tuple[SessionRow, int]]:
        found = session_where(where, self._name("session_agent"))
        rows = self._of("session", SESSION_COLUMNS, found, "created_at DESC, id", where.limit, where.offset)
        return [session_of(row) for row in rows]

    def _apply(self, batch: Batch) -> Staging:
        staging = Staging(self._engine, batch)
        apply.write(batch, staging)
        self._commit(staging)
        return staging

    def _meet_others(self, batch: Batch, staging: Staging) -> None:
        """Look again: another writer may have inserted a parent, a child or spans of the same trace meanwhile.

        Each writer looks after it has inserted, so of two that missed each other the later one sees both.
        """
        if staging.has_missed_spans():
            staging = self._apply(batch)
        again = Staging(self._engine)
        orphans = list(staging.left_orphans(again))
        if orphans:
            apply.settle(orphans, again)
            self._commit(again)

    def _commit(self, staging: Staging) -> None:
        self._insert(self._inserts(staging))

    def _inserts(self, staging: Staging) -> Inserts:
        return inserts(staging, self._engine, self._next_stamp(), self.key)

    def _run(self, commands: Iterable[str]) -> None:
        with self._clients.lend() as client:
            for command in commands:
                client.command(command)

    def _insert(self, rows: Inserts) -> None:
        if not rows:
            return
        with self._clients.lend() as client:
            for table, values in rows:
                client.insert(
                    self._name(table),
                    list(zip(*values, strict=True)),
                    _COLUMNS[table],
                    column_type_names=_TYPES[table],
                    column_oriented=True,
                )

    def _next_stamp(self) -> int:
        self._stamp = max(_wall_clock(), self._stamp + 1)
        return self._stamp

    def _of(
        self, table: str, columns: str, where: Where, order: str = "", limit: int | None = None, offset: int = 0
    ) -> list[tuple[Any, ...]]:
        sql = f"SELECT {columns} FROM {self._name(table)} FINAL WHERE {where.sql}"  # noqa: S608
        if order:
            sql += f" ORDER BY {order}"
        if limit is not None or offset:
            sql += f" LIMIT {(1 << 62) if limit is None else limit} OFFSET {offset}"
        return self._select(sql)

    def _select(self, sql: str) -> list[tuple[Any, ...]]:
        with self._clients.lend() as client:
            return list(client.query(sql).result_rows)

    def _name(self, table: str) -> str:
        return self._place.name(table)

    def _check_server(self, client: Client) -> None:
        text = str(client.query("SELECT version()").result_rows[0][0])
        numbers = tuple(int(number) for number in re.findall(r"\d+", text)[:2])
        if numbers < NEEDED_VERSION:
            needed = ".".join(map(str, NEEDED_VERSION))
            raise StoreUnavailable(f"{self.url}: ClickHouse {text} is too old; agenttrace needs {needed} or later")

    def _tables(self, client: Client) -> set[str]:
        """Return which tables there are; raises StoreTooNew."""
        names, version = self._found(client)
        if version > SCHEMA_VERSION:
            raise StoreTooNew(
                f"{self.url}: its tables have version {version}, this agenttrace knows {SCHEMA_VERSION}; "
                "upgrade with `pip install --upgrade agenttrace-otel`, or name another store"
            )
        # The last view is made last: where it is missing, the making was interrupted.
        return names if "v_audit" in names else set()

    def _found(self, client: Client) -> tuple[set[str], int]:
        where = f"database = {literal(self._place.database)}"
        rows = client.query(f"SELECT name, comment FROM system.tables WHERE {where}").result_rows  # noqa: S608
        versions = [int(found[1]) for _, comment in rows if (found := re.match(r"agenttrace (\d+)\Z", comment))]
        return {name for name, _ in rows}, max(versions, default=0)


def _wall_clock() -> int:
    return time.time_ns() // 1000
