"""Who may reach a file or folder: what is open to others than its owner, or belongs to somebody else. Read only."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Exposed", "exposed"]


@dataclass(slots=True, frozen=True, kw_only=True)
class Exposed:
    """A file or folder with rights that it should not have."""

    path: Path
    mode: str  # as 0644
    owner: int  # user id
    foreign: bool  # it belongs to another user than the one who asks


def exposed(path: Path, forbidden: int) -> Iterator[Exposed]:
    """Yield the path where its mode has one of the `forbidden` bits, or it is another user's; nothing where it is gone.

    The superuser may ask about everybody's.
    """
    try:
        found = path.lstat()
    except OSError:
        return
    user = os.geteuid() if hasattr(os, "geteuid") else found.st_uid
    foreign = user not in (0, found.st_uid)
    mode = stat.S_IMODE(found.st_mode)
    if foreign or (mode & forbidden and not stat.S_ISLNK(found.st_mode)):
        yield Exposed(path=path, mode=f"{mode:04o}", owner=found.st_uid, foreign=foreign)
