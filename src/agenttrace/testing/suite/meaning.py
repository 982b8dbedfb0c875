"""What spans of other libraries mean in this suite: a `derive` that is as simple as may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agenttrace.model.foreign import Derived, DerivedEvent, DerivedRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agenttrace.model.foreign import ForeignLog, ForeignSpan, NativeRun

__all__ = ["simple"]


def simple(spans: Sequence[ForeignSpan], logs: Sequence[ForeignLog], native: Sequence[NativeRun]) -> Derived:
    """Say what spans mean, as simply as may be: one with a `type` is a run, others connect runs, logs are outputs."""
    up = {span.span_id: span.parent_id for span in spans}
    ours = {run.span_id: run for run in native}
    runs = {span.span_id for span in spans if "type" in span.attributes} | set(ours)

    def above(span: bytes | None) -> bytes | None:
        while span is not None and span not in runs:
            span = up.get(span)
        return span

    said = {log.span_id: log.body for log in logs}
    found = [_run(span, above(span.parent_id), said) for span in spans if "type" in span.attributes]
    moved = {key: above(run.via or run.parent_id) for key, run in ours.items()}
    return Derived(
        runs=found,
        events=[
            DerivedEvent(span_id=span.span_id, type="thinking", time=span.start, index=0, data={"content": text})
            for span in spans
            if (text := span.attributes.get("thought")) is not None
        ],
        reparented={key: up for key, up in moved.items() if up is not None and up != ours[key].parent_id},
    )


def _run(span: ForeignSpan, parent: bytes | None, said: dict[bytes, Any]) -> DerivedRun:
    content = {"input": span.attributes.get("input"), "output": said.get(span.span_id)}
    return DerivedRun(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=parent,
        run_type=span.attributes["type"],
        name=span.name,
        status="running" if span.end is None else "success",
        start=span.start,
        end=span.end,
        content={key: value for key, value in content.items() if value is not None},
        scope_ids=span.scope_ids,
    )
