"""Find the run that a user means by the beginning of its id."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from agenttrace.errors import InvalidQuery, RunNotFound

if TYPE_CHECKING:
    from agenttrace.query.reader import Query

__all__ = ["RECENT", "find_run"]

#: How many of the newest runs a prefix is looked for in.
RECENT = 5000


def find_run(query: Query, wanted: str | None, *, workspace_id: str | None) -> str:
    """Return a run's id from its id, from the beginning of one of the RECENT newest, or the newest root where None.

    Raises RunNotFound where no run fits, InvalidQuery where several do.
    """
    if wanted is None:
        return _newest_root(query, workspace_id)
    prefix = wanted.strip().lower()
    try:
        return str(uuid.UUID(prefix))
    except ValueError:
        return _by_prefix(query, prefix, workspace_id)


def _newest_root(query: Query, workspace_id: str | None) -> str:
    for run in query.runs(workspace_id=workspace_id, roots_only=True, limit=1):
        return str(run.id)
    raise RunNotFound("no run is stored in this workspace")


def _by_prefix(query: Query, prefix: str, workspace_id: str | None) -> str:
    recent = (str(run.id) for run in query.runs(workspace_id=workspace_id, limit=RECENT))
    fitting = [run_id for run_id in recent if run_id.startswith(prefix)]
    if not fitting:
        raise RunNotFound(f"no run whose id begins with {prefix!r} among the {RECENT} newest; give its whole id")
    if len(fitting) > 1:
        raise InvalidQuery("id", f"{len(fitting)} runs begin with {prefix!r}, among them {fitting[0]} and {fitting[1]}")
    return fitting[0]
