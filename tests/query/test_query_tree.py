"""Facts about flat runs becoming trees."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from query_rows import NOW, run_row

from agenttrace.model.versions import RANK_END, RANK_START, version
from agenttrace.query.tree import Node, assemble, grow

Shape = tuple[int, list[Any]]


def shape(node: Node) -> Shape:
    """Return spans as nested lists; for small trees only."""
    return int.from_bytes(node.row.span_id, "big"), [shape(child) for child in node.children]


@st.composite
def parents(draw: st.DrawFn) -> list[int | None]:
    """Give, for spans 1, 2, ..., a parent among the earlier spans, or none."""
    size = draw(st.integers(1, 30))
    return [draw(st.none() | st.integers(1, span - 1)) if span > 1 else None for span in range(1, size + 1)]


@settings(max_examples=100, deadline=None)
@given(parents(), st.randoms(use_true_random=False))
def test_shuffled_rows_make_the_same_trees(parents: list[int | None], random: Any) -> None:
    """The order in which rows come has no influence on the trees, nor on the order within them."""
    rows = [run_row(span, parent) for span, parent in enumerate(parents, start=1)]
    expected = [shape(root) for root in grow(rows).roots]
    shuffled = [*rows]
    random.shuffle(shuffled)
    assert [shape(root) for root in grow(shuffled).roots] == expected
    assert _spans(expected) == sorted(range(1, len(parents) + 1))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.integers(1, 20), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_every_run_appears_once_whatever_its_parents_are(parents: list[int | None], random: Any) -> None:
    """Circles and missing parents lose no run and repeat none."""
    rows = [run_row(span, parent) for span, parent in enumerate(parents, start=1)]
    random.shuffle(rows)
    assert _spans([shape(root) for root in grow(rows).roots]) == list(range(1, len(parents) + 1))


def _spans(shapes: list[Any]) -> list[int]:
    found: list[int] = []
    while shapes:
        span, below = shapes.pop()
        found.append(span)
        shapes.extend(below)
    return sorted(found)


def test_a_run_whose_parent_is_missing_is_a_root() -> None:
    """Only parents among the rows count."""
    assert [shape(root) for root in grow([run_row(2, 99), run_row(3, 2)]).roots] == [(2, [(3, [])])]


def test_a_circle_hangs_below_its_oldest_run() -> None:
    """Runs that are each other's ancestors appear as one tree."""
    rows = [run_row(1, 3, start_time=5), run_row(2, 1, start_time=2), run_row(3, 2, start_time=9)]
    assert [shape(root) for root in grow(rows).roots] == [(2, [(3, [(1, [])])])]


def test_a_circle_hangs_below_the_run_that_the_store_calls_a_root() -> None:
    """The store's choice stands, so that its pages of roots lead to whole trees."""
    rows = [run_row(1, 2, is_root=True, start_time=5), run_row(2, 1, start_time=2)]
    assert [shape(root) for root in grow(rows).roots] == [(1, [(2, [])])]


def test_a_run_that_is_its_own_parent_is_a_root() -> None:
    """A circle may have one member."""
    assert [shape(root) for root in grow([run_row(1, 1), run_row(2, 1)]).roots] == [(1, [(2, [])])]


def test_roots_are_newest_first_and_children_oldest_first() -> None:
    """Ties among roots go by id, among children by process sequence."""
    rows = [
        run_row(1, start_time=NOW),
        run_row(2, start_time=NOW + 1),
        run_row(3, start_time=NOW),
        run_row(4, 1, start_time=NOW + 9, seq=1),
        run_row(5, 1, start_time=NOW, seq=8),
        run_row(6, 1, start_time=NOW, seq=7),
    ]
    assert [shape(root) for root in grow(rows).roots] == [(2, []), (1, [(6, []), (5, []), (4, [])]), (3, [])]


def test_of_two_versions_of_a_run_the_later_stays() -> None:
    """A run appears once, as its greatest version has it, whatever the order."""
    early = run_row(1, name="early", version=version(RANK_START, 0, 0))
    late = run_row(1, name="late", version=version(RANK_END, 0, 0))
    for rows in ([early, late], [late, early]):
        assert [root.row.name for root in grow(rows).roots] == ["late"]


@pytest.mark.parametrize("reverse", [False, True])
def test_depth_has_no_limit(reverse: bool) -> None:
    """A chain of 20,000 runs is grown and taken apart without recursion."""
    rows = [run_row(span, span - 1 or None) for span in range(1, 20_001)]
    roots = grow(reversed(rows) if reverse else rows).roots
    assert len(roots) == 1
    made: list[list[Any]] = []

    def make(_: Any) -> list[Any]:
        made.append([])
        return made[-1]

    assemble(roots[0], make, lambda below: below)
    assert [len(below) for below in made] == [1] * 19_999 + [0]
