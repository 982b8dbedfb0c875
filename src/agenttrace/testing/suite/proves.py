"""Which promises a test of the suite proves: `@proves("merge.order")`. A test that fails names them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from agenttrace.store.promises import PROMISES

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["promises_of", "proves"]


def proves(*promises: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that says which promises of `store.promises` a test proves.

    Whatever the test raises gets a note with their ids and sentences, which pytest shows.
    """
    unknown = [promise for promise in promises if promise not in PROMISES]
    if unknown or not promises:
        raise ValueError(f"promises: {unknown or 'none given'}; a promise is an id of agenttrace.store.promises")

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def proving(*args: Any, **kwargs: Any) -> None:
            try:
                test(*args, **kwargs)
            except (Exception, pytest.fail.Exception) as error:
                for promise in promises:
                    error.add_note(f"This store breaks the promise {promise}: {PROMISES[promise]}")
                raise

        proving.__dict__["promises"] = promises
        return proving

    return decorate


def promises_of(test: object) -> tuple[str, ...]:
    """Return the ids of the promises that a test proves; none where it is no test of the suite."""
    return getattr(test, "promises", ())
