"""A principal is checked when it is made: whoever authenticates by other means makes it by hand."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import pytest

from agenttrace.asgi.principal import Principal
from agenttrace.errors import ConfigurationError
from agenttrace.model import ids

WORKSPACE = "a63ab83d-2bb8-42ab-8374-23b8e1e276e3"


@pytest.mark.parametrize("given", [WORKSPACE, WORKSPACE.upper(), uuid.UUID(WORKSPACE), WORKSPACE.replace("-", "")])
def test_a_workspace_has_one_spelling(given: Any) -> None:
    """However it was given: two spellings of one tenant are equal."""
    assert Principal(workspace_id=given) == Principal(workspace_id=WORKSPACE)
    assert Principal(workspace_id=given).workspace_id == WORKSPACE


def test_a_workspace_may_be_any_text_or_none() -> None:
    """As in a scope: the same text is the same tenant."""
    assert Principal(workspace_id="acme").workspace_id == str(uuid.UUID(bytes=ids.workspace_id("acme")))
    assert Principal(workspace_id=None).workspace_id == str(ids.DEFAULT_WORKSPACE)


def test_users_and_teams_are_spelled_as_the_store_does() -> None:
    """So that they compare with a session's."""
    made = Principal(workspace_id=None, user_id=uuid.UUID(WORKSPACE), team_ids=[WORKSPACE.upper(), "t", "t"])
    assert made.user_id == WORKSPACE
    assert made.team_ids == {WORKSPACE, "t"}


def test_a_principal_is_a_member_whom_no_scope_limits() -> None:
    """Scopes limit keys; a person is limited by the role."""
    made = Principal(workspace_id=None)
    assert (made.role, made.user_id, made.team_ids, made.key_id) == ("member", None, frozenset(), None)
    assert made.scopes == {"read", "ingest", "manage"}
    assert Principal(workspace_id=None, scopes=()).scopes == frozenset()


def test_a_principal_does_not_change() -> None:
    """It is frozen, and may be a key of a dict."""
    made = Principal(workspace_id=None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.role = "su"  # type: ignore[misc]
    assert {made: 1}[Principal(workspace_id=None)] == 1


def test_callers_are_told_apart() -> None:
    """By workspace, key and user: rates and cached answers are theirs alone."""
    callers = [
        Principal(workspace_id=workspace, user_id=user, key_id=key)
        for workspace in ("a", "b")
        for user in (None, "None", "u", "'/'", "u'/'v")
        for key in (None, "None", "k", "'/'", "k'/'u")
    ]
    assert len({caller.who for caller in callers}) == len(callers)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("workspace_id", 5),
        ("workspace_id", ""),
        ("user_id", 5),
        ("user_id", ""),
        ("user_id", "\ud800"),
        ("team_ids", "t1"),
        ("team_ids", None),
        ("team_ids", [None, 5]),
        ("role", "Admin"),
        ("role", ["admin"]),
        ("scopes", "read"),
        ("scopes", ["write"]),
        ("scopes", [["read"]]),
    ],
)
def test_what_cannot_be_used_is_named(parameter: str, value: object) -> None:
    """A mistake in an application's own authentication shows at once."""
    with pytest.raises(ConfigurationError, match=f"^{parameter}: "):
        Principal(**{"workspace_id": None, parameter: value})  # type: ignore[arg-type]
