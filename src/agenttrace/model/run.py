"""Run and Session: what was recorded, as values for users. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

__all__ = ["Run", "Session"]


def _no_runs() -> list[Run]:
    return []


@dataclass(slots=True, kw_only=True)
class Run:
    """One stored run. Times are aware, in UTC; `end_time` is None while it runs.

    Ids are text: UUIDs in their dashed form, as `span.run_id` is, and `trace_id` and `span_id` in lower-case hex, as
    W3C Trace Context writes them. `content` has the keys of its run type, or is None where nothing was captured;
    `error` is `{"type", "message", "stack"}` or None. `children` is filled by `query.trace` only, oldest first.
    """

    id: str
    trace_id: str
    span_id: str
    parent_id: str | None
    run_type: str
    name: str
    status: str
    start_time: datetime
    end_time: datetime | None
    content: dict[str, Any] | None
    error: dict[str, Any] | None
    workspace_id: str
    agent_key: str | None
    session_id: str | None
    conversation_id: str | None
    call_sid: str | None
    ai_contact_id: str | None
    user_id: str | None
    team_id: str | None
    attributes: dict[str, Any]
    # A tree may be thousands of levels deep: neither its text nor a comparison may go down it.
    children: list[Run] = field(default_factory=_no_runs, repr=False, compare=False)

    @property
    def duration(self) -> timedelta | None:
        """Return how long the run took, or None while it runs."""
        return None if self.end_time is None else self.end_time - self.start_time

    def walk(self) -> Iterator[Run]:
        """Yield this run and all its descendants, each parent before its children, children oldest first."""
        stack: list[Run] = [self]
        while stack:
            run = stack.pop()
            yield run
            stack.extend(reversed(run.children))


@dataclass(slots=True, kw_only=True)
class Session:
    """One session. `last_message_at` is None before its first message and after a reset, `reset_at` before a reset."""

    workspace_id: str
    id: str
    key: str
    agent_key: str | None
    user_id: str | None
    team_id: str | None
    conversation_id: str | None
    call_sid: str | None
    created_at: datetime
    last_message_at: datetime | None
    reset_at: datetime | None
