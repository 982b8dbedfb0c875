"""Records of who may read and who read, as rows: the audit log, and the last use of API keys. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from agenttrace.model import ids
from agenttrace.model.rows import AuditRow
from agenttrace.model.wire import read_note
from agenttrace.store.runs import in_time

__all__ = ["audit_row", "key_use"]


def audit_row(payload: bytes) -> AuditRow:
    """Return the row of an AUDIT record. Raises ValueError, KeyError or TypeError where it is none."""
    time, rest, rows, status, caller, request, filters = read_note(payload)
    workspace, action, user, key, role = _caller(caller)
    time = in_time(time)
    return AuditRow(
        workspace,
        ids.time_id(time, rest),
        time,
        action,
        user,
        key,
        role,
        filters.decode() or "{}",
        rows,
        status,
        _optional(orjson.loads(request)),
    )


def key_use(record: dict[str, Any]) -> tuple[bytes, str, int]:
    """Return workspace, key and time of a KEY_USED record. Raises as `audit_row` does."""
    return _uuid(record["workspace"]), _text(record["key"]), in_time(_integer(record["time"]))


@lru_cache(maxsize=1024)
def _caller(line: bytes) -> tuple[bytes, str, str | None, str | None, str | None]:
    record: dict[str, Any] = orjson.loads(line)
    user, key, role = (_optional(record.get(name)) for name in ("user", "key", "role"))
    return _uuid(record["workspace"]), _text(record["action"]), user, key, role


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
