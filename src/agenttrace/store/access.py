"""Records of who may read and who read, as rows: the audit log, and the last use of API keys. Pure."""

from __future__ import annotations

from typing import Any

from agenttrace.model import ids
from agenttrace.model.rows import AuditRow
from agenttrace.store.runs import in_time

__all__ = ["audit_row", "key_use"]


def audit_row(record: dict[str, Any], filters: str) -> AuditRow:
    """Return the row of an AUDIT record and its filters. Raises ValueError, KeyError or TypeError where it is none."""
    time = in_time(_integer(record["time"]))
    return AuditRow(
        workspace_id=_uuid(record["workspace"]),
        id=ids.time_id(time, int(record["random"], 16)),
        created_at=time,
        action=_text(record["action"]),
        user_id=_optional(record.get("user")),
        key_id=_optional(record.get("key")),
        role=_optional(record.get("role")),
        filters=filters or "{}",
        row_count=_integer(record["rows"]),
        status=None if record.get("status") is None else _integer(record["status"]),
        request_id=_optional(record.get("request")),
    )


def key_use(record: dict[str, Any]) -> tuple[bytes, str, int]:
    """Return workspace, key and time of a KEY_USED record. Raises as `audit_row` does."""
    return _uuid(record["workspace"]), _text(record["key"]), in_time(_integer(record["time"]))


def _uuid(value: Any) -> bytes:
    known = ids.as_uuid(value)
    if known is None:
        raise ValueError(f"workspace: {value!r} is no UUID")
    return known.bytes


def _integer(value: Any) -> int:
    if type(value) is int:
        return value
    raise ValueError(f"{value!r} is no integer")


def _text(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"{value!r} is no text")


def _optional(value: Any) -> str | None:
    return None if value is None else _text(value)
