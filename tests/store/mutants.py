"""For each promise a store that breaks it and nothing else: what the conformance suite has to notice.

Most are the memory store with one method changed; what it cannot break the SQLite store does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from agenttrace.errors import StoreRejected, StoreUnavailable
from agenttrace.model import ids
from agenttrace.model.rows import RunRow, SessionRow
from agenttrace.model.versions import RANK_END, version
from agenttrace.store import apply
from agenttrace.store.batch import Batch
from agenttrace.store.memory import MemoryStore
from agenttrace.store.memory_tables import MemoryTables
from agenttrace.store.protocol import (
    AuditFilter,
    CollectStep,
    EventFilter,
    PurgeCounts,
    PurgeFilter,
    PurgeStep,
    RunFilter,
    SessionFilter,
    Store,
)
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.conformance import StoreConformance
from agenttrace.testing.suite.base import OTHER, WORKSPACE
from tests.store.test_conformance import TestMemory, TestSQLite

Clock = Callable[[], int]
Make = Callable[[Path, Clock], Store]
MUTANTS: dict[str, Make] = {}


class MemoryMutant(TestMemory):
    """The suite on a mutant of the memory store."""

    __test__ = False

    def __init__(self, mutant: str) -> None:
        self.mutant = mutant

    def make_store(self, tmp_path: Path, clock: Clock) -> Store:
        """Return the mutant."""
        return MUTANTS[self.mutant](tmp_path, clock)


class SQLiteMutant(TestSQLite):
    """The suite on a mutant of the SQLite store."""

    __test__ = False

    def __init__(self, mutant: str) -> None:
        self.mutant = mutant

    def make_store(self, tmp_path: Path, clock: Clock) -> Store:
        """Return the mutant."""
        return MUTANTS[self.mutant](tmp_path, clock)


#: Promises that a store in memory cannot break, or does not make.
ON_SQLITE = {
    "links.collect#all",
    "links.collect#cache",
    "purge.scrub",
    "store.killed",
    "store.processes",
    "write.atomic",
    "write.rollback",
}


def suite_of(mutant: str) -> MemoryMutant | SQLiteMutant:
    """Return the suite on a mutant."""
    return (SQLiteMutant if mutant in ON_SQLITE else MemoryMutant)(mutant)


def unbroken_suite(promise: str) -> StoreConformance:
    """Return the suite on the store that the mutant of a promise was made of."""
    return TestSQLite() if promise in ON_SQLITE else TestMemory()


def promise_of(mutant: str) -> str:
    """Return the promise that a mutant breaks: its name up to the `#`."""
    return mutant.partition("#")[0]


def breaks(promise: str) -> Callable[[Any], Any]:
    """Return a decorator that says which promise a class of stores, of tables, or a function that makes one breaks."""

    def decorate(made: Any) -> Any:
        if isinstance(made, type) and issubclass(made, MemoryTables):
            MUTANTS[promise] = lambda _, clock: _with_tables(made, clock)
        elif isinstance(made, type) and issubclass(made, MemoryStore):
            MUTANTS[promise] = lambda _, clock: made(clock=clock)
        elif isinstance(made, type):
            MUTANTS[promise] = lambda path, clock: made(path / "traces.db", clock=clock)
        else:
            MUTANTS[promise] = made
        return made

    return decorate


def _with_tables(tables: type[MemoryTables], clock: Clock) -> MemoryStore:
    store = MemoryStore(clock=clock)
    store._tables = tables()  # pyright: ignore[reportPrivateUsage]
    return store


class Memory(MemoryStore):
    """The memory store, with its tables within reach."""

    @property
    def tables(self) -> MemoryTables:
        return self._usable()

    @contextmanager
    def changing(self) -> Generator[MemoryTables]:
        with self._lock, self._usable().transaction() as tables:
            yield tables


class Tables(MemoryTables):
    """The memory store's tables, the same class inside a transaction."""

    @contextmanager
    def transaction(self) -> Generator[MemoryTables]:
        with super().transaction() as copy:
            copy.__class__ = type(self)
            yield copy


