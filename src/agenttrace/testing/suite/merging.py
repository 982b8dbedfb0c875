"""Versions of runs: which one stays, what is kept of the others, and what a dead process leaves."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import orjson

from agenttrace.model.versions import RANK_ABANDONED, RANK_ALIVE, RANK_END, RANK_START
from agenttrace.testing.records import PROCESS, TRACE, batch_of, run_record, run_uuid
from agenttrace.testing.suite.base import (
    SESSION,
    StoreSuite,
    all_runs,
    only_run,
    shown,
    shown_types,
    write,
    write_abreast,
)
from agenttrace.testing.suite.proves import proves

if TYPE_CHECKING:
    from agenttrace.store.protocol import Store
    from agenttrace.testing.records import Record

__all__ = ["MergePromises"]

_SCOPE = {"session_id": SESSION}


class MergePromises(StoreSuite):
    """Of the versions of a run the greatest stays."""

    @proves("merge.order")
    def test_the_greatest_version_stays_in_any_order(self, store: Store) -> None:
        """A real end beats a proof of life beats an abandoned end beats a start."""
        histories: list[list[Record]] = []
        for span, order in enumerate(itertools.permutations(range(4)), 1):
            versions = [
                run_record(span),
                run_record(span, end=2_000_000, status="failed", rank=RANK_ABANDONED),
                run_record(span, rank=RANK_ALIVE, rev=3),
                run_record(span, end=5_000_000),
            ]
            histories.append([versions[index] for index in order])
        write_abreast(store, histories, times=2)
        found = {(run.status, run.end_time, run.process_id) for run in all_runs(store)}
        assert found == {("success", 5_000_000, None)}
        assert len(all_runs(store)) == len(histories)

    @proves("merge.order")
    def test_each_pair_of_ranks_has_its_winner(self, store: Store) -> None:
        """Also without a real end, in one batch or in two."""
        pairs = list(itertools.permutations([RANK_START, RANK_ABANDONED, RANK_ALIVE, RANK_END], 2))
        apart = [[_of_rank(span, rank) for rank in pair] for span, pair in enumerate(pairs, 1)]
        together = [[_of_rank(span, rank) for rank in pair] for span, pair in enumerate(pairs, 101)]
        write_abreast(store, apart)
        write(store, *itertools.chain(*together))
        winners = {run.id: run.name for run in all_runs(store)}
        for span, pair in enumerate(pairs, 1):
            assert winners[run_uuid(span)] == winners[run_uuid(span + 100)] == str(max(pair)), pair

    @proves("merge.order")
    def test_versions_of_one_rank_compare_by_revision(self, store: Store) -> None:
        """The later revision of a run that is still open stays."""
        write(store, run_record(1, rev=2, name="new"))
        write(store, run_record(1, rev=1, name="old"))
        assert only_run(store).name == "new"

    @proves("merge.order")
    def test_versions_of_one_revision_compare_by_their_content(self, store: Store) -> None:
        """Two ends that nobody can order: the same one stays whichever came first."""
        histories: list[list[Record]] = []
        for number in range(1, 9):
            ends = [run_record(7, trace=TRACE + (number << 80), end=2_000_000, name=name) for name in "ab"]
            histories.append(ends if number % 2 else ends[::-1])
        expected = {run.id: run.name for run in batch_of(*itertools.chain(*histories)).runs.values()}
        write_abreast(store, histories)
        assert {run.id: run.name for run in all_runs(store)} == expected

    @proves("merge.ids")
    def test_an_id_that_one_version_knows_is_kept(self, store: Store) -> None:
        """A version that lacks an id does not erase it, whichever of the two is greater and comes first."""
        for span, order in enumerate([(0, 1), (1, 0)], 1):
            versions = [
                run_record(span, scope={"user_id": "u"}),
                run_record(span, end=2_000_000, scope={"team_id": "t"}),
            ]
            for index in order:
                write(store, versions[index])
            run = only_run(store, ids=[run_uuid(span)])
            assert (run.user_id, run.team_id, run.status) == ("u", "t", "success")

    @proves("merge.ids")
    def test_of_two_values_of_an_id_the_greater_versions_stays(self, store: Store) -> None:
        """Ids merge like versions, though the greatest version may know none."""
        histories: list[list[Record]] = []
        for span, order in enumerate(itertools.permutations(range(3)), 1):
            versions = [
                run_record(span, rev=1, scope={"user_id": "zoe"}),
                run_record(span, rev=2, scope={"user_id": "ann"}),
                run_record(span, rev=3),
            ]
            histories.append([versions[index] for index in order])
        write_abreast(store, histories)
        assert [run.user_id for run in all_runs(store)] == ["ann"] * len(histories)

    @proves("merge.abandon")
    def test_running_runs_of_a_dead_process_end_as_abandoned(self, store: Store) -> None:
        """They end as failed, at the time given, never before their start."""
        write(store, run_record(1), run_record(2, start=8_000_000))
        assert store.abandon(PROCESS, at=5_000_000) == 2
        late, early = all_runs(store)
        assert (early.status, early.end_time, early.process_id) == ("failed", 5_000_000, None)
        assert late.end_time == 8_000_000
        assert early.error is not None
        assert orjson.loads(early.error)["type"] == "abandoned"

    @proves("merge.abandon")
    def test_only_open_runs_of_that_process_are_abandoned(self, store: Store) -> None:
        """Pending runs belong to no process; ended ones and those of others stay as they are."""
        write(store, run_record(1, status="pending"), run_record(2, end=2_000_000))
        write(store, run_record(3), process_id=bytes(16))
        assert store.abandon(PROCESS, at=5_000_000) == 0
        assert [run.status for run in all_runs(store, status="running")] == ["running"]
        assert len(all_runs(store, status="pending")) == 1

    @proves("merge.abandon", "merge.events")
    def test_a_real_end_beats_an_abandoned_one_that_came_first(self, store: Store) -> None:
        """The run was not lost after all: its row and its events are those of the real end."""
        write(store, run_record(1, scope=_SCOPE))
        store.abandon(PROCESS, at=5_000_000)
        assert shown_types(store) == ["tool_input", "tool_output"]
        write(store, run_record(1, scope=_SCOPE, end=7_000_000))
        assert (only_run(store).status, only_run(store).error) == ("success", None)
        assert shown_types(store) == ["tool_input", "tool_output"]

    @proves("merge.abandon", "merge.events")
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

    @proves("merge.abandon")
    def test_abandoning_twice_finds_nothing_the_second_time(self, store: Store) -> None:
        """There is nothing open any more."""
        write(store, run_record(1))
        assert [store.abandon(PROCESS, at=5_000_000), store.abandon(PROCESS, at=5_000_000)] == [1, 0]

    @proves("merge.events")
    def test_events_follow_the_version_that_stays(self, store: Store) -> None:
        """Times, sequence, session and what was said: those of versions that lost are gone."""
        talk = {"input": "hi", "output": "hello"}
        other = {"session_id": "ase_other"}
        write(store, run_record(1, run_type="master", scope=other, content={"input": "hi"}, end=3_000_000, rev=1))
        assert shown_types(store, "ase_other") == ["input_message"]
        write(store, run_record(1, run_type="master", scope=_SCOPE, content=talk, end=4_000_000, rev=2, end_seq=9))
        write(store, run_record(1, run_type="master", scope=other, content={"input": "hi"}, end=3_000_000, rev=1))
        assert shown_types(store, "ase_other") == []
        assert [(event.type, event.created_at) for event in shown(store)] == [
            ("input_message", 1_000_000),
            ("agent_output", 4_000_000),
        ]
        write(store, run_record(1, run_type="master", scope=_SCOPE, content={"output": "x"}, end=5_000_000, rev=3))
        assert [(event.type, event.created_at) for event in shown(store)] == [("agent_output", 5_000_000)]


def _of_rank(span: int, rank: int) -> Record:
    ended: dict[str, Any] = {"end": 2_000_000} if rank in (RANK_ABANDONED, RANK_END) else {}
    return run_record(span, rank=rank, name=str(rank), **ended)
