"""Who may do what: literal tables, written down from the contracts."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from agenttrace.asgi.authorise import has_scope, in_workspace, may_read_prompts, may_read_session, may_reset
from agenttrace.asgi.principal import Principal
from agenttrace.model.run import Session

WORKSPACE = "a63ab83d-2bb8-42ab-8374-23b8e1e276e3"
OWNER, MATE, STRANGER = (str(uuid.UUID(int=number, version=4)) for number in (1, 2, 3))
TEAM, OTHER_TEAM = (str(uuid.UUID(int=number, version=4)) for number in (4, 5))


def caller(role: str = "member", user: str | None = STRANGER, *teams: str, workspace: str = WORKSPACE) -> Principal:
    """Return a principal."""
    return Principal(workspace_id=workspace, user_id=user, team_ids=teams, role=role)


def session(user: str | None = OWNER, team: str | None = TEAM) -> Session:
    """Return a session of this owner."""
    return Session(
        workspace_id=WORKSPACE,
        id=str(uuid.UUID(int=9, version=4)),
        key="ase_1",
        agent_key=None,
        user_id=user,
        team_id=team,
        conversation_id=None,
        call_sid=None,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        last_message_at=None,
        reset_at=None,
    )


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        (caller("member", OWNER), True),
        (caller("member", OWNER.upper()), True),
        (caller("member", MATE, TEAM), True),
        (caller("member", MATE, OTHER_TEAM, TEAM), True),
        (caller("member", None, TEAM), True),
        (caller("member", STRANGER), False),
        (caller("member", STRANGER, OTHER_TEAM), False),
        (caller("member", None), False),
        (caller("su"), True),
        (caller("admin"), True),
        (caller("owner"), True),
        (caller("member", OWNER, TEAM, workspace="other"), False),
        (caller("su", OWNER, TEAM, workspace="other"), False),
        (caller("admin", OWNER, TEAM, workspace="other"), False),
        (caller("owner", OWNER, TEAM, workspace="other"), False),
    ],
)
def test_who_may_read_a_session(who: Principal, allowed: bool) -> None:
    """Its owner, an active member of the owner's team, su, admin, owner; nobody of another workspace."""
    assert may_read_session(who, session()) is allowed


@pytest.mark.parametrize("role", ["member", "su", "admin", "owner"])
def test_a_session_of_nobody_is_read_by_role_only(role: str) -> None:
    """A caller without a user is not the owner of a session without one."""
    for who in (caller(role, None), caller(role, STRANGER, TEAM)):
        assert may_read_session(who, session(user=None, team=None)) is (role != "member")


@pytest.mark.parametrize(("role", "allowed"), [("member", False), ("su", False), ("admin", True), ("owner", True)])
def test_who_may_read_prompts(role: str, allowed: bool) -> None:
    """Admin and owner, to the letter."""
    assert may_read_prompts(caller(role)) is allowed


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        (caller("member", OWNER, TEAM), True),
        (caller("member", OWNER.upper(), OTHER_TEAM, TEAM.upper()), True),
        (caller("member", OWNER), False),
        (caller("member", OWNER, OTHER_TEAM), False),
        (caller("member", MATE, TEAM), False),
        (caller("member", None, TEAM), False),
        (caller("admin", MATE, TEAM), False),
        (caller("owner", MATE, TEAM), False),
        (caller("admin", OWNER), False),
        (caller("su", MATE, TEAM), False),
        (caller("su", OWNER), True),
        (caller("su", None), False),
    ],
)
def test_who_may_reset(who: Principal, allowed: bool) -> None:
    """The user must be the caller, whatever the role, and a member of the team; su counts as one."""
    assert may_reset(who, TEAM, OWNER) is allowed
    assert may_reset(who, uuid.UUID(TEAM), uuid.UUID(OWNER)) is allowed


def test_scopes_do_not_contain_each_other() -> None:
    """A key that manages does not read."""
    for scope in ("read", "ingest", "manage"):
        who = Principal(workspace_id=WORKSPACE, role="owner", scopes=[scope])
        assert [known for known in ("read", "ingest", "manage") if has_scope(who, known)] == [scope]


def test_a_workspace_in_a_path_is_the_callers_in_any_spelling() -> None:
    """Text that is no UUID is nobody's, also where a scope would make a workspace of it."""
    who = caller()
    assert in_workspace(who, WORKSPACE.upper())
    assert in_workspace(who, uuid.UUID(WORKSPACE))
    assert not in_workspace(who, OTHER_TEAM)
    assert not in_workspace(Principal(workspace_id="acme"), "acme")
    assert not in_workspace(Principal(workspace_id=None), "")
