"""What is asked of a store whose records had to shrink or to go: structure, and gaps that account for the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from faults.found import Found, compare
from faults.room import Room
from faults.told import Told

__all__ = ["HEAVY", "check_bounded", "light", "together"]

#: What a heavy span holds. It is less than what one run's content may take.
HEAVY = "x" * 200_000


def check_bounded(room: Room, found: Found, *, reason: str, exact: bool = True) -> None:
    """Compare as `Room.check` does, where spans may be missing that gaps stand for.

    Every program must have said how many records it dropped. Each span is there, or counted in a gap, as are lost ends;
    gaps say why, lie in a trace below a span of the program, and together stand for what was dropped. `exact=False`
    lets them stand for less, as where a program was killed before it could write down the last count.
    """
    room.check_reader(found, torn=1)
    told = room.told()
    dropped = sum(int(said[0]) for said in told.said("dropped"))
    _check_gaps(room, found, told, dropped if exact else None, reason)
    missing, endless = _lost(told, found)
    counted = _counted(found)
    records = len(missing) + sum(run in told.ended for run in missing) + len(endless)
    if exact and records > counted:
        room.problem(f"{len(missing)} spans and {len(endless)} ends are missing; gaps stand for {counted} records")
    for run in missing:
        del told.started[run]
    for run in (*missing, *endless):
        told.ended.pop(run, None)
    compare(told, found, room.tally, content=False)
    room.tally.acknowledged += len(missing)
    room.tally.in_gaps += len(missing)
    _note_levels(room, found, len(missing), len(endless))


def _counted(found: Found) -> int:
    return sum(gap["content"]["dropped"] for gap in found.of_type("gap"))


def _lost(told: Told, found: Found) -> tuple[list[str], list[str]]:
    """Return the spans that are not there, and those whose end is not."""
    there = {run["id"]: run for run in found.runs}
    missing = [run for run in told.started if run not in there]
    endless = [run for run in told.ended if run in there and there[run]["status"] not in ("success", "failed")]
    endless += [run for run in told.ended if run in there and _is_abandoned(there[run])]
    return missing, endless


def _is_abandoned(run: dict[str, Any]) -> bool:
    return (run["error"] or {}).get("type") == "abandoned"


def _check_gaps(room: Room, found: Found, told: Told, dropped: int | None, reason: str) -> None:
    gaps, counted = found.of_type("gap"), _counted(found)
    if dropped is None:
        room.expect(counted > 0, "no gap was stored")
    else:
        room.expect(counted == dropped, f"gaps stand for {counted} records, {dropped} were dropped")
    traces = {run["trace"] for run in found.runs if run["id"] in told.started}
    for gap in gaps:
        content = gap["content"]
        room.expect(content["reason"] == reason, f"a gap's reason is {content['reason']}, not {reason}")
        room.expect(content["since"] <= content["until"], f"a gap's times are {content}")
        if len(gaps) < 200 and gap["trace"] in traces:
            room.expect(gap["parent"] in told.started, f"a gap is below {gap['parent']}, which is no span")


def _note_levels(room: Room, found: Found, missing: int, endless: int) -> None:
    spans = [run for run in found.runs if run["type"] != "gap"]
    levels = Counter((run["attributes"] or {}).get("degraded", "whole") for run in spans)
    gaps = len(found.of_type("gap"))
    room.note(
        f"{levels['whole']:,} spans whole, {levels['preview']:,} cut to previews, {levels['skeleton']:,} to skeletons; "
        f"{missing:,} and the ends of {endless:,} are counted in {gaps:,} gaps"
    )


def light(found: Found) -> Found:
    """Return the same with heavy spans' contents as `Room.check` expects it, where these are what they should be."""
    return replace(found, runs=[_light(run) for run in found.runs])


def _light(run: dict[str, Any]) -> dict[str, Any]:
    content = run["content"] or {}
    if not run["name"].startswith("heavy") or content.get("input") != HEAVY:
        return run
    return {**run, "content": {**content, "input": f"{run['name']} in"}}


def together(*founds: Found) -> Found:
    """Return what was found in several stores as if it were one."""
    first, *others = founds
    for found in others:
        stats = {
            name: value + found.stats[name] if type(value) is int else value or found.stats[name]
            for name, value in first.stats.items()
        }
        first = Found(first.settled and found.settled, first.runs + found.runs, stats, first.left + found.left)
    return first
