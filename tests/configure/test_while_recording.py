"""What is recorded while some threads configure: nothing of it is lost, and nobody waits for long."""

from __future__ import annotations

import collections
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agenttrace import AgentTrace
from agenttrace.configure import _Default
from agenttrace.journal.pipeline import Pipeline
from agenttrace.record.recorder import Recorder


@pytest.fixture(autouse=True)
def hasty() -> Iterator[None]:
    """Threads take turns a thousand times as often as they do by themselves."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


def run_together(*acts: Callable[[], object]) -> None:
    """Do these at the same time, each in a thread, and raise what any of them raised."""
    begin, raised = threading.Barrier(len(acts)), list[BaseException]()

    def guarded(act: Callable[[], object]) -> None:
        begin.wait(30)
        try:
            act()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    if raised:
        raise raised[0]


CONFIGURING = """
import sys, threading, time
from agenttrace import AgentTrace

sys.setswitchinterval(5e-6)
path = sys.argv[1]
trace = AgentTrace(path, exit_timeout=0.2)
done = threading.Semaphore(0)
made = [0, 0]

def record(place):
    while not done.acquire(blocking=False):
        for _ in range(20):
            with trace.tool_call("x"):
                made[place] += 1
        time.sleep(0.0005)

def configure():
    for _ in range(8):
        trace.configure(path, exit_timeout=0.2)
    done.release()

threads = [threading.Thread(target=record, args=(place,)) for place in range(2)]
threads += [threading.Thread(target=configure) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
trace.shutdown(10)
print(sum(made))
"""

FORKING = """
import os, signal, sys, threading, time
from agenttrace import AgentTrace

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name in ("agenttrace.exporting", "agenttrace.otel.export"):
            inside.set()
            time.sleep(0.5)

class Exporter:
    def export(self, spans): pass
    def shutdown(self): pass
    def force_flush(self, timeout=0): pass

inside = threading.Event()
sys.meta_path.insert(0, Slow())
thread = threading.Thread(target=AgentTrace, args=("memory://",), kwargs={"exporters": [Exporter()]})
thread.start()
inside.wait(30)
child = os.fork()
if not child:
    signal.alarm(20)
    AgentTrace("memory://", exporters=[Exporter()])
    os._exit(0)
thread.join()
print(os.waitpid(child, 0)[1])
"""


def test_a_child_that_was_forked_while_a_thread_set_up_exporters_sets_up_its_own() -> None:
    """What that loads is loaded whole before the fork."""
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


def test_no_span_is_lost_while_several_threads_configure(tmp_path: Path) -> None:
    """Each goes to the pipeline before or to the one behind; what one leaves in its journal is adopted."""
    path = tmp_path / "traces.db"
    made = subprocess.run([sys.executable, "-c", CONFIGURING, path], capture_output=True, text=True, check=True).stdout
    with AgentTrace(path) as trace:
        trace.tool_call("another").start().end()
        assert trace.flush(60)
        found = collections.Counter((run.name, run.status) for run in trace.query.runs())
    assert found == {("x", "success"): int(made), ("another", "success"): 1}


def test_the_first_spans_of_many_threads_are_all_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default one is configured by the first of them, once."""
    monkeypatch.setenv("AGENTTRACE_STORE", f"sqlite:///{tmp_path}/traces.db")
    configured = list[int]()
    whole = AgentTrace.configure

    def counted(self: AgentTrace, *given: object, **named: object) -> AgentTrace:
        configured.append(1)
        return whole(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(AgentTrace, "configure", counted)
    trace = _Default()

    def record() -> None:
        for _ in range(20):
            with trace.tool_call("first"):
                pass

    run_together(*[record] * 8)
    assert trace.flush(60)
    assert sum(1 for _ in trace.query.runs()) == 160
    assert configured == [1]
    trace.shutdown(60)


def in_the_midst(monkeypatch: pytest.MonkeyPatch, kind: type, method: str, act: Callable[[], object]) -> None:
    """Do this once, when somebody calls that method next."""
    whole, left = getattr(kind, method), [act]

    def interrupted(self: object, *given: object, **named: object) -> object:
        if left:
            left.pop()()
        return whole(self, *given, **named)

    monkeypatch.setattr(kind, method, interrupted)


def recorded_around(trace: AgentTrace) -> list[str]:
    """Record a first span, and return the names of all that is in the store then."""
    begun = time.monotonic()
    with trace.tool_call("outer"):
        pass
    assert time.monotonic() - begun < 3
    assert trace.flush(60)
    return sorted(run.name for run in trace.query.runs())


def test_a_signal_handler_that_records_while_the_first_span_configures_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it configures stays in force: the span around it does not wait for that to be shut down."""
    monkeypatch.setenv("AGENTTRACE_STORE", f"sqlite:///{tmp_path}/traces.db")
    trace = _Default()
    in_the_midst(monkeypatch, Pipeline, "__init__", lambda: trace.tool_call("inner").start().end())
    assert recorded_around(trace) == ["inner", "outer"]
    trace.shutdown(60)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_span_in_the_midst_of_the_first_settings_is_recorded(
    elsewhere: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is a pipeline already, which the recorder does not have yet. In another thread, or in a signal handler."""
    monkeypatch.setenv("AGENTTRACE_STORE", f"sqlite:///{tmp_path}/traces.db")
    trace = _Default()

    def record() -> None:
        trace.tool_call("inner").start().end()

    in_the_midst(monkeypatch, Recorder, "use_ids", (lambda: run_together(record)) if elsewhere else record)
    assert recorded_around(trace) == ["inner", "outer"]
    assert trace.recorder.errors == {}
    trace.shutdown(60)
