"""What a store owes where spans of other libraries are kept, and runs derived from them."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import orjson

from agenttrace.model.ids import workspace_id
from agenttrace.testing.records import PROCESS, TRACE, batch_of, log_record, run_record, run_uuid, span_record
from agenttrace.testing.suite.base import OTHER, SESSION, WORKSPACE, StoreSuite, all_runs, only_run, shown
from agenttrace.testing.suite.meaning import simple
from agenttrace.testing.suite.proves import proves
from agenttrace.testing.suite.sample import trace_of

if TYPE_CHECKING:
    from agenttrace.model.rows import RunRow
    from agenttrace.store.protocol import Store
    from agenttrace.testing.records import Record

__all__ = ["ForeignPromises"]

_TRACE = TRACE.to_bytes(16, "big")
_SCOPE = {"session_id": SESSION}


def derive(store: Store, *records: Record, **options: Any) -> None:
    """Write these records as one batch, with what spans mean said by `simple`."""
    batch = batch_of(*records, **options)
    batch.derive = simple
    store.write(batch)


def told(run: RunRow) -> dict[str, Any]:
    """Return a run without what tells when and how often it was written."""
    names = (name for name in type(run).__dataclass_fields__ if name not in ("version", "ingested_at", "process_id"))
    return {name: getattr(run, name) for name in names}


class ForeignPromises(StoreSuite):
    """Raw spans and logs, and the runs and events that are derived from them."""

    @proves("foreign.raw")
    def test_spans_are_kept_as_they_were_received(self, store: Store) -> None:
        """The greatest version of each: an end before a start, whichever came first; without `derive` no runs."""
        end, start = span_record(2, end=2_000_000, attributes={"a": [1]}), span_record(2)
        store.write(batch_of(end, span_record(1), start))
        one, two = store.spans(WORKSPACE, _TRACE)
        assert (one.span_id, one.end_time, one.process_id) == ((1).to_bytes(8, "big"), None, PROCESS)
        assert (two.span_id, two.end_time, two.process_id) == ((2).to_bytes(8, "big"), 2_000_000, None)
        assert orjson.loads(two.data)["attributes"] == {"a": [1]}
        assert all_runs(store) == []

    @proves("foreign.raw")
    def test_logs_are_kept_once(self, store: Store) -> None:
        """Oldest first, the same one once."""
        later, sooner = log_record(1, time=5, body="b"), log_record(1, time=4, body="a")
        store.write(batch_of(later, sooner, later))
        store.write(batch_of(later))
        assert [orjson.loads(log.data)["body"] for log in store.logs(WORKSPACE, _TRACE)] == ["a", "b"]

    @proves("store.tenants")
    def test_workspaces_keep_their_spans_apart(self, store: Store) -> None:
        """The same ids in two workspaces are two spans, and two runs."""
        derive(store, span_record(1, attributes={"type": "master"}, name="ours"))
        derive(store, span_record(1, attributes={"type": "master"}, name="theirs", scope={"workspace_id": OTHER}))
        assert only_run(store).name == "ours"
        assert only_run(store, workspace_id(OTHER)).name == "theirs"
        assert len(store.spans(WORKSPACE, _TRACE)) == 1
        assert store.spans(WORKSPACE, bytes(16)) == store.logs(WORKSPACE, bytes(16)) == []

    @proves("foreign.derived")
    def test_what_spans_mean_is_stored(self, store: Store) -> None:
        """As runs, with a tree, content and events; a plain span between two of them is bridged."""
        derive(
            store,
            span_record(1, attributes={"type": "master", "input": "q"}, end=9_000_000, scope=_SCOPE),
            span_record(2, parent=1, end=8_000_000),
            span_record(3, parent=2, attributes={"type": "tool_call"}, start=2_000_000, end=7_000_000, scope=_SCOPE),
        )
        tool, turn = all_runs(store)
        assert (turn.run_type, turn.is_root, tool.parent_id, tool.is_root) == ("master", True, turn.id, False)
        assert turn.content is not None
        assert orjson.loads(turn.content) == {"input": "q"}
        assert [event.type for event in shown(store)] == ["input_message", "tool_input", "tool_output"]

    @proves("foreign.derived")
    def test_late_spans_change_the_answer(self, store: Store) -> None:
        """A parent that comes last takes its child in; a span that turns out to be no run is gone, with its events."""
        derive(store, span_record(2, parent=1, attributes={"type": "tool_call"}, end=2_000_000, scope=_SCOPE))
        assert only_run(store).is_root
        derive(store, span_record(1, attributes={"type": "master"}, end=3_000_000, scope=_SCOPE))
        assert [run.is_root for run in sorted(all_runs(store), key=lambda run: run.run_type)] == [True, False]
        plain = {"none": "fuller than before"}
        derive(store, span_record(2, parent=1, attributes=plain, end=2_000_000, scope=_SCOPE))
        assert only_run(store).run_type == "master"
        assert shown(store) == []

    @proves("foreign.derived")
    def test_late_logs_change_the_answer(self, store: Store) -> None:
        """A log record of a span that is stored becomes its output."""
        derive(store, span_record(1, attributes={"type": "master", "input": "q"}, end=2_000_000, scope=_SCOPE))
        derive(store, log_record(1, body="said"))
        assert "said" in (only_run(store).content or "")
        assert [event.type for event in shown(store)] == ["input_message", "agent_output"]

    @proves("foreign.derived")
    def test_a_thought_is_replaced(self, store: Store) -> None:
        """An event that is derived anew stands in the place of the old one; one that is not is gone."""
        for place, thought in enumerate(("one", "two", None)):
            more = {"other": "one that is fuller"} if thought is None else {"thought": thought}
            derive(
                store,
                span_record(1, attributes={"type": "plan", **more}, end=2_000_000, scope=_SCOPE, place=place),
            )
            found = [orjson.loads(event.data or "")["content"] for event in shown(store)]
            assert found == ([] if thought is None else [thought])

    @proves("foreign.order")
    def test_order_and_repetition_do_not_matter(self, store: Store) -> None:
        """Foreign spans and runs of our own in one trace, one record a batch, each twice, make the same tree."""
        histories: list[list[Record]] = []
        for number, order in enumerate(itertools.permutations(range(4))):
            trace = trace_of(number)
            records = [
                span_record(1, trace=trace, attributes={"type": "agent"}, start=1_100_000, end=9_000_000, parent=7),
                span_record(2, trace=trace, parent=1, start=1_200_000, end=8_000_000, scope=_SCOPE),
                run_record(7, trace=trace, run_type="master", end=9_500_000),
                run_record(8, trace=trace, parent=7, via=f"{2:016x}", start=2_000_000, end=7_000_000),
            ]
            histories.append([records[index] for index in order])
        for together in zip(*histories, strict=True):
            derive(store, *together)
            derive(store, *together, process_id=bytes(16))
        for number in range(len(histories)):
            trace = trace_of(number)
            runs = {run.span_id[-1]: run for run in store.traces(WORKSPACE, [trace.to_bytes(16, "big")])}
            parents = {key: run.parent_id for key, run in runs.items()}
            assert parents == {7: None, 1: run_uuid(7, trace), 8: run_uuid(1, trace)}
            assert [key for key, run in runs.items() if run.is_root] == [7]

    @proves("foreign.fullest")
    def test_the_fullest_end_counts(self, store: Store) -> None:
        """Whatever comes first, and whichever hash is greater; the ids of the start and of all ends are the run's."""
        said = {"type": "master", "input": "all of the question"}
        for number, order in enumerate(itertools.permutations(range(3))):
            trace, places = trace_of(number), (3, 12) if number % 2 else (12, 3)
            records = [
                span_record(1, trace=trace, attributes={"type": "master"}, scope={"team_id": "red"}),
                span_record(1, trace=trace, attributes=said, end=2_000_000, place=places[0]),
                span_record(
                    1, trace=trace, attributes={"type": "tool_call"}, end=2_000_000, scope=_SCOPE, place=places[1]
                ),
            ]
            for index in order:
                derive(store, records[index])
            (run,) = store.traces(WORKSPACE, [trace.to_bytes(16, "big")])
            assert (run.run_type, run.end_time, run.team_id) == ("master", 2_000_000, "red")
            assert "all of the question" in (run.content or "")
            assert run.session_id is not None

    @proves("foreign.ours")
    def test_a_run_of_ours_is_never_replaced(self, store: Store) -> None:
        """A span with the id of a run of ours (it left and came back) adds nothing, in either order."""
        ours, theirs = (
            run_record(1, name="ours", end=2_000_000),
            span_record(1, name="theirs", attributes={"type": "x"}),
        )
        derive(store, theirs)
        derive(store, ours)
        derive(store, theirs)
        assert only_run(store).name == "ours"

    @proves("foreign.derived", "trees.spread")
    def test_ids_spread_between_ours_and_theirs(self, store: Store) -> None:
        """What a foreign root knows its run of ours has, and the other way round."""
        derive(store, span_record(1, attributes={"type": "master"}, end=9_000_000, scope={"user_id": "ann"}))
        derive(store, run_record(2, parent=1, remote=True, end=8_000_000, scope=_SCOPE))
        assert {run.user_id for run in all_runs(store)} == {"ann"}
        assert None not in {run.session_id for run in all_runs(store)}

    @proves("foreign.order", "write.replay")
    def test_deriving_again_writes_nothing_new(self, store: Store) -> None:
        """A batch that changes nothing leaves the versions as they are."""
        record = span_record(1, attributes={"type": "master", "input": "q"}, end=2_000_000, scope=_SCOPE)
        derive(store, record)
        before = all_runs(store), shown(store)
        derive(store, record)
        assert (all_runs(store), shown(store)) == before

    @proves("foreign.abandon")
    def test_open_spans_of_a_dead_process_are_abandoned(self, store: Store) -> None:
        """Their runs end as failed, and stay so when the trace is derived again; a real end still wins."""
        derive(store, span_record(1, attributes={"type": "master"}), span_record(2, parent=1, end=2_000_000))
        assert only_run(store).status == "running"
        assert store.abandon(PROCESS, at=5_000_000) == 1
        abandoned = only_run(store)
        assert (abandoned.status, abandoned.end_time) == ("failed", 5_000_000)
        derive(store, span_record(3, parent=1, end=3_000_000), process_id=bytes(16))
        assert told(only_run(store)) | {"end_seq": None} == told(abandoned) | {"end_seq": None}
        derive(store, span_record(1, attributes={"type": "master"}, end=6_000_000))
        assert (only_run(store).status, only_run(store).error) == ("success", None)
