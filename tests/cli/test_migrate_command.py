"""`agenttrace migrate`: the tables of an older store, and whether they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agenttrace.store.version import SCHEMA_VERSION
from tests.store import released

Command = Callable[..., Any]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store of version 1."""
    path = tmp_path / "old.db"
    released.restore(released.FOLDER / "sqlite-1.sql", path)
    return path


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def test_an_older_store_is_upgraded_once(agenttrace_command: Command, old: Path) -> None:
    """Then it is up to date, which is no error."""
    first = agenttrace_command("migrate", "--store", old)
    assert (first.status, first.out) == (0, f"sqlite:///{old}: from version 1 to {SCHEMA_VERSION}\n")
    assert version_of(old) == SCHEMA_VERSION
    again = agenttrace_command("migrate", "--store", old)
    assert (again.status, again.out) == (0, f"sqlite:///{old}: version {SCHEMA_VERSION}, up to date\n")


def test_a_check_changes_nothing(agenttrace_command: Command, old: Path) -> None:
    """Its status says whether the tables are of another version: older, newer or none."""
    said = agenttrace_command("migrate", "--check", "--store", old)
    assert (said.status, said.out) == (3, f"sqlite:///{old}: version 1, this agenttrace knows {SCHEMA_VERSION}\n")
    told = agenttrace_command("migrate", "--check", "--json", "--store", old)
    assert told.documents == [{"store": f"sqlite:///{old}", "found": 1, "version": 1, "known": SCHEMA_VERSION}]
    assert version_of(old) == 1
    agenttrace_command("migrate", "--store", old)
    assert agenttrace_command("migrate", "--check", "--store", old).status == 0
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert agenttrace_command("migrate", "--check", "--store", old).status == 3


def test_a_newer_store_is_left_alone(agenttrace_command: Command, old: Path) -> None:
    """The error says what to do."""
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("PRAGMA user_version = 99")
    said = agenttrace_command("migrate", "--store", old)
    assert said.status == 1
    assert "version 99" in said.err
    assert "upgrade" in said.err


def test_what_is_not_there_is_not_made(agenttrace_command: Command, tmp_path: Path) -> None:
    """Neither by a check nor without."""
    for option in ([], ["--check"]):
        said = agenttrace_command("migrate", *option, "--store", tmp_path / "none.db")
        assert said.status == 1
        assert "there is no store" in said.err
    assert list(tmp_path.iterdir()) == []


def test_a_store_without_versions_says_so(agenttrace_command: Command) -> None:
    """There is nothing to do."""
    said = agenttrace_command("migrate", "--store", "memory://")
    assert (said.status, said.out) == (0, "memory://: its tables have no versions\n")
