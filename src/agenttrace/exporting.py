"""The way of runs to exporters: a pipeline for each, with a journal of its own beside the store's."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from agenttrace.journal.pipeline import Pipeline
from agenttrace.journal.settings import JournalSettings
from agenttrace.loading import LOADING
from agenttrace.model.wire import RUN, has_ended

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agenttrace.record.recorder import Recorder
    from agenttrace.store.batch import Batch

__all__ = ["export_pipelines", "export_roots", "listeners_of"]


def export_pipelines(
    exporters: Sequence[Any], root: str | None, recorder: Recorder, *, clock: Callable[[], int]
) -> tuple[Pipeline, ...]:
    """Return one pipeline for each exporter, with a journal of its own beside the store's."""
    # Imported at first use: it needs the OpenTelemetry SDK.
    with LOADING:
        from agenttrace.otel.export import ExportStore
    pipelines: list[Pipeline] = []
    for number, exporter in enumerate(exporters):
        folder = None if root is None else os.path.join(_exports(root), f"{number}-{type(exporter).__name__}")
        store: Any = ExportStore(exporter)  # all that a writer asks of a store
        pipeline = Pipeline(
            JournalSettings(root=folder, retry_max=30.0, heartbeat=None),
            lambda store=store: store,
            on_error=lambda where, error: recorder.failed(error, f"export {where}"),
            clock=clock,
        )
        pipeline.exit_order = 1  # what the store's pipeline hands on at the end has to leave, too
        pipelines.append(pipeline)
    return tuple(pipelines)


def export_roots(root: str | None) -> list[str]:
    """Return the folders of the exporters' journals, of earlier exporters too."""
    if root is None:
        return []
    with suppress(OSError), os.scandir(_exports(root)) as entries:
        return sorted(entry.path for entry in entries if entry.is_dir())
    return []


def _exports(root: str) -> str:
    return f"{root}.export"


def listeners_of(exports: Sequence[Pipeline]) -> tuple[Callable[[list[tuple[int, bytes]], Batch], None], ...]:
    """Return what hands the runs that have ended on to exporters, once the store has them."""

    def hand_on(records: list[tuple[int, bytes]], batch: Batch) -> None:  # noqa: ARG001 - what a listener takes
        for kind, payload in records:
            if kind == RUN and has_ended(payload):
                for pipeline in exports:
                    pipeline.append(kind, payload)

    return (hand_on,) if exports else ()
