"""A journal of this process that another one drains: it learns from the mark how far that has come.

Nothing here runs by itself. What the writer's thread would do is done where records are appended that are more than a
plain copy, and where somebody waits.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from agenttrace.journal import seat
from agenttrace.journal.degrade import WHOLE
from agenttrace.journal.frames import HEADER_SIZE
from agenttrace.journal.homes import is_homeless
from agenttrace.journal.journal import Journal, position
from agenttrace.journal.sheet import read_sheet

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.journal.settings import Counters, JournalSettings
    from agenttrace.journal.shapes import Home
    from agenttrace.journal.tail import Tail

__all__ = ["TOLD", "SharedJournal"]

_LOOK = 0.02  # seconds between two looks at the mark while there is no room

#: The counters that the drainer advances, and tells by the sheet `status` in the journal's folder.
TOLD = (
    "written",
    "settled",
    "retried",
    "damaged",
    "dead_letters",
    "dead_letters_lost",
    "heartbeats",
    "abandoned",
)


class SharedJournal(Journal):
    """The segments of one process, appended to here and drained, and deleted, by the drainer."""

    def __init__(
        self,
        home: Home,
        settings: JournalSettings,
        tail: Tail,
        counters: Counters,
        *,
        clock: Callable[[], int],
        on_error: Callable[[str, BaseException], None],
    ) -> None:
        super().__init__(home, settings, tail, counters, clock=clock, on_error=on_error)
        self._before = {name: int(getattr(counters, name)) for name in TOLD}
        self._told_error: str | None = None
        self._next_look = 0.0
        self._is_alone = False

    # Appending: the caller holds the tail.

    def overflow(self, kind: int, payload: bytes) -> None:
        """Append a record that is more than a plain copy, after a look at what the drainer has made room for."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + _LOOK
            self.refresh()
            self._squeeze = WHOLE  # the disk may have room again
            if self._gaps:
                self.settle()
                self.keep_gaps()
        super().overflow(kind, payload)

    def _make_room(self, size: int, level: int) -> bool:
        self.refresh()
        if not super()._make_room(size, level):
            return False
        if self._is_alone:
            return True
        # In this order: what another process finds to be complete is sealed.
        try:
            self.home.write_open(self._segments[-1].number)
        except OSError as error:
            self._on_error("journal mark", error)
        if len(self._segments) > 1 and self._segments[-2].can_rest():
            self._segments[-2].rest()  # nobody reads it here, and deleted it has to give its room back
        return True

    # Between appends: any thread.

    def refresh(self) -> None:
        """Learn from the mark how far the drainer has come, and count out the segments that it has done with."""
        if self._is_alone:
            return
        try:
            mark = self.home.read_mark()
        except OSError as error:
            self._on_error("journal mark", error)
            return
        if mark is None or position(*mark) <= self.committed:
            return
        with self.tail.held():
            number, offset = mark
            while len(self._segments) > 1 and self._segments[0].number < number:
                done = self._segments.popleft()
                self._used -= done.size
                done.rest()
            if self._segments and self._segments[0].number == number:
                self._offset = max(offset, HEADER_SIZE)
                self.committed = max(self.committed, position(number, self._offset))

    def is_lost(self) -> bool:
        """Return whether the folder is, or was, gone: no other process finds the journal, and this one drains it."""
        self._is_alone = self._is_alone or is_homeless(self.home)
        return self._is_alone

    def status(self) -> dict[str, Any]:
        """Return what the drainer says of this journal; nothing where none has looked at it yet."""
        return {} if self._is_alone or self.home.path is None else read_sheet(os.path.join(self.home.path, "status"))

    def learn(self) -> None:
        """Take over the counters that the drainer keeps for this journal."""
        self.refresh()
        said = self.status()
        if not said:
            return
        for name in TOLD:
            setattr(self._counters, name, self._before[name] + int(said.get(name, 0)))
        self.stored_until = max(self.stored_until, float(said.get("until", 0.0)), self._drained())
        error = said.get("last_error")
        if error != self._told_error:
            self._told_error = self._counters.last_error = error

    def _drained(self) -> float:
        """Return before which moment all was stored that any process had appended, by the drainer's last round."""
        path = self.home.path
        return 0.0 if path is None else int(seat.said(os.path.dirname(path)).get("drained", 0)) / 1e9

    def has_open_runs(self) -> bool:
        """Return whether the store has runs of this process as running, or may have."""
        return bool(self.open_runs) or bool(self.status().get("open", 0))

    # Reading: where it came to that this process drains the journal itself, because the folder was lost.

    def is_drained(self) -> bool:
        """Return whether the store has everything, gaps included."""
        self.refresh()
        return super().is_drained()
