"""Options: what a span maker was given, once for all the spans it makes. Immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

import orjson

__all__ = ["UNSET", "Options", "Unset"]


class Unset:
    """The type of UNSET."""

    def __repr__(self) -> str:
        return "UNSET"


#: Says that an argument was not given, where None is a value.
UNSET: Final = Unset()


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


@dataclass(slots=True, frozen=True)
class Options:
    """One span maker's settings. `content` holds values by content key, not yet serialised."""

    run_type: str
    name: str | None = None
    content: Mapping[str, Any] = field(default_factory=dict[str, Any])
    scope: Mapping[str, Any] | None = None
    attributes: Mapping[str, Any] | None = None
    provider: str | None = None
    capture: bool = True
    capture_output: bool = True
    ignore: tuple[str, ...] = ()
    state_name: str | None = None
    static: str = field(init=False, default="")

    def __post_init__(self) -> None:
        given = self.content.get
        static = _static(
            clean(self.run_type),
            clean(self.name or self.run_type),
            _text(given("prompt_type")),
            _text(given("state_name", self.state_name)),
            _text(self.provider),
        )
        object.__setattr__(self, "static", static)

    def with_content(self, values: Mapping[str, Any]) -> Options:
        """Return these options with other values for these content keys."""
        return replace(self, content={**self.content, **values}) if values else self

    def renamed(self, name: str) -> Options:
        """Return these options with another name."""
        return replace(self, name=name)


def clean(text: object) -> str:
    """Return a text that JSON can hold: lone surrogates are escaped, what is no text becomes one."""
    try:
        known = text if type(text) is str else str(text)
    except Exception:  # noqa: BLE001 - a user's __str__ may do anything
        return f"<{type(text).__name__}: str() failed>"
    return known if known.isascii() else known.encode("utf-8", "backslashreplace").decode()


def _text(value: object) -> str | None:
    return None if value is None else clean(value)
