"""Tell whether an exception was raised by a signal handler of the user's that happened to run inside our code."""

from __future__ import annotations

import sys
from types import CodeType
from typing import Any

__all__ = ["raised_by_signal_handler"]


def raised_by_signal_handler(error: BaseException) -> bool:
    """Return whether a Python signal handler's frame is in the traceback: such an exception is not ours to keep."""
    if "signal" not in sys.modules:  # nobody has set a handler; or the interpreter ends, and can import nothing more
        return False
    import signal  # late: most programs never need it

    handlers = {_code(signal.getsignal(number)) for number in signal.valid_signals()} - {None}
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code in handlers:
            return True
        traceback = traceback.tb_next
    return False


def _code(handler: Any) -> CodeType | None:
    for name in ("func", "__func__"):  # functools.partial, bound methods
        handler = getattr(handler, name, handler)
    if callable(handler) and not hasattr(handler, "__code__"):
        handler = type(handler).__call__
    code = getattr(handler, "__code__", None)
    return code if isinstance(code, CodeType) else None
