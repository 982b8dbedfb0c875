"""What a span that records nothing stands for: its fields, where no compiler makes them C's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

    from agenttrace.record.makers import Makers

__all__ = ["QuietInPython"]


class QuietInPython:
    """Who would make a real span, what that takes, and what was set; `_silent.h` has the same fields."""

    __slots__ = (
        *("_given", "_key_of", "_makers", "_name", "_run_type", "_words"),
        *("documents", "input", "output", "response"),
    )

    _makers: Makers
    _run_type: str
    _name: str
    _words: tuple[str, ...]  # the parameters that were given
    _given: tuple[Any, ...]  # and their values
    _key_of: dict[str, str | None]  # content keys by parameter, where they have other names; None for what is none
    input: Any
    output: Any
    documents: Any
    response: Any

    def __enter__(self) -> Self:
        """Do nothing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        """Do nothing; an exception goes on unchanged."""
