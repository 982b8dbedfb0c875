"""Dead letters: a record that a store refused becomes a row, and a record is asked whom it names. Pure."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, NamedTuple, cast

import orjson

from agenttrace.model import ids
from agenttrace.model.rows import DeadLetterRow
from agenttrace.model.wire import AUDIT, ENTITY, KEY_USED, RUN, SPAN, read_note, read_run

__all__ = ["Named", "dead_letter", "named_by", "said", "words_of"]

_NAMES = ("user_id", "ai_contact_id", "session_id")
_ENTITIES = {"contact": "ai_contact_id", "session": "session_id", "agent": "agent_key"}
_UNREAD = (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError, RecursionError)
_LONGEST_ERROR = 2_000


class Named(NamedTuple):
    """What a record says of itself: its workspace, whom it names, and when it, or its turn, began."""

    workspace_id: bytes
    user_id: str | None
    ai_contact_id: bytes | None
    session_id: bytes | None
    time: int


def dead_letter(kind: int, payload: bytes, error: str, *, process_id: bytes, now: int) -> DeadLetterRow:
    """Return the row of a record that was refused at `now`, in microseconds. Never raises, whatever the payload holds.

    >>> row = dead_letter(1, b"no record", "ValueError: no RUN record", process_id=bytes(16), now=5)
    >>> row.workspace_id, row.time, row.id.hex()[:8]
    (None, 5, '9928ded9')
    """
    named = named_by(kind, payload)
    return DeadLetterRow(
        id=_id(kind, payload, process_id),
        workspace_id=None if named is None else named.workspace_id,
        time=now,
        kind=kind,
        process_id=process_id,
        error=said(error),
        payload=payload,
    )


def words_of(error: BaseException) -> str:
    """Return an error as one text: its type and what it says.

    >>> words_of(ValueError("no RUN record"))
    'ValueError: no RUN record'
    """
    return f"{type(error).__name__}: {error}"


def said(error: str) -> str:
    """Return an error's text as every store takes it: not too long, and without lone surrogates."""
    return error[:_LONGEST_ERROR].encode("utf-8", "backslashreplace").decode()


def named_by(kind: int, payload: bytes) -> Named | None:
    """Return what a record says of itself, None where it is not understood. Never raises."""
    try:
        return _named(kind, payload)
    except _UNREAD:
        return None


def _id(kind: int, payload: bytes, process_id: bytes) -> bytes:
    digest = blake2b(process_id, digest_size=16, person=b"dead letter")
    digest.update(kind.to_bytes(8, "big", signed=True))
    digest.update(payload)
    return digest.digest()


def _named(kind: int, payload: bytes) -> Named:
    if kind == RUN:
        record = read_run(payload)
        scope = _object(orjson.loads(record.envelope)).get("scope")
        return _resolved(scope, min(record.start, record.turn))
    if kind == AUDIT:
        time, _, _, _, caller, _, _ = read_note(payload)
        who = _object(orjson.loads(caller))
        return _resolved({"workspace_id": who["workspace"], "user_id": who.get("user")}, time)
    head = _object(orjson.loads(payload.partition(b"\n")[0]))
    if kind == KEY_USED:
        return _resolved({"workspace_id": head["workspace"]}, head["time"])
    scope = _object(head.get("scope") or {})
    if kind == ENTITY:
        scope = {**scope, _ENTITIES[head["entity"]]: head["id"]}
    time = head["start"] if kind == SPAN else head["time"]
    return _resolved(scope, time)


def _resolved(scope: Any, time: Any) -> Named:
    known = {name: str(value) for name, value in _object(scope or {}).items() if value not in (None, "")}
    if not isinstance(time, int):
        raise TypeError("no time")
    workspace = ids.workspace_id(known.get("workspace_id"))
    user, contact, session = (known.get(name) for name in _NAMES)
    return Named(
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
