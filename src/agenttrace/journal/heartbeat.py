"""Heartbeats: this process's own, and a watch over those of others. No thread and no clock of its own.

A process that is gone leaves running runs behind. Where its journal lies on this host, whoever adopts that closes them;
where it does not, because the host is another one or its disk is gone, the heartbeat in the store tells. No two clocks
are compared: a process is gone once its heartbeat has stood still for a while on the watcher's own clock, in which the
watcher reached the store all the time.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from agenttrace.journal.folder import boot_id
from agenttrace.model.rows import ProcessRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

__all__ = ["Heartbeat", "Watch", "host"]


def host() -> str:
    """Return the host's name, or nothing where the system does not say."""
    return os.uname().nodename if hasattr(os, "uname") else ""


class Heartbeat:
    """This process's heartbeat, or that of another one of which `owner` (its `owner.json`) tells.

    It is due at the first batch, and then every `interval` seconds.
    """

    def __init__(
        self, process_id: bytes, *, started_at: int, interval: float, owner: Mapping[str, Any] | None = None
    ) -> None:
        where, boot, pid = host(), boot_id(), os.getpid()
        if owner is not None:
            where, boot, pid = str(owner.get("host", "")), str(owner.get("boot_id", "")), int(owner.get("pid", 0))
        self._row = ProcessRow(process_id, where, boot, pid, started_at, started_at)
        self._interval = interval
        self._next = float("-inf")
        self.is_known = False  # the store has it

    @property
    def id(self) -> bytes:
        """The process's id."""
        return self._row.id

    def due(self, now: float) -> bool:
        """Return whether a beat should be written; `now` is in monotonic seconds."""
        return now >= self._next

    def row(self, at: int) -> ProcessRow:
        """Return the heartbeat at an instant, in microseconds."""
        return replace(self._row, seen_at=at)

    def written(self, now: float) -> None:
        """Note that the store has taken a beat."""
        self.is_known = True
        self._next = now + self._interval


class Watch:
    """Remembers when others' heartbeats last changed, and says whose stood still for `grace` seconds."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._seen: dict[bytes, tuple[int, float]] = {}

    def gone(self, rows: Iterable[ProcessRow], now: float) -> list[ProcessRow]:
        """Return those of these heartbeats that are still what they were `grace` seconds ago."""
        known, self._seen = self._seen, {}
        found: list[ProcessRow] = []
        for row in rows:
            seen_at, since = known.get(row.id, (row.seen_at, now))
            since = since if seen_at == row.seen_at else now
            self._seen[row.id] = (row.seen_at, since)
            if now - since >= self._grace:
                found.append(row)
        return found

    def begin_anew(self) -> None:
        """Forget what was seen: the store was out of reach, perhaps for the others as well."""
        self._seen.clear()
