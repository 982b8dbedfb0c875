"""What a whole agent turn costs, with us, with bare OpenTelemetry SDK spans, and with a home-made SQLite exporter.

    python benchmarks/turn.py [--turns 2000] [--rounds 7] [--quick] [--json FILE]

A turn is five spans: a root (200 B in, 500 B out), a retrieval (a query, 3 chunks of 400 B), a prompt (2 KB system
prompt, 6 history messages of 300 B, 600 B response, model, token counts) and two tool calls (150 B in, 400 B out).
Every way runs in a process of its own, the ways in turn, round after round: one burst of turns from one thread, with
what is on by default (ours: redaction, capture by copy, journal, checksums, a writer thread, SQLite). Figures are
medians over the rounds, with their range, a span:

traced      CPU time of the thread that makes the spans, in µs
all         CPU time of the whole process until all is durable, in µs; ours stops where `flush` returns
kept        spans that are found in the store afterwards, in parts of those made
disk        bytes of the store's files, once its log was folded in

The ratio of two ways is the median of the ratios of each round. That of the traced thread to the bare SDK is measured
by itself: both in one process, in turn, in slices of a few milliseconds, so that a machine whose speed changes slows
both; it is the median of those of neighbouring slices, while the writer works. JSON is made with orjson on every side,
which is the quickest there is. The import is measured as well: what `import agenttrace` and a first span take over bare
Python, beside `import opentelemetry.trace, orjson`.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

SPANS = 5
SLICE = 20  # turns that one side makes before the other
WORDS = "Open the widget settings, choose the network tab and enter the name of your router there. "


def text(size: int) -> str:
    """Return so many bytes of plain text."""
    return (WORDS * (size // len(WORDS) + 1))[:size]


QUESTION, ANSWER = text(200), text(500)
QUERY, CHUNKS = text(80), [{"title": "Guide", "text": text(400)} for _ in range(3)]
SYSTEM, RESPONSE = text(2048), text(600)
HISTORY = [{"role": "user" if number % 2 else "assistant", "content": text(300)} for number in range(6)]
LONG = [{"role": "user" if number % 2 else "assistant", "content": text(300)} for number in range(100)]
ASKED, FOUND = {"query": text(150)}, [text(400)]


# --- the ways --------------------------------------------------------------------------------------------------------


class Ours:
    """agenttrace, as it is without any setting but the store."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        import agenttrace

        self.path = folder / "traces.db"
        self.trace = agenttrace.configure(self.path, journal_dir=folder / "journal", **settings)

    def turn(self) -> None:
        """Record one turn."""
        trace = self.trace
        with trace.master("answer", input=QUESTION) as root:
            with trace.context("retrieve", query=QUERY) as retrieval:
                retrieval.documents = CHUNKS
            with trace.prompt("engage", model="gpt-5", system_prompt=SYSTEM, history=HISTORY) as prompt:
                prompt.response = RESPONSE
                prompt.usage(input_tokens=812, output_tokens=95)
            for name in ("search", "look_up"):
                with trace.tool_call(name, input=ASKED) as call:
                    call.output = FOUND
            root.output = ANSWER

    def long_prompt(self) -> None:
        """Record one prompt with 100 messages."""
        with self.trace.prompt("engage", model="gpt-5", system_prompt=SYSTEM, history=LONG) as prompt:
            prompt.response = RESPONSE

    def settle(self) -> None:
        """Wait until all is durable."""
        if not self.trace.flush(600):
            sys.exit("ours: flush ran out of time")

    def close(self) -> int:
        """End, and return how many spans are in the store."""
        self.trace.shutdown(60)
        return count(self.path, "run")


class Bare:
    """OpenTelemetry SDK spans with nothing attached."""

    def __init__(self, folder: Path) -> None:
        from opentelemetry.sdk.trace import TracerProvider

        self.path = folder / "none.db"
        self.provider = TracerProvider()
        self.tracer = self.provider.get_tracer("benchmark")

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
            for name in ("search", "look_up"):
                with start(name) as call:
                    call.set_attribute("input", orjson.dumps(ASKED).decode())
                    call.set_attribute("output", orjson.dumps(FOUND).decode())
            root.set_attribute("output", ANSWER)

    def long_prompt(self) -> None:
        """Make one prompt's span with 100 messages."""
        with self.tracer.start_as_current_span("engage") as prompt:
            prompt.set_attribute("gen_ai.request.model", "gpt-5")
            prompt.set_attribute("system_prompt", SYSTEM)
            prompt.set_attribute("history", orjson.dumps(LONG).decode())
            prompt.set_attribute("response", RESPONSE)

    def settle(self) -> None:
        """Wait until all is durable."""
        self.provider.force_flush(600_000)

    def close(self) -> int:
        """End, and return how many spans are in the store."""
        self.provider.shutdown()
        return 0


