"""What a span maker gives while recording is switched off: it stands for a span, and costs a fraction of one."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from agenttrace.record.fields import INPUT_KEY, OUTPUT_KEY
from agenttrace.record.options import UNSET
from agenttrace.record.span import NOOP, Span

__all__ = ["Silent"]

_KEYS = {"documents": "documents", "response": "llm_response"}

P = ParamSpec("P")
R = TypeVar("R")


class Silent(tuple[Any, ...]):
    """A span that keeps nothing; as a tuple the function that would make a real one, and what that takes:
    run type, name, content and provider.

    Everything on it is a no-op, but that what is set can be read back. A function that it decorates is recorded once
    recording is switched on.
    """

    def __enter__(self) -> Self:
        """Do nothing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        """Do nothing; an exception goes on unchanged."""

    async def __aenter__(self) -> Self:
        """Do nothing."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        """Do nothing; an exception goes on unchanged."""

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function as a real span does."""
        make, *arguments = self
        return make(*arguments)(function)

    @property
    def __class__(self) -> type[Span]:  # pyright: ignore[reportIncompatibleMethodOverride] - who asks with `isinstance` gets the answer of a span
        return Span

    def __getattr__(self, name: str) -> Any:
        """Give what was set under another name or given at first; else what a span has on which all is a no-op."""
        key = self._key(name)
        if key is None:
            return getattr(NOOP, name)
        said = [value for one, value in vars(self).items() if self._key(one) == key]
        given = self[3].get(key, UNSET)
        return said[-1] if said else None if given is UNSET else given

    def _key(self, name: str) -> str | None:
        """Return the content key that a property of spans sets, None for other names."""
        if name == "input":
            return INPUT_KEY.get(self[1], "input")
        return OUTPUT_KEY.get(self[1], "output") if name == "output" else _KEYS.get(name)

    def __bool__(self) -> bool:
        """Return True, as any span does."""
        return True
