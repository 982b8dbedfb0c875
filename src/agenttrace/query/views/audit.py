"""The audit log: what callers read and changed over HTTP, from its rows. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agenttrace.model import times
from agenttrace.model.content import parse
from agenttrace.query import arguments
from agenttrace.query.document import uuid_text
from agenttrace.store.protocol import AuditFilter

if TYPE_CHECKING:
    from datetime import datetime

    from agenttrace.model.rows import AuditRow

__all__ = ["AuditEntry", "entry_of", "filter_of"]


@dataclass(slots=True, kw_only=True)
class AuditEntry:
    """One thing that a caller read or changed.

    `action` is what was done, such as prompt_logs.queried; `filters` what was asked for; `rows` how many rows were
    answered, with HTTP status `status`. Who asked is `user_id`, `key_id` and `role`, as far as the caller had them.
    """

    id: str
    created_at: datetime
    workspace_id: str
    action: str
    user_id: str | None
    key_id: str | None
    role: str | None
    filters: dict[str, Any]
    rows: int
    status: int | None
    request_id: str | None


def filter_of(
    *, workspace_id: object, action: object, user_id: object, key_id: object, since: object, until: object
) -> AuditFilter:
    """Return the filter of these arguments. Raises InvalidQuery."""
    return AuditFilter(
        workspace_id=arguments.workspace(workspace_id),
        action=arguments.text("action", action),
        user_id=None if user_id is None else arguments.owner("user_id", user_id),
        key_id=arguments.text("key_id", key_id),
        since=arguments.instant("since", since),
        until=arguments.instant("until", until),
    )


def entry_of(row: AuditRow) -> AuditEntry:
    """Return the entry of a row."""
    return AuditEntry(
        id=uuid_text(row.id),
        created_at=times.utc(row.created_at),
        workspace_id=uuid_text(row.workspace_id),
        action=row.action,
        user_id=row.user_id,
        key_id=row.key_id,
        role=row.role,
        filters=parse(row.filters) or {},
        rows=row.row_count,
        status=row.status,
        request_id=row.request_id,
    )
