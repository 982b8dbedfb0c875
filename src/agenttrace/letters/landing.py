"""Dead letters on their way into the store once more: as one batch, and where that is refused by halves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from agenttrace.errors import StoreRejected
from agenttrace.model.letters import said, words_of
from agenttrace.store.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agenttrace.model.rows import DeadLetterRow
    from agenttrace.store.batch import Derive
    from agenttrace.store.protocol import Store

__all__ = ["Landing", "land"]

_REFUSALS = (
    StoreRejected,
    *(TypeError, ValueError, LookupError, AttributeError, ArithmeticError, AssertionError, RecursionError),
)


class Landing(NamedTuple):
    """What became of letters: those that the store has, those that it refused, with the new error, and who runs."""

    landed: list[DeadLetterRow]
    refused: list[DeadLetterRow]
    running: set[bytes]  # processes of which runs were written that have not ended


def land(store: Store, letters: Sequence[DeadLetterRow], *, derive: Derive | None, now: int) -> Landing:
    """Write letters, received at `now`, and return what became of them. Raises StoreUnavailable as the store does.

    The merge makes it the same however often a letter is written.
    """
    readable, refused = _readable(letters, now)
    if not readable:
        return Landing([], refused, set())
    batch = Batch(derive=derive)
    for letter in readable:
        batch.add(letter.kind, letter.payload, process_id=letter.process_id, now=now)
    try:
        store.write(batch)
    except _REFUSALS as error:
        if len(readable) == 1:
            return Landing([], [*refused, _again(readable[0], error)], set())
        half = len(readable) // 2
        one, other = (land(store, part, derive=derive, now=now) for part in (readable[:half], readable[half:]))
        return Landing(one.landed + other.landed, refused + one.refused + other.refused, one.running | other.running)
    return Landing(readable, refused, _running(batch))


def _readable(letters: Sequence[DeadLetterRow], now: int) -> tuple[list[DeadLetterRow], list[DeadLetterRow]]:
    """Return the letters that become rows, each by itself: one that does not may leave half of it in a batch."""
    readable: list[DeadLetterRow] = []
    refused: list[DeadLetterRow] = []
    for letter in letters:
        batch = Batch()
        try:
            batch.add(letter.kind, letter.payload, process_id=letter.process_id, now=now)
            _ = batch.runs
        except _REFUSALS as error:
            refused.append(_again(letter, error))
        else:
            readable.append(letter)
    return readable, refused


def _again(letter: DeadLetterRow, error: Exception) -> DeadLetterRow:
    return replace(letter, error=said(words_of(error)))


def _running(batch: Batch) -> set[bytes]:
    runs = {run.process_id for run in batch.runs.values() if run.status == "running"}
    spans = {span.process_id for span in batch.spans.values() if span.end_time is None}
    return {process for process in runs | spans if process is not None}
