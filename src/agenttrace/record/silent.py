"""What a span maker gives while recording is switched off: it stands for a span, and costs a fraction of one."""

# pyright: reportPrivateUsage=false
# The makers of spans are private to this room.

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from agenttrace.record.fields import INPUT_KEY, OUTPUT_KEY
from agenttrace.record.options import UNSET
from agenttrace.record.span import NOOP, Span
from agenttrace.record.state import NATIVE

__all__ = ["QuietInPython", "Silent", "made", "made_in_python", "silent"]

_KEYS = {"documents": "documents", "response": "llm_response"}

if TYPE_CHECKING:
    from agenttrace.record.makers import Makers

P = ParamSpec("P")
R = TypeVar("R")


class QuietInPython:
    """Who would make a real span, and what that takes; `_silent.h` has the same fields."""

    __slots__ = ("_given", "_makers", "_name", "_provider", "_run_type")

    _makers: Makers
    _run_type: str
    _name: str
    _given: dict[str, Any]
    _provider: str | None

    def __enter__(self) -> Self:
        """Do nothing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        """Do nothing; an exception goes on unchanged."""


Quiet = QuietInPython
if NATIVE and not TYPE_CHECKING:
    from agenttrace.record import _span

    Quiet = _span.Quiet


class Silent(Quiet):
    """A span that keeps nothing.

    Everything on it is a no-op, but that what is set can be read back. A function that it decorates is recorded once
    recording is switched on.
    """

    async def __aenter__(self) -> Self:
        """Do nothing."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        """Do nothing; an exception goes on unchanged."""

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function as a real span does."""
        return self._makers._made(self._run_type, self._name, self._given, self._provider)(function)

    def usage(self, input_tokens: int | None = None, output_tokens: int | None = None, **_: Any) -> None:
        """Do nothing."""

    @property
    def __class__(self) -> type[Span]:  # pyright: ignore[reportIncompatibleMethodOverride] - who asks with `isinstance` gets the answer of a span
        return Span

    def __getattr__(self, name: str) -> Any:
        """Give what was set under another name or given at first; else what a span has on which all is a no-op."""
        key = self._key(name)
        if key is None:
            return getattr(NOOP, name)
        said = [value for one, value in vars(self).items() if self._key(one) == key]
        given = self._given.get(key, UNSET)
        return said[-1] if said else None if given is UNSET else given

    def _key(self, name: str) -> str | None:
        """Return the content key that a property of spans sets, None for other names."""
        if name == "input":
            return INPUT_KEY.get(self._run_type, "input")
        return OUTPUT_KEY.get(self._run_type, "output") if name == "output" else _KEYS.get(name)


def silent(makers: Makers, run_type: str, name: str, given: dict[str, Any], provider: str | None) -> Silent:
    """Return a span that keeps nothing."""
    span = Silent()
    span._makers, span._run_type, span._name, span._given, span._provider = makers, run_type, name, given, provider
    return span


def made_in_python(
    makers: Makers,
    run_type: str,
    name: Any,
    content: dict[str, Any],
    capture: dict[str, Any],
    state_name: str | None,
    provider: str | None,
) -> Any:
    """Return what `Makers._span` returns; where that is usual, the one in C does not ask it."""
    return makers._span(run_type, name, content, capture, state_name, provider)


made = made_in_python
if NATIVE and not TYPE_CHECKING:
    made = _span.made
    _span.classes(Span, Silent)
