"""The methods of Query, awaitable: each runs in a thread, so none blocks the event loop."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from agenttrace.query.reader import Query

__all__ = ["AsyncQuery"]

P = ParamSpec("P")
R = TypeVar("R")

#: How many runs or notes cross from the thread at a time.
_RUNS_A_STEP = 100


class AsyncQuery:
    """The same methods as Query, with the same arguments, results and errors; `runs` and `audit` are async
    iterators.

    Answers run in asyncio's default thread pool. A cancelled caller stops waiting; the thread finishes on its own.
    """

    def __init__(self, query: Query) -> None:
        self.run_logs = _threaded(query.run_logs)
        self.ask_ai_analytics = _threaded(query.ask_ai_analytics)
        self.ask_ai_logs = _threaded(query.ask_ai_logs)
        self.action_logs = _threaded(query.action_logs)
        self.agent_events = _threaded(query.agent_events)
        self.agent_event = _threaded(query.agent_event)
        self.prompt_logs = _threaded(query.prompt_logs)
        self.trace = _threaded(query.trace)
        self.sessions = _threaded(query.sessions)
        self.session = _threaded(query.session)
        self.follow_session = _threaded(query.follow_session)
        self.reset_session = _threaded(query.reset_session)
        self.runs = _stepped(query.runs)
        self.audit = _stepped(query.audit)


def _threaded(method: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    async def awaitable(*args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(method, *args, **kwargs)

    return awaitable


def _stepped(method: Callable[P, Iterator[R]]) -> Callable[P, AsyncIterator[R]]:
    def iterator(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[R]:
        return _steps(method(*args, **kwargs))

    return iterator


async def _steps(found: Iterator[R]) -> AsyncIterator[R]:
    while step := await asyncio.to_thread(lambda: list(islice(found, _RUNS_A_STEP))):
        for item in step:
            yield item
