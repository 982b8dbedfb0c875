"""Foreign spans survive the death of the process that recorded them, and whole batches of stores."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from agenttrace import AgentTrace
from agenttrace.store.protocol import EventFilter
from agenttrace.store.sqlite import SQLiteStore
from tests.e2e.children import run_script
from tests.otel.otel_records import replayed, runs_of, shuffled, stored
from tests.otel.otel_replay import case

DIES = """
import os, signal
import agenttrace, agenttrace.otel
from opentelemetry.sdk.trace import TracerProvider

trace = agenttrace.configure("a.db", flush_interval=600)
provider = TracerProvider()
provider.add_span_processor(agenttrace.otel.SpanProcessor())
tracer = provider.get_tracer("lib")
with tracer.start_as_current_span("agent", attributes={"gen_ai.operation.name": "invoke_agent"}):
    with tracer.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}):
        pass
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_recorded_survives_a_kill(tmp_path: Path) -> None:
    """The span that had ended is whole, the open one ends as abandoned; a flush by the next process does it."""
    run_script(tmp_path, DIES, code=-signal.SIGKILL)
    with AgentTrace(store=tmp_path / "a.db") as trace:
        assert trace.flush(20)
        runs = {run.name: run for run in trace.query.runs()}
    assert runs["chat"].status == "success"
    assert runs["agent"].status == "failed"
    assert runs["agent"].error is not None
    assert runs["agent"].error["type"] == "abandoned"
    assert runs["chat"].parent_id == runs["agent"].id


@pytest.mark.parametrize("name", ["pydantic_ai-agent_delegation", "strands_default-inside_app_span"])
def test_sqlite_gives_the_same_runs(name: str, tmp_path: Path) -> None:
    """In any order and split: runs are those of the memory store, and so are the events of their sessions."""
    records, memory = replayed(case(name)), stored([replayed(case(name))])
    store = SQLiteStore(tmp_path / "a.db")
    stored(shuffled(records, 1), store=store)  # type: ignore[arg-type]
    assert runs_of(store) == runs_of(memory)  # type: ignore[arg-type]
    sessions = {(run["workspace_id"], run["session_id"]) for run in runs_of(memory) if run["session_id"]}
    for workspace, session in sessions:
        where = EventFilter(
            workspace_id=workspace, session_id=session, types=("input_message", "tool_input", "thinking")
        )
        assert store.events(where) == memory.events(where)
    store.close()
