"""What the doctor says of journals that wait for a drainer, and of the drainer."""

from __future__ import annotations

import os
import time
from pathlib import Path

from agenttrace import AgentTrace
from agenttrace.health import Report
from tests.drain.conftest import Place, ended, line, say
from tests.e2e.children import wait_until

RECORDS = """
sys.executable = sys.executable if sys.argv[2] == "yes" else "/nowhere/python"
with trace.master("turn"):
    pass
if sys.argv[2] == "yes":
    assert trace.flush(60)
print(trace.stats().journal_dir, flush=True)
sys.stdin.readline()
os._exit(0)
"""


def look(place: Place) -> Report:
    """Examine as a process does that has nothing to do with it."""
    return AgentTrace(place.path, journal_dir=place.root).doctor(timeout=30.0, expected=False)


def test_records_that_wait_for_nobody(place: Place) -> None:
    """A living process leaves draining to others, and there is none: it says what to run."""
    child = place.start(RECORDS, "no")
    folder = Path(line(child))
    report = look(place)
    (root,) = report.roots
    (journal,) = root.journals
    assert (journal.path, journal.writer, journal.alive, journal.records) == (folder, "process", True, 2)
    assert root.drainer is None
    (finding,) = [one for one in report.findings if one.code == "drainer"]
    assert "2 records of 1 process wait" in finding.what
    assert f"agenttrace drain --journal-dir {place.root}" in finding.do
    say(child)
    ended(child)


def test_the_drainer_is_shown(place: Place) -> None:
    """Who it is, since when, for how many, and that all is well; once it is killed, that there is none."""
    child = place.start(RECORDS, "yes")
    line(child)
    pid = place.drainer()
    wait_until(lambda: (seen := look(place).roots[0].drainer) is not None and seen.following == 1)
    report = look(place)
    drainer = report.roots[0].drainer
    assert drainer is not None
    assert (drainer.running, drainer.pid, drainer.host) == (True, pid, os.uname().nodename)
    assert drainer.started is not None
    assert abs(drainer.started.timestamp() - time.time()) < 3600
    assert drainer.trouble is None
    assert [one.code for one in report.findings] == []
    assert report.document()["roots"][0]["drainer"]["pid"] == pid
    place.kill_drainer()
    seen = look(place).roots[0].drainer
    assert seen is not None
    assert (seen.running, seen.following) == (False, 0)
    say(child)
    ended(child)


def test_the_command_shows_it(place: Place) -> None:
    """In a line below the journals."""
    child = place.start(RECORDS, "yes")
    line(child)
    pid = place.drainer()
    shown = place.command("doctor")
    out, err = shown.communicate(timeout=60)
    assert err == ""
    assert f"drainer pid {pid} on " in out
    say(child)
    ended(child)


def test_why_there_is_none_is_told(place: Place) -> None:
    """A drainer that could not work has said so."""
    child = place.start(
        """
wrong = agenttrace.AgentTrace("postgresql://nobody@127.0.0.1/x?nonsense=1", journal_dir=sys.argv[1] + ".journal",
                              writer="process", exit_timeout=0.1)
with wrong.master("kept"):
    pass
while not wrong.stats().last_error:
    wrong.flush(0.1)
print("there", flush=True)
sys.stdin.readline()
os._exit(0)
"""
    )
    line(child)
    report = look(place)
    (finding,) = [one for one in report.findings if one.code == "drainer"]
    assert "there is none: ConfigurationError: " in finding.what
    say(child)
    ended(child)
