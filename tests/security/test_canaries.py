"""Secrets reach no disk and no log: canaries in every place that a program, a header or a request may put one."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from agenttrace import AgentTrace
from agenttrace.verify import Report
from tests.e2e.children import environment
from tests.security.planting import Canaries, plant, plant_http, plant_otel

#: Records everything, and dies with half of it in the store and half in the journal.
DIES = """
import os, sys
from pathlib import Path
from agenttrace import AgentTrace
from tests.security.planting import Canaries, plant, plant_otel
canary = Canaries()
trace = AgentTrace(store=sys.argv[1])
plant(trace, canary)
assert trace.flush(30)
trace.shutdown(30)
trace = AgentTrace(store=sys.argv[1], flush_interval=3600)
trace.register_agent("somebody")
trace.flush(30)
plant(trace, canary)
plant_otel(trace, canary)
Path(sys.argv[1] + ".canaries").write_text("\\n".join(canary.texts))
os.kill(os.getpid(), 9)
"""


def places(report: Report, canary: Canaries) -> set[str]:
    """Say which canaries were found, by the places where they were planted, and where."""
    names = dict(enumerate(canary.planted, 1))
    found = set[str]()
    for leak in report.leaks:
        number = leak.kind.removeprefix("canary ")
        planted = names[int(number)] if number.isdecimal() else f"{leak.kind} {leak.name}"
        found.add(f"{planted}: {leak.place} {Path(leak.where).name} {leak.column}")
    return found


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Return what agenttrace has logged; the client logs its own URLs."""
    formatter = logging.Formatter()
    return "\n".join(formatter.format(record) for record in caplog.records if record.name.startswith("agenttrace"))


async def test_a_whole_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Recorded, sent over HTTP, asked for, stored: nothing is in the store, its files, its journals or the logs."""
    caplog.set_level(logging.DEBUG)
    canary = Canaries()
    with AgentTrace(store=tmp_path / "traces.db") as trace:
        plant(trace, canary)
        plant_otel(trace, canary)
        answers = await plant_http(trace, canary)
        assert trace.flush(30)
        inside = trace.verify_redaction(canaries=canary.texts)
        assert trace.stats().internal_errors == 0
    assert [answer.status_code for answer in answers[:2]] == [200, 200]
    assert (places(inside, canary), inside.status, inside.problems) == (set(), 0, ())
    after = AgentTrace(store=tmp_path / "traces.db").verify_redaction(canaries=canary.texts, files=True)
    assert (places(after, canary), after.status) == (set(), 0)
    assert (after.rows > 30, after.bytes > 10_000, len(canary.planted) > 90) == (True, True, True)
    assert [text for text in canary.texts if text in logged(caplog)] == []


async def test_what_was_planted_arrived(tmp_path: Path) -> None:
    """Without redaction nearly all canaries are found again, so that their absence says something."""
    canary = Canaries()
    with AgentTrace(store=tmp_path / "traces.db", redact=False) as trace:
        plant(trace, canary)
        plant_otel(trace, canary)
        await plant_http(trace, canary)
        assert trace.flush(30)
        report = trace.verify_redaction(canaries=canary.texts)
    names = list(canary.planted)
    found = {names[int(leak.kind.split()[1]) - 1] for leak in report.leaks if leak.kind.startswith("canary ")}
    never = {place for place in names if place.startswith(("scope ", "baggage ", "registered ", "header ", "its "))}
    never |= {"tracestate", "other baggage", "otlp state", "asked path", "bad key", "bad body", "tool's description"}
    never |= {"local variable", "key's user"}
    assert {place for place in set(names) - found - never if not place.startswith("asked ")} == set()
    assert found & never <= {"local variable"}, "ids are hidden whatever the setting"


def test_a_journal_that_was_left_half_way(tmp_path: Path) -> None:
    """Nor in the journal of a process that was killed before its writer came."""
    store = tmp_path / "traces.db"
    ran = subprocess.run(
        [sys.executable, "-c", DIES, str(store)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == -9, ran.stderr
    canaries = store.with_name("traces.db.canaries").read_text().split()
    assert len(canaries) > 70
    found = AgentTrace(store=store).verify_redaction(canaries=canaries, files=True)
    assert (found.status, found.leaks) == (0, ())
    assert (found.rows > 15, found.records > 15) == (True, True)
    assert [text for text in canaries if text in ran.stderr] == []


@pytest.mark.parametrize("scheme", ["postgresql", "clickhouse"])
def test_the_password_of_a_store(scheme: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A store that is out of reach: neither logs, nor what `stats` tells, nor the journal have its password."""
    caplog.set_level(logging.DEBUG)
    secret = "correct-horse-staple"
    url = f"{scheme}://ann:{secret}@127.0.0.1:1/db"
    trace = AgentTrace(store=url, journal_dir=tmp_path / "journal", exit_timeout=0.1)
    with trace.master("turn"):
        pass
    assert not trace.flush(1)
    told = f"{trace.stats()} {trace.doctor(timeout=5)}"
    trace.shutdown(0.1)
    report = trace.verify_redaction(canaries=[secret])
    assert (report.status, report.leaks) == (2, ())
    assert secret not in told + logged(caplog) + str(report)
