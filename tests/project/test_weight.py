"""The face is light: what `import agenttrace` and a first span load, seen from a fresh interpreter."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agenttrace.journal import seat

HEAVY = {"pydantic", "pydantic_core", "sqlalchemy", "sqlmodel", "alembic", "fastapi", "typer", "rich", "click"}

IMPORT = "import agenttrace"
RECORD = """
import agenttrace

agenttrace.configure("sqlite:///weight.db")

@agenttrace.master(agent_key="agt_light")
def turn(question):
    with agenttrace.tool_call("look_up", input={"q": question}) as call:
        call.output = [1]
    agenttrace.current().thinking("hm")
    return "answer"

with agenttrace.scope(session_id="s", ai_contact_id="c"):
    turn("why?")
assert agenttrace.flush(timeout=30)
assert agenttrace.stats()
"""
SHUTDOWN = RECORD + "agenttrace.shutdown()\n"
LOADED = "\nimport json, sys\nprint(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


@pytest.mark.parametrize("code", [IMPORT, RECORD, SHUTDOWN], ids=["import", "record and flush", "shut down"])
def test_recording_loads_nothing_heavy(code: str, tmp_path: Path) -> None:
    """Neither pydantic, SQLAlchemy, SQLModel, FastAPI nor the terminal libraries are loaded, SQLite writes included."""
    ran = subprocess.run(
        [sys.executable, "-c", code + LOADED], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    loaded = set(json.loads(ran.stdout.splitlines()[-1]))
    assert "agenttrace" in loaded
    assert loaded & HEAVY == set()


#: Counts what the main thread imports: the writer's own thread loads what it needs meanwhile.
SEEN = """
import sys, threading

class Seen:
    names = []

    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is threading.main_thread():
            self.names.append(name)

"""

LITTLE = (
    SEEN
    + """
import opentelemetry.trace, orjson
sys.meta_path.insert(0, Seen())
import agenttrace
with agenttrace.AgentTrace("sqlite:///weight.db") as trace, trace.tool_call("look_up", input={"q": 1}) as call:
    call.output = [1]
    print(Seen.names)
sys.meta_path.pop(0)
"""
)


@pytest.mark.parametrize("writer", ["thread", "process"])
def test_a_first_span_loads_little_of_the_standard_library(
    writer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of these takes milliseconds, or brings others that do."""
    monkeypatch.setenv("AGENTTRACE_WRITER", writer)
    try:
        seen = imported(LITTLE, tmp_path)
    finally:
        _end_drainer(f"{tmp_path}/weight.db.journal")
    assert ("agenttrace.record.span" in seen, "agenttrace.outside" in seen) == (True, writer == "process")
    without_compiler = {"random"} if "agenttrace.record.randomids" in seen else set[str]()
    assert seen & {"pathlib", "random", "urllib", "ipaddress"} == without_compiler


#: What a program that makes spans by blocks alone has no need of, or only the writer's thread, or type checkers.
LATER = {
    *("agenttrace.errors", "agenttrace.query", "agenttrace.otel", "agenttrace.exporting", "agenttrace.parameters"),
    *("agenttrace.store", "agenttrace.writing", "agenttrace.journal.rounds", "agenttrace.journal.renewal"),
    *("agenttrace.record.arguments", "agenttrace.record.calls", "agenttrace.record.decorate"),
    *("agenttrace.record.parameters", "agenttrace.record.stream"),
    *("agenttrace.journal.ahead", "agenttrace.journal.shapes", "agenttrace.journal.sheet", "agenttrace.journal.wiping"),
}


TWINS = {f"agenttrace.record.{name}" for name in ("plain", "quiet", "randomids", "statefields", "usual")}


def test_a_first_span_loads_nothing_of_ours_that_it_has_no_need_of(tmp_path: Path) -> None:
    """Each module costs some 0.1 to 0.5 ms, for which every importing program would wait."""
    seen = imported(LITTLE, tmp_path)
    assert seen & LATER == set()
    assert seen & TWINS in (set(), TWINS)  # without a compiler


ROOMS = """
import agenttrace
print([agenttrace.errors.__name__, agenttrace.otel.__name__, agenttrace.query.__name__])
assert agenttrace.query.runs and agenttrace.otel.SpanProcessor
assert agenttrace.errors.InvalidQuery.__module__ == agenttrace.errors.NotFound.__module__ == "agenttrace.errors"
from agenttrace.errors import *
"""


def test_rooms_that_are_loaded_late_are_there_after_a_plain_import(tmp_path: Path) -> None:
    """Nobody sees that queries, processors and errors were not loaded until they were asked for."""
    assert imported(ROOMS, tmp_path) == {"agenttrace.errors", "agenttrace.otel", "agenttrace.query"}


FIRST = (
    SEEN
    + """
import agenttrace
agenttrace.configure("sqlite:///weight.db")
sys.meta_path.insert(0, Seen())
with agenttrace.tool_call("look_up", input={"q": 1}) as call:
    call.output = [1]
print(Seen.names)
sys.meta_path.pop(0)
assert agenttrace.flush(timeout=30)
"""
)


def test_the_first_span_imports_nothing_in_the_traced_thread(tmp_path: Path) -> None:
    """An interrupt (Ctrl-C, a timer that raises) within an import leaves Python's import lock held for good."""
    assert imported(FIRST, tmp_path) == set()


def _end_drainer(root: str) -> None:
    """End the drainer that a program has started, if it has."""
    said = seat.said(root)
    if seat.is_taken(root):
        os.kill(said["pid"], signal.SIGTERM)
    deadline = time.monotonic() + 30
    while seat.is_taken(root):
        assert time.monotonic() < deadline, "the drainer goes on"
        time.sleep(0.02)


def imported(code: str, folder: Path) -> set[str]:
    """Return what this code says that it imported."""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return set(ast.literal_eval(ran.stdout.splitlines()[0]))
