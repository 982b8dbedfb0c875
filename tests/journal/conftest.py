"""Fixtures of the journal's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agenttrace.journal.pipeline import Pipeline
from tests.journal.journal_support import FakeStore, make_pipeline


@pytest.fixture
def store() -> FakeStore:
    """A store that keeps everything."""
    return FakeStore()


@pytest.fixture
def pipeline(tmp_path: Any) -> Iterator[Callable[..., Pipeline]]:
    """Makes pipelines under one journal root and shuts them down in the end."""
    made: list[Pipeline] = []

    def make(store: Any, *, root: Any = tmp_path / "journal", **settings: Any) -> Pipeline:
        made.append(make_pipeline(root, store, **settings))
        return made[-1]

    yield make
    for one in made:
        one.at_exit(5.0)
