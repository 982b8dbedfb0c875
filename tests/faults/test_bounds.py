"""The harness can fail where spans may be missing: only what gaps stand for is no loss."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faults.bounds import HEAVY, check_bounded, light, together
from faults.found import Found
from faults.room import Room
from faults.tally import Tally
from faults.told import Told

# Of `lost` both records were dropped, of `endless` the end.
TOLD = [
    *("start a - outer 5", "start b a lost 7", "end b success 6", "start c a endless 4", "end c success 4"),
    *("end a success 9", "dropped 3 0"),
]
STATS = {"damaged": 0, "dead_letters": 0, "dropped": 0, "internal_errors": 0, "skipped": 0, "last_error": None}

Rows = list[dict[str, Any]]


def row(key: str, name: str, parent: str | None, **more: Any) -> dict[str, Any]:
    made = {"id": key, "type": "step", "name": name, "parent": parent, "trace": "t", "status": "success"}
    return {**made, "error": None, "content": None, "attributes": {}, "ended": True, **more}


def rows() -> Rows:
    gap = {"dropped": 3, "reason": "full", "since": 5, "until": 9}
    return [
        row("a", "outer", None, attributes={"degraded": "skeleton"}),
        row("c", "endless", "a", status="failed", error={"type": "abandoned"}),
        row("g", "gap", "a", type="gap", content=gap),
    ]


def checked(folder: Path, found: Rows, *, exact: bool = True) -> Tally:
    """Return what comes of a room whose program told the above."""
    room = Room(folder, random.Random(1), Tally("planted", times=1), quick=True)
    room.told = lambda: Told.of(TOLD)  # type: ignore[method-assign]
    check_bounded(room, Found(True, found, dict(STATS), []), reason="full", exact=exact)
    return room.tally


def test_what_gaps_stand_for_is_no_loss(tmp_path: Path) -> None:
    """It is counted by itself, and the levels are noted."""
    tally = checked(tmp_path, rows())
    assert (tally.acknowledged, tally.found, tally.in_gaps, tally.problems, tally.failed) == (3, 2, 1, [], False)
    assert tally.notes == [
        "1 spans whole, 0 cut to previews, 1 to skeletons; 1 and the ends of 1 are counted in 1 gaps"
    ]


@pytest.mark.parametrize(
    ("plant", "says"),
    [
        (lambda found: found.pop(2), "gaps stand for 0 records, 3 were dropped"),
        (lambda found: found.pop(1), "2 spans and 0 ends are missing; gaps stand for 3 records"),
        (lambda found: found[2]["content"].update(dropped=2), "gaps stand for 2 records, 3 were dropped"),
        (lambda found: found[2]["content"].update(reason="?"), "a gap's reason is ?"),
        (lambda found: found[2]["content"].update(since=10), "a gap's times are"),
        (lambda found: found[2].update(parent="x"), "a gap is below x"),
        (lambda found: found[1].update(parent="b"), "wrong parent: endless"),
        (lambda found: found.append(dict(found[0])), "is there twice"),
    ],
)
def test_what_gaps_do_not_stand_for_is_a_problem(tmp_path: Path, plant: Callable[[Rows], None], says: str) -> None:
    """A gap that is missing, or is wrong, or does not account for what is lost."""
    found = rows()
    plant(found)
    tally = checked(tmp_path, found)
    assert any(says in problem for problem in tally.problems), tally.problems
    assert tally.failed


def test_a_count_that_was_lost_is_a_problem_only_where_it_must_not_be(tmp_path: Path) -> None:
    """A program that was killed may not have written it down."""
    found = rows()
    found[2]["content"]["dropped"] = 1
    assert checked(tmp_path, found).failed
    assert not checked(tmp_path, found, exact=False).failed


def test_heavy_spans_are_compared_too() -> None:
    """One that is not what it was stays as it is, which `Room.check` finds."""
    whole = row("a", "heavy-1", None, content={"input": HEAVY, "output": "heavy-1 out"})
    cut = row("b", "heavy-2", None, content={"input": HEAVY[1:]})
    one, two = light(Found(True, [whole, cut], {}, [])).runs
    assert one["content"] == {"input": "heavy-1 in", "output": "heavy-1 out"}
    assert two["content"] == {"input": HEAVY[1:]}


def test_stores_that_are_looked_at_together_have_the_problems_of_both() -> None:
    """Rows and leavings are joined, counters are added, and both must have settled."""
    first = Found(True, [row("a", "a", None)], {"damaged": 1, "last_error": None}, [])
    second = Found(False, [row("b", "b", None)], {"damaged": 2, "last_error": "no"}, ["left"])
    both = together(first, second)
    assert (both.settled, len(both.runs), both.stats, both.left) == (
        False,
        2,
        {"damaged": 3, "last_error": "no"},
        ["left"],
    )
