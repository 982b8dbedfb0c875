"""Whatever was refused, and in whatever parts and order it is retried: the store is as if nothing had been refused."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenttrace.errors import StoreRejected
from agenttrace.letters import Letters
from agenttrace.model.letters import dead_letter
from agenttrace.model.rows import ProcessRow
from agenttrace.store.batch import Batch
from agenttrace.store.memory import MemoryStore
from agenttrace.testing.records import PROCESS, Record, batch_of
from tests.store import test_merge_property as merging

Histories = tuple[list[list[Record]], list[list[Record]]]


class Moody(MemoryStore):
    """Refuses batches as its moods say, the last one first."""

    def __init__(self) -> None:
        super().__init__()
        self.moods: list[bool] = []

    def write(self, batch: Batch) -> None:
        if self.moods and self.moods.pop():
            raise StoreRejected("not in the mood")
        super().write(batch)


def opened(store: MemoryStore) -> Any:
    """Return the store, in which the recording process lives: its runs go on."""
    store.open()
    batch = Batch()
    batch.beats[PROCESS] = ProcessRow(PROCESS, "h", "b", 1, 1, 1)
    store.write(batch)
    return store


def state(store: MemoryStore) -> list[dict[str, Any]]:
    return [merging._workspace_state(store, workspace) for workspace in merging._WORKSPACES]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(merging._histories(), st.lists(st.booleans(), max_size=12), st.data())
def test_retried_letters_are_as_records_that_were_written(
    histories: Histories, moods: list[bool], data: st.DataObject
) -> None:
    """Some were written, the others set aside, at times of any order; several retries, some of which fail in part."""
    written, store = opened(MemoryStore()), opened(Moody())
    one, other = histories
    for records in one:
        written.write(batch_of(*records))
    for records in other:
        if data.draw(st.booleans()):
            store.write(batch_of(*records))
            continue
        times = data.draw(st.lists(st.integers(0, 3), min_size=len(records), max_size=len(records)))
        for record, time in zip(records, times, strict=True):
            store.set_aside([dead_letter(*record, "e", process_id=PROCESS, now=time)])
    letters = Letters(lambda: store, None, derive=None, clock=lambda: 9_000_000)
    store.moods = moods
    for _ in range(len(moods) + 1):
        done = letters.retry()
        assert {letter.id for letter in done.refused} == {row.id.hex() for row in store.dead_letters()}
    assert store.dead_letters() == []
    assert state(store) == state(written)
