"""Options: what a span maker was given, once for all the spans it makes. Immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import orjson

from agenttrace.faults import let_through
from agenttrace.record.state import OptionFields

__all__ = ["UNSET", "Options", "Unset"]


class Unset:
    """The type of UNSET."""

    def __repr__(self) -> str:
        return "UNSET"


#: Says that an argument was not given, where None is a value.
UNSET: Final = Unset()


_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@lru_cache(maxsize=4096)
def _static(run_type: str, name: str, prompt_type: str | None, state_name: str | None, provider: str | None) -> str:
    fields: dict[str, str] = {"type": run_type, "name": name}
    if run_type == "prompt":
        fields["prompt_type"] = prompt_type or name
    if state_name is not None:
        fields["state_name"] = state_name
    if provider is not None:
        fields["provider"] = provider
    return orjson.dumps(fields).decode()[1:-1]


class Options(OptionFields):
    """One span maker's settings. `content` holds values by content key, not yet serialised. Never changed once made.

    Written out because making a dataclass costs every importing program a millisecond.
    """

    __slots__ = (
        "attributes",
        "capture",
        "capture_output",
        "content",
        "ignore",
        "name",
        "provider",
        "state_name",
    )

    def __init__(
        self,
        run_type: str,
        name: str | None = None,
        content: Mapping[str, Any] = _NOTHING,
        scope: Mapping[str, Any] | None = None,
        attributes: Mapping[str, Any] | None = None,
        provider: str | None = None,
        capture: bool = True,
        capture_output: bool = True,
        ignore: tuple[str, ...] = (),
        state_name: str | None = None,
    ) -> None:
        self.run_type = run_type
        self.name = name
        self.content = content
        self.scope = scope
        self.attributes = attributes
        self.provider = provider
        self.capture = capture
        self.capture_output = capture_output
        self.ignore = ignore
        self.state_name = state_name
        given = content.get
        self.static = _static(
            clean(run_type),
            clean(name or run_type),
            _text(given("prompt_type")),
            _text(given("state_name", state_name)),
            _text(provider),
        )

    def with_content(self, values: Mapping[str, Any]) -> Options:
        """Return these options with other values for these content keys."""
        return self._changed(self.name, {**self.content, **values}) if values else self

    def renamed(self, name: str) -> Options:
        """Return these options with another name."""
        return self._changed(name, self.content)

    def _changed(self, name: str | None, content: Mapping[str, Any]) -> Options:
        return Options(
            self.run_type,
            name,
            content,
            self.scope,
            self.attributes,
            self.provider,
            self.capture,
            self.capture_output,
            self.ignore,
            self.state_name,
        )


def clean(text: object) -> str:
    """Return a text that JSON can hold: lone surrogates are escaped, what is no text becomes one."""
    try:
        known = text if type(text) is str else str(text)
    except BaseException as error:  # noqa: BLE001 - a user's __str__ may do anything
        let_through(error)
        return f"<{type(text).__name__}: str() failed>"
    return known if known.isascii() else known.encode("utf-8", "backslashreplace").decode()


def _text(value: object) -> str | None:
    return None if value is None else clean(value)
