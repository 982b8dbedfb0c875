"""Fixtures of the recording tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

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


@contextmanager
def _in_python() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, method in vars(Makers).copy().items():
            if hasattr(method, "__wrapped__"):
                patch.setattr(Makers, name, method.__wrapped__)
        yield


@pytest.fixture
def in_python() -> Callable[[], AbstractContextManager[None]]:
    """A block in which the span makers are called in Python."""
    return _in_python


@pytest.fixture(params=["the best", "in Python"])
def compiled_or_not(request: pytest.FixtureRequest) -> Iterator[None]:
    """Once with the span makers as they are, once in Python."""
    with nullcontext() if request.param == "the best" else _in_python():
        yield
