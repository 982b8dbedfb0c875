"""Fixtures of the recording tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry import context as otel_context
from opentelemetry.context import Context

from agenttrace.record.makers import Makers
from tests.record.recording import Recording


@pytest.fixture(autouse=True)
def _context_is_left_as_it_was() -> Iterator[None]:
    """Every test begins outside of all spans, and leaves nothing on the context."""
    token = otel_context.attach(Context())
    yield
    left = dict(otel_context.get_current())
    otel_context.detach(token)
    assert left == {}


@pytest.fixture
def recording() -> Recording:
    """Records into a list; internal errors raise."""
    return Recording()


@pytest.fixture
def make(recording: Recording) -> Makers:
    """The makers of the recording."""
    return recording.make
