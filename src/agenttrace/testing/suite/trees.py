"""Parents: which runs are roots, in whatever order a tree arrives, and how ids spread in it."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

import itertools
from operator import attrgetter
from typing import TYPE_CHECKING

from agenttrace.model import ids
from agenttrace.model.rows import TREE_ROW
from agenttrace.store.protocol import RunFilter
from agenttrace.testing.records import TRACE, entity_record, event_record, run_record, run_uuid
from agenttrace.testing.suite.base import (
    OTHER,
    SESSION,
    WORKSPACE,
    StoreSuite,
    all_runs,
    only_run,
    roots,
    shown,
    shown_types,
    write,
    write_abreast,
)
from agenttrace.testing.suite.proves import proves
from agenttrace.testing.suite.sample import trace_of

if TYPE_CHECKING:
    from agenttrace.store.protocol import Store
    from agenttrace.testing.records import Record

__all__ = ["TreePromises"]


class TreePromises(StoreSuite):
    """A run whose parent is stored is no root, whichever of the two came first."""

    @proves("trees.roots")
    def test_a_tree_has_one_root_in_any_order(self, store: Store) -> None:
        """Four levels arrive one by one."""
        histories: list[list[Record]] = []
        for number, order in enumerate(itertools.permutations(range(4))):
            records = [run_record(span, trace=trace_of(number), parent=span - 1 or None) for span in range(1, 5)]
            histories.append([records[index] for index in order])
        write_abreast(store, histories)
        assert roots(store) == {run_uuid(1, trace_of(number)) for number in range(len(histories))}

    @proves("trees.roots")
    def test_a_tree_in_one_batch_has_one_root(self, store: Store) -> None:
        """Children before parents, in one batch."""
        write(store, run_record(3, parent=2), run_record(2, parent=1), run_record(1))
        assert roots(store) == {run_uuid(1)}

    @proves("trees.roots")
    def test_a_run_whose_parent_was_never_recorded_is_a_root(self, store: Store) -> None:
        """It keeps its parent's id, for the day that the parent arrives."""
        write(store, run_record(1, parent=99))
        run = only_run(store, roots_only=True)
        assert run.parent_id == run_uuid(99)

    @proves("trees.roots")
    def test_a_new_version_of_a_child_stays_a_child(self, store: Store) -> None:
        """Nothing but a parent decides what is a root."""
        write(store, run_record(1), run_record(2, parent=1))
        write(store, run_record(2, parent=1, end=2_000_000))
        assert roots(store) == {run_uuid(1)}

    @proves("trees.roots", "store.tenants")
    def test_a_parent_in_another_workspace_is_no_parent(self, store: Store) -> None:
        """Parents never resolve across workspaces, in one batch or in two."""
        there = {"workspace_id": OTHER}
        write(store, run_record(1, scope=there), run_record(2, parent=1))
        write(store, run_record(3, parent=1, scope=there))
        assert roots(store) == {run_uuid(2)}
        assert roots(store, ids.workspace_id(OTHER)) == {run_uuid(1)}

    @proves("trees.loops")
    def test_its_own_parent_is_no_parent(self, store: Store) -> None:
        """A run that names itself is a root."""
        write(store, run_record(1, parent=1))
        assert only_run(store, roots_only=True).parent_id is None

    @proves("trees.loops")
    def test_a_loop_of_parents_keeps_one_root(self, store: Store) -> None:
        """Foreign ids can make a loop: its run with the least id is the root, so that no run vanishes."""
        expected: set[bytes] = set()
        for number, (length, together) in enumerate(itertools.product([2, 3, 5], [True, False])):
            trace = trace_of(number)
            loop = [run_record(span, trace=trace, parent=span % length + 1) for span in range(1, length + 1)]
            branch = run_record(50, trace=trace, parent=length)
            for records in [[branch, *loop]] if together else [[record] for record in (branch, *reversed(loop))]:
                write(store, *records)
            expected.add(min(run_uuid(span, trace) for span in range(1, length + 1)))
            assert roots(store) == expected
            write(store, *loop)
            assert roots(store) == expected
            assert len(store.traces(WORKSPACE, [trace.to_bytes(16, "big")])) == length + 1

    @proves("trees.spread")
    def test_an_id_learnt_inside_a_root_is_set_on_all_its_runs(self, store: Store) -> None:
        """The root and its other runs get it; their events show in the session."""
        write(store, run_record(1, run_type="master", content={"input": "hi"}), run_record(2, parent=1, seq=3))
        assert shown(store) == []
        write(store, run_record(3, parent=1, seq=5, scope={"session_id": SESSION, "user_id": "u"}, spread=True))
        expected = ids.session_id(WORKSPACE, SESSION)
        assert {(run.session_id, run.user_id) for run in all_runs(store)} == {(expected, "u")}
        assert shown_types(store) == ["input_message", "tool_input", "tool_input"]

    @proves("trees.spread")
    def test_an_id_of_its_own_is_never_overwritten(self, store: Store) -> None:
        """A child with an agent of its own keeps it."""
        write(
            store,
            run_record(1, scope={"agent_key": "boss"}),
            run_record(2, parent=1, scope={"agent_key": "helper", "user_id": "u"}, spread=True),
        )
        agents = {run.id: run.agent_key for run in all_runs(store)}
        assert agents == {run_uuid(1): "agt_boss", run_uuid(2): "agt_helper"}

    @proves("trees.spread")
    def test_runs_of_another_process_get_their_roots_ids(self, store: Store) -> None:
        """The root, the first remote run and a run below it arrive one by one, in any order."""
        histories: list[list[Record]] = []
        for number, order in enumerate(itertools.permutations(range(3))):
            trace = trace_of(number)
            records = [
                run_record(1, trace=trace, scope={"session_id": SESSION, "ai_contact_id": "c"}),
                run_record(2, trace=trace, parent=1, remote=True),
                run_record(3, trace=trace, parent=2),
            ]
            histories.append([records[index] for index in order])
        write_abreast(store, histories)
        assert {run.session_id for run in all_runs(store)} == {ids.session_id(WORKSPACE, SESSION)}
        assert {run.ai_contact_id for run in all_runs(store)} == {ids.entity_id(WORKSPACE, "c")}
        assert len(all_runs(store)) == 3 * len(histories)

    @proves("trees.spread", "store.tenants")
    def test_ids_never_spread_across_workspaces(self, store: Store) -> None:
        """A trace id that two workspaces share joins nothing."""
        write(
            store,
            run_record(1),
            run_record(2, parent=1, scope={"workspace_id": OTHER, "session_id": SESSION}, spread=True),
        )
        assert only_run(store).session_id is None

    @proves("events.session")
    def test_an_event_without_a_session_has_its_runs(self, store: Store) -> None:
        """It shows as soon as both are stored, whichever came first, or together."""
        for span, split in enumerate([(0, 1), (1, 0), None], 1):
            session = f"ase_{span}"
            records = [event_record(span, content={"content": "hm"}), run_record(span, scope={"session_id": session})]
            for part in [records] if split is None else [[records[index]] for index in split]:
                write(store, *part)
            assert sorted(shown_types(store, session)) == ["thinking", "tool_input"], split

    @proves("events.session", "trees.spread")
    def test_a_session_learnt_late_shows_the_events_before(self, store: Store) -> None:
        """A thought that was recorded before the session was known belongs to it."""
        write(store, run_record(1), event_record(1, content={"content": "hm"}))
        write(store, run_record(2, parent=1, scope={"session_id": SESSION}, spread=True, start=1_200_000))
        assert shown_types(store) == ["tool_input", "tool_input", "thinking"]

    @proves("runs.order")
    def test_ids_of_runs_come_in_the_order_of_the_runs(self, store: Store) -> None:
        """Newest first, page by page."""
        write(store, *(run_record(span, start=span % 3) for span in range(1, 7)))
        where = RunFilter(workspace_id=WORKSPACE, roots_only=True)
        assert store.run_ids(where) == [run.id for run in store.runs(where)]
        page = RunFilter(workspace_id=WORKSPACE, roots_only=True, limit=2, offset=3)
        assert store.run_ids(page) == [run.id for run in store.runs(page)]

    @proves("trees.rows")
    def test_the_rows_of_a_tree_are_those_of_its_trace(self, store: Store) -> None:
        """Each run once, however many of its runs are named; another workspace's runs are not among them."""
        write(store, run_record(1, content={"input": 1}), run_record(2, parent=1), run_record(9, trace=7 << 90))
        write(store, run_record(1, scope={"workspace_id": OTHER}, name="theirs"))
        rows = store.tree_rows(WORKSPACE, [run_uuid(1), run_uuid(2)])
        expected = [run for run in all_runs(store) if run.trace_id == TRACE.to_bytes(16, "big")]
        shown = attrgetter(*TREE_ROW)
        assert sorted(map(tuple, rows)) == sorted(shown(run) for run in expected)
        assert len(rows) == 2
        assert sorted(map(tuple, store.tree_rows(WORKSPACE, [run_uuid(2)]))) == sorted(map(tuple, rows))
        assert store.tree_rows(WORKSPACE, []) == []

    @proves("trees.stamps")
    def test_the_stamp_of_a_tree_differs_once_it_does(self, store: Store) -> None:
        """A new run, a new version, a contact that becomes known: each shows; another tree's runs do not."""
        write(store, run_record(1))
        contact = {"ai_contact_id": "3f0c1d3e-7f1c-4a8f-9a54-0a6c2f6f2a11"}
        stamps = [store.tree_stamps(WORKSPACE, [run_uuid(1)])]
        for record in (
            run_record(2, parent=1),
            run_record(1, end=2_000_000, content={"output": 1}),
            run_record(1, end=2_000_000, content={"output": 2}, rev=1),
            run_record(2, parent=1, scope=contact),
        ):
            write(store, record)
            stamps.append(store.tree_stamps(WORKSPACE, [run_uuid(1)]))
        assert len({tuple(stamp) for stamp in stamps}) == len(stamps)
        write(store, run_record(9, trace=7 << 90), run_record(1, scope={"workspace_id": OTHER}))
        assert store.tree_stamps(WORKSPACE, [run_uuid(1)]) == stamps[-1]
        both = store.tree_stamps(WORKSPACE, [run_uuid(9, 7 << 90), run_uuid(2)])
        assert both[1] == stamps[-1][0] != both[0]

    @proves("store.state")
    def test_the_state_of_a_store_differs_after_each_change(self, store: Store) -> None:
        """Where the store can tell: of a run, an event or an entity. It is the same as long as nobody writes."""
        states = [store.state()]
        assert store.state() == states[0]
        for record in (
            run_record(1),
            run_record(1, end=2_000_000),
            event_record(1, content={"content": "x"}, scope={"session_id": SESSION}),
            entity_record("contact", "c", time=6),
        ):
            write(store, record)
            states.append(store.state())
        store.abandon(bytes(16), at=9)
        store.reset(WORKSPACE, team_id="t", user_id="u")
        assert states[0] is None or all(one != other for one, other in itertools.combinations(states, 2))
