"""What a record's `scope` means: the ids that spans inherit, from the user's text to what a store keeps. Pure.

The same few scopes repeat in thousands of records, so resolved ones are remembered.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from agenttrace.model import ids
from agenttrace.model.ids import canonical

__all__ = ["Scope", "resolve"]

_REMEMBERED = 4096
_remembered: dict[tuple[tuple[str, Any], ...], Scope] = {}
#: The scope that was asked for last: a run's end mostly follows its start, a child its parent.
_latest: tuple[dict[str, Any] | None, Scope | None] = (None, None)


@dataclass(slots=True, frozen=True, eq=False)
class Scope:
    """The ids of one record as a store keeps them; compared by identity."""

    workspace_id: bytes
    agent_key: str | None
    session_id: bytes | None
    conversation_id: bytes | None
    call_sid: str | None
    ai_contact_id: bytes | None
    user_id: str | None
    team_id: str | None
    session_key: str | None
    #: {id name: text as the user gave it}, for contact and conversation ids that are no UUIDs.
    originals: dict[str, str]


def resolve(scope: dict[str, Any] | None) -> Scope:
    """Return what a record's scope means; values that are no text count as their `str()`, empty ones as absent."""
    global _latest
    latest, known = _latest
    if known is not None and scope == latest:
        return known
    known = _recall(scope or {})
    _latest = (scope, known)
    return known


def _recall(scope: dict[str, Any]) -> Scope:
    key = tuple(scope.items())
    try:
        known = _remembered.get(key)
    except TypeError:  # an unhashable value, which only a foreign sender can make
        return _resolve(scope)
    if known is None:
        if len(_remembered) >= _REMEMBERED:
            _remembered.clear()
        known = _remembered[key] = _resolve(scope)
    return known


def _resolve(scope: dict[str, Any]) -> Scope:
    text = {name: str(value) for name, value in scope.items() if value is not None and value != ""}
    workspace = _workspace_id(text.get("workspace_id"))
    session, contact, conversation = text.get("session_id"), text.get("ai_contact_id"), text.get("conversation_id")
    return Scope(
        workspace_id=workspace,
        agent_key=_agent_key(text.get("agent_key")),
        session_id=None if session is None else ids.session_id(workspace, session),
        conversation_id=None if conversation is None else _entity_id(workspace, conversation),
        call_sid=text.get("call_sid"),
        ai_contact_id=None if contact is None else _entity_id(workspace, contact),
        user_id=_canonical(text.get("user_id")),
        team_id=_canonical(text.get("team_id")),
        session_key=None if session is None else ids.session_key(workspace, session),
        originals=_originals(ai_contact_id=contact, conversation_id=conversation),
    )


_workspace_id = lru_cache(maxsize=1024)(ids.workspace_id)
_entity_id = lru_cache(maxsize=1024)(ids.entity_id)


@lru_cache(maxsize=1024)
def _agent_key(value: str | None) -> str | None:
    return None if value is None else ids.agent_key(value)


@lru_cache(maxsize=1024)
def _canonical(value: str | None) -> str | None:
    return None if value is None else canonical(value)


def _originals(**texts: str | None) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text is not None and ids.as_uuid(text) is None}
