"""Check query arguments and turn them into the store's values; each error names the parameter. Pure."""

from __future__ import annotations

import re
import uuid
from datetime import date, datetime

from agenttrace.errors import InvalidQuery
from agenttrace.model import ids, times
from agenttrace.model.ids import veiled

__all__ = [
    "agent",
    "call",
    "check_agent_key",
    "check_session_key",
    "choice",
    "day",
    "entity",
    "instant",
    "integer",
    "owner",
    "session",
    "text",
    "unique_id",
    "workspace",
]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


def workspace(value: object) -> bytes:
    """Return a workspace's 16 bytes; None is the default workspace."""
    if value is None or isinstance(value, (str, uuid.UUID)):
        return ids.workspace_id(value)
    raise InvalidQuery("workspace_id", f"must be text or a UUID, got {_kind(value)}")


def unique_id(parameter: str, value: object, workspace_id: bytes | None = None) -> bytes:
    """Return the 16 bytes of a UUID, given as one or as text in any of its usual spellings.

    With a workspace, of a contact or conversation: the error names the UUID that such a text has there.
    """
    known = ids.as_uuid(value) if isinstance(value, (str, uuid.UUID)) else None
    if known is not None:
        return known.bytes
    problem = f"must be a UUID, got {_shown(value)}"
    if workspace_id is not None and isinstance(value, str):
        problem += f"; what was recorded under this text has {uuid.UUID(bytes=ids.entity_id(workspace_id, value))}"
    raise InvalidQuery(parameter, problem)


def entity(parameter: str, workspace_id: bytes, value: object) -> bytes | None:
    """Return the 16 bytes of a contact or conversation in any form that a scope takes; None stays None."""
    return None if value is None else ids.entity_id(workspace_id, _key(parameter, value))


def session(parameter: str, workspace_id: bytes, value: object) -> bytes:
    """Return the 16 bytes of a session from its UUID, its key, or the text that the user gave it."""
    return ids.session_id(workspace_id, _key(parameter, value))


def agent(parameter: str, value: object) -> str:
    """Return an agent's key; one without the prefix gets it."""
    return ids.agent_key(str(_key(parameter, value)))


def check_agent_key(value: object) -> None:
    """Raise InvalidQuery for an agent's key that has the documented prefix and then leaves the pattern."""
    if isinstance(value, str) and value.startswith("agt_") and not ids.AGENT_KEY.match(value):
        raise InvalidQuery("agent_key", f"must be agt_ and letters, digits, '_' or '-', got {_shown(value)}")


def check_session_key(value: object) -> None:
    """Raise InvalidQuery for a session's key that has the documented prefix and then leaves the pattern."""
    if isinstance(value, str) and value.startswith("ase_") and not ids.SESSION_KEY.match(value):
        raise InvalidQuery("session_key", f"must be ase_ and letters, digits, '_' or '-', got {_shown(value)}")


def integer(parameter: str, value: object, *, low: int, high: int | None = None) -> int:
    """Return an integer between `low` and `high`, both allowed."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidQuery(parameter, f"must be an integer, got {_shown(value)}")
    if value < low or (high is not None and value > high):
        allowed = f"{low} or more" if high is None else f"between {low} and {high}"
        raise InvalidQuery(parameter, f"must be {allowed}, got {value}")
    return value


def text(parameter: str, value: object, *, longest: int | None = None) -> str | None:
    """Return filter text of at most `longest` characters; None stays None."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidQuery(parameter, f"must be text, got {_kind(value)}")
    if longest is not None and len(value) > longest:
        raise InvalidQuery(parameter, f"must have at most {longest} characters, got {len(value)}")
    if not _is_unicode(value):
        raise InvalidQuery(parameter, "must be Unicode text without lone surrogates")
    return value


def owner(parameter: str, value: object) -> str:
    """Return a user's or team's id as the text that it is stored under."""
    known = _key(parameter, value)
    found = ids.as_uuid(known)
    return ids.canonical(text(parameter, known) or "") if found is None else str(found)


def call(parameter: str, value: object, *, longest: int | None = None) -> str | None:
    """Return a call's id as the text that it is stored under; None stays None."""
    known = text(parameter, value, longest=longest)
    return None if known is None else veiled(known)


def choice(parameter: str, value: object, allowed: tuple[str, ...]) -> str | None:
    """Return text that is one of those allowed; None stays None."""
    if value is None or (isinstance(value, str) and value in allowed):
        return value
    raise InvalidQuery(parameter, f"must be one of {', '.join(allowed)}, got {_shown(value)}")


def day(parameter: str, value: object) -> date | None:
    """Return a date, given as one or as YYYY-MM-DD; None stays None."""
    if value is None:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DAY.match(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise InvalidQuery(parameter, f"must be a date, YYYY-MM-DD, got {_shown(value)}")


def instant(parameter: str, value: object) -> int | None:
    """Return the time of a datetime or ISO 8601 text, taken as UTC where it names no zone; None stays None."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return times.micros(value)
    if isinstance(value, str):
        try:
            return times.micros(datetime.fromisoformat(value))
        except ValueError:
            pass
    raise InvalidQuery(parameter, f"must be a datetime, got {_shown(value)}")


def _key(parameter: str, value: object) -> str | uuid.UUID:
    if isinstance(value, uuid.UUID) or (isinstance(value, str) and value):
        return value
    problem = "must not be empty" if value == "" else f"must be text or a UUID, got {_kind(value)}"
    raise InvalidQuery(parameter, problem)


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: object) -> str:
    return type(value).__name__


def _shown(value: object) -> str:
    return repr(value)[:80] if isinstance(value, (str, int, float, date)) or value is None else _kind(value)
