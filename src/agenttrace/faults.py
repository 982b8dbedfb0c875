"""Exceptions while a program only records: the `errors` that it may meet, and those that come out of code inside ours.

The former are apart from the others so that nobody waits for those; users know all of them by `agenttrace.errors`. Of
the latter some are the program's, and some a value's own fault.
"""

from __future__ import annotations

import sys
from types import CodeType
from typing import Any

__all__ = [
    "AgentTraceError",
    "ConfigurationError",
    "InternalError",
    "InvalidQuery",
    "let_through",
    "raised_by_signal_handler",
]

_HOME = "agenttrace.errors"


class AgentTraceError(Exception):
    """Base of everything that agenttrace raises."""

    __module__ = _HOME


class ConfigurationError(AgentTraceError, ValueError):
    """Say which setting cannot be used, why, and what would work."""

    __module__ = _HOME


class InvalidQuery(AgentTraceError, ValueError):
    """Name the query parameter that is outside its documented range.

    >>> raise InvalidQuery("page", "must be 1 or more, got 0")
    Traceback (most recent call last):
        ...
    agenttrace.errors.InvalidQuery: page: must be 1 or more, got 0
    """

    __module__ = _HOME

    def __init__(self, parameter: str, problem: str) -> None:
        super().__init__(f"{parameter}: {problem}")
        self.parameter = parameter
        self.problem = problem

    def __reduce__(self) -> tuple[type[InvalidQuery], tuple[str, str], dict[str, Any]]:
        return type(self), (self.parameter, self.problem), self.__dict__  # which has the notes


class InternalError(AgentTraceError):
    """A defect inside agenttrace, raised only under `agenttrace.testing`."""

    __module__ = _HOME


#: Packages that end a task, or a test, by exceptions of their own that are no Exception.
_CANCELLING = frozenset({"_pytest", "curio", "eventlet", "gevent", "greenlet", "trio"})


def let_through(error: BaseException) -> None:
    """Raise again what is the program's: its end, an interrupt, any cancellation, and what a signal handler raised.

    For whoever caught all that a value's own code may raise, as its `__repr__`, or a redaction of the user's. That need
    not be an Exception: the panics of extensions written in Rust are none.
    """
    if isinstance(error, Exception):
        return
    asyncio = sys.modules.get("asyncio.exceptions")  # who has not loaded it cancels nothing
    cancelled = () if asyncio is None else (asyncio.CancelledError,)
    ends = (KeyboardInterrupt, SystemExit, GeneratorExit, *cancelled)
    rooms = {str(kind.__module__).partition(".")[0] for kind in type(error).__mro__}
    if isinstance(error, ends) or not _CANCELLING.isdisjoint(rooms) or raised_by_signal_handler(error):
        raise error


def raised_by_signal_handler(error: BaseException) -> bool:
    """Return whether a Python signal handler's frame is in the traceback: such an exception is not ours to keep."""
    if "signal" not in sys.modules:  # nobody has set a handler; or the interpreter ends, and can import nothing more
        return False
    import signal  # late: most programs never need it

    handlers = {_code(signal.getsignal(number)) for number in signal.valid_signals()} - {None}
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code in handlers:
            return True
        traceback = traceback.tb_next
    return False


def _code(handler: Any) -> CodeType | None:
    for name in ("func", "__func__"):  # functools.partial, bound methods
        handler = getattr(handler, name, handler)
    if callable(handler) and not hasattr(handler, "__code__"):
        handler = type(handler).__call__
    code = getattr(handler, "__code__", None)
    return code if isinstance(code, CodeType) else None
