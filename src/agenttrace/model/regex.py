"""Regular expressions that are compiled when they are first used: what imports us does not wait for them."""

from __future__ import annotations

import re
from typing import Any, cast

__all__ = ["regex"]


def regex(text: str, flags: int = 0) -> re.Pattern[str]:
    """Return what `re.compile` returns, or rather what becomes that when it is used.

    >>> regex("a+").sub("b", "caat")
    'cbt'
    """
    return cast("re.Pattern[str]", _Regex(text, flags))


class _Regex:
    """A pattern that is not compiled yet. For any thread: compiling it twice does no harm."""

    def __init__(self, text: str, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        """Compile the pattern, and keep the method that was asked for where it is found at once."""
        found = getattr(re.compile(self._text, self._flags), name)
        setattr(self, name, found)
        return found
