"""The ways to record a turn: ours with a writer's thread or process, bare SDK spans, a home-made SQLite exporter.

A way has `turn`, `long_prompt`, `grown_prompt`, `other_prompt` and `call`, which record; `settle`, which waits until
all is durable; `busy`, whether that is still under way; `others`, the CPU time of processes that work for it; and
`close`, which ends it and returns how many spans are in its store.
"""

from __future__ import annotations

import atexit
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.content import (
    ANSWER,
    ASKED,
    CALLED,
    CHUNKS,
    FOUND,
    GROWN,
    HISTORY,
    LONG,
    OTHERS,
    QUERY,
    QUESTION,
    RESPONSE,
    RETURNED,
    SYSTEM,
    TOOLS,
)

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["SAID", "WAYS", "Bare", "Drainer", "Exported", "Ours", "Outside", "Unavailable", "count", "record_turn"]


class Unavailable(Exception):
    """A way that this installation does not have; says why."""


def record_turn(trace: Any) -> None:
    """Record one turn with an `AgentTrace`."""
    with trace.master("answer", input=QUESTION) as root:
        with trace.context("retrieve", query=QUERY) as retrieval:
            retrieval.documents = CHUNKS
        with trace.prompt("engage", model="gpt-5", system_prompt=SYSTEM, history=HISTORY) as prompt:
            prompt.response = RESPONSE
            prompt.usage(input_tokens=812, output_tokens=95)
        for name in TOOLS:
            with trace.tool_call(name, input=ASKED) as call:
                call.output = FOUND
        root.output = ANSWER


class Ours:
    """agenttrace, as it is without any setting but the store."""

    table = "run"

    def __init__(self, folder: Path, **settings: Any) -> None:
        import agenttrace

        self.path = folder / "traces.db"
        self.journals = folder / "journal"
        self.trace = trace = agenttrace.configure(self.path, journal_dir=self.journals, **settings)

        @trace.tool_call
        def traced(text: str) -> str:
            return RETURNED if text else text

        self._traced = traced
        self._grown, self._others = cycle(GROWN), cycle(OTHERS)

    def turn(self) -> None:
        """Record one turn."""
        record_turn(self.trace)

    def long_prompt(self) -> None:
        """Record one prompt with 100 messages."""
        self._prompt(LONG)

    def grown_prompt(self) -> None:
        """Record one prompt with two messages more than the one before, 100 to 226."""
        self._prompt(next(self._grown))

    def other_prompt(self) -> None:
        """Record one prompt with 100 messages that were not said of late."""
        self._prompt(next(self._others))

    def _prompt(self, history: list[dict[str, str]]) -> None:
        with self.trace.prompt("engage", model="gpt-5", system_prompt=SYSTEM, history=history) as prompt:
            prompt.response = RESPONSE

    def call(self) -> None:
        """Call a decorated function."""
        self._traced(CALLED)

    def settle(self) -> None:
        """Wait until all is durable."""
        if not self.trace.flush(1800):
            sys.exit("ours: flush ran out of time")

    def busy(self) -> bool:
        """Return whether the writer still has work."""
        return self.trace.stats().pending > 0

    def others(self) -> int:
        """Return the CPU time of processes that work for this one, in ns."""
        return 0

    def close(self) -> int:
        """End, and return how many spans are in the store."""
        self.trace.shutdown(60)
        return count(self.path, self.table)


DRAIN = "import sys; from agenttrace.draining import drain; drain(sys.argv[1], journal_dir=sys.argv[2])"


