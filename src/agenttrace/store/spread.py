"""Ids that become known inside a root are set on the root, and on what it holds. Pure: no store, no clock.

The value of an id in a tree is the root's own, else the first that a descendant knows of itself, by (start_time, seq,
id). Every run of the tree that has no id of its own gets it; ids that runs have of their own stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agenttrace.store.merge import INHERITED, origins, with_ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agenttrace.model.rows import RunRow

__all__ = ["spread"]


def spread(runs: Iterable[RunRow]) -> list[RunRow]:
    """Return changed copies of those runs of one trace and workspace whose ids are not yet what the tree says."""
    ordered = sorted(runs, key=lambda run: (run.start_time, run.seq, run.id))
    sources = {run.id: origins(run) for run in ordered}
    changed: list[RunRow] = []
    for tree in _trees(ordered):
        values = _values(tree, sources)
        changed += [new for run in tree if (new := _fill(run, values, sources[run.id])) is not run]
    return changed


def _trees(ordered: list[RunRow]) -> list[list[RunRow]]:
    """Return the runs of each tree: its root, then the others in order."""
    by_id = {run.id: run for run in ordered}
    tops: dict[bytes, bytes] = {}
    trees: dict[bytes, list[RunRow]] = {}
    for run in ordered:
        trees.setdefault(_top(run.id, by_id, tops), []).append(run)
    return [[by_id[top], *(run for run in tree if run.id != top)] for top, tree in trees.items()]


def _top(start: bytes, by_id: dict[bytes, RunRow], tops: dict[bytes, bytes]) -> bytes:
    path: list[bytes] = []
    seen: set[bytes] = set()
    here = start
    while here not in tops:
        path.append(here)
        seen.add(here)
        parent = by_id[here].parent_id
        if by_id[here].is_root or parent is None or parent not in by_id or parent in seen:
            tops[here] = here
            break
        here = parent
    for step in path:
        tops[step] = tops[here]
    return tops[start]


def _values(tree: list[RunRow], sources: dict[bytes, dict[str, int]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for run in tree:
        for name, source in sources[run.id].items():
            if source and name not in values:
                values[name] = getattr(run, name)
        if len(values) == len(INHERITED):
            break
    return values


def _fill(run: RunRow, values: dict[str, Any], sources: dict[str, int]) -> RunRow:
    lacking = {name: value for name, value in values.items() if not sources.get(name) and getattr(run, name) != value}
    return with_ids(run, lacking, {**sources, **dict.fromkeys(lacking, 0)}) if lacking else run
