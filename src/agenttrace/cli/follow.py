"""Follow the runs of a store as they start and change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agenttrace.model.run import Run
    from agenttrace.query.reader import Query

__all__ = ["Follower"]

# A run may be stored later than one that started after it; what is later than this is missed.
_LATE = timedelta(seconds=30)
# An open run is watched for this long.
_WATCHED = timedelta(hours=1)
_EPOCH = datetime.fromtimestamp(0, UTC)


class Follower:
    """Sees each run once when it appears, and again whenever its status has changed. Not for several threads."""

    def __init__(self, query: Query, *, workspace_id: str | None) -> None:
        self._query = query
        self._workspace_id = workspace_id
        self._seen: dict[str, tuple[datetime, str]] = {}
        self._newest = _EPOCH

    def start(self, last: int) -> list[Run]:
        """Return the `last` newest runs, oldest first; `news` yields what comes or changes after this call."""
        shown = list(self._query.runs(workspace_id=self._workspace_id, limit=max(last, 1)))
        if shown:
            self._newest = shown[0].start_time
            self._remember([*shown, *self._read()])
        return shown[:last][::-1]

    def news(self) -> list[Run]:
        """Return the runs that are new, or have another status, since the last call; oldest first."""
        found = [run for run in reversed(self._read()) if self._is_news(run)]
        self._remember(found)
        return found

    def _read(self) -> list[Run]:
        return list(self._query.runs(workspace_id=self._workspace_id, since=self._horizon()))

    def _is_news(self, run: Run) -> bool:
        known = self._seen.get(str(run.id))
        return known is None or known[1] != run.status

    def _remember(self, runs: list[Run]) -> None:
        self._seen |= {str(run.id): (run.start_time, run.status) for run in runs}
        self._newest = max([self._newest, *(run.start_time for run in runs)])
        horizon = self._horizon()
        self._seen = {key: value for key, value in self._seen.items() if value[0] >= horizon}

    def _horizon(self) -> datetime:
        if self._newest == _EPOCH:
            return _EPOCH
        still_open = [start for start, status in self._seen.values() if status in {"running", "pending"}]
        return max(min([*still_open, self._newest - _LATE]), self._newest - _WATCHED)