class Drainer:
    """`agenttrace drain` for a store and a journal folder, started and seen to be there, as by a supervisor."""

    def __init__(self, path: Path, journals: Path) -> None:
        try:
            from agenttrace.journal import seat
        except ImportError:
            raise Unavailable('this agenttrace has no writer="process"') from None
        self.process = subprocess.Popen([sys.executable, "-c", DRAIN, f"sqlite:///{path}", str(journals)])
        atexit.register(self.end)
        deadline = time.monotonic() + 60
        while not seat.is_taken(journals):
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit("ours: the drainer did not come up")
            time.sleep(0.02)

    def end(self) -> None:
        """End it, and wait until it has."""
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Outside(Ours):
    """agenttrace with `writer="process"`: the drainer is started first."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        cpu_of(os.getpid())  # where that cannot be told, there is nothing to measure
        self.drainer = Drainer(folder / "traces.db", folder / "journal")
        super().__init__(folder, writer="process", **settings)

    def others(self) -> int:
        """Return the CPU time of the drainer, in ns."""
        return cpu_of(self.drainer.process.pid)

    def close(self) -> int:
        """End, and return how many spans are in the store."""
        self.trace.shutdown(60)
        self.drainer.end()
        return count(self.path, self.table)


class Bare:
    """OpenTelemetry SDK spans with nothing attached."""

    table: str | None = None

    def __init__(self, folder: Path) -> None:
        from opentelemetry.sdk.trace import TracerProvider

        self.path = folder / "spans.db"
        self.provider = TracerProvider()
        self.tracer = self.provider.get_tracer("benchmark")
        self._grown, self._others = cycle(GROWN), cycle(OTHERS)

    def turn(self) -> None:
        """Make one turn's spans."""
        start = self.tracer.start_as_current_span
        with start("answer") as root:
            root.set_attribute("input", QUESTION)
            with start("retrieve") as retrieval:
                retrieval.set_attribute("query", QUERY)
                retrieval.set_attribute("documents", orjson.dumps(CHUNKS).decode())
            with start("engage") as prompt:
                prompt.set_attribute("gen_ai.request.model", "gpt-5")
                prompt.set_attribute("system_prompt", SYSTEM)
                prompt.set_attribute("history", orjson.dumps(HISTORY).decode())
                prompt.set_attribute("response", RESPONSE)
                prompt.set_attribute("gen_ai.usage.input_tokens", 812)
                prompt.set_attribute("gen_ai.usage.output_tokens", 95)
            for name in TOOLS:
                with start(name) as call:
                    call.set_attribute("input", orjson.dumps(ASKED).decode())
                    call.set_attribute("output", orjson.dumps(FOUND).decode())
            root.set_attribute("output", ANSWER)

    def long_prompt(self) -> None:
        """Make one prompt's span with 100 messages."""
        self._prompt(orjson.dumps(LONG).decode())

    def grown_prompt(self) -> None:
        """Make one prompt's span with two messages more than the one before."""
        self._prompt(orjson.dumps(next(self._grown)).decode())

    def other_prompt(self) -> None:
        """Make one prompt's span with 100 messages that were not said of late."""
        self._prompt(orjson.dumps(next(self._others)).decode())

    def plain_long_prompt(self) -> None:
        """Make the same with the `json` of the standard library, as instrumentations do."""
        self._prompt(json.dumps(LONG))

    def _prompt(self, history: str) -> None:
        with self.tracer.start_as_current_span("engage") as prompt:
            prompt.set_attribute("gen_ai.request.model", "gpt-5")
            prompt.set_attribute("system_prompt", SYSTEM)
            prompt.set_attribute("history", history)
            prompt.set_attribute("response", RESPONSE)

    def call(self) -> None:
        """Make one span with two attributes."""
        with self.tracer.start_as_current_span("traced") as span:
            span.set_attribute("input", CALLED)
            span.set_attribute("output", RETURNED)

    def settle(self) -> None:
        """Wait until all is durable."""
        self.provider.force_flush(1_800_000)

    def busy(self) -> bool:
        """Return whether the exporter still has work."""
        return False

    def others(self) -> int:
        """Return the CPU time of processes that work for this one, in ns."""
        return 0

    def close(self) -> int:
        """End, and return how many spans are in the store."""
        self.provider.shutdown()
        return count(self.path, self.table) if self.table else 0


SCHEMA = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
CREATE TABLE span (span_id TEXT PRIMARY KEY, trace_id TEXT, parent_id TEXT, name TEXT,
    start_time INTEGER, end_time INTEGER, status TEXT, attributes TEXT);
CREATE INDEX span_trace ON span (trace_id); CREATE INDEX span_time ON span (start_time);
CREATE INDEX span_parent ON span (parent_id); CREATE INDEX span_name ON span (name, start_time);
"""


def span_row(span: ReadableSpan) -> tuple[Any, ...]:
    """Return a span as a row of the home-made table."""
    assert span.context is not None
    return (
        f"{span.context.span_id:016x}",
        f"{span.context.trace_id:032x}",
        f"{span.parent.span_id:016x}" if span.parent else None,
        span.name,
        span.start_time,
        span.end_time,
        span.status.status_code.name,
        orjson.dumps(dict(span.attributes or {})).decode(),
    )


class Exported(Bare):
    """The SDK with its batch processor and a home-made SQLite exporter, as one writes it in an afternoon."""

    table = "span"

    def __init__(self, folder: Path, *, queue: int | None = None) -> None:
        super().__init__(folder)
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

        path, way = self.path, self

        class Exporter(SpanExporter):
            def __init__(self) -> None:
                self.connection = sqlite3.connect(path, check_same_thread=False)
                self.connection.executescript(SCHEMA)

            def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
                with self.connection:
                    self.connection.executemany(
                        "INSERT INTO span VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [span_row(span) for span in spans]
                    )
                way.written += len(spans)
                return SpanExportResult.SUCCESS

            def shutdown(self) -> None:
                self.connection.close()

        self.made = self.written = 0
        size = {} if queue is None else {"max_queue_size": queue}
        self.provider.add_span_processor(BatchSpanProcessor(Exporter(), **size))

    def busy(self) -> bool:
        """Return whether the exporter still has work; `made` is what the caller says it made."""
        return self.written < self.made


WAYS: dict[str, Callable[..., Any]] = {
    "ours": Ours,
    "ours, process": Outside,
    "sdk": Bare,
    "exporter": Exported,
    "exporter, large queue": lambda folder: Exported(folder, queue=10_000_000),
}
SAID = {
    "ours": "agenttrace",
    "ours, process": 'agenttrace, `writer="process"`',
    "sdk": "OpenTelemetry SDK, nothing attached",
    "exporter": "SDK, batch processor, SQLite exporter",
    "exporter, large queue": "the same, queue large enough",
}


def count(path: Path, table: str) -> int:
    """Return how many rows a table has, its file's log folded in."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    finally:
        connection.close()


def cpu_of(pid: int) -> int:
    """Return the CPU time of another process, all its threads together, in ns. Linux only; else Unavailable."""
    if not sys.platform.startswith("linux"):
        raise Unavailable("the CPU time of the drainer can be read on Linux only")
    return time.clock_gettime_ns((~pid << 3) | 2)  # the clock that clock_getcpuclockid(3) names
