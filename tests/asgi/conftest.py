"""A recorded world in memory, and an app over it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agenttrace import AgentTrace
from tests.asgi.asgi_support import app_of, record


@pytest.fixture(scope="module")
def shared_app() -> Iterator[Any]:
    """Give an app over a world of its own, for tests that only read."""
    with AgentTrace("memory://") as made:
        record(made)
        yield app_of(made)


@pytest.fixture
def world() -> Iterator[AgentTrace]:
    """Give an AgentTrace in memory that has recorded one turn."""
    with AgentTrace("memory://") as made:
        record(made)
        yield made


@pytest.fixture
def app(world: AgentTrace) -> Any:
    """Give an app over that world, whose callers name themselves."""
    return app_of(world)
