"""What a purge is asked for becomes the store's filter; each error names the parameter. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from agenttrace.errors import InvalidQuery
from agenttrace.model import times
from agenttrace.query import arguments
from agenttrace.query.document import uuid_text
from agenttrace.store.protocol import PurgeFilter

if TYPE_CHECKING:
    import uuid

__all__ = ["Before", "age", "filter_of", "shown"]

#: An instant, ISO 8601 text, or an age: a timedelta, or text such as 90d.
Before = datetime | timedelta | str

_AGE = re.compile(r"([0-9]{1,6})([smhdw])\Z", re.A)
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_FORMS = "an instant (a datetime or ISO 8601 text) or an age (a timedelta or text such as 90d, 12h, 4w)"


def age(parameter: str, value: object) -> int | None:
    """Return an age in microseconds, of a timedelta or text such as 90d; None where it is no age.

    Raises InvalidQuery where it is not above 0.

    >>> age("before", "2h"), age("before", "2026-01-31")
    (7200000000, None)
    """
    if isinstance(value, str) and (match := _AGE.match(value.strip())):
        value = timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    if not isinstance(value, timedelta):
        return None
    if value <= timedelta(0):
        raise InvalidQuery(parameter, f"must be an age above 0, got {value}")
    return value // timedelta(microseconds=1)


def filter_of(
    *,
    before: Before | None,
    workspace_id: str | uuid.UUID | None,
    user_id: str | uuid.UUID | None,
    ai_contact_id: str | uuid.UUID | None,
    session_id: str | uuid.UUID | None,
    audit: bool,
    now: int,
) -> PurgeFilter:
    """Return the filter; without a workspace, a name is looked for in the default one, and age in all.

    Raises InvalidQuery.
    """
    named = [name for name in (user_id, ai_contact_id, session_id) if name is not None]
    if before is None and not named:
        raise InvalidQuery("before", "name what to delete: before, user_id, ai_contact_id or session_id")
    if not isinstance(audit, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidQuery("audit", f"must be True or False, got {audit!r}")
    workspace = arguments.workspace(workspace_id) if named or workspace_id is not None else None
    return PurgeFilter(
        workspace_id=workspace,
        before=_before(before, now),
        user_id=None if user_id is None else arguments.owner("user_id", user_id),
        ai_contact_id=arguments.entity("ai_contact_id", workspace or b"", ai_contact_id),
        session_id=None if session_id is None else arguments.session("session_id", workspace or b"", session_id),
        audit=audit,
    )


def shown(where: PurgeFilter) -> dict[str, str | bool]:
    """Return a filter as JSON values: ids and an instant, and nothing else."""
    found: dict[str, str | bool] = {}
    for name in ("workspace_id", "ai_contact_id", "session_id"):
        value = getattr(where, name)
        if value is not None:
            found[name] = uuid_text(value)
    if where.user_id is not None:
        found["user_id"] = where.user_id
    if where.before is not None:
        found["before"] = times.utc(where.before).isoformat()
    if where.audit:
        found["audit"] = True
    return found


def _before(value: Before | None, now: int) -> int | None:
    if value is None:
        return None
    try:
        old = age("before", value)
        return arguments.instant("before", value) if old is None else max(now - old, 0)
    except OverflowError as error:
        raise InvalidQuery("before", f"must be {_FORMS}, got {value!r}") from error
    except InvalidQuery as error:
        if isinstance(value, timedelta) or "age above" in error.problem:
            raise
        raise InvalidQuery("before", f"must be {_FORMS}, got {value!r}") from error
