"""Reading runs and events: filters, order, pages, counts."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

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

if TYPE_CHECKING:
    from agenttrace.store.protocol import Store

__all__ = ["ViewPromises"]

_CONTACT = ids.entity_id(WORKSPACE, "contact")
_OTHER_TRACE = TRACE + (1 << 80)

_FILTERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"run_type": "prompt"}, {"run_type": "prompt"}),
    ({"run_type": "context"}, {"run_type": "context"}),
    ({"status": "pending"}, {"status": "pending"}),
    ({"status": "failed"}, {"status": "failed", "end": 2_000_000}),
    ({"name": "special"}, {"name": "special"}),
    ({"since": 5_000_000}, {"start": 5_000_000}),
    ({"until": 999_999}, {"start": 999_998}),
    ({"agent_key": "agt_helper"}, {"scope": {"agent_key": "helper"}}),
    ({"session_id": ids.session_id(WORKSPACE, "s")}, {"scope": {"session_id": "s"}}),
    ({"conversation_id": ids.entity_id(WORKSPACE, "c")}, {"scope": {"conversation_id": "c"}}),
    ({"call_sid": "CA1"}, {"scope": {"call_sid": "CA1"}}),
    (
        {"call_sid": "CA1", "call_session_id": ids.session_id(WORKSPACE, "s")},
        {"scope": {"session_id": "s", "call_sid": "CA2"}},
    ),
    (
        {"call_sid": "CA1", "call_session_id": ids.session_id(WORKSPACE, "s")},
        {"scope": {"session_id": "s", "call_sid": "CA1"}},
    ),
    (
        {"call_sid": "CA1", "call_session_id": ids.session_id(WORKSPACE, "s"), "run_type": "prompt"},
        {"scope": {"session_id": "s"}, "run_type": "prompt"},
    ),
    ({"ai_contact_id": _CONTACT}, {"scope": {"ai_contact_id": "contact"}}),
    ({"interaction_types": ["search", "free_form"]}, {"attributes": {"interaction_type": "search"}}),
    ({"widget_id": "w"}, {"attributes": {"widget_id": "w"}}),
    ({"placement_id": "p"}, {"attributes": {"placement_id": "p"}}),
    ({"deployment_type": "d"}, {"attributes": {"deployment_type": "d"}}),
    ({"prompt_type": "engage"}, {"prompt_type": "engage"}),
    ({"state_name": "greet"}, {"state_name": "greet"}),
    ({"ids": [run_uuid(1), run_uuid(77)]}, {}),
]


class ViewPromises(StoreSuite):
    """Filters, order, pages and counts."""

    @pytest.mark.parametrize(("where", "fits"), _FILTERS, ids=lambda value: "-".join(value))
    def test_a_filter_finds_what_fits_and_nothing_else(
        self, store: Store, where: dict[str, Any], fits: dict[str, Any]
    ) -> None:
        """Every field of RunFilter holds, alone, and for its count as well."""
        write(store, run_record(1, **fits), run_record(2, scope={"session_id": "another"}), run_record(3))
        elsewhere: dict[str, Any] = {**fits, "scope": {**fits.get("scope", {}), "workspace_id": OTHER}}
        write(store, run_record(1, **elsewhere))
        assert [run.id for run in all_runs(store, **where)] == [run_uuid(1)]
        assert store.count_runs(RunFilter(workspace_id=WORKSPACE, **where)) == 1

    def test_filters_hold_together(self, store: Store) -> None:
        """A run that fits one of two conditions does not match."""
        write(store, run_record(1, name="a"), run_record(2, name="a", run_type="prompt"), run_record(3, name="b"))
        assert [run.id for run in all_runs(store, name="a", run_type="prompt")] == [run_uuid(2)]

    def test_empty_lists_match_nothing(self, store: Store) -> None:
        """No id and no interaction type wanted: none found."""
        write(store, run_record(1, attributes={"interaction_type": "search"}))
        assert all_runs(store, ids=[]) == all_runs(store, interaction_types=[]) == []
        assert store.count_runs(RunFilter(workspace_id=WORKSPACE, ids=[])) == 0

    def test_no_filter_reaches_another_workspace(self, store: Store) -> None:
        """The same ids in another workspace are other runs."""
        there = ids.workspace_id(OTHER)
        write(store, run_record(1, name="ours"), run_record(1, name="theirs", scope={"workspace_id": OTHER}))
        assert [run.name for run in all_runs(store)] == ["ours"]
        assert [run.name for run in all_runs(store, there)] == ["theirs"]
        assert [run.name for run in all_runs(store, there, ids=[run_uuid(1)])] == ["theirs"]
        assert [run.name for run in store.traces(there, [TRACE.to_bytes(16, "big")])] == ["theirs"]

    def test_runs_come_newest_first_and_ties_by_id(self, store: Store) -> None:
        """`start_time` descending, then `id` ascending."""
        write(store, *(run_record(span, start=1_000_000 + span // 3) for span in range(1, 10)))
        expected = sorted(range(1, 10), key=lambda span: (-(span // 3), run_uuid(span)))
        assert [run.id for run in all_runs(store)] == [run_uuid(span) for span in expected]

    @pytest.mark.parametrize("where", [{}, {"ids": [run_uuid(span) for span in range(1, 24)]}])
    def test_pages_by_offset_and_by_key_give_every_run_once(self, store: Store, where: dict[str, Any]) -> None:
        """Both ways of paging walk the same order, also among runs of one instant; counts are of all pages."""
        write(store, *(run_record(span, start=1_000_000 + span // 4) for span in range(1, 24)))
        expected = [run.id for run in all_runs(store, **where)]
        by_offset = [run.id for page in range(5) for run in all_runs(store, limit=5, offset=5 * page, **where)]
        by_key: list[bytes] = []
        after: tuple[int, bytes] | None = None
        while page := all_runs(store, limit=5, after=after, **where):
            by_key += [run.id for run in page]
            after = (page[-1].start_time, page[-1].id)
        assert by_offset == by_key == expected
        assert store.count_runs(RunFilter(workspace_id=WORKSPACE, limit=2, offset=3, after=after, **where)) == 23

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

    def test_a_page_of_nothing_is_empty(self, store: Store) -> None:
        """A limit of 0 and an offset beyond the end."""
        write(store, run_record(1))
        assert all_runs(store, limit=0) == all_runs(store, offset=1) == []

    def test_two_thousand_ids_are_found(self, store: Store) -> None:
        """A list of ids has no length that a store may not take, and repeats count once."""
        write(store, *(run_record(span, start=span) for span in range(1, 2001)))
        wanted = [run_uuid(span) for span in range(1, 2001)] * 2
        assert len(all_runs(store, ids=wanted)) == 2000
        assert store.count_runs(RunFilter(workspace_id=WORKSPACE, ids=wanted)) == 2000

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

    def test_traces_that_share_their_first_bits_stay_apart(self, store: Store) -> None:
        """Run ids carry only a part of the trace id; the whole of it decides."""
        write(store, run_record(1), run_record(2, trace=TRACE ^ 1))
        assert [run.id for run in store.traces(WORKSPACE, [TRACE.to_bytes(16, "big")])] == [run_uuid(1)]

    def test_events_come_in_order_and_in_pages(self, store: Store) -> None:
        """By id ascending, or descending; `after` continues either way, also after an id that is gone."""
        scope = {"session_id": SESSION}
        write(store, *(event_record(1, time=2_000_000 - n, seq=n, scope=scope) for n in range(7)))
        oldest = [event.id for event in shown(store)]
        assert oldest == sorted(oldest)
        assert [event.id for event in shown(store, newest_first=True)] == oldest[::-1]
        assert [event.id for event in shown(store, after=oldest[2], limit=3)] == oldest[3:6]
        assert [event.id for event in shown(store, after=oldest[2], newest_first=True)] == oldest[1::-1]
        assert [event.id for event in shown(store, after=oldest[2] + "x")] == oldest[3:]

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

    def test_what_did_not_happen_shows_no_event(self, store: Store) -> None:
        """A master without input or output, a pending tool call, a run without a session."""
        scope = {"session_id": SESSION}
        write(store, run_record(1, run_type="master", end=9_000_000, scope=scope, content={"input": None}))
        write(store, run_record(2, status="pending", scope=scope), run_record(3, end=2_000_000))
        assert shown(store) == []
        write(store, run_record(2, scope=scope, rev=1))
        assert shown_types(store) == ["tool_input"]
