"""Span makers that are called in C where their call is usual: a name, and values that the maker knows."""

from __future__ import annotations

from collections.abc import Callable
from sys import intern
from types import MethodType
from typing import Any, TypeVar

from agenttrace.record.silent import Silent
from agenttrace.record.span import Span
from agenttrace.record.state import NATIVE

__all__ = ["maker"]

F = TypeVar("F", bound=Callable[..., Any])


def maker(run_type: str | None, *given: str | tuple[str, str | None], name: str | None = None) -> Callable[[F], F]:
    """Return what makes a method of `Makers` a maker in C; it stays as it is where there is none.

    What a call gives is the method's own answer, and is asked of the method wherever the call is not usual: the name
    no text, a parameter that is not named here, options that are not remembered yet.

    Args:
        run_type: what it makes; None: the type is the method's first argument.
        given: the parameters, in the order of the content; with their content key, where that has another name, and
            None for the provider, which is no content.
        name: the content key of the name, where it has one.
    """
    pairs = [(one, one) if isinstance(one, str) else one for one in given]
    keys = {intern(word): key for word, key in pairs}

    def quick(method: F) -> F:
        made: Any = method if _Maker is None else _Maker(method, run_type, name, keys)
        return made

    return quick


_Maker: Callable[..., Any] | None = None
if NATIVE:
    from agenttrace.record import _native

    _native.classes(Span, Silent, MethodType)
    _Maker = _native.Maker
