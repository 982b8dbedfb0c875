"""What the doctor found: values, and the same as one JSON document."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agenttrace.journal.inspect import RootSeen
    from agenttrace.journal.rights import Exposed
    from agenttrace.journal.stats import Stats

__all__ = ["Finding", "LettersStored", "ProcessSeen", "Report", "SchemaState", "SelfSeen", "StoreSeen"]

#: How the version of a store's tables stands to the one that the library knows.
SchemaState = Literal["current", "older", "newer", "none", "unversioned", "missing", "unknown"]


@dataclass(slots=True, frozen=True, kw_only=True)
class Finding:
    """One thing that needs attention, and what to do about it; each is one line."""

    code: str  # as "dead_letters": stable, for monitoring
    status: Literal[1, 2]
    what: str
    do: str


@dataclass(slots=True, frozen=True, kw_only=True)
class ProcessSeen:
    """The heartbeat of a process that records into the store."""

    process_id: str
    host: str
    boot_id: str
    pid: int
    started: datetime
    seen: datetime
    silent_seconds: float  # since then, by the store's clock: hosts' clocks may differ
    stood_still: bool  # it has been silent for so long that its runs are about to be abandoned


@dataclass(slots=True, frozen=True, kw_only=True)
class LettersStored:
    """The records that the store refused, as it has set them aside; of all workspaces."""

    count: int
    recent: int  # of those, set aside within the time that was asked about
    bytes: int
    newest: datetime | None
    last_error: str | None  # the newest one's


@dataclass(slots=True, frozen=True, kw_only=True)
class StoreSeen:
    """The store. Numbers are None where they could not be had."""

    url: str  # without passwords
    reachable: bool
    seconds: float | None  # until it answered
    error: str | None
    schema: SchemaState
    version: int | None  # of its tables
    known_version: int | None  # that the library knows
    processes: tuple[ProcessSeen, ...]
    workspaces: int | None  # that have runs
    gaps: int | None  # runs of type gap that started within the time that was asked about
    missing_records: int | None  # that these gaps stand for
    abandoned: int | None  # runs that started within that time and whose process died
    dead_letters: LettersStored | None
    complete: bool  # False: time ran out while counting, and numbers are too small or missing
    exposed: tuple[Exposed, ...]  # files of the store that everybody may reach


@dataclass(slots=True, frozen=True, kw_only=True)
class SelfSeen:
    """The process that asks, where that is one that records."""

    stats: Stats
    errors: Mapping[str, int]  # internal errors by place and type


@dataclass(slots=True, frozen=True, kw_only=True)
class Report:
    """How agenttrace is. `status`: 0 all well, 1 something needs attention, 2 the store cannot be used."""

    status: Literal[0, 1, 2]
    findings: tuple[Finding, ...]  # the worst first
    time: datetime
    since: datetime  # gaps, abandoned runs and dead letters count from here on
    version: str  # of the library
    accelerators: Mapping[str, bool]  # whether the parts in C are in use; without them it is the same, but slower
    store: StoreSeen
    roots: tuple[RootSeen, ...]  # journal folders: the store's first, then those of exporters; none in memory
    process: SelfSeen | None

    def document(self) -> dict[str, Any]:
        """Return the report as JSON values, member by member: instants as RFC 3339 text in UTC, paths as text."""
        return _plain(self)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in cast("dict[Any, Any]", value).items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in cast("list[Any]", value)]
    return value
