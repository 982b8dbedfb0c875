"""Turn an exception into the documented error object. Pure."""

from __future__ import annotations

import traceback
from types import TracebackType
from typing import Any, cast

from agenttrace.faults import let_through
from agenttrace.record.options import clean

__all__ = ["describe", "reason"]

_MAX_STACK = 32_768
_MAX_MESSAGE = 8_192
_PACKAGE = __name__.partition(".")[0] + "."


def describe(error: BaseException) -> dict[str, Any]:
    """Return `{"type", "message", "stack"}` of an exception; the stack begins in the traced program, not in ours."""
    return {"type": type(error).__name__, "message": _message(error), "stack": _stack(error)}


def reason(error: object) -> dict[str, Any]:
    """Return the error object for whatever a caller gave to `end(error=...)`: an exception, an object or a text."""
    if isinstance(error, BaseException):
        return describe(error)
    if isinstance(error, dict):
        given = cast("dict[Any, Any]", error)
        return {"type": "Error", "message": None, "stack": None, **{clean(key): given[key] for key in given}}
    if type(error) is type and issubclass(cast("type[Any]", error), BaseException):
        return {"type": cast("type[Any]", error).__name__, "message": None, "stack": None}
    return {"type": "Error", "message": clean(cast("object", error)), "stack": None}


def _message(error: BaseException) -> str:
    return clean(error)[:_MAX_MESSAGE]


def _stack(error: BaseException) -> str | None:
    try:
        own = _below_us(error.__traceback__)
        lines = traceback.format_exception(type(error), error, own)
    except BaseException as defect:  # noqa: BLE001 - exceptions with hostile attributes
        let_through(defect)
        return None
    text = "".join(lines)
    return text if len(text) <= _MAX_STACK else "... (cut)\n" + text[-_MAX_STACK:]


def _below_us(frames: TracebackType | None) -> TracebackType | None:
    """Skip the decorator's own frames at the top."""
    rest = frames
    while rest is not None and rest.tb_frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        rest = rest.tb_next
    return rest
