"""Delivery: records into the store, however often it takes, and aside where the store will never have them.

Runs in the writer's thread. Knows batches and the store's errors, not where the records come from.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from agenttrace.errors import StoreError, StoreRejected, StoreUnavailable
from agenttrace.journal.deadletters import DeadLetters
from agenttrace.journal.outage import Outage
from agenttrace.journal.stopped import Stopped
from agenttrace.model.letters import dead_letter, words_of
from agenttrace.model.superseded import superseded
from agenttrace.slices import in_slices, staying_away
from agenttrace.store.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agenttrace.journal.heartbeat import Heartbeat
    from agenttrace.journal.settings import Counters, JournalSettings
    from agenttrace.model.rows import DeadLetterRow
    from agenttrace.store.protocol import Store

__all__ = ["Delivery"]

# The program's own `random` is left alone: drawing from it would change what a seeded program does.
_chance = random.Random()  # noqa: S311 - jitter, no secret # nosec B311

_AT_ONCE = 8  # records, of a microsecond or a few each, before other threads get a turn
_BYTES_AT_ONCE = 64 << 10  # which take some 30 microseconds
_PATIENCE = 3  # attempts before a defect counts as a rejection
_LETTER_PATIENCE = 8  # attempts, over some ten seconds, before a dead letter goes to a file
_DEFECTS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, AssertionError, RecursionError)

Records = list[tuple[int, bytes]]
OpenRuns = set[tuple[bytes, bytes]]


class Delivery:
    """Writes records to the store that `open_store` gives; `wait(seconds)` returns True when it is time to stop."""

    def __init__(
        self,
        settings: JournalSettings,
        open_store: Callable[[], Store],
        counters: Counters,
        *,
        wait: Callable[[float], bool],
        on_error: Callable[[str, BaseException], None],
        clock: Callable[[], int],
    ) -> None:
        self.last_failure = float("-inf")  # monotonic seconds: the store was out of reach
        self._settings = settings
        self._open_store = open_store
        self._counters = counters
        self._wait = wait
        self._on_error = on_error
        self._clock = clock
        self._heartbeat: Heartbeat | None = None
        self._outage = Outage()
        self._letters = DeadLetters(settings.root, settings.dead_letter_bytes)

    def deliver(self, records: Records, process_id: bytes, open_runs: OpenRuns | None = None) -> None:
        """Return when every record is in the store or set aside. Raises Stopped when told to give up before.

        Whatever the store answers, nothing is lost: what is out of reach is tried again with growing pauses, and where
        rows are refused the records that make them are found by halving. `open_runs` is brought up to date: the runs
        that the store has as running.
        """
        batch, records = self._batch(records, process_id)
        if not records:
            return
        staying_away(None)  # from here on others may wait for us: for the store's transaction, for a fork
        beat = self._add_beat(batch)
        try:
            self.persist(lambda store: store.write(batch))
        except StoreRejected as error:
            if len(records) == 1:
                self._set_aside(*records[0], error, process_id)
                return
            half = len(records) // 2
            self.deliver(records[:half], process_id, open_runs)
            self.deliver(records[half:], process_id, open_runs)
            return
        self._beaten(beat)
        self._counters.written += len(records)
        for listener in self._settings.listeners:
            try:
                listener(records, batch)
            except Exception as error:  # noqa: BLE001 - what listens must not hold up what is recorded
                self._on_error("listener", error)
        if open_runs is not None:
            _follow(batch, open_runs)

    def begin(self, heartbeat: Heartbeat) -> None:
        """Bring this process's heartbeat along from now on: before its first run is there to be abandoned."""
        self._heartbeat = heartbeat

    def beat(self) -> None:
        """Write this process's heartbeat by itself, where it is due. Raises Stopped as `persist` does."""
        batch = Batch()
        beat = self._add_beat(batch)
        if beat is not None:
            self.persist(lambda store: store.write(batch))
            self._beaten(beat)

    def may_abandon(self) -> bool:
        """Return whether runs of dead processes may be ended: not within some time of an outage of the store."""
        return time.monotonic() - self.last_failure >= self._settings.abandon_grace

    def abandon(self, process_id: bytes, *, at: int) -> None:
        """End the running runs of a process that is gone, at an instant that is not later than now."""
        at = min(at, self._clock())
        ended: list[int] = []
        try:
            self.persist(lambda store: ended.append(store.abandon(process_id, at=at)))
        except StoreRejected as error:
            self._on_error("abandon", error)
        self._counters.abandoned += sum(ended)

    def take_back(self) -> None:
        """Delete this process's heartbeat. Raises Stopped as `persist` does."""
        if self._heartbeat is not None:
            batch = Batch()
            batch.beats[self._heartbeat.id] = None
            self.persist(lambda store: store.write(batch))

    def _add_beat(self, batch: Batch) -> Heartbeat | None:
        beat = self._heartbeat
        if beat is None or not beat.due(time.monotonic()):
            return None
        row = beat.row(self._clock())
        batch.beats[row.id] = row
        return beat

    def _beaten(self, beat: Heartbeat | None) -> None:
        if beat is not None:
            beat.written(time.monotonic())
            self._counters.heartbeats += 1

    def persist(self, act: Callable[[Store], object]) -> None:
        """Do this to the store until it succeeds. Raises StoreRejected as the store does, Stopped when told to.

        A store that has worked before and stumbles over the same rows again and again, with an error that speaks of
        values and not of reach, has a defect that they meet: they count as rejected, or all that follows would wait.
        """
        attempt = 0
        while True:
            try:
                store = self._open_store()
                try:
                    act(store)
                except _DEFECTS as error:
                    if attempt < _PATIENCE or not self._counters.written:
                        raise
                    raise StoreRejected(f"{type(error).__name__}: {error}") from error
            except StoreRejected:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a store raises, the records stay and wait
                self._failed(error)
            else:
                self._outage.over()
                return
            if self._wait(self._pause(attempt)):
                raise Stopped
            self._counters.retried += 1
            attempt += 1

    def _batch(self, records: Records, process_id: bytes) -> tuple[Batch, Records]:
        """Return the batch of these records, and those of them that were not set aside."""
        batch = Batch(derive=self._settings.derive)
        now, needless = self._clock(), superseded(records)
        bad: set[int] = set()
        is_whole = True
        for index in _by_themselves(records, needless, batch, process_id, now):
            kind, payload = records[index]
            try:
                batch.add(kind, payload, process_id=process_id, now=now)
            except ValueError as error:
                self._set_aside(kind, payload, error, process_id)
                bad.add(index)
            except _DEFECTS as error:
                self._set_aside(kind, payload, error, process_id)
                bad.add(index)
                is_whole = False  # this one may be half in it
                break
        if not bad:
            return batch, records
        good = [record for index, record in enumerate(records) if index not in bad]
        # A start may be needed after all: its end was set aside.
        return (batch, good) if is_whole and not needless else self._batch(good, process_id)

    def _failed(self, error: Exception) -> None:
        self._counters.last_error = f"{type(error).__name__}: {error}"
        self.last_failure = time.monotonic()
        if isinstance(error, StoreUnavailable):
            self._outage.failed(error)
            return
        if not isinstance(error, StoreError):
            self._counters.internal_errors += 1
        self._on_error("store", error)

    def _pause(self, attempt: int) -> float:
        longest = min(self._settings.retry_max, self._settings.retry_initial * 2 ** min(attempt, 30))
        return longest * _chance.uniform(0.5, 1.0)

    def _set_aside(self, kind: int, payload: bytes, error: Exception, process_id: bytes) -> None:
        staying_away(None)
        letter = dead_letter(kind, payload, words_of(error), process_id=process_id, now=self._clock())
        kept = self._in_store(letter) or self._in_file(letter)
        self._counters.dead_letters += 1
        self._counters.dead_letters_lost += not kept
        self._counters.last_error = letter.error
        self._on_error("record", error)

    def _in_store(self, letter: DeadLetterRow) -> bool:
        """Return whether the store has set a letter aside. Raises Stopped when told to give up before.

        Letters hold nobody up for long: where the store does not take them, whatever it says, they go to a file.
        """
        for attempt in range(_LETTER_PATIENCE):
            try:
                set_aside = getattr(self._open_store(), "set_aside", None)
                if set_aside is None:
                    return False
                set_aside([letter])
            except (StoreRejected, *_DEFECTS) as error:
                self._on_error("dead letters", error)
                return False
            except Exception as error:  # noqa: BLE001 - whatever a store raises, the letter is kept
                self._failed(error)
            else:
                return True
            if self._wait(self._pause(attempt)):
                raise Stopped
            self._counters.retried += 1
        return False

    def _in_file(self, letter: DeadLetterRow) -> bool:
        try:
            return self._letters.add(letter)
        except OSError as problem:
            self._on_error("dead letters", problem)
            return False


def _by_themselves(records: Records, needless: set[int], batch: Batch, process_id: bytes, now: int) -> Iterator[int]:
    """Add the runs that can be added many at a time, and yield the places of the records that have to be alone."""
    for first, end in in_slices(_pieces(records), 1):
        here = first
        while (here := batch.add_runs(records, here, end, needless, process_id=process_id, now=now)) < end:
            if here not in needless:
                yield here
            here += 1


def _pieces(records: Records) -> Iterator[tuple[int, int]]:
    """Yield from where to where records are added at once: a few, and large ones one by one."""
    for first in range(0, len(records), _AT_ONCE):
        end = min(first + _AT_ONCE, len(records))
        if sum([len(payload) for _, payload in records[first:end]]) <= _BYTES_AT_ONCE:
            yield first, end
        else:
            yield from ((place, place + 1) for place in range(first, end))


def _follow(batch: Batch, open_runs: OpenRuns) -> None:
    for key, run in batch.runs.items():
        if run.status == "running":
            open_runs.add(key)
        else:
            open_runs.discard(key)
    for span in batch.spans.values():
        key = (span.workspace_id, span.trace_id + span.span_id)
        if span.end_time is None:
            open_runs.add(key)
        else:
            open_runs.discard(key)
