"""Much at once, and the same for a long time."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import NamedTuple

from faults.child import Child
from faults.fault import Skipped, fault
from faults.room import Room

BURST = """
import sys, threading, time
from faults.traced import Traced, say

traced = Traced(exit_timeout=120)
ready = threading.Barrier(16)

def work(thread, turns):
    ready.wait()
    for number in range(turns):
        with traced.span(f"{thread}-{number}") as root:
            for child in range(9):
                with traced.span(f"{thread}-{number}.{child}", root):
                    pass

threads = [threading.Thread(target=work, args=(number, int(sys.argv[1]))) for number in range(16)]
began = time.monotonic()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
said = time.monotonic() - began
flushed = traced.trace.flush(300)
stats = traced.trace.stats()
say("burst", f"{said:.1f}", f"{time.monotonic() - began:.1f}", flushed, stats.dropped, stats.degraded)
"""

STEADY = """
import os, sys, time
from faults.traced import Traced, say

traced = Traced()
pause = 10 / float(sys.argv[1])
number = 0
following = time.monotonic()
while not os.path.exists("stop"):
    with traced.span(f"{number}") as root:
        for child in range(9):
            with traced.span(f"{number}.{child}", root):
                pass
    number += 1
    following += pause
    time.sleep(max(following - time.monotonic(), 0))
stats = traced.trace.stats()
say("steady", stats.dropped, stats.degraded, stats.backlog_bytes)
"""


@fault("load: 200,000 spans from 16 threads at once")
def burst(room: Room) -> None:
    """The threads do not wait for the store. What they wait for, in the pauses of this row, is each other."""
    child = room.start(BURST, 20 if room.quick else 1250)
    child.wait(timeout=600)
    ((recorded, stored, flushed, dropped, degraded),) = room.told().said("burst")
    room.expect(
        (flushed, dropped, degraded) == ("True", "0", "0"), f"flushed {flushed}, {dropped} dropped, {degraded} cut"
    )
    room.note(f"acknowledged within {recorded} s, and in the store after {stored} s")
    room.check(room.read())


@fault("load: steady, memory flat within 5%", quick=0)
def steady(room: Room) -> None:
    """Five minutes at 500 spans a second; the memory of the third and the last minute is compared."""
    _steady(room, seconds=300, rate=500, warm=120, spell=60, most=0.05)


def _steady(room: Room, *, seconds: float, rate: int, warm: float, spell: float, most: float) -> None:
    """Record at this rate, and compare the medians of two spells: after `warm` seconds, and the last.

    By then what is kept to be used again, SQLite's pages above all, has about reached its bounds. What is compared is
    the memory that is the process's own. The journal's mapped segments are the page cache's, which takes them back when
    it needs room; how much of them there was at most is noted.
    """
    if not Path("/proc/self/status").exists():
        raise Skipped("memory is sampled from /proc")
    child = room.start(STEADY, rate)
    child.wait_lines(10)
    samples = _sampled(child, seconds)
    (room.folder / "stop").touch()
    child.wait()
    ((dropped, degraded, backlog),) = room.told().said("steady")
    room.expect((dropped, degraded) == ("0", "0"), f"{dropped} dropped, {degraded} cut")
    since = samples[0].at
    early = statistics.median(sample.own for sample in samples if warm <= sample.at - since < warm + spell)
    late = statistics.median(sample.own for sample in samples if sample.at - since >= seconds - spell)
    room.expect(late <= early * (1 + most), f"memory grew from {early:,.0f} kB to {late:,.0f} kB")
    grown = f"{early:,.0f} kB early, {late:,.0f} kB late ({late / early - 1:+.1%})"
    mapped = max(sample.mapped for sample in samples)
    room.note(f"{rate} spans a second for {seconds:.0f} s: {grown}; and at most {mapped:,} kB of mapped files")
    room.note(f"{backlog} bytes waited for the store in the end")
    room.check(room.read())


class _Sample(NamedTuple):
    at: float  # monotonic seconds
    own: int  # kB
    mapped: int  # kB


def _sampled(child: Child, seconds: float) -> list[_Sample]:
    """Return how much memory the process had, some 300 times."""
    samples: list[_Sample] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        text = Path(f"/proc/{child.pid}/status").read_text(encoding="ascii", errors="replace")
        lines = dict(line.split(":", 1) for line in text.split("\n") if ":" in line)
        samples.append(_Sample(time.monotonic(), _kilobytes(lines["RssAnon"]), _kilobytes(lines["RssFile"])))
        time.sleep(seconds / 300)
    return samples


def _kilobytes(value: str) -> int:
    return int(value.split()[0])