# -- the store as an object ------------------------------------------------------------------------


@breaks("store.protocol")
class NoScheme(MemoryStore):
    url = "memory"


@breaks("store.reopen")
class Forgetful(MemoryStore):
    def open(self) -> None:
        self._tables = MemoryTables()
        super().open()


@breaks("store.closed")
class NeverClosed(MemoryStore):
    def close(self) -> None:
        pass


@breaks("store.clock")
class ClockInNanoseconds(MemoryStore):
    def now(self) -> int:
        return super().now() * 1000


@breaks("store.state")
class SameState(MemoryStore):
    def state(self) -> object:
        return "as ever"


@breaks("store.copies")
class NoCopies(Memory):
    def runs(self, where: RunFilter) -> list[RunRow]:
        return [self.tables.runs[run.workspace_id][run.id] for run in super().runs(where)]


@breaks("store.threads")
class NoLock(Memory):
    def write(self, batch: Batch) -> None:
        with self.tables.transaction() as tables:
            apply.write(batch, tables)
            time.sleep(0.001)


@breaks("store.processes")
def file_of_its_own(path: Path, clock: Clock) -> Store:
    return SQLiteStore(path / f"{os.getpid()}.db", clock=clock)


@breaks("store.killed")
class AnswersTooEarly(SQLiteStore):
    last: Batch | None = None

    def write(self, batch: Batch) -> None:
        self.last, waiting = batch, self.last
        if waiting is not None:
            super().write(waiting)


@breaks("store.tenants")
class TracesOfAll(Memory):
    def traces(self, workspace_id: bytes, trace_ids: Sequence[bytes]) -> list[RunRow]:
        return [run for workspace in self.tables.runs for run in super(TracesOfAll, self).traces(workspace, trace_ids)]


def _of_all(method: str) -> type[MemoryStore]:
    """Return a store of which one method reads the rows of both workspaces, the asked one's first."""
    plain = getattr(MemoryStore, method)

    def reading(self: MemoryStore, where: Any, *args: Any) -> Any:
        asked = where if isinstance(where, bytes) else where.workspace_id
        others = [one for one in (WORKSPACE, ids.workspace_id(OTHER)) if one != asked]
        found = plain(self, where, *args)
        for other in others:
            more = plain(self, other if isinstance(where, bytes) else replace(where, workspace_id=other), *args)
            found = found + more if isinstance(found, list | int) and not isinstance(found, bool) else found or more
        return found

    return type(f"Reads{method.title()}OfAll", (MemoryStore,), {method: reading})


for _method in (
    *("runs", "count_runs", "run_ids", "run_figures", "tree_rows", "events", "count_events", "sessions", "agents"),
    *("session_has_agent", "has_contact", "conversation", "spans", "logs", "audit", "keys"),
):
    breaks(f"store.tenants#{_method}")(_of_all(_method))


# -- write -----------------------------------------------------------------------------------------


@breaks("write.columns")
class NoService(MemoryStore):
    def write(self, batch: Batch) -> None:
        for run in batch.runs.values():
            run.service_id = None
        super().write(batch)


@breaks("write.values")
class NoNul(MemoryStore):
    def write(self, batch: Batch) -> None:
        for run in batch.runs.values():
            run.name = run.name.replace("\x00", "")
        super().write(batch)


@breaks("write.sizes")
class CutsContent(MemoryStore):
    def write(self, batch: Batch) -> None:
        for run in batch.runs.values():
            run.content = run.content and run.content[:1_000_000]
        super().write(batch)


@breaks("write.instants")
class Milliseconds(MemoryStore):
    def write(self, batch: Batch) -> None:
        for run in batch.runs.values():
            run.start_time = run.start_time // 1000 * 1000
        super().write(batch)


