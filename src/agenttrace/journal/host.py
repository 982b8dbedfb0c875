"""Which host this is, and which boot of it."""

from __future__ import annotations

import os

__all__ = ["boot_id", "host"]


def boot_id() -> str:
    """Return which boot of this host this is, or nothing where the system does not say."""
    try:
        fd = os.open("/proc/sys/kernel/random/boot_id", os.O_RDONLY)  # at the end of the interpreter `open` is gone
    except OSError:
        return ""
    try:
        return os.read(fd, 64).decode("ascii", "replace").strip()
    except OSError:
        return ""
    finally:
        os.close(fd)


def host() -> str:
    """Return the host's name, or nothing where the system does not say."""
    return os.uname().nodename if hasattr(os, "uname") else ""
