"""Threads that OpenTelemetry's own instrumentation hands the context to, without `agenttrace.wrap`."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from opentelemetry.instrumentation.threading import ThreadingInstrumentor
from opentelemetry.sdk.trace import TracerProvider

from agenttrace import AgentTrace
from agenttrace.otel import SpanProcessor


def test_spans_of_both_kinds_go_on_in_threads(tmp_path: Path) -> None:
    """A tool call of ours and a span of the SDK that begin in a thread are below the turn that started it."""
    provider = TracerProvider(shutdown_on_exit=False)
    instrumentor = ThreadingInstrumentor()
    with AgentTrace(store=tmp_path / "agenttrace.db") as trace:
        provider.add_span_processor(SpanProcessor(trace))
        tracer = provider.get_tracer("library")

        @trace.tool_call
        def look_up() -> str:
            tracer.start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
            return "found"

        instrumentor.instrument()
        try:
            with trace.master("turn", input="q") as turn:
                thread = threading.Thread(target=look_up)
                thread.start()
                thread.join()
                with ThreadPoolExecutor(1) as pool:
                    pool.submit(look_up).result()
        finally:
            instrumentor.uninstrument()
        names = [run.name for run in trace.query.trace(turn.run_id).walk()]
    assert names == ["turn", "look_up", "chat", "look_up", "chat"]
