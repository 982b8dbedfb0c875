"""What a reader found, and the comparison with what was acknowledged. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from faults.tally import Tally
from faults.told import Started, Told

__all__ = ["Found", "compare"]

_SHOWN = 5  # examples of each kind of problem


@dataclass(frozen=True)
class Found:
    """What a new process found in a store: rows (dicts, see `faults.reader`), its stats, and what it left on disk."""

    settled: bool
    runs: list[dict[str, Any]]
    stats: dict[str, Any]
    left: list[str]

    def named(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of this name."""
        return [run for run in self.runs if run["name"] == name]

    def of_type(self, run_type: str) -> list[dict[str, Any]]:
        """Return the rows of this run type."""
        return [run for run in self.runs if run["type"] == run_type]


def compare(
    told: Told, found: Found, tally: Tally, *, in_flight: int = 0, content: bool = True, names_once: bool = True
) -> None:
    """Add to the tally what the comparison says: counts, and a problem for whatever is not as it should be.

    Args:
        told: what was acknowledged.
        found: what another process found; runs of type `gap` are no spans.
        tally: what it is added to.
        in_flight: calls that may have been under way when the program was harmed: their effects may be there or not.
        content: whether each ended span must have its whole content; False where records may have degraded.
        names_once: whether no two spans had one name.
    """
    rows = [run for run in found.runs if run["type"] != "gap"]
    by_id = {run["id"]: run for run in rows}
    good = [run for run, started in told.started.items() if _is_there(run, started, told, by_id, tally, content)]
    tally.acknowledged += len(told.started)
    tally.found += len(good)
    tally.exceptions += len(told.raised)
    tally.pauses.extend(told.pauses)
    keys = [run["name"] for run in rows if run["id"] in told.started] if names_once else []
    twice = _repeated([run["id"] for run in found.runs]) or _repeated(keys)
    tally.duplicates += sum(twice.values()) - len(twice)
    unheard = [run for run in rows if run["id"] not in told.started]
    ends = [run for run in rows if run["status"] == "success" and run["id"] not in told.ended]
    _note(tally, "is there twice", list(twice))
    _note(tally, "was raised", told.raised)
    if len(unheard) > in_flight:
        _note(tally, "was started by nobody", [run["id"] for run in unheard])
    if len(ends) > in_flight:
        _note(tally, "was ended by nobody", [run["id"] for run in ends])


def _is_there(
    key: str, started: Started, told: Told, by_id: dict[str, dict[str, Any]], tally: Tally, content: bool
) -> bool:
    """Return whether the store has the span as it was acknowledged; a parent that is wrong is counted by itself."""
    run = by_id.get(key)
    if run is None:
        tally.problems.append(f"lost: span {key} ({started.name})")
        return False
    if run["parent"] != started.parent:
        tally.wrong_parents += 1
        tally.problems.append(f"wrong parent: {started.name} is inside {run['parent']}, not {started.parent}")
    wrong = _difference(run, started, told.ended.get(key), content=content)
    if wrong:
        tally.problems.append(f"changed: span {key} ({started.name}): {wrong}")
    return not wrong


def _difference(run: dict[str, Any], started: Started, ended: str | None, *, content: bool) -> str:
    """Return what is not as acknowledged, or "".

    A span whose end was not acknowledged may have ended all the same, for its call was under way; else it was
    abandoned, or is still running where its process lives.
    """
    if run["name"] != started.name:
        return f"its name is {run['name']}"
    expected = (f"{started.name} in", f"{started.name} out" if run["status"] == "success" else None)
    had: dict[str, Any] = run["content"] or {}
    error: dict[str, Any] = run["error"] or {}
    never_ended = run["status"] == "running" or error.get("type") == "abandoned"
    if never_ended and ended is not None:
        return "its end is lost"
    if run["status"] != "success" and not never_ended and ended == "success":
        return f"it is {run['status']}"
    if run["status"] != "running" and not run["ended"]:
        return "it has no end time, or one before its start"
    if content and (had.get("input"), had.get("output")) != expected:
        return f"its content is {str(run['content'])[:200]}"
    return ""


def _repeated(keys: list[str]) -> dict[str, int]:
    return {key: times for key, times in Counter(keys).items() if times > 1}


def _note(tally: Tally, what: str, examples: list[str]) -> None:
    if examples:
        shown = ", ".join(str(example) for example in examples[:_SHOWN])
        tally.problems.append(f"{len(examples)} times: {shown} {what}")
