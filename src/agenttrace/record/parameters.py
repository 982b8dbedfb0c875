"""Keyword arguments, for type checkers. No module loads this one: a class of such takes longer to make than a span."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict
from uuid import UUID

__all__ = ["Capture", "Id", "ScopeIds"]

Id = str | UUID


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
