"""Rows of the store (`model.rows`) as columns of ClickHouse, and back. No I/O."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from agenttrace.errors import StoreRejected
from agenttrace.model import rows
from agenttrace.model.rows import DeadLetterRow, EventRow, RunRow, SessionRow, run_of_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed import DataclassInstance

__all__ = [
    "RUN_FIELDS",
    "agent_place",
    "check",
    "event_of",
    "letter_of",
    "letter_values",
    "message_of",
    "run_of",
    "session_of",
]

_KINDS = {"bytes": bytes, "str": str, "int": int, "bool": bool, "None": type(None)}
#: The fields of a run, in the order in which `run_of` takes them: without the links, for every text stays in its row.
RUN_FIELDS = rows.RUN_FIELDS[: rows.RUN_FIELDS.index("history_link")]

_NONE = bytes(16)
_MIDDLE = 1 << 63


def run_of(values: Sequence[Any]) -> RunRow:
    """Return the run whose RUN_FIELDS these are."""
    return run_of_values((*values, None, None))


def event_of(values: Sequence[Any]) -> EventRow:
    """Return the event of workspace, id, with_session, session, run, type, created_at, turn_time, hidden and data."""
    workspace, event, with_session, session, *rest = values
    return EventRow(workspace, event, session if with_session else None, *rest)


def session_of(values: Sequence[Any]) -> tuple[SessionRow, int]:
    """Return a session, and the stamp of its last reset (0: none), of the columns of the table."""
    created, message, reset_at, stamp = values[-4:]
    era, time = message >> 64, (message & ((1 << 64) - 1)) - _MIDDLE
    last = time if message and era == stamp else None
    return SessionRow(*values[:8], created_at=created, last_message_at=last, reset_at=reset_at), stamp


def letter_values(letter: DeadLetterRow, stamp: int) -> tuple[Any, ...]:
    """Return the values of a dead letter's row."""
    who = (letter.id, letter.workspace_id, letter.time, letter.kind, letter.process_id)
    return (*who, letter.error, letter.payload, stamp)


def letter_of(values: Sequence[Any]) -> DeadLetterRow:
    """Return a dead letter of its columns, the payload in hexadecimal digits: a driver reads texts as UTF-8."""
    row = DeadLetterRow(*values)
    return replace(row, payload=bytes.fromhex(values[-1]))


def message_of(time: int | None, reset_stamp: int) -> int:
    """Return the one number of a session's last message: messages before its last reset are less than any after it."""
    return 0 if time is None else (reset_stamp << 64) + time + _MIDDLE


def agent_place(name: str | None, named_at: int) -> int:
    """Return the number of which the greatest version of an agent has the greatest: named last, then by name."""
    if name is None:
        return 0
    text = name.encode()[:7].ljust(7, b"\0")
    return (1 << 127) | (min(max(named_at, 0), _MIDDLE - 1) << 56) | int.from_bytes(text, "big")


def check(row: DataclassInstance) -> None:
    """Raise StoreRejected where a value is not of its field's type, or fits no column."""
    for name, kinds in _fields_of(type(row)):
        value = getattr(row, name)
        if type(value) not in kinds:
            raise StoreRejected(f"{type(row).__name__}.{name}: a {type(value).__name__} does not fit")
        if type(value) is int and not -_MIDDLE <= value < _MIDDLE:
            raise StoreRejected(f"{type(row).__name__}.{name}: the number does not fit into 64 bits")
        if type(value) is str and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise StoreRejected(f"{type(row).__name__}.{name}: lone surrogates are no text") from None


_checked: dict[type, list[tuple[str, frozenset[type]]]] = {}


def _fields_of(kind: type[DataclassInstance]) -> list[tuple[str, frozenset[type]]]:
    known = _checked.get(kind)
    if known is None:
        known = [
            (field.name, frozenset(_KINDS[name] for name in str(field.type).split(" | "))) for field in fields(kind)
        ]
        _checked[kind] = known
    return known
