"""What the parts of the pipeline share: settings, which nobody changes, and counters, which they advance."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Self, dataclass_transform

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.store.batch import Batch, Derive
    from agenttrace.store.protocol import Store

__all__ = ["Counters", "JournalSettings"]


@dataclass_transform(kw_only_default=True, eq_default=False)
class _Settings:
    """To type checkers a dataclass. To make one takes milliseconds, for which every importing program would wait."""

    def __init__(self, **settings: Any) -> None:
        self._set(settings)
        missing = [name for name in type(self).__annotations__ if not hasattr(self, name)]
        if missing:
            raise TypeError(f"{missing[0]}: this setting is needed")

    def replaced(self, **settings: Any) -> Self:
        """Return a copy with other values."""
        other = copy.copy(self)
        other._set(settings)
        return other

    def _set(self, settings: dict[str, Any]) -> None:
        for name, value in settings.items():
            if name not in type(self).__annotations__:
                raise TypeError(f"{name}: no such setting")
            setattr(self, name, value)


class JournalSettings(_Settings):
    """Where the journal lives, how large it may grow and how eagerly the writer drains it.

    Sizes are bytes, times are seconds. `root` is the folder in which every process has a journal folder of its own;
    None keeps the queue in memory, which a crash does not survive. `derive` says what foreign spans mean, see
    `store.batch`. Each of `listeners` hears, in the writer's thread, the records and the batch of every delivery that
    the store has taken, before the journal's read mark moves on: again, if the process dies in between.
    """

    root: str | None
    max_bytes: int = 1 << 30
    memory_max_bytes: int = 64 << 20  # the bound where the queue is in memory
    segment_bytes: int = 8 << 20
    flush_interval: float = 0.1
    batch_records: int = 1000
    batch_bytes: int = 4 << 20
    retry_initial: float = 0.1
    retry_max: float = 5.0
    sync_interval: float = 1.0  # what is older survives the loss of power
    adopt_interval: float = 30.0
    heartbeat: float | None = 15.0  # how often a process tells the store that it lives; None: never
    abandon_grace: float = 60.0  # no run is abandoned while the store was out of reach within this time
    exit_timeout: float = 5.0
    max_open_gaps: int = 256  # traces with a gap of their own; further ones share one
    dead_letter_bytes: int = 256 << 20  # in files, all together; in the store there is no bound
    verify: bool = True  # check frames' checksums; False exists for tests of the tests
    resync: bool = True  # look for good frames behind a bad one; False exists for tests of the tests
    derive: Derive | None = None
    renewed: Callable[[], None] | None = None  # called in the writer's thread when somebody erased data
    #: Called in the writer's thread, now and then, with the store: one short step of upkeep. Returns the seconds until
    #: the next one.
    upkeep: Callable[[Store], float] | None = None
    at_leisure: tuple[Callable[[], None], ...] = ()  # called in the writer's thread, one after each of its first rounds
    upkeep_delay: float = 5.0  # seconds before the first one
    upkeep_pause: float = 60.0  # seconds after one that failed
    listeners: tuple[Callable[[list[tuple[int, bytes]], Batch], None], ...] = ()


class Counters:
    """The counters behind `Stats`. Each one is advanced by one thread at a time."""

    written: int = 0
    settled: int = 0  # records of the current journal that were dealt with
    degraded: int = 0
    dropped: int = 0
    retried: int = 0
    damaged: int = 0
    adopted: int = 0
    skipped: int = 0
    dead_letters: int = 0
    dead_letters_lost: int = 0
    heartbeats: int = 0
    abandoned: int = 0
    internal_errors: int = 0
    last_error: str | None = None
