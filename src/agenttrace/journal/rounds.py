"""What the writer's thread does, round by round: drain, keep up the journal, adopt, tend the store, show that it is."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from agenttrace.journal.adoption import Adopter
from agenttrace.journal.delivery import Delivery
from agenttrace.journal.folder import renewal_stamp
from agenttrace.journal.homes import WayHome
from agenttrace.journal.life import Life
from agenttrace.journal.stopped import Stopped
from agenttrace.journal.tending import Tending
from agenttrace.slices import gently, is_contended, staying_away

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.journal.writer import Writer

__all__ = ["Rounds"]

_YOUNG = 10.0  # seconds: so long a backlog is only that
_AWAY = 0.03  # seconds, and
_PATIENCE = 60  # so often for each chunk of it


class Rounds:
    """The work of one writer, with what that was given. For its thread, but `hurry`."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._journal = writer.journal
        settings = self._settings = writer.settings
        counters = self._counters = writer.counters
        clock = self._clock = writer.clock
        open_store, on_error = writer.open_store, writer.on_error
        self._each_round = writer.each_round
        self._renewals = writer.renewals
        self._patience = 0
        self._next_sync = 0.0
        self._delivery = Delivery(settings, open_store, counters, wait=self._pause, on_error=on_error, clock=clock)
        self._life = None if settings.heartbeat is None else Life(self._journal, settings, self._delivery, clock=clock)
        self._way_home = WayHome(self._journal, settings, clock=clock)
        self._tending = Tending(settings, open_store, counters)
        self._adopter = Adopter(
            settings,
            self._delivery,
            counters,
            between=self._between,
            guarded=self._guarded,
            on_error=on_error,
        )

    def run(self) -> None:
        """Go on until the writer was told to stop."""
        gently(self._may_wait)
        leisure = deque(self._settings.at_leisure)
        while not self._writer.ends():
            self._guarded(self._round)
            if not self._rest(self._settings.flush_interval) and leisure:
                self._guarded(leisure.popleft())
        self._guarded(self._leave)

    def _guarded(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - the thread has to go on, whatever went wrong
            self._writer.failed(error)

    def _rest(self, seconds: float) -> bool:
        """Wait this long, shorter if woken or stopped, and return whether that was so; provide segments when asked."""
        deadline = time.monotonic() + seconds
        while not self._writer.stopping:
            asked = self._writer.bell.wait(min(max(deadline - time.monotonic(), 0.0), threading.TIMEOUT_MAX))
            if asked is not False:
                return asked is True
            self._guarded(self._journal.prepare)
        return True

    def _round(self) -> None:
        self._each_round()
        for step in (self._drain, self._keep_up, self._adopt, self._tend, self._live):
            step()
            if self._writer.bell.is_struck():
                self._journal.prepare()

    def _tend(self) -> None:
        if not self._writer.stopping:
            self._tending.step()

    def _live(self) -> None:
        if self._life is not None:
            self._life.keep()

    def _drain(self) -> None:
        """Bring to the store what stood in the journal when the round began."""
        began = time.monotonic()
        self._journal.settle()
        target = self._journal.position()
        while self._journal.committed < target and not self._writer.stopping:
            self._drain_chunk()
            self._keep_up()
        if self._journal.committed >= target:
            self._journal.stored_until = began

    def _drain_chunk(self) -> None:
        self._patience = _PATIENCE
        staying_away(self._stay_away)
        chunk = self._journal.read(few=is_contended() and self._may_wait())
        self._counters.damaged += chunk.damaged
        if chunk.records:
            self._delivery.deliver(chunk.records, self._journal.home.process_id, self._journal.open_runs)
        staying_away(None)
        self._journal.commit(chunk.offset)
        self._counters.settled += len(chunk.records)
        self._writer.announce()

    def _may_wait(self) -> bool:
        """Return whether the backlog may wait for threads that compute."""
        young = time.monotonic() - self._journal.stored_until < _YOUNG
        return young and self._journal.is_roomy() and not (self._writer.awaited or self._writer.stopping)

    def _stay_away(self) -> bool:
        """Leave the GIL to threads that compute, for a while, and return whether that may be done once more."""
        self._patience -= 1
        if self._rest(_AWAY):
            # For the rest after the round: what is asked for may have come after its beginning.
            self._writer.bell.ring(True)
            return False
        self._guarded(self._journal.prepare)
        self._guarded(self._sync)
        return self._patience > 0

    def _keep_up(self) -> None:
        self._journal.prepare()
        self._journal.tidy()
        if self._sync():
            self._way_home.step()
            self._heed()

    def _sync(self) -> bool:
        """Make what was appended safe from the loss of power, where that is due, and return whether it was."""
        now = time.monotonic()
        if now < self._next_sync:
            return False
        self._next_sync = now + self._settings.sync_interval
        self._journal.sync()
        return True

    def _heed(self) -> None:
        """Begin a new segment where somebody erased data and asked for that."""
        found = renewal_stamp(self._settings.root)
        if found == self._renewals:
            return
        self._renewals = found
        self._journal.renew()
        self.hurry()
        if self._settings.renewed is not None:
            self._settings.renewed()

    def _pause(self, seconds: float) -> bool:
        """Wait between two attempts, shorter if woken, and return whether to stop."""
        deadline = time.monotonic() + seconds
        while not self._writer.stopping:
            self._keep_up()
            left = deadline - time.monotonic()
            if left <= 0 or self._rest(min(left, self._settings.sync_interval)):
                break
        return self._writer.stopping

    # Journals of the dead.

    def _adopt(self) -> None:
        whole = self._adopter.step(stopping=lambda: self._writer.stopping)
        if whole and not self._writer.caught_up:
            self._writer.caught_up = True
            self._writer.announce()

    def hurry(self) -> None:
        """Have the journals of dead processes looked for in the next round. For any thread."""
        self._adopter.soon()

    def release(self) -> None:
        """Leave the journals of dead processes to whoever adopts next."""
        self._adopter.release()

    def _between(self) -> bool:
        """Drain our own journal between two batches of a dead one, and return whether to stop."""
        self._drain()
        self._keep_up()
        return self._writer.stopping

    def _leave(self) -> None:
        """End the runs that are still open, where the process ends, and take back its heartbeat."""
        journal = self._journal
        if not journal.is_drained() or (journal.open_runs and not self._writer.final):
            return
        if journal.open_runs:
            self._delivery.abandon(journal.home.process_id, at=self._clock())
            journal.open_runs.clear()
        elif self._life is not None:
            self._life.leave()
