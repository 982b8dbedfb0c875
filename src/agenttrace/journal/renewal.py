"""Getting old records off the disk: every process that has a journal here is asked to begin a new segment.

What is drained is deleted segment by segment, so the segment to which a process appends holds records long after they
are in the store. Whoever erases data asks through a file in the journals' root; writers look at it once a second.
No threads; whoever waits asks again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agenttrace.journal.folder import RENEWAL
from agenttrace.journal.segment import SAFE, unlink

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["ask", "shown"]


def ask(root: str | PathLike[str]) -> None:
    """Ask the processes whose journals are under `root` to begin new segments. Raises OSError where that fails."""
    if not os.path.isdir(root):
        return
    fresh = os.path.join(root, f".{RENEWAL}.{os.urandom(8).hex()}")
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE, 0o600))
    try:
        os.replace(fresh, os.path.join(root, RENEWAL))
    except BaseException:
        unlink(fresh)
        raise


def shown(stamp: object) -> str | None:
    """Return a stamp as text, to be written down; None stays None."""
    return None if stamp is None else repr(stamp)
