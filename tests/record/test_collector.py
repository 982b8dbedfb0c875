"""The garbage collector waits while a span changes the context: see `changed_by` in `record/_given.h`."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import agenttrace
from agenttrace.record import emission, state

pytestmark = pytest.mark.skipif(
    not state.NATIVE or sys.version_info >= (3, 12),
    reason="nothing is compiled, or the collector runs between instructions alone",
)


def _prepare(enter: Callable[[Any], Any], reset: Callable[[Any], Any]) -> None:
    from agenttrace.record import _native

    _native.prepare(
        *(emission.CONTEXT.get, enter, reset, emission.Context, emission.CURRENT, emission.OURS, emission.SCOPE),
        *(emission.KEY_JSON, emission.ENVELOPE_KEYS, emission.UNSET, emission.RUN, emission.FIRST_VERSION),
    )


@pytest.fixture
def seen() -> Iterator[list[bool]]:
    """Whether the collector could run at each change of the context."""
    found: list[bool] = []

    def watched(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(value: Any) -> Any:
            found.append(gc.isenabled())
            return function(value)

        return call

    _prepare(watched(emission.CONTEXT.set), watched(emission.CONTEXT.reset))
    yield found
    _prepare(emission.CONTEXT.set, emission.CONTEXT.reset)


def test_no_finalizer_runs_while_the_context_changes(seen: list[bool]) -> None:
    """It could record a span, whose context would be freed under the one that changes."""
    with agenttrace.AgentTrace("memory://") as trace, trace.span("reasoning", "think"):
        assert gc.isenabled()
    assert (seen, gc.isenabled()) == ([False, False], True)


def test_a_collector_that_is_off_stays_off(seen: list[bool]) -> None:
    """The program has its reasons."""
    gc.disable()
    try:
        with agenttrace.AgentTrace("memory://") as trace, trace.span("reasoning", "think"):
            assert not gc.isenabled()
        assert (seen, gc.isenabled()) == ([False, False], False)
    finally:
        gc.enable()
