"""Whose a dead letter is: records that no store took, told apart by the ids of their scope. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import orjson

from agenttrace.model import ids
from agenttrace.model.wire import AUDIT, ENTITY, RUN, SPAN, read_note, read_run

if TYPE_CHECKING:
    from agenttrace.journal.deadletters import DeadLetter
    from agenttrace.store.protocol import PurgeFilter

__all__ = ["goes"]

_NAMES = ("user_id", "ai_contact_id", "session_id")
_ENTITIES = {"contact": "ai_contact_id", "session": "session_id", "agent": "agent_key"}


class _Ids(NamedTuple):
    """What a record says of itself: its workspace, whom it names, and when it, or its turn, began."""

    workspace_id: bytes
    user_id: str | None
    ai_contact_id: bytes | None
    session_id: bytes | None
    time: int


def goes(letter: DeadLetter | None, where: PurgeFilter) -> bool:
    """Return whether a purge with this filter removes a dead letter; None is a line that nobody can read any more.

    A letter goes where it carries all names that are set, and is old enough. One that is not understood goes by its
    own time, or where its text has one of the ids in the place of one.
    """
    named = [name for name in _NAMES if getattr(where, name) is not None]
    if letter is None:
        return bool(named)
    try:
        known = _ids(letter)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError, RecursionError):
        return _goes_unread(letter, where, named)
    if where.workspace_id not in (None, known.workspace_id):
        return False
    if where.before is not None and known.time >= where.before:
        return False
    return all(getattr(known, name) == getattr(where, name) for name in named)


def _goes_unread(letter: DeadLetter, where: PurgeFilter, named: list[str]) -> bool:
    if where.before is not None and letter.time >= where.before:
        return False
    return not named or any(
        b'"%s":%s' % (name.encode(), orjson.dumps(text)) in letter.payload.replace(b'": "', b'":"')
        for name in named
        for text in _spellings(getattr(where, name))
    )


def _spellings(value: str | bytes) -> list[str]:
    if isinstance(value, str):
        return [value]
    digits = value.hex()
    dashed = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    return [digits, dashed, f"ase_{dashed}", digits.upper(), dashed.upper()]


def _ids(letter: DeadLetter) -> _Ids:
    """Return what a record says of itself. Raises where it is not understood."""
    if letter.kind == RUN:
        record = read_run(letter.payload)
        scope = _object(orjson.loads(record.envelope)).get("scope")
        return _resolved(scope, min(record.start, record.turn))
    if letter.kind == AUDIT:
        time, _, _, _, caller, _, _ = read_note(letter.payload)
        who = _object(orjson.loads(caller))
        return _resolved({"workspace_id": who["workspace"], "user_id": who.get("user")}, time)
    head = _object(orjson.loads(letter.payload.partition(b"\n")[0]))
    scope = _object(head.get("scope") or {})
    if letter.kind == ENTITY:
        scope = {**scope, _ENTITIES[head["entity"]]: head["id"]}
    time = head["start"] if letter.kind == SPAN else head["time"]
    return _resolved(scope, time)


def _resolved(scope: Any, time: Any) -> _Ids:
    known = {name: str(value) for name, value in _object(scope or {}).items() if value not in (None, "")}
    if not isinstance(time, int):
        raise TypeError("no time")
    workspace = ids.workspace_id(known.get("workspace_id"))
    user, contact, session = (known.get(name) for name in _NAMES)
    return _Ids(
        workspace,
        None if user is None else ids.canonical(user),
        None if contact is None else ids.entity_id(workspace, contact),
        None if session is None else ids.session_id(workspace, session),
        time,
    )


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("no JSON object")
    return cast("dict[str, Any]", value)
