"""From a decorated function to the documented answers, by way of PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings

import agenttrace
from agenttrace.model import ids
from agenttrace.store.memory import MemoryStore
from agenttrace.store.postgres import PostgresStore
from agenttrace.store.protocol import RunFilter
from agenttrace.testing.records import batch_of, run_record
from tests.e2e.test_published_examples import (  # noqa: F401 - collected here once more, on PostgreSQL
    test_action_logs,
    test_agent_events,
    test_ask_ai_logs,
)
from tests.store.test_merge_property import _histories, _state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ALL = RunFilter(workspace_id=ids.DEFAULT_WORKSPACE.bytes)


@pytest.fixture
def store_path(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the store of the published examples is."""
    monkeypatch.chdir(tmp_path)
    return postgres_url


def test_each_view_answers(postgres_url: str, tmp_path: Path) -> None:
    """Recorded by one object, read by another, which shares nothing with it but the database."""
    contact, session, conversation, workspace = (str(uuid.uuid4()) for _ in range(4))
    scope: dict[str, Any] = {
        "workspace_id": workspace,
        "agent_key": "support",
        "session_id": session,
        "conversation_id": conversation,
        "ai_contact_id": contact,
        "attributes": {"interaction_type": "ask_ai", "widget_id": "w\x00\x1a"},
    }
    history = [{"role": "user", "content": "odd \x00 \x1a é"}] * 3
    writer = agenttrace.AgentTrace(postgres_url, journal_dir=tmp_path / "one")
    with writer.scope(**scope), writer.master("answer", input="hi") as turn:
        with writer.tool_call("search", input={"query": "q"}) as call:
            call.output = {"found": 3}
        with writer.prompt("engage_user", model="gpt-5", system_prompt="Be kind. " * 100, history=history) as prompt:
            prompt.response = "hello"
            prompt.usage(input_tokens=812, output_tokens=95)
        turn.output = "hello"
    assert writer.shutdown(30)
    with agenttrace.AgentTrace(postgres_url, journal_dir=tmp_path / "two") as reader:
        query = reader.query
        (tree,) = query.run_logs(ai_contact_id=contact, workspace_id=workspace).model_dump(mode="json")["run_logs"]
        assert [child["run_type"] for child in tree["children"]] == ["tool_call", "prompt"]
        key = f"ase_{session}"
        events = query.agent_events("agt_support", key, workspace_id=workspace).events
        assert [event.type for event in events] == ["input_message", "tool_input", "tool_output", "agent_output"]
        assert query.action_logs(session_id=session, workspace_id=workspace).count == 1
        assert (
            len(query.ask_ai_logs(workspace_id=workspace, interaction_type="ask_ai", widget_id="w\x00\x1a").data) == 1
        )
        assert query.ask_ai_logs(workspace_id=workspace, interaction_type="ask_ai", widget_id="w").data == []
        logs = query.prompt_logs(workspace, conversation_id=conversation).model_dump(mode="json")
        assert orjson.dumps(history).decode() in str(orjson.dumps(logs).decode())
        assert query.trace(turn.run_id, workspace_id=workspace).name == "answer"


def test_figures_of_prompts_are_found_beside_odd_text(postgres_url: str) -> None:
    """PostgreSQL's JSON has no NUL and no lone surrogates; what else is in the object is read all the same."""
    store = PostgresStore(postgres_url)
    store.open()
    texts = {
        1: '{"input":"\\u0000 \\\\u0000 \\ud800","usage":{"input_tokens":7},"cost":0.5}',
        2: '{"usage":{"input_tokens":8}}',
        3: '{"usage":{"input_tokens":9}',
        4: "[1]",
    }
    batch = batch_of(*(run_record(number, run_type="prompt", start=number) for number in texts))
    for run, text in zip(batch.runs.values(), texts.values(), strict=True):
        run.content = text
    store.write(batch)
    found = [(row.usage, row.cost) for row in reversed(store.run_figures(_ALL))]
    assert found == [('{"input_tokens":7}', "0.5"), ('{"input_tokens":8}', None), (None, None), (None, None)]
    store.close()


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories=_histories())
def test_postgres_ends_up_as_memory_does(histories: Any, postgres_schemas: Callable[[], str]) -> None:
    """Given the same records in another order, in other batches."""
    one, other = histories
    assert _state(PostgresStore(postgres_schemas()), one) == _state(MemoryStore(), other)


_FORKING = """
import os, sys
from agenttrace.store.postgres import PostgresStore
from agenttrace.store.forking import inside
from agenttrace.testing.records import batch_of, run_record
from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.store.protocol import RunFilter

store = PostgresStore(sys.argv[1])
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
store.write(batch_of(run_record(5)))
print(len(store.runs(where)))
store.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_parent_and_child_both_go_on(postgres_url: str) -> None:
    """The child leaves its parent's connections alone, also where it closes the store, and makes its own."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", _FORKING, postgres_url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=plain,
    )
    assert (ran.stdout, ran.stderr) == ("7\n", "")
