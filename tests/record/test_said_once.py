"""What a span said when it began is not written again when it ends, and yet every version of it is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import agenttrace
from agenttrace.errors import StoreUnavailable
from agenttrace.journal.tail import NATIVE
from agenttrace.model.wire import RUN
from agenttrace.store.memory import MemoryStore

HISTORY = [{"role": "user", "content": "Where is the only switch of its kind? " * 20}]


class Away(MemoryStore):
    """A store that is out of reach at first."""

    away = True

    def write(self, batch: Any) -> Any:
        if self.away:
            raise StoreUnavailable("away")
        return super().write(batch)


@pytest.fixture
def store() -> Away:
    return Away()


@pytest.fixture
def trace(tmp_path: Path, store: Away) -> Any:
    made = agenttrace.AgentTrace(store, journal_dir=tmp_path / "journal", redact=False)
    with made.span("reasoning", "the first of all makes the journal"):
        pass
    yield made
    store.away = False
    assert made.shutdown(30)


def newest(trace: Any) -> Any:
    return max(trace.query.runs(), key=lambda run: run.start_time)


def said(run: Any, *keys: str) -> tuple[Any, ...]:
    return tuple(run.content[key] for key in keys)


def written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*.seg")))


def test_the_end_says_nothing_twice(trace: Any, store: Away, tmp_path: Path) -> None:
    """Its content stands in the journal once; both versions, and what the end adds, reach the store."""
    with trace.prompt("ask", model="m", system_prompt="Be kind. " * 30, history=HISTORY) as prompt:
        prompt.response = "There."
    text = written(tmp_path)
    assert text.count(b"only switch of its kind") == 20 * (1 if NATIVE else 2)
    assert text.count(b"There.") == 1
    store.away = False
    assert trace.flush(30)
    run = newest(trace)
    assert run.content["history"] == HISTORY
    assert run.content["system_prompt"] == "Be kind. " * 30
    assert run.content["llm_response"] == "There."


@pytest.mark.parametrize("changed", ["plain", {"not": {1, 2}}], ids=["plain", "walked"])
def test_what_was_changed_meanwhile_is_written_as_it_is_now(
    trace: Any, store: Away, changed: Any, tmp_path: Path
) -> None:
    """However the value is captured; and what is the same is not looked for then."""
    with trace.tool_call("look", input="before " * 40) as call:
        call.input = changed
        call.output = "done"
    assert written(tmp_path).count(b"before ") == 40
    store.away = False
    assert trace.flush(30)
    run = newest(trace)
    assert said(run, "input", "output") == (changed if isinstance(changed, str) else {"not": [1, 2]}, "done")


@pytest.mark.skipif(not NATIVE, reason="built without a compiler")
def test_what_is_changed_while_the_start_is_written_is_not_taken_for_said(
    trace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a finalizer or another thread may do: what was written then is not what holds."""
    recorder = trace.span("reasoning", "any")._recorder
    span = trace.span("reasoning", "think", input="before " * 40)
    appended: list[tuple[Any, ...]] = []

    def append_parts(*parts: Any) -> int:
        appended.append(parts)
        span.input = "meanwhile"
        return 5

    monkeypatch.setattr(recorder, "append_parts", append_parts)
    monkeypatch.setattr(recorder, "append_again", lambda *parts: appended.append(("again", *parts)))
    with span:
        pass
    assert [parts[0] for parts in appended] == [RUN, RUN]
    assert appended[1][-1] == b'"meanwhile"'


