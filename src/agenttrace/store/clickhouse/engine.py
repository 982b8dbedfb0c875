"""The statements that writing needs: what a batch has to know of what is stored, few queries for whole batches."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from agenttrace.model.rows import AgentRow, ContactRow, ConversationRow, LogRow, SessionRow, SpanRow
from agenttrace.store.clickhouse.filters import visible
from agenttrace.store.clickhouse.reading import RUN_COLUMNS, RunReader, in_parts
from agenttrace.store.clickhouse.rows import RUN_FIELDS, event_of, run_of, session_of
from agenttrace.store.clickhouse.text import Where, among, literal
from agenttrace.store.raw import present

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from agenttrace.model.rows import EventRow, RunRow
    from agenttrace.store.clickhouse.schema import Place

__all__ = ["EVENT_COLUMNS", "LOG_COLUMNS", "SESSION_COLUMNS", "SPAN_COLUMNS", "Engine", "by_workspace"]

Key = tuple[bytes, bytes]
Rows = list[tuple[Any, ...]]

EVENT_COLUMNS = "workspace_id, id, with_session, session_id, run_id, type, created_at, turn_time, hidden, data"
SESSION_COLUMNS = (
    "workspace_id, id, key, agent_key, user_id, team_id, conversation_id, call_sid, created_at, message, reset_at, "
    "reset_stamp"
)
SPAN_COLUMNS = "workspace_id, trace_id, span_id, version, process_id, start_time, end_time, data"
LOG_COLUMNS = "workspace_id, trace_id, id, span_id, time, data"

_LARGE = ("content", "error", "attributes")
_OUTLINE = ", ".join(f"NULL AS {name}" if name in _LARGE else name for name in RUN_FIELDS)


class Engine:
    """What is stored, for `Staging`; `select` runs a SELECT and returns rows."""

    def __init__(self, select: Callable[[str], Rows], place: Place) -> None:
        self._select = select
        self._place = place
        self._runs = RunReader(select, place)

    # -- runs --------------------------------------------------------------------------------------

    def load(self, keys: Sequence[Key]) -> Iterator[tuple[RunRow, bool, int]]:
        """Yield the newest row of each of these runs, whether it says that the run was deleted, and its place."""
        for where in _keyed(keys, "id"):
            for row in self._of("run", f"{RUN_COLUMNS}, deleted, place", where):
                yield run_of(row[:-2]), row[-2], row[-1]

    def outlines(
        self, ranges: Iterable[tuple[bytes, bytes, bytes]]
    ) -> Iterator[tuple[tuple[bytes, bytes, bytes], RunRow]]:
        """Yield the runs in these ranges of ids of a workspace, without what is large, each with its range."""
        for workspace, wanted in by_workspace((one[0], one[1:]) for one in ranges).items():
            for row in self._runs.ranges(workspace, wanted, _OUTLINE):
                run = run_of(row)
                yield from (((workspace, low, high), run) for low, high in wanted if low <= run.id <= high)

    def runs_of_process(self, process: bytes) -> list[Key]:
        """Return the runs of which some version names this recording process."""
        where = Where().equal(process_id=process).sql
        found: Any = self._select(f"SELECT DISTINCT workspace_id, id FROM {self._name('run')} WHERE {where}")  # noqa: S608
        return found

    def orphans(self, workspace: bytes, parents: Sequence[bytes]) -> list[bytes]:
        """Return runs of which some version is a root whose parent is one of these."""
        found: list[bytes] = []
        for part in in_parts(parents):
            where = Where().equal(workspace_id=workspace, kind="orphan").plus(among("value", part)).sql
            found += [row[0] for row in self._select(f"SELECT DISTINCT id FROM {self._name('run_key')} WHERE {where}")]  # noqa: S608
        return found

    # -- foreign spans -----------------------------------------------------------------------------

    def spans(self, traces: Iterable[Key]) -> list[SpanRow]:
        """Return all versions of the foreign spans of these traces."""
        return [SpanRow(*row) for where in _keyed(traces, "trace_id") for row in self._of("span", SPAN_COLUMNS, where)]

    def logs(self, traces: Iterable[Key]) -> list[LogRow]:
        """Return the log records of these traces."""
        return [LogRow(*row) for where in _keyed(traces, "trace_id") for row in self._of("log", LOG_COLUMNS, where)]

    def with_spans(self, traces: Sequence[Key]) -> set[Key]:
        """Return which of these traces have foreign spans."""
        table = self._name("span")
        return {
            row
            for where in _keyed(traces, "trace_id")
            for row in self._select(f"SELECT DISTINCT workspace_id, trace_id FROM {table} WHERE {where.sql}")  # noqa: S608
        }

    def open_spans(self, process: bytes) -> list[SpanRow]:
        """Return the versions without an end that a process recorded and that no greater version follows."""
        where = Where().equal(process_id=process).sql
        table = self._name("span")
        traces: Rows = self._select(f"SELECT DISTINCT workspace_id, trace_id FROM {table} WHERE {where}")  # noqa: S608
        by_trace: dict[Key, list[SpanRow]] = {}
        for span in self.spans(traces):
            by_trace.setdefault((span.workspace_id, span.trace_id), []).append(span)
        newest = [span for spans in by_trace.values() for span in present(spans).values()]
        return [span for span in newest if span.process_id == process]

    # -- events and sessions -----------------------------------------------------------------------

    def events_between(self, workspace: bytes, session: bytes, low: str, high: str) -> list[EventRow]:
        """Return the visible events of a session between two ids."""
        where = Where().equal(workspace_id=workspace, with_session=True, session_id=session)
        where = where.plus(among_range("id", low, high), visible(workspace, session, self._name("session")))
        return [event_of(row) for row in self._of("event", EVENT_COLUMNS, where)]

    def has_sessionless(self, workspace: bytes) -> bool:
        """Return whether there may be events without a session."""
        where = Where().equal(workspace_id=workspace, with_session=False).sql
        return bool(self._select(f"SELECT 1 FROM {self._name('event')} WHERE {where} LIMIT 1"))  # noqa: S608

    def sessionless(self, workspace: bytes, run_ids: Sequence[bytes]) -> list[EventRow]:
        """Return the events of these runs that have no session."""
        where = Where().equal(workspace_id=workspace, with_session=False).plus("NOT deleted")
        found: list[EventRow] = []
        for part in in_parts(run_ids):
            found += map(event_of, self._of("event", EVENT_COLUMNS, where.plus(among("run_id", part))))
        return found

    def events_of_ids(
        self, workspace: bytes, sessions: Iterable[bytes], ids: Sequence[str]
    ) -> list[tuple[EventRow, int]]:
        """Return the events with these ids, in one of these sessions or in none, and their stamps."""
        within = "NOT with_session"
        if known := list(sessions):
            within = f"({within} OR {among('session_id', known)})"
        where = Where().equal(workspace_id=workspace).plus(within, among("id", ids), "NOT deleted")
        return [(event_of(row[:-1]), row[-1]) for row in self._of("event", f"{EVENT_COLUMNS}, stamp", where)]

    def last_stamp(self, workspace: bytes, sessions: Sequence[bytes]) -> int:
        """Return the greatest stamp of an event in these sessions, 0 where there is none."""
        where = Where().equal(workspace_id=workspace, with_session=True).plus(among("session_id", sessions))
        return self._select(f"SELECT max(stamp) FROM {self._name('event')} WHERE {where.sql}")[0][0]  # noqa: S608

    def sessions_of(self, keys: Iterable[Key]) -> list[tuple[SessionRow, int]]:
        """Return these sessions, as far as they are stored, and the stamp of each one's last reset."""
        return [session_of(row) for where in _keyed(keys, "id") for row in self._of("session", SESSION_COLUMNS, where)]

    # -- other entities ----------------------------------------------------------------------------

    def agents(self, keys: Iterable[tuple[bytes, str]]) -> list[AgentRow]:
        """Return these agents, as far as they are stored."""
        columns = "workspace_id, key, name, named_at"
        return [AgentRow(*row) for where in _keyed(keys, "key") for row in self._of("agent", columns, where)]

    def contacts(self, keys: Iterable[Key]) -> set[ContactRow]:
        """Return these contacts, as far as they are stored."""
        found = (row for where in _keyed(keys, "id") for row in self._of("contact", "workspace_id, id", where))
        return {ContactRow(*row) for row in found}

    def conversations(self, keys: Iterable[Key]) -> list[ConversationRow]:
        """Return these conversations, as far as they are stored."""
        columns = "workspace_id, id, call_sid, session_id"
        found = (row for where in _keyed(keys, "id") for row in self._of("conversation", columns, where))
        return [ConversationRow(*row) for row in found]

    def session_agents(self, keys: Iterable[Key]) -> set[tuple[bytes, bytes, str]]:
        """Return which agents are known to have taken part in these sessions."""
        columns = "workspace_id, session_id, agent_key"
        return {row for where in _keyed(keys, "session_id") for row in self._of("session_agent", columns, where)}

    def _of(self, table: str, columns: str, where: Where) -> Rows:
        return self._select(f"SELECT {columns} FROM {self._name(table)} FINAL WHERE {where.sql}")  # noqa: S608

    def _name(self, table: str) -> str:
        return self._place.name(table)


def among_range(column: str, low: str, high: str) -> str:
    """Return the condition that a column lies between two values, both included."""
    return f"{column} >= {literal(low)} AND {column} <= {literal(high)}"


def by_workspace(keys: Iterable[tuple[bytes, Any]]) -> dict[bytes, list[Any]]:
    """Return the second parts of keys, by workspace."""
    found: dict[bytes, list[Any]] = {}
    for workspace, key in keys:
        found.setdefault(workspace, []).append(key)
    return found


def _keyed(keys: Iterable[tuple[bytes, Any]], column: str) -> Iterator[Where]:
    for workspace, wanted in by_workspace(keys).items():
        rest = iter(dict.fromkeys(wanted))
        while part := list(islice(rest, 2_000)):
            yield Where().equal(workspace_id=workspace).plus(among(column, part))
