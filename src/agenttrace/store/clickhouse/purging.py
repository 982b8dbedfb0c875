"""The statements that `store.purge` needs. What goes is gathered, and deleted once the step is over, runs last of all:
where a process dies in between, the next pass finds what is left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agenttrace.store.clickhouse.engine import by_workspace
from agenttrace.store.clickhouse.reading import in_parts
from agenttrace.store.clickhouse.staging import Staging
from agenttrace.store.clickhouse.text import Where, among, literal
from agenttrace.store.purge_tables import NamesOfRuns, Note, OldRun, RawKey, StoredEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from agenttrace.model.rows import LogRow, SessionRow, SpanRow
    from agenttrace.store.clickhouse.engine import Engine
    from agenttrace.store.clickhouse.schema import Place

__all__ = ["Purging"]

Key = tuple[bytes, bytes]
Rows = list[tuple[Any, ...]]

_WITH_WORKSPACES = ("run", "event", "span", "log", "session")
_AT_ONCE = 1_000
_WINDOW = 1_000_000  # nobody waits for a purge here


class Purging(Staging):
    """`store.purge_tables.PurgeTables`. `select` runs a SELECT; `statements` has what to run in the end."""

    def __init__(self, engine: Engine, select: Callable[[str], Rows], place: Place) -> None:
        super().__init__(engine)
        self._select = select
        self._place = place
        self._gone: dict[str, dict[tuple[Any, ...], None]] = {}
        self._changes: list[tuple[str, str]] = []  # table, what follows ALTER TABLE

    def statements(self) -> Iterator[str]:
        """Return the statements that do what was asked for, in order."""
        for table, change in self._changes:
            yield f"ALTER TABLE {self._local(table)} {change}"
        runs = [key for key, run in self.runs.items() if run is None]
        for table in ("span", "log", "event", "session_agent", "session", "contact", "conversation", "audit"):
            yield from self._deletes(table)
        self._gone["run"] = self._gone["run_key"] = dict.fromkeys(runs)
        yield from self._deletes("run_key")
        yield from self._deletes("run")

    # -- runs --------------------------------------------------------------------------------------

    def next_workspace(self, after: bytes | None, *, audit: bool) -> bytes | None:
        """Return the least workspace that has rows to purge, beyond this one."""
        where = "1" if after is None else f"workspace_id > {literal(after)}"
        tables = (*_WITH_WORKSPACES, "audit") if audit else _WITH_WORKSPACES
        select = "SELECT workspace_id FROM {} WHERE {} ORDER BY workspace_id LIMIT 1"
        found = (row[0] for table in tables for row in self._select(select.format(self._name(table), where)))
        return min(found, default=None)

    def old_runs(self, workspace_id: bytes, before: int, *, after: tuple[int, bytes], limit: int) -> list[OldRun]:
        """Return runs that started before, by start and id."""
        found: list[OldRun] = []
        start, last = after
        while len(found) < limit:
            where = Where().equal(workspace_id=workspace_id, kind="time").plus("value = ''", f"back > {-before}")
            where = where.plus(f"back <= {-start}", f"(back < {-start} OR id > {literal(last or bytes(16))})")
            page = self._select(
                f"SELECT back, id FROM {self._name('run_key')} WHERE {where.sql} "  # noqa: S608
                f"ORDER BY back DESC, id LIMIT 1 BY back, id LIMIT {_AT_ONCE}"
            )
            runs = self.load((workspace_id, row[1]) for row in page)
            for back, run_id in page:
                run = runs.get((workspace_id, run_id))
                if run is not None and run.start_time == -back:
                    found.append(OldRun(run.start_time, run.id, run.trace_id))
            if len(page) < _AT_ONCE:
                break
            start, last = -page[-1][0], page[-1][1]
        return found[:limit]

    def window(self, workspace_id: bytes, after: bytes) -> bytes | None:
        """Return the id of the last run of the next window beyond this id; None where the last one begins."""
        where = Where().equal(workspace_id=workspace_id).plus(f"id > {literal(after)}")
        sql = f"SELECT id FROM {self._name('run')} FINAL WHERE {where.sql} ORDER BY id LIMIT 1 OFFSET {_WINDOW - 1}"  # noqa: S608
        rows = self._select(sql)
        return rows[0][0] if rows else None

    def carriers(
        self, workspace_id: bytes, column: str, value: str | bytes, *, after: bytes, last: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Return id and trace of the runs with this value whose ids are beyond `after` and not beyond `last`, by id."""
        where = _between(workspace_id, after, last).equal(**{column: value})
        rows = self._page("SELECT id, trace_id", "run", where, "id", limit + len(self.runs))
        return [(row[0], row[1]) for row in rows if self._is_left(workspace_id, row[0])][:limit]

    def names_between(self, workspace_id: bytes, after: bytes, last: bytes) -> list[NamesOfRuns]:
        """Return whom the runs name whose ids are beyond `after` and not beyond `last`."""
        select = f"SELECT DISTINCT {', '.join(NamesOfRuns._fields)}"
        return [NamesOfRuns(*row) for row in self._page(select, "run", _between(workspace_id, after, last))]

    def prompts(self, workspace_id: bytes, column: str, value: bytes, *, limit: int) -> list[bytes]:
        """Return the prompts of a session or conversation."""
        kind = {"session_id": "session", "conversation_id": "conversation"}[column]
        keys = Where().equal(workspace_id=workspace_id, kind=kind, run_type="prompt").plus(f"value = {literal(value)}")
        ids = f"id IN (SELECT id FROM {self._name('run_key')} WHERE {keys.sql})"  # noqa: S608
        where = Where().equal(workspace_id=workspace_id, run_type="prompt", **{column: value}).plus(ids, "NOT deleted")
        rows = self._page("SELECT id", "run", where, "id", limit + len(self.runs))
        return [row[0] for row in rows if self._is_left(workspace_id, row[0])][:limit]

    def expect(self, workspace_id: bytes, traces: Sequence[bytes]) -> None:
        """Have the next question about one of these traces answered for all of them, and forget others."""
        self._expected = {(workspace_id, trace) for trace in traces}
        self._outlines.clear()
        self._raw_spans.clear()
        self._raw_logs.clear()
        self.stored = {key: run for key, run in self.stored.items() if key in self.runs}

    def traces_with(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> set[bytes]:
        """Return the traces of these runs, as far as they are stored."""
        return {run.trace_id for run in self.load((workspace_id, run) for run in run_ids).values()}

    def stored_runs(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> set[bytes]:
        """Return which of these runs are stored."""
        found: set[bytes] = set()
        for part in in_parts(run_ids):
            where = Where().equal(workspace_id=workspace_id).plus(among("id", part), "NOT deleted")
            found |= {row[0] for row in self._page("SELECT id", "run", where)}
        return {run for run in found if self._is_left(workspace_id, run)}

    # -- events ------------------------------------------------------------------------------------

    def run_events(
        self, workspace_id: bytes, run_ids: Collection[bytes], session_ids: Sequence[bytes], *, limit: int
    ) -> list[StoredEvent]:
        """Return events of these runs."""
        del session_ids  # there is an index by run
        found: list[StoredEvent] = []
        for part in in_parts(list(run_ids)):
            found += self._events(workspace_id, Where().plus(among("run_id", part)), limit - len(found))
            if len(found) >= limit:
                break
        return found

    def has_events(self, workspace_id: bytes, session_id: bytes) -> bool:
        """Return whether there are events of a session, those that are hidden too."""
        return bool(self._events(workspace_id, Where().equal(with_session=True, session_id=session_id), 1))

    def session_events(self, workspace_id: bytes, session_id: bytes) -> list[StoredEvent]:
        """Return all events of a session, those that are hidden too."""
        return self._events(workspace_id, Where().equal(with_session=True, session_id=session_id), 1 << 62)

    def old_events(self, workspace_id: bytes, below: str, *, after: str, limit: int) -> list[StoredEvent]:
        """Return events whose id is less than `below`, by id."""
        where = Where().plus(f"id < {literal(below)}", f"id > {literal(after)}")
        return self._events(workspace_id, where, limit)

    def delete_events(self, keys: Sequence[tuple[bytes, str]]) -> None:
        """Delete events, as far as they are stored."""
        self._go("event", keys)

    # -- foreign spans and logs --------------------------------------------------------------------

    def spans(self, workspace_id: bytes, trace_id: bytes) -> list[SpanRow]:
        """Return all versions of the foreign spans of a trace."""
        gone = self._gone.get("span", {})
        found = super().spans(workspace_id, trace_id)
        return [one for one in found if (workspace_id, trace_id, one.span_id, one.version) not in gone]

    def logs(self, workspace_id: bytes, trace_id: bytes) -> list[LogRow]:
        """Return the log records of a trace."""
        gone = self._gone.get("log", {})
        return [one for one in super().logs(workspace_id, trace_id) if (workspace_id, trace_id, one.id) not in gone]

    def old_spans(self, workspace_id: bytes, before: int, *, after: RawKey, limit: int) -> list[RawKey]:
        """Return versions of spans that started before, by time, trace, span and version."""
        gone = self._gone.get("span", {})
        place = f"({after.time}, {_id(after.trace_id, 16)}, {_id(after.id, 8)}, {after.number})"
        where = (
            Where()
            .equal(workspace_id=workspace_id)
            .plus(f"start_time < {before}", f"(start_time, trace_id, span_id, version) > {place}")
        )
        order = "start_time, trace_id, span_id, version"
        rows = self._page(f"SELECT {order}", "span", where, order, limit + len(gone))
        return [RawKey(*row) for row in rows if (workspace_id, *row[1:]) not in gone][:limit]

    def old_logs(self, workspace_id: bytes, before: int, *, after: RawKey, limit: int) -> list[RawKey]:
        """Return logs that were written before, by time, trace and id."""
        gone = self._gone.get("log", {})
        place = f"({after.time}, {_id(after.trace_id, 16)}, {_id(after.id, 16)})"
        where = Where().equal(workspace_id=workspace_id).plus(f"time < {before}", f"(time, trace_id, id) > {place}")
        rows = self._page("SELECT time, trace_id, id", "log", where, "time, trace_id, id", limit + len(gone))
        return [RawKey(*row) for row in rows if (workspace_id, *row[1:]) not in gone][:limit]

    def delete_spans(self, workspace_id: bytes, keys: Sequence[RawKey]) -> None:
        """Delete versions of spans."""
        self._go("span", ((workspace_id, key.trace_id, key.id, key.number) for key in keys))

    def delete_logs(self, workspace_id: bytes, keys: Sequence[RawKey]) -> None:
        """Delete logs."""
        self._go("log", ((workspace_id, key.trace_id, key.id) for key in keys))

    # -- sessions, contacts, conversations -----------------------------------------------------------

    def session(self, workspace_id: bytes, session_id: bytes) -> SessionRow | None:
        """Return a session."""
        if (workspace_id, session_id) in self._gone.get("session", {}):
            return None
        found = self._engine.sessions_of([(workspace_id, session_id)])
        return replace(found[0][0]) if found else None

    def old_sessions(
        self, workspace_id: bytes, before: int, *, after: tuple[int, bytes], limit: int
    ) -> list[tuple[int, bytes]]:
        """Return `created_at` and id of the sessions that were created before, by both."""
        created, last = after
        where = Where().equal(workspace_id=workspace_id).plus(f"created_at < {before}")
        where = where.plus(f"(created_at, id) > ({created}, {_id(last, 16)})")
        rows = self._page("SELECT created_at, id", "session", where, "created_at, id", limit)
        return [(row[0], row[1]) for row in rows if (workspace_id, row[1]) not in self._gone.get("session", {})]

    def sessions_of(self, workspace_id: bytes, user_id: str, *, after: bytes, limit: int) -> list[bytes]:
        """Return the sessions that a user owns, by id."""
        where = Where().equal(workspace_id=workspace_id, user_id=user_id).plus(f"id > {_id(after, 16)}")
        rows = self._page("SELECT id", "session", where, "id", limit)
        return [row[0] for row in rows if (workspace_id, row[0]) not in self._gone.get("session", {})]

    def session_agents(self, workspace_id: bytes, session_id: bytes) -> list[str]:
        """Return the agents of a session."""
        return sorted(row[2] for row in self._engine.session_agents([(workspace_id, session_id)]))

    def delete_session(self, workspace_id: bytes, session_id: bytes) -> None:
        """Delete a session and its agents."""
        self._go("session", [(workspace_id, session_id)])
        self._go("session_agent", [(workspace_id, session_id)])

    def clear_session(self, workspace_id: bytes, session_id: bytes) -> None:
        """Take the user from a session."""
        self._change("session", "user_id", Where().equal(workspace_id=workspace_id, id=session_id))

    def has_contact(self, workspace_id: bytes, contact_id: bytes) -> bool:
        """Return whether the contact is stored."""
        key = (workspace_id, contact_id)
        return key not in self._gone.get("contact", {}) and bool(self._engine.contacts([key]))

    def has_conversation(self, workspace_id: bytes, conversation_id: bytes) -> bool:
        """Return whether the conversation is stored."""
        key = (workspace_id, conversation_id)
        return key not in self._gone.get("conversation", {}) and bool(self._engine.conversations([key]))

    def delete_contact(self, workspace_id: bytes, contact_id: bytes) -> None:
        """Delete a contact."""
        self._go("contact", [(workspace_id, contact_id)])

    def delete_conversation(self, workspace_id: bytes, conversation_id: bytes) -> None:
        """Delete a conversation."""
        self._go("conversation", [(workspace_id, conversation_id)])

    def leave_session(self, workspace_id: bytes, conversation_ids: Sequence[bytes] | None, session_id: bytes) -> None:
        """Let those of these conversations that name this session name none; None: of all conversations."""
        where = Where().equal(workspace_id=workspace_id, session_id=session_id)
        if conversation_ids is None:
            self._change("conversation", "session_id", where)
        elif conversation_ids:
            self._change("conversation", "session_id", where.plus(among("id", conversation_ids)))

    # -- the audit log -----------------------------------------------------------------------------

    def old_notes(self, workspace_id: bytes, below: bytes, *, after: bytes, limit: int) -> list[Note]:
        """Return notes whose id is less than `below`, by id."""
        return self._notes(Where().equal(workspace_id=workspace_id), below, after, limit)

    def notes_of(self, workspace_id: bytes, user_id: str, below: bytes, *, after: bytes, limit: int) -> list[Note]:
        """Return the notes of what a user did, whose id is less than `below`, by id."""
        return self._notes(Where().equal(workspace_id=workspace_id, user_id=user_id), below, after, limit)

    def delete_notes(self, workspace_id: bytes, note_ids: Sequence[bytes]) -> None:
        """Delete notes."""
        self._go("audit", ((workspace_id, note) for note in note_ids))

    def clear_notes(self, workspace_id: bytes, note_ids: Sequence[bytes]) -> None:
        """Take the user from notes."""
        if note_ids:
            self._change("audit", "user_id", Where().equal(workspace_id=workspace_id).plus(among("id", note_ids)))

    # -- helpers -----------------------------------------------------------------------------------

    def _is_left(self, workspace: bytes, run: bytes) -> bool:
        return self.runs.get((workspace, run), self) is not None

    def _notes(self, where: Where, below: bytes, after: bytes, limit: int) -> list[Note]:
        where = where.plus(f"id < {literal(below)}", f"id > {_id(after, 16)}")
        return [Note(*row) for row in self._page("SELECT id, action", "audit", where, "id", limit)]

    def _events(self, workspace: bytes, where: Where, limit: int) -> list[StoredEvent]:
        gone = self._gone.get("event", {})
        where = Where().equal(workspace_id=workspace).plus("NOT deleted", *where.conditions)
        rows = self._page("SELECT id, run_id", "event", where, "id", limit + len(gone))
        return [StoredEvent(*row) for row in rows if (workspace, row[0]) not in gone][:limit]

    def _page(self, select: str, table: str, where: Where, order: str = "", limit: int | None = None) -> Rows:
        sql = f"{select} FROM {self._name(table)} FINAL WHERE {where.sql}"
        sql += f" ORDER BY {order}" if order else ""
        return self._select(sql if limit is None else f"{sql} LIMIT {limit}")

    def _go(self, table: str, keys: Iterable[tuple[Any, ...]]) -> None:
        self._gone.setdefault(table, {}).update(dict.fromkeys(map(tuple, keys)))

    def _change(self, table: str, column: str, where: Where) -> None:
        self._changes.append((table, f"UPDATE {column} = NULL WHERE {where.sql}"))

    def _deletes(self, table: str) -> Iterator[str]:
        columns = _KEYS[table]
        for workspace, keys in by_workspace((key[0], key[1:]) for key in self._gone.get(table, {})).items():
            for start in range(0, len(keys), _AT_ONCE):
                part = keys[start : start + _AT_ONCE]
                values = ", ".join(f"({', '.join(map(literal, key))})" for key in part)
                where = f"workspace_id = {literal(workspace)} AND ({columns}) IN ({values})"
                yield f"DELETE FROM {self._local(table)} WHERE {where}"  # noqa: S608

    def _name(self, table: str) -> str:
        return self._place.name(table)

    def _local(self, table: str) -> str:
        return self._place.changing(table)


#: The columns of a table's keys, without the workspace.
_KEYS = {
    "run": "id",
    "run_key": "id",
    "event": "id",
    "span": "trace_id, span_id, version",
    "log": "trace_id, id",
    "session": "id",
    "session_agent": "session_id",
    "contact": "id",
    "conversation": "id",
    "audit": "id",
}


def _between(workspace: bytes, after: bytes, last: bytes) -> Where:
    where = Where().equal(workspace_id=workspace).plus("NOT deleted")
    return where.plus(f"id > {literal(after)}", f"id <= {literal(last)}")


def _id(value: bytes, size: int) -> str:
    return literal(value or bytes(size))