def test_a_conversation_is_not_written_with_every_prompt(trace: Any, store: Away, tmp_path: Path) -> None:
    """Each prompt says it again, and reaches the store with all of it; what is new in each stands there."""
    history = HISTORY * 20
    for number in range(10):
        with trace.prompt("ask", model="m", system_prompt="Be kind. " * 30, history=history) as prompt:
            prompt.response = f"Answer {number}."
        history += [{"role": "assistant", "content": f"Answer {number}."}, {"role": "user", "content": "And then?"}]
    text = written(tmp_path)
    assert text.count(b"only switch of its kind") == 400 * (1 if NATIVE else 20)
    store.away = False
    assert trace.flush(30)
    prompts = sorted(trace.query.runs(run_type="prompt"), key=lambda run: run.content["llm_response"])
    assert [run.content["history"] for run in prompts] == [history[: 20 + 2 * number] for number in range(10)]
    assert {run.content["system_prompt"] for run in prompts} == {"Be kind. " * 30}


def test_what_is_added_before_the_end_comes_behind(trace: Any, store: Away) -> None:
    """In the order in which it was set first."""
    with trace.span("reasoning", "think", input="first " * 40) as span:
        span.output = "third"
        span.output = "fourth"
    store.away = False
    assert trace.flush(30)
    run = newest(trace)
    assert list(run.content.items()) == [("input", "first " * 40), ("output", "fourth")]


def test_a_span_that_ends_in_another_journal_is_whole_there(trace: Any, store: Away, tmp_path: Path) -> None:
    """Where it began is of no use to it."""
    store.away = False
    with trace.tool_call("look", input="said " * 40) as call:
        other = MemoryStore()
        trace.configure(other, journal_dir=tmp_path / "other")
        call.output = "done"
    assert trace.flush(30)
    run = newest(trace)
    assert said(run, "input", "output") == ("said " * 40, "done")


def test_a_name_that_changes_changes_nothing_else(trace: Any, store: Away) -> None:
    """What stands before the content is longer then."""
    with trace.tool_call("look", input="said " * 40) as call:
        call.update_name("look it up")
        call.output = "done"
    store.away = False
    assert trace.flush(30)
    run = newest(trace)
    assert (run.name, *said(run, "input", "output")) == ("look it up", "said " * 40, "done")


def test_ends_far_behind_their_starts_are_whole(tmp_path: Path) -> None:
    """In the same segment, in another one, read in one go or in many, and after the start was stored."""
    trace = agenttrace.AgentTrace(tmp_path / "traces.db", redact=False)
    spans = [trace.tool_call("wait", input=f"{number} " * 60).__enter__() for number in range(40)]
    assert trace.flush(30)
    for number, span in reversed(list(enumerate(spans))):
        with trace.tool_call("fill", input="x" * 300_000):
            pass
        span.output = number
        span.__exit__(None, None, None)
    assert trace.flush(30)
    found = {run.content["output"]: run.content["input"] for run in trace.query.runs(limit=1000) if run.name == "wait"}
    assert found == {number: f"{number} " * 60 for number in range(40)}
    assert trace.shutdown(30)


KILLED = """
import os, signal, sys
import agenttrace
from tests.record.test_said_once import Away
trace = agenttrace.AgentTrace(Away(), journal_dir=sys.argv[1])
said = []
for number in range(200):
    with trace.tool_call("look", input=f"{number} " * 60) as call:
        call.output = number
    said.append("word %d " % number * 9)
    with trace.span("reasoning", "think", input=said) as span:
        span.output = number
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_said_once_is_adopted_whole(tmp_path: Path) -> None:
    """By whoever comes next."""
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "journal")],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])},
        timeout=60,
        check=False,
    )
    assert ran.returncode == -signal.SIGKILL
    trace = agenttrace.AgentTrace(tmp_path / "traces.db", journal_dir=tmp_path / "journal")
    assert trace.flush(30)
    runs = list(trace.query.runs(limit=1000))
    found = {run.content["output"]: run.content["input"] for run in runs if run.name == "look"}
    assert found == {number: f"{number} " * 60 for number in range(200)}
    found = {run.content["output"]: run.content["input"] for run in runs if run.name == "think"}
    said = [f"word {number} " * 9 for number in range(200)]
    assert found == {number: said[: number + 1] for number in range(200)}
    assert trace.shutdown(30)
