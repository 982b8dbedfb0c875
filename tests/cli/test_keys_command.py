"""`agenttrace keys`: make, list and revoke API keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agenttrace import AgentTrace

Command = Callable[..., Any]


@pytest.fixture
def keys(agenttrace_command: Command, tmp_path: Path) -> Command:
    """Give `agenttrace keys` on a store that does not exist yet."""
    return lambda *arguments: agenttrace_command("keys", *arguments, "--store", tmp_path / "traces.db")


def test_a_key_that_was_made_works(keys: Command, tmp_path: Path) -> None:
    """The store is made where there is none; the key speaks for whom it was made for."""
    (made,) = keys(
        *("create", "--name", "ci", "--workspace", "acme", "--role", "su", "--user", "usr_ada"),
        *("--team", "t1", "--team", "t2", "--scope", "read", "--scope", "manage", "--json"),
    ).documents
    with AgentTrace(tmp_path / "traces.db") as trace:
        found = trace.keys.check(made["key"])
    assert found is not None
    assert (found.id, found.name, found.workspace_id) == (made["id"], "ci", made["workspace_id"])
    assert (found.role, found.user_id, found.team_ids) == ("su", "usr_ada", ("t1", "t2"))
    assert found.scopes == ("manage", "read")


def test_a_key_is_shown_once(keys: Command, tmp_path: Path) -> None:
    """Whole at its creation, however narrow the terminal, and never again."""
    said = keys("create", "--name", "[red]ci\x1b[2J")
    key = next(line for line in said.out.splitlines() if line.startswith("agtk_"))
    with AgentTrace(tmp_path / "traces.db") as trace:
        assert trace.keys.check(key) is not None
    secret = key.rpartition("_")[2]
    for command in (("list",), ("list", "--json"), ("revoke", key), ("list",)):
        again = keys(*command)
        assert again.status == 0
        assert secret not in again.out + again.err
    assert "[red]ci␛[2J" in said.out


def test_keys_are_listed_newest_first(keys: Command) -> None:
    """With how they stand: good, until when, or revoked."""
    (first,) = keys("create", "--name", "first", "--json").documents
    keys("create", "--name", "second", "--expires", "2100-01-01")
    keys("create", "--name", "elsewhere", "--workspace", "acme")
    assert [key["name"] for key in keys("list", "--json").documents] == ["second", "first"]
    assert keys("revoke", first["id"], "--json").documents[0]["revoked_at"].endswith("Z")
    lines = keys("list").out.splitlines()
    assert ["good until 2100-01-01 00:00" in line for line in lines] == [False, True, False]
    assert ["revoked" in line for line in lines] == [False, False, True]
    assert keys("list", "--workspace", "nobody").out.strip() == "no keys"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2100-01-31", datetime(2100, 1, 31, tzinfo=UTC)),
        ("2100-01-31T12:00:00+02:00", datetime(2100, 1, 31, 10, tzinfo=UTC)),
        ("2100-01-31T12:00:00Z", datetime(2100, 1, 31, 12, tzinfo=UTC)),
    ],
)
def test_a_key_ends_when_it_was_told_to(keys: Command, given: str, expected: datetime) -> None:
    """A day begins at midnight UTC."""
    (made,) = keys("create", "--name", "ci", "--expires", given, "--json").documents
    assert datetime.fromisoformat(made["expires_at"]) == expected


def test_a_key_lasts_for_days(keys: Command) -> None:
    """`90d` is 90 days from now."""
    (made,) = keys("create", "--name", "ci", "--expires", "90d", "--json").documents
    lasts = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert abs(lasts - timedelta(days=90)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "wrong",
    [
        ("create", "--name", ""),
        ("create", "--name", "x", "--role", "god"),
        ("create", "--name", "x", "--scope", "write"),
        ("create", "--name", "x", "--team", ""),
        ("create", "--name", "x", "--expires", "soon"),
        ("create", "--name", "x", "--expires", "2001-01-01"),
        ("create", "--name", "x", "--expires", "99999999d"),
        ("create", "--name", "x", "--expires", "99999d" * 2),
        ("create",),
        ("revoke",),
    ],
)
def test_wrong_use_is_told_and_changes_nothing(keys: Command, wrong: tuple[str, ...]) -> None:
    """Exit status 2."""
    keys("create", "--name", "the only one")
    said = keys(*wrong)
    assert (said.status, said.out) == (2, "")
    assert len(keys("list", "--json").documents) == 1


def test_wrong_use_makes_no_store(keys: Command, tmp_path: Path) -> None:
    """What is asked for is looked at first."""
    assert keys("create", "--name", "x", "--role", "god").status == 2
    assert keys("create", "--name", "x", "--expires", "soon").status == 2
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_does_not_exist_is_told(keys: Command) -> None:
    """Also one of another workspace; exit status 1."""
    (made,) = keys("create", "--name", "ci", "--json").documents
    assert keys("revoke", "0123456789abcdef").status == 1
    assert keys("revoke", made["id"], "--workspace", "acme").status == 1
    assert keys("list", "--json").documents[0]["revoked_at"] is None


def test_looking_makes_no_store(keys: Command, tmp_path: Path) -> None:
    """Only `create` does."""
    assert keys("list").status == 1
    assert keys("revoke", "0123456789abcdef").status == 1
    assert list(tmp_path.iterdir()) == []
