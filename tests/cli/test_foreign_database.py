"""Commands that look into a database in which nothing of agenttrace is: they say so, and leave it as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

COMMANDS = [
    ["runs"],
    ["tree"],
    ["events", "agt_support", "ase_demo"],
    ["prompts"],
    ["tail", "--once"],
    ["export", "--otlp", "-"],
    ["keys", "list"],
    ["keys", "revoke", "0123456789ab"],
    ["letters", "list"],
    ["letters", "show", "0123"],
    ["letters", "retry"],
    ["letters", "discard", "0123"],
    ["purge", "--before", "90d", "--yes"],
    ["purge", "--before", "90d", "--dry-run"],
    ["migrate", "--check"],
    ["doctor"],
    ["verify-redaction"],
]


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Another program's database."""
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as theirs:
        theirs.execute("CREATE TABLE x (a)")
    return path


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_another_programs_database_stays_as_it_is(
    agenttrace_command: Command, foreign: Path, command: list[str]
) -> None:
    """Byte for byte, and the exit status says that nothing of ours is there."""
    before = foreign.read_bytes()
    assert agenttrace_command(*command, "--store", foreign).status != 0 or command == ["verify-redaction"]
    assert foreign.read_bytes() == before
    assert [entry.name for entry in foreign.parent.iterdir() if not entry.is_dir()] == ["theirs.db"]


@pytest.mark.parametrize("command", COMMANDS[:14], ids=" ".join)
def test_an_empty_file_stays_empty(agenttrace_command: Command, tmp_path: Path, command: list[str]) -> None:
    """The error says what to do."""
    path = tmp_path / "empty.db"
    path.touch()
    said = agenttrace_command(*command, "--store", path)
    assert (said.status, said.out) == (1, "")
    assert said.err == (
        f"agenttrace: sqlite:///{path}: nothing of agenttrace is in there; record into it first, "
        "or name another with --store or AGENTTRACE_STORE\n"
    )
    assert path.stat().st_size == 0
