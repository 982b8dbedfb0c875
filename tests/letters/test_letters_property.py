"""Whatever was refused, and in whatever parts and order it is retried: the store is as if nothing had been refused."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenttrace.errors import StoreRejected
from agenttrace.journal.delivery import Delivery
from agenttrace.journal.settings import Counters, JournalSettings
from agenttrace.letters import Letters
from agenttrace.model.letters import dead_letter
from agenttrace.model.rows import ProcessRow
from agenttrace.store.batch import Batch
from agenttrace.store.memory import MemoryStore
from agenttrace.testing.records import (
    PROCESS,
    Record,
    audit_record,
    batch_of,
    event_record,
    key_used_record,
    run_record,
)
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


#: What nobody understands, of all kinds, and one that only `Refusing` does not take.
REFUSED = run_record(77, name="refused", end=9)
_bad_records = st.one_of(
    st.sampled_from([event_record(1, seq=1), key_used_record("key"), audit_record(1), run_record(1)]).map(
        lambda record: (record[0], record[1][: len(record[1]) // 3])
    ),
    st.tuples(st.sampled_from([0, 8, 255]), st.binary(max_size=20)),
    st.tuples(st.integers(1, 7), st.sampled_from([b"", b"{}", b"[]\n{}", b"\xff", b'{"time":"soon","scope":5}\n'])),
    st.just(REFUSED),
)


class Refusing(MemoryStore):
    """Takes no run that is called so."""

    def write(self, batch: Batch) -> None:
        if any(run.name == "refused" for run in batch.runs.values()):
            raise StoreRejected("not this one")
        super().write(batch)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(merging._histories(), st.lists(_bad_records, max_size=8), st.data())
def test_bad_records_become_letters_and_the_others_are_as_without_them(
    histories: Histories, bad: list[Record], data: st.DataObject
) -> None:
    """In one batch, in any order: each is set aside once, refused again when it is retried, and can be discarded."""
    written, store = opened(MemoryStore()), opened(Refusing())
    good = [record for records in histories[0] for record in records]
    written.write(batch_of(*good))
    counters = Counters()
    delivery = Delivery(
        JournalSettings(root=None),
        lambda: store,
        counters,
        wait=lambda seconds: False,
        on_error=lambda where, error: None,
        clock=lambda: 9_000_000,
    )
    delivery.deliver(data.draw(st.permutations([*good, *bad])), PROCESS)
    assert state(store) == state(written)
    assert (counters.written, counters.dead_letters, counters.dead_letters_lost) == (len(good), len(bad), 0)
    letters = Letters(lambda: store, None, derive=None, clock=lambda: 9_000_000)
    assert {(row.kind, row.payload) for row in store.dead_letters()} == set(bad)
    assert len(letters.list()) == len(set(bad))
    done = letters.retry()
    assert (done.stored, len(done.refused)) == ((), len(set(bad)))
    assert state(store) == state(written)
    assert letters.discard([letter.id for letter in letters.list()]) == len(set(bad))
    assert letters.list() == []