@breaks("write.replay")
class CountsReplays(Memory):
    def write(self, batch: Batch) -> None:
        for run in batch.runs.values():
            if run.id in self.tables.of(run.workspace_id):
                run.version += 1
        super().write(batch)


@breaks("write.rejects")
class KeepsTheGood(Memory):
    def write(self, batch: Batch) -> None:
        try:
            super().write(batch)
        except StoreRejected:
            with self.changing() as tables:
                tables.put_audit([note for note in batch.audit.values() if note.action])
                tables.put_runs([run for run in batch.runs.values() if run.name and run.start_time < 1 << 63][:1])
            raise


@breaks("write.rollback")
class LeavesARun(SQLiteStore):
    def write(self, batch: Batch) -> None:
        try:
            super().write(batch)
        except StoreUnavailable:
            key, run = next(iter(batch.runs.items()))
            half = Batch()
            half.runs[key] = replace(run)
            super().write(half)
            raise


@breaks("write.atomic")
class ThinksItWasWritten(SQLiteStore):
    def __init__(self, path: Path, *, clock: Clock) -> None:
        super().__init__(path, clock=clock)
        self.seen: set[frozenset[tuple[bytes, bytes]]] = set()

    def write(self, batch: Batch) -> None:
        key = frozenset(batch.runs)
        if key in self.seen:
            return
        try:
            super().write(batch)
        except StoreUnavailable:
            self.seen.add(key)
            raise


@breaks("write.whole")
class RunByRun(MemoryStore):
    def write(self, batch: Batch) -> None:
        for key, run in batch.runs.items():
            one = Batch()
            one.runs[key] = run
            super().write(one)
            time.sleep(0.002)


# -- merge -----------------------------------------------------------------------------------------


@breaks("merge.order")
class LastOneWins(Memory):
    def write(self, batch: Batch) -> None:
        with self.changing() as tables:
            tables.delete_runs(list(batch.runs))
        super().write(batch)


@breaks("merge.ids")
class WinnerTakesAll(Memory):
    def write(self, batch: Batch) -> None:
        with self.changing() as tables:
            stored = tables.load(batch.runs)
            tables.delete_runs([key for key, run in stored.items() if run.version < batch.runs[key].version])
        super().write(batch)


@breaks("merge.events")
class KeepsOldEvents(Tables):
    def delete_events(self, keys: Sequence[tuple[bytes, str]]) -> None:
        pass


@breaks("merge.abandon")
class AbandonsForGood(Memory):
    def abandon(self, process_id: bytes, *, at: int) -> int:
        with self.changing() as tables:
            lost = [(run.workspace_id, run.id) for run in tables.open_runs(process_id)]
            count = apply.abandon(process_id, at, tables)
            ended = tables.load(lost).values()
            tables.put_runs([replace(run, version=version(RANK_END, 1 << 20, 0)) for run in ended])
        return count


# -- trees -----------------------------------------------------------------------------------------


@breaks("trees.roots")
class OrphansForEver(Tables):
    def set_root(self, workspace_id: bytes, run_ids: Sequence[bytes], is_root: bool) -> None:
        pass


@breaks("trees.loops")
class LoopsVanish(Memory):
    def write(self, batch: Batch) -> None:
        super().write(batch)
        with self.changing() as tables:
            for workspace, runs in tables.runs.items():
                below = [key for key, run in runs.items() if run.parent_id in runs]
                tables.set_root(workspace, below, is_root=False)


@breaks("trees.spread")
class NothingSpreads(Tables):
    def outline(self, workspace_id: bytes, trace_id: bytes) -> list[RunRow]:
        return []


