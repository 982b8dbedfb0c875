"""Versions of runs: which one stays, what is kept of the others, and what a dead process leaves."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import orjson
import pytest

from agenttrace.errors import StoreRejected
from agenttrace.model.rows import RANK_ABANDONED, RANK_ALIVE
from agenttrace.testing.records import PROCESS, batch_of, event_record, run_record, run_uuid
from agenttrace.testing.suite.base import SESSION, WORKSPACE, StoreSuite, all_runs, only_run, shown_types, write

if TYPE_CHECKING:
    from agenttrace.store.protocol import Store

__all__ = ["MergePromises"]

_SCOPE = {"session_id": SESSION}


class MergePromises(StoreSuite):
    """Of the versions of a run the greatest stays."""

    def test_a_run_comes_back_as_it_was_written(self, store: Store) -> None:
        """Every field of a run survives."""
        error = {"type": "ValueError", "message": "no", "stack": None}
        record = run_record(
            1,
            end=3_000_000,
            parent=9,
            error=error,
            attributes={"widget_id": "w"},
            content={"input": 1},
            status="failed",
        )
        batch = batch_of(record)
        (written,) = batch.runs.values()
        store.write(batch)
        assert only_run(store) == written
        assert only_run(store).widget_id == "w"

    @pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
    def test_the_greatest_version_stays_in_any_order(self, store: Store, order: tuple[int, ...]) -> None:
        """A real end beats a proof of life beats an abandoned end beats a start."""
        versions = [
            run_record(1),
            run_record(1, end=2_000_000, status="failed", rank=RANK_ABANDONED),
            run_record(1, rank=RANK_ALIVE, rev=3),
            run_record(1, end=5_000_000),
        ]
        for index in order:
            write(store, versions[index])
            write(store, versions[index])
        run = only_run(store)
        assert (run.status, run.end_time, run.process_id) == ("success", 5_000_000, None)

    def test_versions_of_one_rank_compare_by_revision(self, store: Store) -> None:
        """The later revision of a run that is still open stays."""
        write(store, run_record(1, rev=2, name="new"))
        write(store, run_record(1, rev=1, name="old"))
        assert only_run(store).name == "new"

    def test_writing_a_batch_twice_changes_nothing(self, store: Store) -> None:
        """A replay is no news."""
        records = [run_record(1, end=2_000_000, scope=_SCOPE), event_record(1, scope=_SCOPE, content={"content": "x"})]
        write(store, *records)
        before = all_runs(store), shown_types(store)
        write(store, *records)
        write(store, *reversed(records))
        assert (all_runs(store), shown_types(store)) == before

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_an_id_that_one_version_knows_is_kept(self, store: Store, order: tuple[int, int]) -> None:
        """A version that lacks an id does not erase it, whichever of the two is greater and comes first."""
        versions = [run_record(1, scope={"user_id": "u"}), run_record(1, end=2_000_000, scope={"team_id": "t"})]
        for index in order:
            write(store, versions[index])
        run = only_run(store)
        assert (run.user_id, run.team_id, run.status) == ("u", "t", "success")

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    def test_of_two_values_of_an_id_the_greater_versions_stays(self, store: Store, order: tuple[int, ...]) -> None:
        """Ids merge like versions, though the greatest version may know none."""
        versions = [
            run_record(1, rev=1, scope={"user_id": "zoe"}),
            run_record(1, rev=2, scope={"user_id": "ann"}),
            run_record(1, rev=3),
        ]
        for index in order:
            write(store, versions[index])
        assert only_run(store).user_id == "ann"

    def test_nothing_of_a_batch_with_a_bad_row_is_kept(self, store: Store) -> None:
        """A batch is one transaction, and a row that never fits is StoreRejected."""
        batch = batch_of(run_record(1, scope=_SCOPE, end=2_000_000), run_record(2), run_record(3))
        batch.runs[WORKSPACE, run_uuid(3)].name = None  # type: ignore[assignment]
        with pytest.raises(StoreRejected):
            store.write(batch)
        assert all_runs(store) == []
        assert shown_types(store) == []

    def test_a_number_that_fits_no_column_is_rejected(self, store: Store) -> None:
        """An integer beyond 64 bits never fits, and the store goes on."""
        batch = batch_of(run_record(1))
        batch.runs[WORKSPACE, run_uuid(1)].start_time = 1 << 70
        with pytest.raises(StoreRejected):
            store.write(batch)
        write(store, run_record(2))
        assert only_run(store).id == run_uuid(2)

    def test_running_runs_of_a_dead_process_end_as_abandoned(self, store: Store) -> None:
        """They end as failed, at the time given, never before their start."""
        write(store, run_record(1), run_record(2, start=8_000_000))
        assert store.abandon(PROCESS, at=5_000_000) == 2
        late, early = all_runs(store)
        assert (early.status, early.end_time, early.process_id) == ("failed", 5_000_000, None)
        assert late.end_time == 8_000_000
        assert early.error is not None
        assert orjson.loads(early.error)["type"] == "abandoned"

    def test_only_open_runs_of_that_process_are_abandoned(self, store: Store) -> None:
        """Pending runs belong to no process; ended ones and those of others stay as they are."""
        write(store, run_record(1, status="pending"), run_record(2, end=2_000_000))
        write(store, run_record(3), process_id=bytes(16))
        assert store.abandon(PROCESS, at=5_000_000) == 0
        assert [run.status for run in all_runs(store, status="running")] == ["running"]
        assert len(all_runs(store, status="pending")) == 1

    def test_a_real_end_beats_an_abandoned_one_that_came_first(self, store: Store) -> None:
        """The run was not lost after all: its row and its events are those of the real end."""
        write(store, run_record(1, scope=_SCOPE))
        store.abandon(PROCESS, at=5_000_000)
        assert shown_types(store) == ["tool_input", "tool_output"]
        write(store, run_record(1, scope=_SCOPE, end=7_000_000))
        assert (only_run(store).status, only_run(store).error) == ("success", None)
        assert shown_types(store) == ["tool_input", "tool_output"]

    def test_a_proof_of_life_reopens_an_abandoned_run(self, store: Store) -> None:
        """A process that lives still can abandon nothing; when it then dies, the run ends again."""
        write(store, run_record(1, scope=_SCOPE))
        store.abandon(PROCESS, at=5_000_000)
        write(store, run_record(1, scope=_SCOPE, rank=RANK_ALIVE, rev=1))
        assert only_run(store).status == "running"
        assert shown_types(store) == ["tool_input"]
        assert store.abandon(PROCESS, at=6_000_000) == 1
        assert (only_run(store).status, only_run(store).end_time) == ("failed", 6_000_000)
        write(store, run_record(1, scope=_SCOPE, rank=RANK_ALIVE, rev=1))
        assert only_run(store).status == "failed"
        write(store, run_record(1, scope=_SCOPE, rank=RANK_ALIVE, rev=2))
        assert only_run(store).status == "running"

    def test_abandoning_twice_finds_nothing_the_second_time(self, store: Store) -> None:
        """There is nothing open any more."""
        write(store, run_record(1))
        assert [store.abandon(PROCESS, at=5_000_000), store.abandon(PROCESS, at=5_000_000)] == [1, 0]

    @pytest.mark.parametrize(
        "text", ["", "\x00", "a\x00b", "🦆 ümlaut", "x" * 100_000, "'; DROP TABLE run; --", "%s ? :x", "\\u0000"]
    )
    def test_odd_text_survives(self, store: Store, text: str) -> None:
        """NUL characters, emoji, empty and long texts come back as they were, in columns and in JSON."""
        write(store, run_record(1, name=text, content={"input": text}, end=2_000_000))
        run = only_run(store)
        assert run.name == text
        assert orjson.loads(run.content or "")["input"] == text

    def test_ten_megabytes_of_content_survive(self, store: Store) -> None:
        """Content has no length that a store may not take."""
        write(store, run_record(1, content={"input": "é" * 5_000_000}))
        assert len(orjson.loads(only_run(store).content or "")["input"]) == 5_000_000
