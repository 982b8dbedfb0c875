"""Plain values that hold no secret: their JSON, written and searched for secrets in one pass. Pure.

What cannot be settled at once is for the thorough way (`clip.to_clean_clipped`), whose answers this must equal. Where
the package was built with a C compiler `plain` is `_plain.h`; else it is what of `plainvalues` pays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

__all__ = ["NATIVE", "Plain", "plain"]

#: Takes a value, the JSON of known keys with a colon, and a limit in bytes.
Plain = Callable[[Any, dict[str, bytes], int], bytes | str | None]


def _best() -> Plain:
    try:
        from agenttrace.record import _native
    except ImportError:  # built without a compiler
        from agenttrace.record.plainvalues import flat_in_python

        return flat_in_python
    return _native.plain


#: `plain_in_python` in C, or `flat_in_python`.
plain: Final = _best()
#: Whether `plain` is the compiled one.
NATIVE: Final = plain.__module__ != "agenttrace.record.plainvalues"
