"""Principal: on whose behalf a request is answered. How it comes about is `auth`, what it may do `authorise`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from agenttrace.access import check
from agenttrace.model.keys import ROLES, SCOPES

__all__ = ["Principal"]


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class Principal:
    """Who asks: one tenant's user, or a key without a user.

    Ids are text as the store spells them: `workspace_id` is the UUID's text whatever form it was given in (None: the
    default workspace), a UUID among `user_id` and `team_ids` is lower case and dashed. `team_ids` are the teams of
    which the user is an active member. `role` is member, admin, owner or su, and counts within the workspace only.
    `scopes` are read, ingest and manage: all of them unless named, since they limit keys, while a person is limited by
    the role. `key_id` is the public part of the API key, if one was used.

    Raises ConfigurationError for a role or scope that is none, and for ids that are neither text nor UUIDs.

    >>> Principal(workspace_id="A63AB83D2BB842AB837423B8E1E276E3", role="admin").workspace_id
    'a63ab83d-2bb8-42ab-8374-23b8e1e276e3'
    """

    workspace_id: str
    user_id: str | None
    team_ids: frozenset[str]
    role: str
    scopes: frozenset[str]
    key_id: str | None

    def __init__(
        self,
        *,
        workspace_id: str | uuid.UUID | None,
        user_id: str | uuid.UUID | None = None,
        team_ids: Iterable[str | uuid.UUID] = (),
        role: str = "member",
        scopes: Iterable[str] = SCOPES,
        key_id: str | None = None,
    ) -> None:
        fields = {
            "workspace_id": str(uuid.UUID(bytes=check.workspace(workspace_id))),
            "user_id": check.owner("user_id", user_id),
            "team_ids": check.owners("team_ids", team_ids),
            "role": check.one_of("role", role, ROLES),
            "scopes": check.several_of("scopes", scopes, SCOPES),
            "key_id": key_id,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @property
    def who(self) -> str:
        """Return what tells this caller from every other one: the key, else the user, within the workspace."""
        return f"{self.workspace_id}/{self.key_id!r}/{self.user_id!r}"
