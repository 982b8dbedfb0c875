"""`agenttrace purge`: count, ask, delete, and show the receipt."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agenttrace import AgentTrace

Command = Callable[..., Any]


@pytest.fixture
def purge(agenttrace_command: Command, tmp_path: Path) -> Command:
    """Give `agenttrace purge` on a store with two runs of two users."""
    with AgentTrace(tmp_path / "traces.db") as trace:
        for user in ("u", "v"):
            with trace.scope(user_id=user), trace.master("answer", input="x") as turn:
                turn.output = "y"
    return lambda *arguments: agenttrace_command("purge", *arguments, "--store", tmp_path / "traces.db")


def users(tmp_path: Path) -> set[str | None]:
    with AgentTrace(tmp_path / "traces.db") as trace:
        return {run.user_id for run in trace.query.runs()}


def test_a_dry_run_deletes_nothing(purge: Command, tmp_path: Path) -> None:
    """It says what would go."""
    assert "would delete  1 runs" in purge("--user", "u", "--dry-run").out
    assert users(tmp_path) == {"u", "v"}


def test_with_yes_it_deletes_and_prints_the_receipt(purge: Command, tmp_path: Path) -> None:
    """As one line of JSON with --json."""
    (receipt,) = purge("--user", "u", "--yes", "--json").documents
    assert (receipt["counts"], receipt["complete"], receipt["filter"]["user_id"]) == ({"runs": 1}, True, "u")
    assert users(tmp_path) == {"v"}
    assert "deleted  1 runs" in purge("--before", "2099-01-01", "--yes").out
    assert users(tmp_path) == set()


def test_it_asks_first(purge: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever says no deletes nothing; whoever says yes does."""
    monkeypatch.setattr("sys.stdin", io.StringIO("n\ny\n"))
    assert purge("--user", "u").status == 1
    assert users(tmp_path) == {"u", "v"}
    assert purge("--user", "u").status == 0
    assert users(tmp_path) == {"v"}


def test_wrong_use_is_told(purge: Command) -> None:
    """Nothing named, or a time that is none: exit status 2."""
    for arguments, problem in (
        ((), "before: name what to delete"),
        (("--before", "soon"), "before: must be an instant"),
    ):
        said = purge(*arguments, "--yes")
        assert (said.status, problem in said.err) == (2, True)
