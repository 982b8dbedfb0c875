"""The receipt of a purge: what went, and how that is told in the audit log. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from agenttrace.model import ids, times
from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.model.jsontext import compact_json
from agenttrace.model.rows import AuditRow
from agenttrace.query.document import uuid_text
from agenttrace.store.batch import Batch

if TYPE_CHECKING:
    from datetime import datetime

    from agenttrace.store.protocol import PurgeCounts, PurgeFilter

__all__ = ["ACTION", "Receipt", "note_of", "tables_of"]

#: The action under which receipts stand in the audit log.
ACTION = "data.purged"

_NO_TABLES = frozenset({"digest", "sessions_cleared", "notes_cleared"})


@dataclass(slots=True, frozen=True, kw_only=True)
class Receipt:
    """What a purge deleted, or in a dry run would delete.

    `filter` is what was asked for, `counts` how many rows went by table, `rows` their sum. `cleared` says how many
    sessions and audit notes stayed and lost the user's id. `hash` is a fingerprint of the rows that went: the sum,
    modulo 2**256, of the SHA-256 of each row's table and key, so it does not depend on the order. `dead_letters` is how
    many records went that no store had taken. `pending_journals` counts the journals of other processes that may still
    hold records from before the purge: those can bring back rows, so purge again once they are gone. `scrubbed` says
    whether what deleted rows leave in the store's files was overwritten (None: not asked for). `complete` is True where
    nothing of all this is left to do. `id` is the id of the note in the audit log, None where none was written.
    """

    id: str | None
    at: datetime
    filter: dict[str, str | bool]
    dry_run: bool
    counts: dict[str, int]
    rows: int
    hash: str
    cleared: dict[str, int] = field(default_factory=dict[str, int])
    links: int = 0
    dead_letters: int = 0
    pending_journals: int = 0
    scrubbed: bool | None = None
    complete: bool = True

    def document(self) -> dict[str, Any]:
        """Return the receipt as a JSON object."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"at": self.at.isoformat()}


def tables_of(counts: PurgeCounts) -> dict[str, int]:
    """Return how many rows went by table, without the tables of which none did.

    >>> from agenttrace.store.protocol import PurgeCounts
    >>> tables_of(PurgeCounts(runs=2, digest=5))
    {'runs': 2}
    """
    return {name: number for name, number in counts._asdict().items() if number and name not in _NO_TABLES}


def note_of(receipt: Receipt, where: PurgeFilter, *, now: int, random: int) -> tuple[Receipt, Batch]:
    """Return the receipt with the id of its note, and the batch that brings the note to the store.

    A purge of all workspaces is noted in the default one.
    """
    workspace = where.workspace_id or DEFAULT_WORKSPACE.bytes
    told = {
        "filter": receipt.filter,
        "counts": receipt.counts,
        "cleared": receipt.cleared,
        "links": receipt.links,
        "dead_letters": receipt.dead_letters,
        "hash": receipt.hash,
        "pending_journals": receipt.pending_journals,
        "scrubbed": receipt.scrubbed,
        "complete": receipt.complete,
    }
    key, batch = ids.time_id(now, random), Batch()
    filters = compact_json(told).encode("utf-8", "backslashreplace").decode()
    batch.audit[workspace, key] = AuditRow(
        workspace, key, now, ACTION, None, None, None, filters, receipt.rows, None, None
    )
    return replace(receipt, id=uuid_text(key), at=times.utc(now)), batch
