"""Version 1: the first. Nothing leads to it: a new store is made from generated statements, at the newest version."""

from __future__ import annotations

revision = "0001"
down_revision = None
