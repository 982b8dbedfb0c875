"""What arguments may be, for type checkers. No module loads this one: such a class takes longer to make than a span."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypedDict
from uuid import UUID

__all__ = ["Capture", "Id", "Ids", "ScopeIds"]

Id = str | UUID


class Ids(Protocol):
    """Where trace ids and span ids come from. Called from any thread; must not block."""

    def trace(self, now: int) -> bytes:
        """Return the 16 bytes of a new trace id, not all zero; `now` is in microseconds since the epoch."""
        ...

    def span(self) -> bytes:
        """Return the 8 bytes of a new span id, not all zero."""
        ...


class Capture(TypedDict, total=False):
    """What every span maker takes about capturing.

    capture: False captures neither arguments nor result. capture_output: False captures no result. ignore: parameters
    that are not captured.
    """

    capture: bool
    capture_output: bool
    ignore: tuple[str, ...] | list[str] | set[str] | frozenset[str]


class ScopeIds(Capture, total=False):
    """The scope that a `master` brings along, as `scope(...)` takes it."""

    workspace_id: Id | None
    agent_key: str | None
    session_id: Id | None
    conversation_id: Id | None
    call_sid: str | None
    ai_contact_id: Id | None
    user_id: Id | None
    team_id: Id | None
    attributes: Mapping[str, Any] | None
