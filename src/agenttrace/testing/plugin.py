"""A pytest plugin: `pytest_plugins = ["agenttrace.testing.plugin"]` gives the fixture `agenttrace_capture`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agenttrace.configure import AgentTrace
from agenttrace.testing.capture import capture

__all__ = ["agenttrace_capture"]


@pytest.fixture
def agenttrace_capture() -> Iterator[AgentTrace]:
    """Record in memory for the length of the test; the value's `query` gives back what the test recorded."""
    with capture() as trace:
        yield trace
