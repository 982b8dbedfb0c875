"""Look at a store without changing it: in reach, which version, who records into it, what went wrong in it.

An older store is not upgraded by being looked at, and what does not exist is not made. Nobody waits longer than asked:
what was found by then is the answer.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson

from agenttrace.errors import StoreTooNew
from agenttrace.health.report import LettersStored, ProcessSeen, SchemaState, StoreSeen
from agenttrace.journal.limit import done_within
from agenttrace.journal.rights import Exposed, exposed
from agenttrace.location import file_of, shown
from agenttrace.model.times import micros, utc
from agenttrace.store.protocol import RunFilter, Versioned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agenttrace.model.rows import ProcessRow, RunRow
    from agenttrace.store.protocol import Store

__all__ = ["look_at_store"]

_PAGE = 500
#: A heartbeat comes every 15 seconds, and its runs are abandoned once it stood still for 60.
_SILENT = 75.0


def look_at_store(
    make: Callable[[], Store], *, place: str | None, since: datetime, timeout: float, close: bool
) -> StoreSeen:
    """Return what can be told of the store that `make` gives within `timeout` seconds. Raises nothing of the store's.

    `place` is its file or folder, where it has one; `close`: it is closed again, and nobody else uses it.
    """
    look = _Look("memory://" if place is None else place, since)
    try:
        if (file := file_of(place)) is not None:
            if not file.exists():
                return replace(look.seen, schema="missing", error=f"there is no store at {place}")
            look.seen = replace(look.seen, exposed=_exposed(file))
        if not done_within(timeout, lambda: look.run(make, close=close)):
            return _late(look.seen, timeout)
    except Exception as error:  # noqa: BLE001 - whatever a driver raises, it belongs into the report
        look.failed(error)
    return look.seen


def _late(seen: StoreSeen, timeout: float) -> StoreSeen:
    if seen.reachable:
        return replace(seen, complete=False)
    return replace(seen, complete=False, error=f"it did not answer within {timeout:g} s")


def _exposed(place: Path) -> tuple[Exposed, ...]:
    """Return what everybody may reach of a store's folder, or of its file and those that SQLite keeps beside it."""
    beside = [place.with_name(place.name + suffix) for suffix in ("-wal", "-shm")] if place.is_file() else []
    return tuple(found for path in (place, *beside) for found in exposed(path, 0o007))


class _Look:
    """One look, step by step; `seen` is what is known so far. A new value each time: another thread may take it."""

    def __init__(self, url: str, since: datetime) -> None:
        self.since = since
        self.seen = StoreSeen(
            url=url,
            reachable=False,
            seconds=None,
            error=None,
            schema="unknown",
            version=None,
            known_version=None,
            processes=(),
            workspaces=None,
            gaps=None,
            missing_records=None,
            abandoned=None,
            dead_letters=None,
            complete=True,
            exposed=(),
        )

    def run(self, make: Callable[[], Store], *, close: bool) -> None:
        store = make()
        self.seen = replace(self.seen, url=shown(store.url))
        try:
            began = time.monotonic()
            schema = self._schema(store)
            if schema in ("current", "unversioned"):
                store.open()
            self.seen = replace(self.seen, reachable=True, schema=schema, seconds=time.monotonic() - began)
            if schema in ("current", "unversioned"):
                self._count(store)
        finally:
            if close:
                store.close()

    def failed(self, error: Exception) -> None:
        words = f"{type(error).__name__}: {error}"
        if isinstance(error, StoreTooNew):
            self.seen = replace(self.seen, reachable=True, schema="newer", error=words)
        else:
            self.seen = replace(self.seen, reachable=False, complete=False, error=words)

    def _schema(self, store: Store) -> SchemaState:
        if not isinstance(store, Versioned):
            return "unversioned"
        found, known = store.version(), store.known_version
        self.seen = replace(self.seen, version=found, known_version=known)
        if found == known:
            return "current"
        return "none" if found == 0 else "older" if found < known else "newer"

    def _count(self, store: Store) -> None:
        now = store.now()
        self.seen = replace(self.seen, processes=tuple(_process(row, now) for row in store.processes()))
        self.seen = replace(self.seen, dead_letters=_letters(store, self.since))
        workspaces = store.workspaces()
        gaps = missing = abandoned = 0
        self.seen = replace(self.seen, workspaces=len(workspaces))
        for workspace in workspaces:
            where = RunFilter(workspace_id=workspace, since=micros(self.since))
            abandoned += store.count_runs(replace(where, abandoned=True))
            for row in _gaps(store, where):
                gaps, missing = gaps + 1, missing + _missing(row)
            self.seen = replace(self.seen, gaps=gaps, missing_records=missing, abandoned=abandoned)
        self.seen = replace(self.seen, gaps=gaps, missing_records=missing, abandoned=abandoned)


def _process(row: ProcessRow, now: int) -> ProcessSeen:
    silent = max(now - row.seen_at, 0) / 1_000_000
    return ProcessSeen(
        process_id=row.id.hex(),
        host=row.host,
        boot_id=row.boot_id,
        pid=row.pid,
        started=utc(row.started_at),
        seen=utc(row.seen_at),
        silent_seconds=silent,
        stood_still=silent > _SILENT,
    )


def _letters(store: Store, since: datetime) -> LettersStored:
    found = store.letter_figures(since=micros(since))
    return LettersStored(
        count=found.count,
        recent=found.recent,
        bytes=found.bytes,
        newest=None if found.newest is None else utc(found.newest),
        last_error=found.last_error,
    )


def _gaps(store: Store, where: RunFilter) -> Iterator[RunRow]:
    where = replace(where, run_type="gap", limit=_PAGE)
    while rows := store.runs(where):
        yield from rows
        where = replace(where, after=(rows[-1].start_time, rows[-1].id))


def _missing(row: RunRow) -> int:
    """Return how many records a gap stands for."""
    try:
        content: Any = orjson.loads(row.content or "{}")
    except ValueError:
        return 0
    found = cast("dict[str, Any]", content).get("dropped") if isinstance(content, dict) else None
    return found if type(found) is int else 0