@breaks("trees.rows")
class NoChildren(MemoryStore):
    def tree_rows(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[Any]:
        return [row for row in super().tree_rows(workspace_id, run_ids) if row[0] in run_ids]


@breaks("trees.stamps")
class CountsOnly(MemoryStore):
    def tree_stamps(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[tuple[int, int]]:
        return [(runs, 0) for runs, _ in super().tree_stamps(workspace_id, run_ids)]


@breaks("trees.traces")
class NewestFirst(MemoryStore):
    def traces(self, workspace_id: bytes, trace_ids: Sequence[bytes]) -> list[RunRow]:
        return super().traces(workspace_id, trace_ids)[::-1]


# -- views of runs ---------------------------------------------------------------------------------


@breaks("runs.filters")
class AnyState(MemoryStore):
    def runs(self, where: RunFilter) -> list[RunRow]:
        return super().runs(replace(where, state_name=None) if where.run_type else where)


@breaks("runs.filters#case")
class AnyCase(MemoryStore):
    def runs(self, where: RunFilter) -> list[RunRow]:
        found = super().runs(replace(where, name=None))
        return [run for run in found if where.name is None or run.name.lower() == where.name.lower()]


@breaks("runs.filters#ids")
class AllIdsOfMany(MemoryStore):
    def count_runs(self, where: RunFilter) -> int:
        return super().count_runs(where) if where.ids is None else len(where.ids)


@breaks("runs.order")
class TiesByArrival(MemoryStore):
    def runs(self, where: RunFilter) -> list[RunRow]:
        found = super().runs(replace(where, limit=None, offset=0))
        found.sort(key=lambda run: (-run.start_time, -int.from_bytes(run.id, "big")))
        return found[where.offset :] if where.limit is None else found[where.offset : where.offset + where.limit]


@breaks("runs.pages")
class NoLimitAtAll(MemoryStore):
    def runs(self, where: RunFilter) -> list[RunRow]:
        return super().runs(replace(where, limit=where.limit or None))


@breaks("runs.after")
class AfterTheInstant(MemoryStore):
    def runs(self, where: RunFilter) -> list[RunRow]:
        return super().runs(replace(where, after=where.after and (where.after[0], b"\xff" * 17)))


@breaks("runs.pagination")
class PagesByOffset(MemoryStore):
    """Remembers how far each reader got, as `OFFSET` does."""

    def runs(self, where: RunFilter) -> list[RunRow]:
        read: dict[Any, int] = self.__dict__.setdefault("read", {})
        if where.after in read:
            where = replace(where, after=None, offset=where.offset + read[where.after])
        found = super().runs(where)
        if found and where.limit:
            read[found[-1].start_time, found[-1].id] = where.offset + len(found)
        return found


@breaks("runs.after#again")
class LastOneAgain(MemoryStore):
    def runs(self, where: RunFilter) -> list[RunRow]:
        if where.after is not None:
            start, last = where.after
            where = replace(
                where, after=(start, (int.from_bytes(last, "big") - 1 if any(last) else 0).to_bytes(16, "big"))
            )
        return super().runs(where)


@breaks("runs.counts")
class CountsAPage(MemoryStore):
    def count_runs(self, where: RunFilter) -> int:
        return min(super().count_runs(where), where.limit or 1 << 40)


@breaks("runs.workspaces")
class RememberedWorkspaces(Memory):
    def workspaces(self) -> list[bytes]:
        return sorted(self.tables.runs)


@breaks("runs.figures")
class FiguresOfAll(MemoryStore):
    def run_figures(self, where: RunFilter) -> list[Any]:
        found = super().run_figures(where)
        return [row._replace(usage=row.usage or "{}") for row in found]


# -- events ----------------------------------------------------------------------------------------


@breaks("events.implied")
class NoAnswers(MemoryStore):
    def events(self, where: EventFilter) -> list[Any]:
        return [event for event in super().events(where) if event.type != "agent_output"]


@breaks("events.session")
class StaysWithout(Tables):
    def sessionless(self, workspace_id: bytes, run_ids: Sequence[bytes]) -> list[Any]:
        return []


@breaks("events.filters")
class AnyEvent(MemoryStore):
    def events(self, where: EventFilter) -> list[Any]:
        return super().events(replace(where, id=None) if where.after else where)


@breaks("events.order")
class AfterIncluded(MemoryStore):
    def events(self, where: EventFilter) -> list[Any]:
        if where.after and where.newest_first:
            where = replace(where, after=where.after + " ")
        return super().events(where)


# -- entities --------------------------------------------------------------------------------------


@breaks("entities.grow")
class LatestSession(Tables):
    def put_entities(self, entities: Any) -> None:
        super().put_entities(entities)
        self.entities.sessions.update(entities.sessions)


@breaks("entities.sessions")
class AnyTeam(MemoryStore):
    def sessions(self, where: SessionFilter) -> list[SessionRow]:
        return super().sessions(replace(where, team_id=None) if where.user_id else where)


@breaks("entities.exist")
class ContactsOfRuns(Memory):
    def has_contact(self, workspace_id: bytes, contact_id: bytes) -> bool:
        return any(run.ai_contact_id == contact_id for run in self.tables.of(workspace_id).values())


@breaks("entities.names")
class LatestName(Tables):
    def put_entities(self, entities: Any) -> None:
        super().put_entities(entities)
        self.entities.agents.update(entities.agents)


# -- reset -----------------------------------------------------------------------------------------


@breaks("reset.clears")
class KeepsLastMessage(Tables):
    def reset(self, session: SessionRow, now: int) -> SessionRow:
        row = replace(super().reset(session, now), last_message_at=session.last_message_at)
        self.entities.sessions[row.workspace_id, row.id] = row
        return row


@breaks("reset.owner")
class ResetsOtherTeams(Memory):
    def reset(self, workspace_id: bytes, *, team_id: str, user_id: str) -> list[SessionRow]:
        found = super().sessions(SessionFilter(workspace_id=workspace_id, user_id=user_id))
        teams = {row.team_id for row in found if row.team_id}
        return [
            row
            for team in teams
            for row in super(ResetsOtherTeams, self).reset(workspace_id, team_id=team, user_id=user_id)
        ]


@breaks("reset.late")
class ForgetsResets(Tables):
    def resets(self, keys: Iterable[tuple[bytes, bytes]]) -> dict[tuple[bytes, bytes], int]:
        return {}


@breaks("reset.moves")
class ResetGoesBack(Tables):
    def reset(self, session: SessionRow, now: int) -> SessionRow:
        row = replace(super().reset(session, now), reset_at=now)
        self.entities.sessions[row.workspace_id, row.id] = row
        return row


# -- spans of other libraries ----------------------------------------------------------------------


@breaks("foreign.raw")
class FirstVersion(Memory):
    def spans(self, workspace_id: bytes, trace_id: bytes) -> list[Any]:
        found = sorted(self.tables.spans(workspace_id, trace_id), key=lambda span: -span.version)
        return [row for _, row in sorted({span.span_id: span for span in found}.items())]


@breaks("foreign.derived")
class DerivedForEver(Tables):
    def delete_runs(self, keys: Sequence[tuple[bytes, bytes]]) -> None:
        pass


@breaks("foreign.order")
class SpansFirst(Tables):
    def with_spans(self, traces: Iterable[tuple[bytes, bytes]]) -> set[tuple[bytes, bytes]]:
        return set()


@breaks("foreign.fullest")
class GreatestVersionOnly(Tables):
    def spans(self, workspace_id: bytes, trace_id: bytes) -> list[Any]:
        found = sorted(super().spans(workspace_id, trace_id), key=lambda span: span.version)
        return list({span.span_id: span for span in found}.values())


@breaks("foreign.ours")
class TheirsWin(Memory):
    def write(self, batch: Batch) -> None:
        super().write(batch)
        with self.changing() as tables:
            for (workspace, trace, span, _), row in batch.spans.items():
                key = (workspace, ids.run_id(int.from_bytes(trace, "big"), int.from_bytes(span, "big")))
                name = orjson.loads(row.data)["name"]
                tables.put_runs([replace(run, name=name) for run in tables.load([key]).values()])


@breaks("foreign.abandon")
class SpansStayOpen(Tables):
    def open_spans(self, process_id: bytes) -> list[Any]:
        return []


# -- the audit log and API keys --------------------------------------------------------------------


@breaks("audit.once")
class NotesChange(Tables):
    def put_audit(self, notes: Sequence[Any]) -> None:
        self.audit.update({(note.workspace_id, note.id): note for note in notes})


@breaks("audit.filters")
class AnyKey(MemoryStore):
    def audit(self, where: AuditFilter) -> list[Any]:
        return super().audit(replace(where, key_id=None) if where.action else where)


@breaks("audit.order")
class OldestNoteFirst(MemoryStore):
    def audit(self, where: AuditFilter) -> list[Any]:
        return super().audit(where)[::-1]


@breaks("keys.unique")
class KeysChange(Memory):
    def add_key(self, row: Any) -> None:
        with self.changing() as tables:
            tables.keys[row.id] = row


@breaks("keys.listed")
class KeysById(MemoryStore):
    def keys(self, workspace_id: bytes) -> list[Any]:
        return sorted(super().keys(workspace_id), key=lambda key: key.id)


@breaks("keys.revoked")
class RevokedAgain(Memory):
    def revoke_key(self, workspace_id: bytes, key_id: str, *, at: int) -> Any:
        with self.changing() as tables:
            key = tables.keys.get(key_id)
            if key is None or key.workspace_id != workspace_id:
                return None
            tables.keys[key_id] = replace(key, revoked_at=at)
            return tables.keys[key_id]


@breaks("keys.used")
class LastOneToArrive(Tables):
    def use_keys(self, used: Mapping[tuple[bytes, str], int]) -> None:
        for (workspace, key_id), at in used.items():
            key = self.keys.get(key_id)
            if key is not None and key.workspace_id == workspace:
                self.keys[key_id] = replace(key, last_used_at=at)


# -- processes that record -------------------------------------------------------------------------


@breaks("beats.latest")
class FirstBeat(Tables):
    def put_processes(self, beats: Sequence[Any]) -> None:
        self.beats.update({row.id: row for row in beats if row.id not in self.beats})


@breaks("beats.revive")
class RevivesAllThatFailed(Memory):
    def revive(self, process_id: bytes, runs: Sequence[tuple[bytes, bytes]]) -> int:
        super().revive(process_id, runs)
        return len(runs)


# -- prompts that share what they say --------------------------------------------------------------


@breaks("links.whole")
class SortsKeys(MemoryStore):
    def write(self, batch: Batch) -> None:
        for run in batch.runs.values():
            if run.content and len(run.content) > 2000:
                try:
                    run.content = orjson.dumps(orjson.loads(run.content), option=orjson.OPT_SORT_KEYS).decode()
                except ValueError:
                    continue
        super().write(batch)


@breaks("links.tenants")
class SharesWithAll(Memory):
    def purge(self, where: PurgeFilter, *, limit: int = 1000, after: bytes = b"") -> PurgeStep:
        mine = {run.content for run in self.tables.of(where.workspace_id or b"").values()}
        done = super().purge(where, limit=limit, after=after)
        with self.changing() as tables:
            others = [run for runs in tables.runs.values() for run in runs.values() if run.content in mine]
            tables.put_runs([replace(run, content=None) for run in others])
        return done


@breaks("links.collect")
class CollectsTooMuch(Memory):
    def collect(self, **_: Any) -> CollectStep:
        with self.changing() as tables:
            prompts = [run for runs in tables.runs.values() for run in runs.values() if run.run_type == "prompt"]
            tables.put_runs([replace(run, content=None) for run in prompts])
        return CollectStep(len(prompts), None)


@breaks("links.collect#all")
class CollectsWhatIsNeeded(SQLiteStore):
    def collect(self, **_: Any) -> CollectStep:
        with self._transaction() as tables:  # pyright: ignore[reportPrivateUsage]
            links = tables.rows("SELECT workspace_id, hash FROM link")
            for workspace, key in links:
                tables.forget_links(workspace, [key])
        return CollectStep(len(links), None)


@breaks("links.collect#cache")
class TrustsItsCache(SQLiteStore):
    @contextmanager
    def _transaction(self, **options: Any) -> Generator[Any]:
        with super()._transaction(**options) as tables:  # pyright: ignore[reportPrivateUsage]
            tables.known_links = set  # pyright: ignore[reportAttributeAccessIssue]
            yield tables


# -- dead letters ----------------------------------------------------------------------------------


@breaks("letters.once")
class KeepsTheFirstError(MemoryStore):
    def set_aside(self, letters: Sequence[Any]) -> None:
        known = {letter.id for letter in self.dead_letters()}
        super().set_aside([letter for letter in letters if letter.id not in known])


@breaks("letters.whole")
class LettersAsText(MemoryStore):
    def set_aside(self, letters: Sequence[Any]) -> None:
        super().set_aside([replace(one, payload=one.payload.decode(errors="replace").encode()) for one in letters])


@breaks("letters.order")
class NewestLettersFirst(MemoryStore):
    def dead_letters(self, **options: Any) -> list[Any]:
        return super().dead_letters(**options)[::-1]


@breaks("letters.discarded")
class DiscardsAll(MemoryStore):
    def discard_letters(self, ids: Sequence[bytes]) -> int:
        super().discard_letters([letter.id for letter in self.dead_letters()])
        return len(set(ids))


@breaks("letters.figures")
class CountsAllAsRecent(MemoryStore):
    def letter_figures(self, *, since: int) -> Any:
        return super().letter_figures(since=0)


# -- purge -----------------------------------------------------------------------------------------


@breaks("purge.exact")
class LeavesLogs(Tables):
    def delete_logs(self, workspace_id: bytes, keys: Sequence[Any]) -> None:
        pass


@breaks("purge.exact#others")
class TakesWhomOthersName(Tables):
    def names_between(self, workspace_id: bytes, after: bytes, last: bytes) -> list[Any]:
        return []


@breaks("purge.dry_run")
class CountsRunsOnly(MemoryStore):
    def purge_counts(self, where: PurgeFilter) -> PurgeCounts:
        return super().purge_counts(where)._replace(contacts=0)


@breaks("purge.bounded")
class AllAtOnce(MemoryStore):
    def purge(self, where: PurgeFilter, *, limit: int = 1000, after: bytes = b"") -> PurgeStep:
        return super().purge(where, limit=limit * 1000, after=after)


@breaks("purge.orphans")
class LeavesOrphans(Memory):
    def purge(self, where: PurgeFilter, *, limit: int = 1000, after: bytes = b"") -> PurgeStep:
        roots = {(key, run) for key, runs in self.tables.runs.items() for run, row in runs.items() if row.is_root}
        done = super().purge(where, limit=limit, after=after)
        with self.changing() as tables:
            for workspace, runs in tables.runs.items():
                tables.set_root(workspace, [run for run in runs if (workspace, run) not in roots], is_root=False)
        return done


@breaks("purge.tenants")
class EveryWorkspace(MemoryStore):
    def purge(self, where: PurgeFilter, *, limit: int = 1000, after: bytes = b"") -> PurgeStep:
        by_age = where.before is not None and where.user_id is None and where.session_id is None
        return super().purge(replace(where, workspace_id=None) if by_age else where, limit=limit, after=after)


@breaks("purge.digest")
class DigestOfTheLast(MemoryStore):
    def purge(self, where: PurgeFilter, *, limit: int = 1000, after: bytes = b"") -> PurgeStep:
        counts, last = super().purge(where, limit=limit, after=after)
        return PurgeStep(counts._replace(digest=counts.digest ^ 1 if any(counts) else 0), last)


@breaks("purge.scrub")
class ScrubsNothing(SQLiteStore):
    def scrub(self) -> bool:
        return True
