"""Small disks: a command that runs another one in a mount namespace of its own, where a folder is a tmpfs of a size.

Nothing outside the namespace sees the mount, and it goes with the last process in there. Linux only; needs to be root,
or a kernel that lets users have namespaces.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

__all__ = ["can_mount", "on_small_disk"]

_SCRIPT = 'mount -t tmpfs -o "size=$1,mode=700" tmpfs "$2" && shift 2 && exec "$@"'


def on_small_disk(command: Sequence[str], folder: Path, size: str) -> list[str]:
    """Return a command that runs this one where `folder` is a disk of this size, as in `3m`."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", "--mount", *user, "sh", "-c", _SCRIPT, "sh", size, str(folder), *command]


@cache
def can_mount() -> bool:
    """Return whether `on_small_disk` works here."""
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(on_small_disk(["true"], Path("/tmp"), "1m"), capture_output=True, check=False)
    return tried.returncode == 0
