"""Who may do what: the rules of the documented contracts, as pure functions of a principal.

They speak of one workspace. That the caller belongs to it is asked first, before any of these: an id of another
workspace answers as one that does not exist.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from agenttrace.model import ids

if TYPE_CHECKING:
    from agenttrace.asgi.principal import Principal
    from agenttrace.model.run import Session

__all__ = ["has_scope", "in_workspace", "may_read_prompts", "may_read_session", "may_reset"]

_EVERY_SESSION = ("su", "admin", "owner")
_PROMPTS = ("admin", "owner")


def has_scope(principal: Principal, scope: str) -> bool:
    """Return whether the caller's key has this scope: read, ingest or manage. None contains another."""
    return scope in principal.scopes


def in_workspace(principal: Principal, workspace_id: str | uuid.UUID) -> bool:
    """Return whether this workspace, in any spelling of its UUID, is the caller's; text that is no UUID is not.

    For a workspace id in a path: where this is False the answer is 404, whatever the caller's role.
    """
    known = ids.as_uuid(workspace_id)
    return known is not None and str(known) == principal.workspace_id


def may_read_session(principal: Principal, session: Session) -> bool:
    """Return whether the caller may read a session's action logs and events, and follow it.

    The session's owner, an active member of the owner's team, su, admin and owner may. A session without a user or a
    team has no owner and no members: only the roles may read it.
    """
    if session.workspace_id != principal.workspace_id:
        return False
    if principal.role in _EVERY_SESSION:
        return True
    owns = session.user_id is not None and _same(session.user_id) == principal.user_id
    return owns or (session.team_id is not None and _same(session.team_id) in principal.team_ids)


def may_read_prompts(principal: Principal) -> bool:
    """Return whether the caller may read prompt logs: admin and owner may, su may not."""
    return principal.role in _PROMPTS


def may_reset(principal: Principal, team_id: str | uuid.UUID, user_id: str | uuid.UUID) -> bool:
    """Return whether the caller may reset the sessions of this user in this team.

    The user must be the caller, whatever the role, and an active member of the team, or su.
    """
    if principal.user_id is None or _same(user_id) != principal.user_id:
        return False
    return _same(team_id) in principal.team_ids or principal.role == "su"


def _same(value: str | uuid.UUID) -> str:
    return ids.canonical(str(value))
