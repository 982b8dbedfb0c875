"""Loading modules at their first use, in whatever thread that is, without harm to a fork that comes in between.

A fork while another thread is in the middle of an import leaves the child with half a module, and with a lock that
nobody gives back. So whoever loads something late holds `LOADING`, and a fork waits for it: some milliseconds, once.
What is loaded while a fork waits has its own part in that very fork: `at_fork` sees to it, `os.register_at_fork` not.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Final, NamedTuple

__all__ = ["LOADING", "at_fork"]

#: Hold this around a late import: `with LOADING: from x import y`. Reentrant.
LOADING: Final = threading.RLock()

# Seconds, for a machine may be busy; and an end, for a fork inside an import of that module must not wait for itself.
_PATIENCE = 10.0


class _Part(NamedTuple):
    """What somebody does in each fork."""

    before: Callable[[], None]
    after_in_parent: Callable[[], None]
    after_in_child: Callable[[], None]


_parts: list[_Part] = []
_begun = 0  # how many of them this fork has called before
_held = False


def at_fork(
    *, before: Callable[[], None], after_in_parent: Callable[[], None], after_in_child: Callable[[], None]
) -> None:
    """Have these called in each fork from now on, also in one that waits until the caller is loaded."""
    _parts.append(_Part(before, after_in_parent, after_in_child))


def _before() -> None:
    global _begun, _held
    _begun = 0
    while True:
        # Not while we hold the lock: somebody for whom a part waits may have to load something first.
        while _begun < len(_parts):
            _begun += 1
            _parts[_begun - 1].before()
        _held = LOADING.acquire(timeout=_PATIENCE)
        if not _held or _begun == len(_parts):
            return
        LOADING.release()


def _after() -> None:
    if _held:
        LOADING.release()
    for part in reversed(_parts[:_begun]):
        part.after_in_parent()


def _in_child() -> None:
    # Where the time ran out, the lock belongs to a thread that the child does not have.
    if _held:
        LOADING.release()
    else:
        LOADING._at_fork_reinit()  # type: ignore[attr-defined]
    for part in _parts:
        part.after_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_in_child)
