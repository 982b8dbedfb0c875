"""What users see of a dead letter: values, and how a row becomes one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from agenttrace.model.times import utc

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from agenttrace.model.rows import DeadLetterRow

__all__ = ["Letter", "Retried", "WholeLetter", "letter_of", "whole_letter_of"]

_KINDS = {1: "run", 2: "event", 3: "entity", 4: "span", 5: "log", 6: "audit", 7: "key_used"}


@dataclass(slots=True, frozen=True, kw_only=True)
class Letter:
    """One record that was refused. `kind` is a word, or the number of a kind that nobody knows."""

    id: str  # 32 hexadecimal digits
    workspace_id: UUID | None  # None: the record does not tell, or cannot be read
    time: datetime  # when it was set aside
    kind: str
    process_id: str
    error: str
    size: int  # of the record, in bytes
    file: Path | None  # None: it is in the store


@dataclass(slots=True, frozen=True, kw_only=True)
class WholeLetter(Letter):
    """A dead letter with the record itself, as it stood in the journal (`agenttrace.model.wire`)."""

    payload: bytes


@dataclass(slots=True, frozen=True, kw_only=True)
class Retried:
    """What became of dead letters that were written again: the ids of those that the store took, and the others."""

    stored: tuple[str, ...]
    refused: tuple[Letter, ...]


def letter_of(row: DeadLetterRow, file: Path | None) -> Letter:
    """Return a dead letter without its record."""
    return Letter(**_told(row, file))


def whole_letter_of(row: DeadLetterRow, file: Path | None) -> WholeLetter:
    """Return a dead letter with its record."""
    return WholeLetter(**_told(row, file), payload=row.payload)


def _told(row: DeadLetterRow, file: Path | None) -> dict[str, Any]:
    return {
        "id": row.id.hex(),
        "workspace_id": None if row.workspace_id is None else UUID(bytes=row.workspace_id),
        "time": utc(row.time),
        "kind": _KINDS.get(row.kind, str(row.kind)),
        "process_id": row.process_id.hex(),
        "error": row.error,
        "size": len(row.payload),
        "file": file,
    }