class Exported(Bare):
    """The SDK with its batch processor and a home-made SQLite exporter, as one writes it in an afternoon."""

    def __init__(self, folder: Path, *, queue: int | None = None) -> None:
        super().__init__(folder)
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

        self.path = path = folder / "spans.db"

        class Exporter(SpanExporter):
            def __init__(self) -> None:
                self.connection = sqlite3.connect(path, check_same_thread=False)
                self.connection.executescript(
                    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                    "CREATE TABLE span (span_id TEXT PRIMARY KEY, trace_id TEXT, parent_id TEXT, name TEXT,"
                    "start_time INTEGER, end_time INTEGER, status TEXT, attributes TEXT);"
                    "CREATE INDEX span_trace ON span (trace_id); CREATE INDEX span_time ON span (start_time);"
                    "CREATE INDEX span_parent ON span (parent_id); CREATE INDEX span_name ON span (name, start_time);"
                )

            def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
                rows = [
                    (
                        f"{span.context.span_id:016x}",
                        f"{span.context.trace_id:032x}",
                        f"{span.parent.span_id:016x}" if span.parent else None,
                        span.name,
                        span.start_time,
                        span.end_time,
                        span.status.status_code.name,
                        orjson.dumps(dict(span.attributes or {})).decode(),
                    )
                    for span in spans
                    if span.context is not None
                ]
                with self.connection:
                    self.connection.executemany("INSERT INTO span VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
                return SpanExportResult.SUCCESS

            def shutdown(self) -> None:
                self.connection.close()

        size = {} if queue is None else {"max_queue_size": queue}
        self.provider.add_span_processor(BatchSpanProcessor(Exporter(), **size))

    def close(self) -> int:
        """End, and return how many spans are in the store."""
        self.provider.shutdown()
        return count(self.path, "span")


WAYS: dict[str, Callable[[Path], Any]] = {
    "ours": Ours,
    "sdk": Bare,
    "exporter": Exported,
    "exporter, large queue": lambda folder: Exported(folder, queue=10_000_000),
}
SAID = {
    "ours": "agenttrace",
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


# --- one way, in a process of its own --------------------------------------------------------------------------------


def child(name: str, turns: int) -> dict[str, float]:
    """Return the figures of one burst, a span."""
    with tempfile.TemporaryDirectory() as folder:
        way = WAYS[name](Path(folder))
        warm = max(turns // 10, 20)
        repeated(way.turn, warm)
        way.settle()
        process = time.process_time_ns()
        thread = repeated(way.turn, turns)
        way.settle()
        process = time.process_time_ns() - process
        repeated(way.long_prompt, 20)
        long = min(repeated(way.long_prompt, 50) for _ in range(3)) / 50
        way.settle()
        found = way.close() - warm * SPANS - 170
        size = sum(file.stat().st_size for file in Path(folder).glob("*.db*"))
        spans = turns * SPANS
        return {
            "traced": thread / spans / 1000,
            "all": process / spans / 1000,
            "kept": max(found, 0) / spans,
            "disk": size / max(found, 1) if found > 0 else 0.0,
            "long prompt": long / 1000,
        }


def sides(turns: int) -> dict[str, float]:
    """Return the ratios of the traced thread's CPU time, ours to the bare SDK's, slice by slice in this process."""
    with tempfile.TemporaryDirectory() as folder:
        ours, bare = Ours(Path(folder)), Bare(Path(folder))
        found: dict[str, float] = {}
        for name, count in (("turn", turns), ("long_prompt", turns // 4)):
            one, other = getattr(ours, name), getattr(bare, name)
            repeated(one, 20), repeated(other, 20)
            ours.settle()
            pairs = [(repeated(one, SLICE), repeated(other, SLICE)) for _ in range(max(count // SLICE, 1))]
            ours.settle()
            found[name] = statistics.median(mine / theirs for mine, theirs in pairs)
            found[f"{name}, µs"] = statistics.median(mine for mine, _ in pairs) / SLICE / 1000
            found[f"{name}, SDK, µs"] = statistics.median(theirs for _, theirs in pairs) / SLICE / 1000
        ours.close()
        return found


def repeated(act: Callable[[], object], times: int) -> int:
    """Return the CPU time of this thread, in ns, for doing this so often."""
    started = time.thread_time_ns()
    for _ in range(times):
        act()
    return time.thread_time_ns() - started


FIRST_SPAN = "import agenttrace\nwith agenttrace.tool_call('x'): pass\n"
FLOOR = "import opentelemetry.trace, orjson\n"


def imports(rounds: int) -> dict[str, float]:
    """Return the wall time of imports over bare Python, in ms, and the ratio that is asked for."""
    codes = {"bare": "", "floor": FLOOR, "ours": FIRST_SPAN}
    taken: dict[str, list[float]] = {name: [] for name in codes}
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "AGENTTRACE_STORE": str(Path(folder) / "traces.db")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # modules are compiled once, as they are where they are used
        for number in range(rounds + 1):
            for name, code in codes.items():
                ended = "import os, sys\nsys.stdout.flush()\nos._exit(0)\n"  # the end is no part of it
                started = time.perf_counter()
                subprocess.run([sys.executable, "-c", code + ended], check=True, env=environment, cwd=folder)
                if number:
                    taken[name].append((time.perf_counter() - started) * 1000)
    bare = statistics.median(taken["bare"])
    floor, ours = (statistics.median(taken[name]) - bare for name in ("floor", "ours"))
    return {"floor": floor, "ours": ours, "ratio": ours / floor}


# --- all of them -----------------------------------------------------------------------------------------------------


def run(name: str, turns: int) -> dict[str, float]:
    """Return the figures of a child."""
    command = [sys.executable, __file__, "--child", name, "--turns", str(turns)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def shown(values: list[float], digits: int = 1) -> str:
    """Return the median and the range."""
    return f"{statistics.median(values):8.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def ratio(rounds: list[dict[str, dict[str, float]]], figure: str, one: str, other: str) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(each[one][figure] / each[other][figure] for each in rounds)


def main() -> None:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--turns", type=int, default=2_000, help="turns a burst")
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--quick", action="store_true", help="seconds instead of minutes")
    arguments.add_argument("--json", type=Path, help="write the figures here as well")
    arguments.add_argument("--child", choices=[*sorted(WAYS), "sides"], help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.child:
        print(json.dumps(sides(given.turns) if given.child == "sides" else child(given.child, given.turns)))
        return
    if given.quick:
        given.turns, given.rounds = 200, 2
    rounds = [{name: run(name, given.turns) for name in WAYS} for _ in range(given.rounds)]
    print(f"a burst of {given.turns * SPANS} spans, medians of {given.rounds} rounds (and their range), a span")
    print(f"{'':38} {'traced, µs':>24} {'all, µs':>24} {'kept':>6} {'disk, B':>8}")
    for name in WAYS:
        figures = {key: [each[name][key] for each in rounds] for key in rounds[0][name]}
        kept, disk = statistics.median(figures["kept"]), statistics.median(figures["disk"])
        print(f"{SAID[name]:38} {shown(figures['traced']):>24} {shown(figures['all']):>24} {kept:6.0%} {disk:8.0f}")
    beside = [run("sides", given.turns) for _ in range(given.rounds)]
    found = {
        "traced": statistics.median(each["turn"] for each in beside),
        "long prompt": statistics.median(each["long_prompt"] for each in beside),
        "all": ratio(rounds, "all", "ours", "exporter, large queue"),
    }
    loaded = imports(3 if given.quick else 15)
    print(f"traced thread, to the bare SDK        {found['traced']:.3f}   (at most 0.200 is asked for)")
    print(f"a prompt with 100 messages, likewise  {found['long prompt']:.3f}   (at most 0.333)")
    print(f"all threads, to the exporter          {found['all']:.3f}   (at most 0.270, and 25 µs)")
    print(
        f"import and first span                 {loaded['ratio']:.2f}    (at most 1.3; "
        f"{loaded['ours']:.0f} ms against {loaded['floor']:.0f} ms)"
    )
    if given.json:
        given.json.write_text(
            json.dumps({"rounds": rounds, "sides": beside, "ratios": found, "import": loaded}, indent=2)
        )


if __name__ == "__main__":
    main()
