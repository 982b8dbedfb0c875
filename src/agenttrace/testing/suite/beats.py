"""Heartbeats of processes that record, and runs that were thought to be lost."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agenttrace.model.rows import ProcessRow
from agenttrace.store.batch import Batch
from agenttrace.testing.records import PROCESS, run_record, run_uuid
from agenttrace.testing.suite.base import SESSION, WORKSPACE, StoreSuite, only_run, shown_types, write
from agenttrace.testing.suite.proves import proves

if TYPE_CHECKING:
    from agenttrace.store.protocol import Store

__all__ = ["BeatPromises"]

_BEAT = ProcessRow(id=PROCESS, host="h\x00ö", boot_id="b", pid=1 << 31, started_at=1_000_001, seen_at=2_000_003)
_OTHER = ProcessRow(id=bytes(16), host="", boot_id="", pid=0, started_at=0, seen_at=0)


class BeatPromises(StoreSuite):
    """Who records, and when it was heard of last."""

    @proves("beats.latest", "write.columns")
    def test_the_last_heartbeat_of_each_process_is_there(self, store: Store) -> None:
        """As it was written last, by id; none before there was one."""
        assert store.processes() == []
        _beat(store, _BEAT, _OTHER)
        assert store.processes() == [_OTHER, _BEAT]
        later = replace(_BEAT, seen_at=1_900_000)
        _beat(store, later)
        assert store.processes() == [_OTHER, later]

    @proves("beats.latest", "merge.abandon")
    def test_a_process_that_is_abandoned_has_no_heartbeat(self, store: Store) -> None:
        """Whether or not there was a run to end; those of others stay."""
        _beat(store, _BEAT, _OTHER)
        assert store.abandon(PROCESS, at=5_000_000) == 0
        assert store.processes() == [_OTHER]

    @proves("beats.latest")
    def test_a_process_that_has_ended_takes_its_heartbeat_back(self, store: Store) -> None:
        """No run is touched, whoever recorded it; taking it back again does nothing."""
        _beat(store, _BEAT, _OTHER)
        write(store, run_record(1))
        for _ in range(2):
            batch = Batch()
            batch.beats[PROCESS] = None
            store.write(batch)
            assert store.processes() == [_OTHER]
        assert only_run(store).status == "running"

    @proves("beats.revive")
    def test_abandoned_runs_are_opened_again(self, store: Store) -> None:
        """They run as those of the process, show no end, and a real end or another abandonment ends them."""
        scope = {"session_id": SESSION}
        write(store, run_record(1, scope=scope), run_record(2, end=2_000_000, start=9), run_record(3, status="pending"))
        store.abandon(PROCESS, at=5_000_000)
        wanted = [(WORKSPACE, run_uuid(span)) for span in (1, 2, 3, 4)] + [(bytes(16), run_uuid(1))]
        assert store.revive(bytes(16), wanted) == 1
        run = only_run(store, ids=[run_uuid(1)])
        assert (run.status, run.end_time, run.error, run.process_id) == ("running", None, None, bytes(16))
        assert shown_types(store) == ["tool_input"]
        assert store.revive(bytes(16), wanted) == 0
        assert store.abandon(bytes(16), at=6_000_000) == 1
        assert only_run(store, ids=[run_uuid(1)]).end_time == 6_000_000
        assert store.revive(PROCESS, wanted) == 1
        write(store, run_record(1, scope=scope, end=7_000_000))
        assert only_run(store, ids=[run_uuid(1)]).status == "success"
        assert store.revive(PROCESS, wanted) == 0
        assert shown_types(store) == ["tool_input", "tool_output"]


def _beat(store: Store, *rows: ProcessRow) -> None:
    batch = Batch()
    batch.beats.update({row.id: row for row in rows})
    store.write(batch)
