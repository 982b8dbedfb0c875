"""Two versions of one run become one. Pure: no store, no clock.

The run is the greater version. Each inherited id is, of the versions that know it, the greatest one's; `RunRow.learnt`
remembers where an id comes from that the run's own version does not know. Both are maxima, so the merge is
commutative, associative and idempotent.
"""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from agenttrace.model.rows import RunRow

__all__ = ["INHERITED", "merge_runs", "origins", "with_ids"]

#: The ids that a run has from its scope and that are kept whichever version knew them.
INHERITED = ("agent_key", "session_id", "conversation_id", "call_sid", "ai_contact_id", "user_id", "team_id")

_inherited = attrgetter("learnt", *INHERITED)


def merge_runs(one: RunRow, other: RunRow) -> RunRow:
    """Return the run that two versions of it make; neither is changed, either may be returned."""
    winner, loser = (one, other) if one.version >= other.version else (other, one)
    known, older = _inherited(winner), _inherited(loser)
    if known == older and known[0] is None:
        return winner
    if older[1:] == (None,) * len(INHERITED):
        return winner
    return _merge_ids(winner, loser)


def origins(row: RunRow) -> dict[str, int]:
    """Return, by id name, the version that each known id of a run comes from; 0 for one spread from its root."""
    learnt: dict[str, int] = orjson.loads(row.learnt) if row.learnt else {}
    return {name: learnt.get(name, row.version) for name in INHERITED if getattr(row, name) is not None}


def with_ids(row: RunRow, values: dict[str, Any], sources: dict[str, int]) -> RunRow:
    """Return a copy of a run with these ids, and where they come from."""
    learnt = {name: source for name, source in sources.items() if source != row.version}
    text = orjson.dumps(learnt, option=orjson.OPT_SORT_KEYS).decode() if learnt else None
    return replace(row, **values, learnt=text)


def _merge_ids(winner: RunRow, loser: RunRow) -> RunRow:
    ours, theirs = origins(winner), origins(loser)
    values: dict[str, Any] = {}
    for name, source in theirs.items():
        value = getattr(loser, name)
        if name not in ours or (source, value) > (ours[name], getattr(winner, name)):
            values[name] = value
            ours[name] = source
    return with_ids(winner, values, ours) if values else winner
