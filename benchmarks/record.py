"""What one decorated call costs the calling thread, beside a bare OpenTelemetry SDK span with the same two attributes.

    python benchmarks/record.py [--calls 20000] [--rounds 7] [--more]

Both run in this process, in turn, in slices of a few milliseconds, so that a machine whose speed changes slows both; a
figure is the median over the slices of the calling thread's CPU time a call, with the range of nine in ten behind it,
and the ratio is the median of those of neighbouring slices. The decorated function takes a 200-byte text and returns a
500-byte text, with all that is on by default: capture by copy, redaction, journal, checksums, writer thread, SQLite.
The SDK span has no processor attached. A plain call of the same function is measured as well, and taken off neither.

With `--more` also the same calls from sixteen threads at once, beside one thread, in CPU time of the calling threads a
call; and the slowest of a thousand calls, each by itself, in CPU time and by the wall, while the writer works.

Some calls carry a secret. Afterwards a second process opens the store and checks that every call is there, with its
input and output, and that no secret is; the benchmark fails where that is not so.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from opentelemetry.sdk.trace import TracerProvider

import agenttrace

WORDS = "Open the widget settings, choose the network tab and enter the name of your router there. "
INPUT = (WORDS * 3)[:200]
OUTPUT = (WORDS * 6)[:500]
SECRET = "sk-proj-" + "Zq8Rt3Lm" * 4
EVERY = 997  # every so many calls carry the secret, which costs them more
SLICE = 200  # calls


@agenttrace.tool_call
def traced(text: str) -> str:
    """Return 500 bytes."""
    return OUTPUT if text else text


def plain(text: str) -> str:
    """Return 500 bytes, untraced."""
    return OUTPUT if text else text


def spans(calls: int) -> int:
    """Make bare SDK spans with two attributes."""
    tracer = TracerProvider().get_tracer("benchmark")
    started = time.thread_time_ns()
    for _ in range(calls):
        with tracer.start_as_current_span("traced") as span:
            span.set_attribute("input", INPUT)
            span.set_attribute("output", plain(INPUT))
    return time.thread_time_ns() - started


numbers = itertools.count()


def decorated(calls: int) -> int:
    """Make decorated calls, some with a secret."""
    secret = f"{INPUT[:150]} {SECRET}"
    started = time.thread_time_ns()
    for number in itertools.islice(numbers, calls):
        traced(INPUT if number % EVERY else secret)
    return time.thread_time_ns() - started


def untraced(calls: int) -> int:
    """Make plain calls."""
    started = time.thread_time_ns()
    for _ in range(calls):
        plain(INPUT)
    return time.thread_time_ns() - started


CHECK = """
import json, sys
import agenttrace
path, calls, every, secret, expected_in, expected_out = json.load(sys.stdin)
trace = agenttrace.AgentTrace(store=path)
count = redacted = 0
for run in trace.query.runs(run_type="tool_call", name="traced"):
    text = run.content["input"]["text"]
    assert secret not in json.dumps(run.content), run.id
    if text != expected_in:
        assert "[REDACTED" in text, text
        redacted += 1
    assert run.content["output"] == expected_out, run.id
    assert run.status == "success", run.id
    count += 1
raw = open(path, "rb").read()
assert secret.encode() not in raw, "the secret is in the file"
print(json.dumps({"runs": count, "redacted": redacted}))
trace.shutdown()
"""


def verify(path: Path, calls: int, planted: int) -> None:
    """Let a second process read the store; exit with an error where anything is missing."""
    question = json.dumps([str(path), calls, EVERY, SECRET, INPUT, OUTPUT])
    done = subprocess.run([sys.executable, "-c", CHECK], input=question, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"verification failed:\n{done.stderr}")
    found = json.loads(done.stdout)
    if found != {"runs": calls, "redacted": planted}:
        sys.exit(f"verification failed: expected {calls} runs, {planted} redacted, found {found}")
    print(f"verified by a second process: {found['runs']} runs, {found['redacted']} secrets redacted, none on disk")


def crowd(threads: int, calls: int) -> float:
    """Return the CPU time of the calling threads a call, in µs, when several call at once."""
    taken: list[int] = []
    together = threading.Barrier(threads)

    def work() -> None:
        together.wait()
        taken.append(decorated(calls // threads))

    crew = [threading.Thread(target=work) for _ in range(threads)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return sum(taken) / (calls // threads * threads) / 1000


def slowest(calls: int, clock: Callable[[], int]) -> float:
    """Return what all but one in a thousand single calls without a secret stay below, in µs."""
    taken: list[int] = []
    for number in itertools.islice(numbers, calls):
        started = clock()
        traced(INPUT if number % EVERY else f"{INPUT[:150]} {SECRET}")
        if number % EVERY:
            taken.append(clock() - started)
    return sorted(taken)[len(taken) * 999 // 1000] / 1000


def more() -> list[str]:
    """Return what there is to say of threads and of the slowest calls."""
    alone, many = (statistics.median(crowd(threads, 16 * SLICE) for _ in range(5)) for threads in (1, 16))
    slow = {clock.__name__: slowest(10_000, clock) for clock in (time.thread_time_ns, time.perf_counter_ns)}
    return [
        f"a call of one thread {alone:.2f} µs, of one of sixteen at once {many:.2f} µs",
        *(f"all but one in a thousand stay below {figure:.1f} µs ({clock})" for clock, figure in slow.items()),
    ]


def report(name: str, figures: list[int]) -> None:
    """Print the median and the range of nine in ten, in microseconds a call."""
    each = sorted(figure / SLICE / 1000 for figure in figures)
    low, middle, high = (each[int(len(each) * part)] for part in (0.05, 0.5, 0.95))
    print(f"{name:44} {middle:8.2f} µs   ({low:.2f} to {high:.2f})")


def main() -> None:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--calls", type=int, default=10_000, help="calls a round")
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--more", action="store_true", help="threads and the slowest calls as well")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traces.db"
        trace = agenttrace.configure(path)
        ways: dict[str, Callable[[int], int]] = {"sdk": spans, "ours": decorated, "plain": untraced}
        figures: dict[str, list[int]] = {name: [] for name in ways}
        decorated(SLICE)  # the first span opens the journal
        trace.flush(60)
        slices = max(given.calls // SLICE, 1)
        for _ in range(given.rounds):
            for _ in range(slices):
                for name, way in ways.items():
                    figures[name].append(way(SLICE))
            trace.flush(60)
        said = more() if given.more else []
        stats = trace.stats()
        trace.shutdown(60)
        report("OpenTelemetry SDK span, two attributes", figures["sdk"])
        report("agenttrace decorated call, redaction on", figures["ours"])
        report("the same call, not traced", figures["plain"])
        ratio = statistics.median(ours / bare for bare, ours in zip(figures["sdk"], figures["ours"], strict=True))
        print(f"ratio {ratio:.3f}   (at most 0.333 is asked for)")
        for line in said:
            print(line)
        print(f"degraded {stats.degraded}, dropped {stats.dropped}, internal errors {stats.internal_errors}")
        calls = next(numbers)
        verify(path, calls, len(range(0, calls, EVERY)))


if __name__ == "__main__":
    main()
