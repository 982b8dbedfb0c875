"""The drainer of a journals' root seen from outside: whether there is one, and what it says of itself. Read only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agenttrace.journal import seat
from agenttrace.model.times import utc

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

__all__ = ["DrainerSeen", "inspect_drainer"]


@dataclass(slots=True, frozen=True, kw_only=True)
class DrainerSeen:
    """The process that drains for others here, or the last one that did."""

    running: bool
    pid: int | None
    host: str | None
    started: datetime | None
    following: int  # living processes for which it drains
    trouble: str | None  # what keeps it from draining, or ended it


def inspect_drainer(root: Path) -> DrainerSeen | None:
    """Return who drains for others under `root`, or did; None where nobody ever has."""
    running, said = seat.is_taken(root), seat.said(root)
    if not running and not said:
        return None
    pid, host, started = said.get("pid"), said.get("host"), said.get("started")
    following, trouble = said.get("following"), said.get("error") or said.get("trouble")
    return DrainerSeen(
        running=running,
        pid=pid if isinstance(pid, int) else None,
        host=host if isinstance(host, str) else None,
        started=utc(started) if isinstance(started, int) else None,
        following=following if isinstance(following, int) and running else 0,
        trouble=trouble if isinstance(trouble, str) else None,
    )
