"""What waits for its first use: modules, in whatever thread that is, and regular expressions, which are compiled then.

Who imports us does not wait for them. A fork while another thread is in the middle of an import leaves the child with
half a module, and with a lock that nobody gives back. So whoever loads something late holds `LOADING`, and a fork waits
for it: some milliseconds, once.
What is loaded while a fork waits has its own part in that very fork: `at_fork` sees to it, `os.register_at_fork` not.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, cast

__all__ = ["LOADING", "at_fork", "load", "regex"]

#: Hold this around a late import: `with LOADING: from x import y`. Reentrant.
LOADING: Final = threading.RLock()

# Seconds, for a machine may be busy; and an end, for a fork inside an import of that module must not wait for itself.
_PATIENCE = 10.0


_Act = Callable[[], None]

_parts: list[tuple[_Act, _Act, _Act]] = []  # what somebody does in each fork: before, in the parent, in the child
_begun = 0  # how many of them this fork has called before
_held = False


def load(module: str) -> None:
    """Load a module of the package, under `LOADING`."""
    with LOADING:
        import_module(f"agenttrace.{module}")


def at_fork(*, before: _Act, after_in_parent: _Act, after_in_child: _Act) -> None:
    """Have these called in each fork from now on, also in one that waits until the caller is loaded."""
    _parts.append((before, after_in_parent, after_in_child))


def _before() -> None:
    global _begun, _held
    _begun = 0
    while True:
        # Not while we hold the lock: somebody for whom a part waits may have to load something first.
        while _begun < len(_parts):
            _begun += 1
            before, _, _ = _parts[_begun - 1]
            before()
        _held = LOADING.acquire(timeout=_PATIENCE)
        if not _held or _begun == len(_parts):
            return
        LOADING.release()


def _after() -> None:
    if _held:
        LOADING.release()
    for _, after_in_parent, _ in reversed(_parts[:_begun]):
        after_in_parent()


def _in_child() -> None:
    # Where the time ran out, the lock belongs to a thread that the child does not have.
    if _held:
        LOADING.release()
    else:
        LOADING._at_fork_reinit()  # type: ignore[attr-defined]
    for _, _, after_in_child in _parts:
        after_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_in_child)


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
