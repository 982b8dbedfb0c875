"""From a URL to a store."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agenttrace.errors import ConfigurationError
from agenttrace.store.memory import MemoryStore
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.store.urls import open_store, place_of


@pytest.mark.parametrize("name", ["sqlite:///x/y.db", "x/y.db", Path("x/y.db")])
def test_a_relative_path_is_below_the_working_directory(name: str | Path) -> None:
    """Three slashes, a plain path and a Path mean the same file, wherever the program goes later."""
    store = open_store(name)
    assert isinstance(store, SQLiteStore)
    assert store.url == f"sqlite:///{os.getcwd()}/x/y.db"
    assert place_of(name) == Path.cwd() / "x" / "y.db"


@pytest.mark.parametrize("name", ["sqlite:////srv/y.db", "/srv/y.db", Path("/srv/y.db")])
def test_an_absolute_path_is_itself(name: str | Path) -> None:
    """Four slashes, or a plain path."""
    assert open_store(name).url == "sqlite:////srv/y.db"


def test_memory_is_a_store_of_no_place() -> None:
    """`memory://` makes a new one each time."""
    assert isinstance(open_store("memory://"), MemoryStore)
    assert open_store("memory://") is not open_store("memory://")
    assert place_of("memory://") is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mysql://x", "unknown scheme mysql"),
        ("postgresql+psycopg://x/y", "not supported yet"),
        ("clickhouse://x", "not supported yet"),
        ("sqlite://x.db", "three slashes"),
        ("sqlite:///", "needs a file"),
        (":memory:", "memory://"),
        ("", "needs a file"),
    ],
)
def test_another_name_says_what_is_known(name: str, says: str) -> None:
    """The error names the setting and what would work."""
    with pytest.raises(ConfigurationError, match=says) as error:
        open_store(name)
    assert "sqlite:///relative.db" in str(error.value)
