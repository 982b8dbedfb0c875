"""Those of the `errors` that a program may meet while it only records; apart, so that it does not wait for the others.

Users know all of them by `agenttrace.errors`.
"""

from __future__ import annotations

from typing import Any

__all__ = ["AgentTraceError", "ConfigurationError", "InternalError", "InvalidQuery"]

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
