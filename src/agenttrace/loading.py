"""Loading modules at their first use, in whatever thread that is, without harm to a fork that comes in between.

A fork while another thread is in the middle of an import leaves the child with half a module, and with a lock that
nobody gives back. So whoever loads something late holds `LOADING`, and a fork waits for it: some milliseconds, once.
"""

from __future__ import annotations

import os
import threading
from typing import Final

__all__ = ["LOADING"]

#: Hold this around a late import: `with LOADING: from x import y`. Reentrant.
LOADING: Final = threading.RLock()

# Seconds, for a machine may be busy; and an end, for a fork inside an import of that module must not wait for itself.
_PATIENCE = 10.0


def _before() -> None:
    global _held
    _held = LOADING.acquire(timeout=_PATIENCE)


def _after() -> None:
    if _held:
        LOADING.release()


def _in_child() -> None:
    # Where the time ran out, the lock belongs to a thread that the child does not have.
    if _held:
        LOADING.release()
    else:
        LOADING._at_fork_reinit()  # type: ignore[attr-defined]


_held = False
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_in_child)
