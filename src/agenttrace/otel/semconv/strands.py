"""Strands Agents 1.62: what it says beyond OpenTelemetry's conventions in their older form."""

from __future__ import annotations

from typing import Final

from agenttrace.otel.semconv.convention import MEMORY, Convention, Evidence, Source, table

__all__ = ["STRANDS"]

STRANDS: Final = Convention(
    name="Strands",
    evidence=(Evidence(4, "gen_ai.operation.name", {"memory.search": MEMORY}),),
    fields=table(time_to_first_token=Source("gen_ai.server.time_to_first_token", scale=0.001)),
    value_events={"memory.query": ("query", "content"), "memory.results": ("documents", "content")},
    noise=("gen_ai.event.start_time", "gen_ai.event.end_time"),
)
