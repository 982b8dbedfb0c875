"""A fork waits until no thread is inside a database; a child starts without its parent's connections."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from agenttrace.store import forking
from agenttrace.store.connections import Connections
from agenttrace.store.forking import _Gate

if TYPE_CHECKING:
    from agenttrace.store.dialect import Connection


def test_a_fork_waits_for_those_inside() -> None:
    """And lets nobody in while it goes on."""
    gate = _Gate()
    visits = [gate.enter(), gate.enter()]
    shut, entered = threading.Event(), threading.Event()

    def fork() -> None:
        gate.shut()
        shut.set()
        entered.wait(0.05)
        assert not entered.is_set()
        gate.open()

    def enter() -> None:
        shut.wait(60)
        gate.enter()
        entered.set()

    threads = [threading.Thread(target=fork), threading.Thread(target=enter)]
    for thread in threads:
        thread.start()
    gate.leave(visits[0])
    assert not shut.wait(0.05)
    gate.leave(visits[1])
    for thread in threads:
        thread.join(60)
    assert shut.is_set()
    assert entered.is_set()
    assert gate.calm


def test_a_fork_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another thread stays inside it goes on, and the child knows that it was not calm."""
    monkeypatch.setattr(forking, "_PATIENCE", 0.01)
    gate = _Gate()
    visit = _in_another_thread(gate.enter)
    gate.shut()
    gate.open()
    assert not gate.calm
    gate.leave(visit)
    gate.shut()
    gate.open()
    assert gate.calm


def test_a_fork_does_not_wait_for_its_own_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that forks while it is inside will not leave meanwhile: the child knows at once that it was not calm."""
    gate = _Gate()
    visit = gate.enter()
    monkeypatch.setattr(gate._changed, "wait", lambda timeout=None: pytest.fail("it waits"))
    gate.shut()
    gate.open()
    assert not gate.calm
    _in_another_thread(lambda: gate.leave(visit))  # as of a generator that is collected there
    gate.shut()
    gate.open()
    assert gate.calm


def _in_another_thread(act: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(act()))
    thread.start()
    thread.join(60)
    return found[0]


def test_a_fork_waits_longer_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for an import, of which a child would have one half."""
    monkeypatch.setattr(forking, "_PATIENCE", 0.01)
    gate = _Gate()
    visits = [gate.enter(60), gate.enter()]
    fork = threading.Thread(target=gate.shut)
    fork.start()
    fork.join(0.1)
    assert fork.is_alive()
    for visit in visits:
        gate.leave(visit)
    fork.join(60)
    assert gate.calm
    assert not fork.is_alive()


def test_a_fork_hardly_waits_for_clients_of_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that hangs holds up no fork; what is in memory is as calm as without them."""
    monkeypatch.setattr(forking, "_PATIENCE", 3600.0)
    monkeypatch.setattr(forking, "_BRIEFLY", 0.01)
    gate = _Gate()
    monkeypatch.setattr(forking, "_gate", gate)
    connections = Connections("server", lambda: cast("Connection", _Nothing()), client=True)
    connections.open()
    with connections.writing(), connections.reading():
        gate.shut()
        gate.open()
    assert gate.calm
    gate.shut()
    gate.open()
    assert gate.calm


def test_several_threads_fork_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits for who is inside, opens what it has shut, and leaves nobody out for good."""
    monkeypatch.setattr(forking, "_PATIENCE", 60.0)
    gate, problems = _Gate(), []
    all_wait = threading.Barrier(5)

    def fork() -> None:
        all_wait.wait()
        try:
            gate.shut()
            gate.open()
        except BaseException as error:
            problems.append(error)

    visit = gate.enter()
    threads = [threading.Thread(target=fork, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    all_wait.wait()
    while len(gate._waiting) < 4:
        time.sleep(0.001)
    gate.leave(visit)
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert problems == []
    entered = threading.Thread(target=lambda: gate.leave(gate.enter()), daemon=True)
    entered.start()
    entered.join(30)
    assert not entered.is_alive()


class _Nothing:
    """A connection that is never used."""

    def close(self) -> None:
        """Do nothing."""


SCRIPT = """
import os, sys
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.store.forking import inside
from agenttrace.testing.records import batch_of, run_record
from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.store.protocol import RunFilter

store = SQLiteStore("traces.db")
store.open()
where = RunFilter(workspace_id=DEFAULT_WORKSPACE.bytes)
store.write(batch_of(run_record(1)))
assert len(store.runs(where)) == 1

def child(span):
    store.write(batch_of(run_record(span)))
    assert store.runs(where)
    store.close()
    os._exit(0)

for span in (2, 3):
    if os.fork() == 0:
        child(span)
    assert os.wait()[1] == 0
    store.write(batch_of(run_record(span + 10)))
with inside():
    if os.fork() == 0:
        child(4)
    assert os.wait()[1] == 0
print(len(store.runs(where)))
store.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_parent_and_child_both_go_on(tmp_path: Path) -> None:
    """With the same store object, reading and writing in turn, also after a fork that was not calm."""
    # Not measured: a child that is forked beside threads may inherit the measuring's own lock while it is held.
    plain = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False, env=plain
    )
    assert (ran.stdout, ran.stderr) == ("6\n", "")


def test_what_is_loaded_while_a_fork_waits_has_its_part_in_that_fork() -> None:
    """A fork waits for a load; the store that was loaded then holds it back until nobody is inside."""
    script = """
import os, threading, time
from agenttrace.loading import LOADING, at_fork

loading, told = threading.Event(), []

def load():
    with LOADING:
        loading.set()
        time.sleep(0.2)
        at_fork(
            before=lambda: told.append("before"),
            after_in_parent=lambda: told.append("parent"),
            after_in_child=lambda: told.append("child"),
        )

thread = threading.Thread(target=load)
thread.start()
loading.wait()
child = os.fork()
if child == 0:
    os._exit(0 if told == ["before", "child"] and LOADING.acquire(timeout=1) else 1)
assert os.waitpid(child, 0)[1] == 0
assert told == ["before", "parent"], told
thread.join()
child = os.fork()
if child == 0:
    os._exit(0 if told == ["before", "parent", "before", "child"] else 1)
assert os.waitpid(child, 0)[1] == 0
assert LOADING.acquire(timeout=1)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=60)
