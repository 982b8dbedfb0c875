"""What a span maker gives while recording is switched off: it stands for a span, and costs a fraction of one."""

# pyright: reportPrivateUsage=false
# The makers of spans are private to this room.

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from agenttrace.record.fields import INPUT_KEY, OUTPUT_KEY
from agenttrace.record.options import UNSET
from agenttrace.record.span import NOOP, Span
from agenttrace.record.state import NATIVE

__all__ = ["Silent", "silent"]

_KEYS = {"documents": "documents", "response": "llm_response"}
_NO_CONTENT: dict[str, str | None] = {"provider": None}

if TYPE_CHECKING:
    from agenttrace.record.makers import Makers

P = ParamSpec("P")
R = TypeVar("R")


if TYPE_CHECKING or not NATIVE:
    from agenttrace.record.quiet import QuietInPython as Quiet
else:
    from agenttrace.record import _native

    Quiet = _native.Quiet


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
        given = self._content()
        content = {key: value for key, value in given.items() if key is not None}
        if self._run_type == "prompt" and "model" in self._key_of:  # made in C, where the name is not among the words
            content["prompt_type"] = self._name
        return self._makers._made(self._run_type, self._name, content, given.get(None))(function)

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
        for alias in ("output", "documents", "response"):
            if self._key(alias) == key:
                with suppress(AttributeError):
                    return object.__getattribute__(self, alias)
        given = self._content().get(key, UNSET)
        return None if given is UNSET else given

    def _content(self) -> dict[str | None, Any]:
        """Return what was given by content key; by None what is no content."""
        keys = (self._key_of.get(word, word) for word in self._words)
        return dict(zip(keys, self._given, strict=True))

    def _key(self, name: str) -> str | None:
        """Return the content key that a property of spans sets, None for other names."""
        if name == "input":
            return INPUT_KEY.get(self._run_type, "input")
        return OUTPUT_KEY.get(self._run_type, "output") if name == "output" else _KEYS.get(name)


def silent(makers: Makers, run_type: str, name: str, content: dict[str, Any], provider: str | None) -> Silent:
    """Return a span that keeps nothing."""
    span = Silent()
    span._makers, span._run_type, span._name = makers, run_type, name
    span._words, span._given, span._key_of = (*content, "provider"), (*content.values(), provider), _NO_CONTENT
    return span
