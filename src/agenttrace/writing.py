"""What whoever writes to the store takes from other rooms: the meaning of foreign spans, and keeping by age.

For the thread in the traced process, and for the drainer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agenttrace.faults import ConfigurationError, InvalidQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from agenttrace.model.foreign import Derived, ForeignLog, ForeignSpan, NativeRun
    from agenttrace.store.batch import Derive
    from agenttrace.store.protocol import Store

__all__ = ["deriver", "upkeep_by_age"]


def deriver(failed: Callable[[BaseException, str], None]) -> Derive:
    """Return what says what foreign spans mean. A defect in it costs those spans their runs, and nothing else."""

    def derive_runs(
        spans: Sequence[ForeignSpan], logs: Sequence[ForeignLog], native: Sequence[NativeRun]
    ) -> Derived | None:
        # Imported at first use: who records no foreign spans does without.
        from agenttrace.otel.derive import derive

        try:
            return derive(spans, logs, native)
        except Exception as error:  # noqa: BLE001 - the spans are kept, and derived again when more of them come
            failed(error, "derive")
            return None

    return derive_runs


def upkeep_by_age(
    retention: str | timedelta | None, root: str | None, *, audit: bool, clock: Callable[[], int]
) -> Callable[[Store], float] | None:
    """Return what keeps the store by age, or None. Raises ConfigurationError."""
    if not isinstance(audit, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"audit_retention: must be True or False, got {audit!r}")
    if retention is None:
        return None
    # Imported where it is asked for: recording does without.
    from pathlib import Path

    from agenttrace.erasure.filters import age
    from agenttrace.erasure.retention import Retention

    try:
        oldest = age("retention", retention)
    except InvalidQuery as error:
        raise ConfigurationError(str(error)) from error
    if oldest is None:
        raise ConfigurationError(f"retention: must be an age, as '90d' or a timedelta, got {retention!r}")
    folder = None if root is None else Path(root)
    return Retention(oldest, folder, audit=audit, clock=clock).step
