"""Ids spread inside a tree, and loops of parents are found."""

from __future__ import annotations

from dataclasses import replace

from agenttrace.model.rows import RunRow
from agenttrace.store.roots import cycle_in, cycles
from agenttrace.store.spread import spread
from agenttrace.testing.records import batch_of, run_record


def tree(*scopes: dict[str, str], parents: tuple[int | None, ...] | None = None) -> list[RunRow]:
    """Return runs 1, 2, ... with these scopes, each the next one's parent unless `parents` says otherwise."""
    above = parents or (None, *range(1, len(scopes)))
    records = [
        run_record(n, parent=parent, seq=n, scope=scope)
        for n, (scope, parent) in enumerate(zip(scopes, above, strict=True), 1)
    ]
    rows = list(batch_of(*records).runs.values())
    return [replace(row, is_root=row.parent_id not in {other.id for other in rows}) for row in rows]


def users(runs: list[RunRow]) -> list[str | None]:
    """Return the user ids after the spread, in order."""
    changed = {run.id: run for run in spread(runs)}
    return [changed.get(run.id, run).user_id for run in runs]


def test_nothing_known_spreads_nothing() -> None:
    """And what is complete stays as it is."""
    assert spread([]) == spread(tree({}, {})) == spread(tree({"user_id": "u"}, {"user_id": "u"})) == []


def test_a_childs_id_reaches_root_and_siblings() -> None:
    """The first by time that knows it."""
    assert users(tree({}, {}, {"user_id": "u"}, {"user_id": "v"}, parents=(None, 1, 1, 1))) == ["u", "u", "u", "v"]


def test_the_roots_own_id_comes_first() -> None:
    """Whatever its children know."""
    assert users(tree({"user_id": "root"}, {"user_id": "u"}, {}, parents=(None, 1, 1))) == ["root", "u", "root"]


def test_trees_of_one_trace_stay_apart() -> None:
    """Two roots share nothing."""
    assert users(tree({"user_id": "u"}, {}, {}, parents=(None, 1, None))) == ["u", "u", None]


def test_a_spread_id_gives_way_to_an_own_one() -> None:
    """What was spread before is no run's own: the tree's value follows what is known now."""
    first = tree({}, {"user_id": "late"}, {}, parents=(None, 1, 1))
    rows = {run.id: run for run in first} | {run.id: run for run in spread(first)}
    root, child, other = (rows[run.id] for run in first)
    assert users([replace(root, user_id="own", learnt=None), child, other]) == ["own", "late", "own"]


def test_runs_of_a_loop_share_their_ids() -> None:
    """Also where no root is flagged."""
    assert users(tree({}, {"user_id": "u"}, parents=(2, 1))) == ["u", "u"]


def test_loops_are_found_once_each() -> None:
    """Branches into a loop are no part of it."""
    assert [sorted(loop) for loop in cycles({1: 2, 2: 3, 3: 1, 4: 1, 5: 6, 6: 5, 7: 8})] == [[1, 2, 3], [5, 6]]
    assert cycles({}) == []


def test_a_chain_that_does_not_come_back_is_no_loop() -> None:
    """Only the run itself closes one."""
    assert cycle_in([b"a", b"b"], b"c") == []
