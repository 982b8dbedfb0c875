"""Adoption: what dead processes left in their journals reaches the store, their open runs end, and their folders go.

Used by the writer's thread and by the drainer. Knows when, and in which order; `recovery` knows how a journal is read.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING

from agenttrace.journal.recovery import DeadJournal, adopt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agenttrace.journal.delivery import Delivery
    from agenttrace.journal.settings import Counters, JournalSettings

__all__ = ["Adopter"]

_AT_ONCE = 16  # dead journals that are held open


class Adopter:
    """Adopts the journals under `settings.root` whose processes have died. For one thread.

    `between()` is called after each batch of theirs, and returns True when it is time to stop. `guarded(act)` calls
    `act` and deals with what it raises.
    """

    def __init__(
        self,
        settings: JournalSettings,
        delivery: Delivery,
        counters: Counters,
        *,
        between: Callable[[], bool],
        guarded: Callable[[Callable[[], None]], None],
        on_error: Callable[[str, BaseException], None],
    ) -> None:
        self._settings = settings
        self._delivery = delivery
        self._counters = counters
        self._between = between
        self._guarded = guarded
        self._on_error = on_error
        self._dead: list[DeadJournal] = []
        self._next = 0.0
        self._skipped: set[Path] = set()

    @property
    def held(self) -> list[DeadJournal]:
        """The dead journals that are in our hands."""
        return self._dead

    def soon(self) -> None:
        """Have dead journals looked for at the next step."""
        self._next = 0.0

    def step(self, *, stopping: Callable[[], bool]) -> bool:
        """Look for dead journals, where it is time to, and store what they hold, as far as that goes.

        Return whether the records of all that were there have been dealt with.
        """
        now = time.monotonic()
        if self._settings.root is not None and now >= self._next:
            self._next = now + self._settings.adopt_interval
            self._dead += islice(self._found(), _AT_ONCE - len(self._dead))
            if len(self._dead) == _AT_ONCE:
                self._next = now
        for dead in list(self._dead):
            if stopping():
                return False
            self._guarded(lambda dead=dead: self._bury(dead))
        return not stopping() and len(self._dead) < _AT_ONCE

    def _found(self) -> Iterator[DeadJournal]:
        root = self._settings.root
        return adopt(root, self._settings, skip=self._skip) if root is not None else iter(())

    def _skip(self, path: Path, error: OSError) -> None:
        if path not in self._skipped:
            self._skipped.add(path)
            self._counters.skipped += 1
            self._on_error(f"journal folder {path}", error)

    def _bury(self, dead: DeadJournal) -> None:
        """Drain a dead process's journal, others in between, then abandon its runs and delete it."""
        try:
            while (chunk := dead.read()) is not None:
                self._delivery.deliver(chunk.records, dead.process_id)
                dead.commit(chunk.offset)
                if self._between():
                    return
            if self._delivery.may_abandon():
                self._delivery.abandon(dead.process_id, at=max(dead.last_sign, 0))
                self._counters.damaged += dead.damaged
                self._counters.adopted += 1
                self._dead.remove(dead)
                dead.remove()
        except OSError as error:
            self._dead.remove(dead)
            dead.release()
            self._skip(dead.path, error)

    def release(self) -> None:
        """Leave what is not done to whoever adopts next."""
        for dead in self._dead:
            dead.release()
        self._dead.clear()
