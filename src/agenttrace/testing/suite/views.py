"""Reading runs and events: figures, whole traces, and what of a turn shows as events."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from agenttrace.model import ids
from agenttrace.store.protocol import RunFilter
from agenttrace.testing.records import TRACE, event_record, run_record, run_uuid
from agenttrace.testing.suite.base import (
    EVENT_TYPES,
    OTHER,
    SESSION,
    WORKSPACE,
    StoreSuite,
    all_runs,
    events_of,
    shown,
    shown_types,
    write,
)
from agenttrace.testing.suite.proves import proves

if TYPE_CHECKING:
    from agenttrace.store.protocol import Store

__all__ = ["ViewPromises"]

_OTHER_TRACE = TRACE + (1 << 80)


class ViewPromises(StoreSuite):
    """What views are made of."""

    @proves("runs.figures")
    def test_figures_say_of_runs_what_sums_need(self, store: Store) -> None:
        """In the order of runs, by their filters and pages; usage and cost as JSON, of prompts only."""
        spent = {"usage": {"input_tokens": 8, "note": "ü"}, "cost": 0.25}
        scope = {"session_id": SESSION, "user_id": "u"}
        write(
            store,
            run_record(1, run_type="prompt", start=1, end=5, content=spent, scope=scope),
            run_record(2, run_type="prompt", start=2, content={"usage": "much"}),
            run_record(3, run_type="prompt", start=2, content={"output": {"usage": 1}}),
            run_record(4, start=9, content=spent),
            run_record(5, run_type="prompt", content=spent, scope={"workspace_id": OTHER}),
        )
        found = store.run_figures(RunFilter(workspace_id=WORKSPACE))
        assert [row[:7] for row in found] == [
            (run.id, run.trace_id, run.start_time, run.end_time, run.status, run.session_id, run.user_id)
            for run in all_runs(store)
        ]
        told = {row.id: [None if text is None else orjson.loads(text) for text in row[7:]] for row in found}
        assert told == {
            run_uuid(1): [spent["usage"], 0.25],
            run_uuid(2): ["much", None],
            run_uuid(3): [None, None],
            run_uuid(4): [None, None],
        }
        prompts = RunFilter(workspace_id=WORKSPACE, run_type="prompt", since=1, until=9, limit=1)
        (first,) = store.run_figures(prompts)
        (after,) = store.run_figures(replace(prompts, after=(first.start_time, first.id)))
        assert (first.id, after.id) == (run_uuid(2), run_uuid(3))

    @proves("trees.traces")
    def test_traces_come_whole_and_oldest_first(self, store: Store) -> None:
        """`start_time`, then `seq`, then `id` ascending, over several traces; unknown ones add nothing."""
        write(
            store,
            run_record(1, start=3, seq=3),
            run_record(2, start=1, seq=9, trace=_OTHER_TRACE),
            run_record(3, start=1, seq=2),
            run_record(4, trace=_OTHER_TRACE + 1, start=0),
        )
        wanted = [trace.to_bytes(16, "big") for trace in (TRACE, _OTHER_TRACE, 5, TRACE)]
        assert [run.seq for run in store.traces(WORKSPACE, wanted)] == [2, 9, 3]

    @proves("trees.traces")
    def test_traces_that_share_their_first_bits_stay_apart(self, store: Store) -> None:
        """Run ids carry only a part of the trace id; the whole of it decides."""
        write(store, run_record(1), run_record(2, trace=TRACE ^ 1))
        assert [run.id for run in store.traces(WORKSPACE, [TRACE.to_bytes(16, "big")])] == [run_uuid(1)]

    @proves("events.filters")
    def test_events_are_found_by_type_and_id(self, store: Store) -> None:
        """Types are a list; counts know no pages."""
        scope = {"session_id": SESSION}
        write(store, event_record(1, scope=scope), event_record(1, type="log", seq=9, scope=scope))
        (thought,) = shown(store, types=["thinking"])
        assert shown(store, id=thought.id) == [thought]
        assert shown(store, types=[]) == []
        assert store.count_events(events_of(types=EVENT_TYPES)) == 1
        assert store.count_events(events_of(after=thought.id, limit=1)) == 2
        assert shown(store, workspace=ids.workspace_id(OTHER)) == []

    @proves("events.implied")
    def test_a_turn_shows_as_its_events(self, store: Store) -> None:
        """A master's start and end are messages, a tool call's its input and output; other runs show nothing."""
        scope = {"session_id": SESSION}
        talk = {"input": "hi", "output": "hello"}
        write(
            store,
            run_record(1, run_type="master", end=9_000_000, scope=scope, content=talk),
            run_record(2, parent=1, seq=3, start=2_000_000, end=3_000_000, scope=scope),
            run_record(3, parent=1, seq=5, start=4_000_000, end=5_000_000, scope=scope, run_type="prompt"),
        )
        assert shown_types(store) == ["input_message", "tool_input", "tool_output", "agent_output"]
        assert {event.data for event in shown(store)} == {None}

    @proves("events.implied")
    def test_what_did_not_happen_shows_no_event(self, store: Store) -> None:
        """A master without input or output, a pending tool call, a run without a session."""
        scope = {"session_id": SESSION}
        write(store, run_record(1, run_type="master", end=9_000_000, scope=scope, content={"input": None}))
        write(store, run_record(2, status="pending", scope=scope), run_record(3, end=2_000_000))
        assert shown(store) == []
        write(store, run_record(2, scope=scope, rev=1))
        assert shown_types(store) == ["tool_input"]
