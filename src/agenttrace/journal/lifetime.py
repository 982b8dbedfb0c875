"""What happens to pipelines when the process forks or ends: one hook each for all of them."""

from __future__ import annotations

import atexit
import os
import sys
import time
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agenttrace.journal.shapes import Living

__all__ = ["register"]

_living: weakref.WeakSet[Living] = weakref.WeakSet()
_finalized_pid = 0


def register(pipeline: Living) -> None:
    """Have the hooks called for this pipeline as long as somebody holds it."""
    _living.add(pipeline)
    _register_worker_exit()


def at_exit() -> None:
    """End all pipelines; together they take no longer than the most patient one allows."""
    pipelines = sorted(_living, key=lambda pipeline: pipeline.exit_order)
    deadline = time.monotonic() + max((pipeline.exit_timeout for pipeline in pipelines), default=0.0)
    for pipeline in pipelines:
        pipeline.at_exit(max(0.0, deadline - time.monotonic()))


def after_fork() -> None:
    """Start all pipelines anew in a child."""
    for pipeline in list(_living):
        pipeline.after_fork()


def _register_worker_exit() -> None:
    """Be called at the end of a multiprocessing worker too: it leaves through os._exit, which skips atexit."""
    global _finalized_pid
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util is None or process is None or process.parent_process() is None or _finalized_pid == os.getpid():
        return
    _finalized_pid = os.getpid()
    util.Finalize(None, at_exit, exitpriority=0)


atexit.register(at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork)
