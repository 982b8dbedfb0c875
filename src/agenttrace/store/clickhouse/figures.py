"""What sums need of runs: usage and cost are read out of a prompt's content by the engine, where it can. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agenttrace.model.content import parse
from agenttrace.model.jsontext import compact_json
from agenttrace.model.rows import RunFigures

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FIGURES", "figures"]

_MEMBERS = ", ".join(
    f"if(run_type = 'prompt', JSONExtractRaw(ifNull(content, ''), '{key}'), '')" for key in ("usage", "cost")
)

#: The columns from which `figures` makes a row. What the engine cannot read as JSON it gives whole.
FIGURES = (
    f"id, trace_id, start_time, end_time, status, session_id, user_id, {_MEMBERS}, "
    "if(run_type = 'prompt' AND NOT isValidJSON(ifNull(content, '{}')), content, NULL)"
)


def figures(row: Sequence[Any]) -> RunFigures:
    """Return the figures that a row of FIGURES is."""
    known, (usage, cost, content) = row[:-3], row[-3:]
    if content is not None:
        read = parse(content) or {}
        usage, cost = (compact_json(read[key]) if key in read else None for key in ("usage", "cost"))
    return RunFigures._make((*known, usage or None, cost or None))
