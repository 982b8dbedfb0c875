"""Which host this is, and which boot of it."""

from __future__ import annotations

import os

__all__ = ["boot_id", "host"]


def boot_id() -> str:
    """Return which boot of this host this is, or nothing where the system does not say."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def host() -> str:
    """Return the host's name, or nothing where the system does not say."""
    return os.uname().nodename if hasattr(os, "uname") else ""
