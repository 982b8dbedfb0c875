"""What taking another library's span costs, and how many spans a second come in over OTLP.

    python benchmarks/ingest.py [--spans 2000] [--rounds 7]

In the traced thread: a whole chat span (begun with 6 attributes, 12 set later, among them messages of 2 KB, as GenAI
instrumentations do), once with our SpanProcessor and once with the SDK's BatchSpanProcessor and an exporter that does
nothing. Both in one run, in turn, in slices of a few milliseconds, and the ratio is the median of those of neighbouring
slices; CPU time of the traced thread only. Ours writes the span, redacted, into a file that
survives the process; the other one queues a reference. The ratio must be at most 1.6.

Over OTLP: requests of 100 such spans in protobuf, read, redacted, journalled, derived and stored in SQLite.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Tracer

from agenttrace import AgentTrace
from agenttrace.otel import SpanProcessor, otlp
from agenttrace.otel.receive import Receiver

WORDS = "Open the widget settings, choose the network tab and enter the name of your router there. "
INPUT_TEXT, OUTPUT_TEXT = (WORDS * 20)[:1500], (WORDS * 8)[:500]
INPUT: Any = [{"role": "user", "parts": [{"type": "text", "content": INPUT_TEXT}]}]
OUTPUT: Any = [{"role": "assistant", "parts": [{"type": "text", "content": OUTPUT_TEXT}]}]
AT_START = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5",
    "gen_ai.request.temperature": 0.2,
    "server.address": "api.openai.com",
    "server.port": 443,
}
LATER = {
    "gen_ai.agent.name": "support",
    "gen_ai.conversation.id": "a63ab83d-2bb8-42ab-8374-23b8e1e276e3",
    "gen_ai.output.type": "text",
    "gen_ai.request.max_tokens": 1024,
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.response.model": "gpt-5-2026",
    "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be polite."}]),
    "gen_ai.usage.input_tokens": 812,
    "gen_ai.usage.output_tokens": 95,
}


SLICE = 25  # spans


class Nowhere(SpanExporter):
    """Exports nothing."""

    def export(self, spans: object) -> SpanExportResult:
        """Say that all went well."""
        return SpanExportResult.SUCCESS


def chat(tracer: Tracer, number: int) -> None:
    """Make one chat span, as an instrumentation does; its messages are its own."""
    with tracer.start_as_current_span("chat gpt-5", kind=SpanKind.CLIENT, attributes=AT_START) as span:
        for key, value in LATER.items():
            span.set_attribute(key, value)
        span.set_attribute("gen_ai.response.id", f"chatcmpl-{number}")
        INPUT[0]["parts"][0]["content"] = f"{number}. {INPUT_TEXT}"
        span.set_attribute("gen_ai.input.messages", json.dumps(INPUT))
        OUTPUT[0]["parts"][0]["content"] = f"{number}. {OUTPUT_TEXT}"
        span.set_attribute("gen_ai.output.messages", json.dumps(OUTPUT))


def chats(tracer: Tracer, count: int) -> int:
    """Make chat spans and return the CPU nanoseconds of this thread."""
    started = time.thread_time_ns()
    for number in range(count):
        chat(tracer, number)
    return time.thread_time_ns() - started


def report(name: str, figures: list[int]) -> None:
    """Print the median and the range of nine in ten, in microseconds a span."""
    each = sorted(figure / SLICE / 1000 for figure in figures)
    low, middle, high = (each[int(len(each) * part)] for part in (0.05, 0.5, 0.95))
    print(f"{name:44} {middle:8.2f} µs   ({low:.2f} to {high:.2f})")


def in_process(folder: Path, count: int, rounds: int) -> None:
    """Measure both processors in turn, and look whether every span is stored."""
    trace = AgentTrace(store=folder / "process.db")
    theirs, ours, none = (TracerProvider(shutdown_on_exit=False) for _ in range(3))
    # A queue that never fills, drained outside the measured time: a full one would drop, and be cheaper.
    batch = BatchSpanProcessor(Nowhere(), max_queue_size=max(count + 1, 2048), schedule_delay_millis=3_600_000)
    theirs.add_span_processor(batch)
    ours.add_span_processor(SpanProcessor(trace))
    ways: dict[str, Tracer] = {
        "no processor": none.get_tracer("benchmark"),
        "BatchSpanProcessor, exporter does nothing": theirs.get_tracer("benchmark"),
        "agenttrace.otel.SpanProcessor": ours.get_tracer("benchmark"),
    }
    figures: dict[str, list[int]] = {name: [] for name in ways}
    for tracer in ways.values():
        chats(tracer, SLICE)
    settle: Callable[[], object] = lambda: (trace.flush(60), batch.force_flush())  # noqa: E731
    settle()
    slices = max(count // SLICE, 1)
    for _ in range(rounds):
        for _ in range(slices):
            for name, tracer in ways.items():
                figures[name].append(chats(tracer, SLICE))
        settle()
    for name in ways:
        report(name, figures[name])
    _, batched, recorded = figures.values()
    ratio = statistics.median(mine / other for other, mine in zip(batched, recorded, strict=True))
    print(f"ratio {ratio:.3f}   (at most 1.6 is asked for)")
    check(trace, (rounds * slices + 1) * SLICE)
    theirs.shutdown()


def over_otlp(folder: Path, count: int, rounds: int) -> None:
    """Measure how long spans take from a request's body to the store."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("benchmark")
    trace = AgentTrace(store=folder / "otlp.db")
    receiver = Receiver(trace)
    rates: list[float] = []
    for _ in range(rounds):
        memory.clear()
        chats(tracer, count)
        spans: tuple[ReadableSpan, ...] = memory.get_finished_spans()
        bodies = [encode_spans(spans[at : at + 100]).SerializeToString() for at in range(0, count, 100)]
        started = time.perf_counter()
        for body in bodies:
            receiver.take(otlp.read(body, otlp.PROTOBUF))
        trace.flush(60)
        rates.append(count / (time.perf_counter() - started))
    print(f"{'OTLP protobuf to SQLite':44} {statistics.median(rates):8.0f} spans a second")
    check(trace, rounds * count)


def check(trace: AgentTrace, expected: int) -> None:
    """Exit with an error where a span is missing or has lost its content."""
    found = 0
    for run in trace.query.runs(run_type="prompt"):
        content = run.content or {}
        if content["llm_model"] != "gpt-5-2026" or "Open the widget" not in str(content["llm_response"]):
            sys.exit(f"verification failed: run {run.id} has lost its content")
        found += 1
    trace.shutdown(60)
    if found != expected:
        sys.exit(f"verification failed: {expected} spans, {found} runs")
    print(f"verified: {found} runs in the store")


def main() -> None:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--spans", type=int, default=2_000, help="spans a round")
    arguments.add_argument("--rounds", type=int, default=7)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        in_process(Path(folder), given.spans, given.rounds)
        over_otlp(Path(folder), given.spans, given.rounds)


if __name__ == "__main__":
    main()
