"""What is raised where the writer has to stop in the middle of its work."""

from __future__ import annotations

__all__ = ["Stopped"]


class Stopped(Exception):
    """The writer has to stop; nothing was lost, the records are still in the journal."""
