"""Keyword arguments, for type checkers. No module loads this one: a class of such takes longer to make than a span."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TypedDict

from agenttrace.record.parameters import Ids

__all__ = ["Redact", "Settings"]

Redact = bool | Callable[[str | None, str], str]


class Settings(TypedDict, total=False):
    """The keyword arguments of `AgentTrace` and `configure`."""

    journal_dir: str | Path | None
    redact: Redact
    max_content_bytes: int
    journal_max_bytes: int
    writer: Literal["thread", "process"] | None
    exporters: Sequence[Any]
    service_id: str | uuid.UUID | None
    enabled: bool | None
    flush_interval: float
    query_timeout: float
    exit_timeout: float
    raw_prompts: bool
    respect_sampling: bool
    retention: str | timedelta | None
    audit_retention: bool
    clock: Callable[[], int] | None
    ids: Ids | None
