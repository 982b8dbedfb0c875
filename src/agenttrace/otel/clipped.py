"""Values that were cut on their way here: what is left of them, as text. Pure.

`record.clip` and `journal.degrade` put an object in the place of a value that is too large.
"""

from __future__ import annotations

from typing import Any, Final, cast

import orjson

__all__ = ["preview_of"]

_KEYS: Final = {"truncated", "bytes", "preview"}
_LONGEST_ESCAPE: Final = 6


def preview_of(value: object) -> str | None:
    """Return the text that is left of a value that was cut, and how long it was; None for any other value.

    >>> preview_of({"truncated": True, "bytes": 1200002, "preview": '"Once upon'}), preview_of({"truncated": True})
    ('Once upon… [truncated: 1200002 bytes]', None)
    """
    if not isinstance(value, dict):
        return None
    source = cast("dict[str, Any]", value)
    if source.get("truncated") is not True or source.keys() - {"hash"} != _KEYS:
        return None
    return f"{_begun(str(source['preview']))}… [truncated: {source['bytes']} bytes]"


def _begun(preview: str) -> str:
    """Return the text that a preview begins, where it is that of a JSON string; others as they are."""
    if preview[:1] != '"':
        return preview
    for cut in range(_LONGEST_ESCAPE):  # the preview may end inside of an escape
        try:
            return orjson.loads(preview[: len(preview) - cut] + '"')
        except ValueError:
            continue
    return preview
