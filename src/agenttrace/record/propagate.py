"""Carry the current span and its scope to other processes and threads: `inject`, `extract`, `wrap`.

Follows W3C Trace Context (`traceparent`) and W3C Baggage; the scope's ids travel as baggage entries `agenttrace.<id>`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, MutableMapping
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from agenttrace.model.wire import SCOPE_IDS
from agenttrace.record.context import (
    CURRENT,
    EMPTY,
    OURS,
    SCOPE,
    Attachment,
    attach,
    current_context,
    detach,
    with_scope,
)
from agenttrace.record.emission import TURN

__all__ = ["Remote", "extract", "inject", "wrap"]

P = ParamSpec("P")
R = TypeVar("R")

_PREFIX = "agenttrace."
_TURN_KEY = _PREFIX + "turn"
_trace_context = TraceContextTextMapPropagator()
_baggage = W3CBaggagePropagator()


class Remote(Context):
    """An OpenTelemetry context that continues another process's trace; a context manager that makes it current."""

    _token: Attachment | None = None

    def __enter__(self) -> Self:
        """Make the remote span the parent of what is started in the block."""
        self._token = attach(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        """Leave the block."""
        token, self._token = self._token, None
        detach(token)

    async def __aenter__(self) -> Self:
        """Make the remote span the parent of what is started in the block."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        """Leave the block."""
        self.__exit__(kind, error, frames)


def inject(headers: MutableMapping[str, str]) -> MutableMapping[str, str]:
    """Write the current span and its scope into the headers and return them.

    Sets `traceparent` (and `tracestate`) and `baggage`; other baggage of the OpenTelemetry context is kept.

    >>> inject({})
    {}
    """
    context = current_context()
    _trace_context.inject(headers, context)
    scope: Any = context.get(SCOPE) or EMPTY
    for name, value in scope.ids.items():
        context = baggage.set_baggage(_PREFIX + name, value, context)
    ours: Any = context.get(OURS)
    turn: Any = context.get(TURN) if ours is None else ours.turn
    if turn:
        context = baggage.set_baggage(_TURN_KEY, str(turn), context)
    _baggage.inject(headers, context)
    return headers


def extract(headers: Mapping[str, str], *, trusted: bool = False) -> Remote:
    """Return the context that the headers describe: `with extract(request.headers): ...` continues the sender's trace.

    Header names are matched without regard to case. The ids of the sender's scope are taken from the baggage, but its
    `workspace_id` only if `trusted`: whoever may name the tenant of a span may write into any tenant. Headers that are
    absent or malformed give the present context.
    """
    present = current_context()
    try:
        carrier = {str(key).lower(): str(value) for key, value in dict(headers).items()}
    except (TypeError, ValueError):  # no mapping, and no pairs either
        return Remote(present)
    context = _trace_context.extract(carrier, present)
    if context.get(CURRENT) is not present.get(CURRENT):
        context = Context(context, **{OURS: None})
    context = _baggage.extract(carrier, context)
    received = {key: str(value) for key, value in baggage.get_all(context).items() if key.startswith(_PREFIX)}
    for key in received:  # what was claimed here must not be passed on as if it were known
        context = baggage.remove_baggage(key, context)
    names = SCOPE_IDS if trusted else SCOPE_IDS[1:]
    ids = {name: received[_PREFIX + name] for name in names if _PREFIX + name in received}
    if ids:
        scope: Any = context.get(SCOPE) or EMPTY
        context = with_scope(context, scope.extended(ids, None, _no_attributes, str))
    turn = received.get(_TURN_KEY, "")
    if turn.isascii() and turn.isdigit() and len(turn) < 19:
        context = Context(context, **{TURN: int(turn)})
    return Remote(context)


def wrap(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function bound to the current span and scope, for executors and threads of one's own.

    The wrapped function may be called several times, and from several threads at once. Async functions stay async.
    """
    context = current_context()
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def run_async(*args: P.args, **kwargs: P.kwargs) -> Any:
            token = attach(context)
            try:
                return await cast("Callable[P, Any]", function)(*args, **kwargs)
            finally:
                detach(token)

        return cast("Callable[P, R]", run_async)

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        token = attach(context)
        try:
            return function(*args, **kwargs)
        finally:
            detach(token)

    return run


def _no_attributes(value: object) -> bytes:
    raise AssertionError(value)  # pragma: no cover - the scope of headers has ids only
