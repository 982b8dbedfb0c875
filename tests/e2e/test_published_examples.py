"""The published examples, reproduced to the field by recording what they tell of, on a SQLite file.

Ids that agenttrace computes are taken from the answer. Figures of the published envelopes are of a larger data set:
counts are those of the rows that are there, and `page_key` is null on the last page.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from query_contracts import document, load

from agenttrace import AgentTrace, current
from agenttrace.query.views.agent_events import page_key_of
from agenttrace.testing import FixedClock


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def with_ids_of(published: list[dict[str, Any]], made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the published rows under the ids that the made ones have."""
    return [{**row, "id": other["id"]} for row, other in zip(published, made, strict=True)]


def test_agent_events(store_path: Path) -> None:
    """A turn of four seconds: a thought after the first, a decorated tool that starts and ends, the answer."""
    example = load("agent-events.example.json")
    message, thought, call, result, answer = example["events"]
    clock = FixedClock(at(message["created_at"]))
    trace = AgentTrace(store=store_path, clock=clock)

    @trace.tool_call(tool_configuration=call["tool_configuration"], tool_call_id=call["tool_call_id"])
    def knowledge_base_search(query: str, max_results: int = 5) -> dict[str, Any]:
        clock.advance(1)
        return result["tool_output"]

    @trace.master(capture=False)
    def answer_user() -> None:
        current().input = message["messages"]
        clock.advance(1)
        current().thinking(thought["content"])
        clock.advance(1)
        knowledge_base_search(call["tool_input"]["query"])
        clock.advance(1)
        current().output = answer["content"]

    with trace, trace.scope(agent_key="agt_customer_support", session_id="ase_customer_support_001"):
        answer_user()
        made = document(
            trace.query.agent_events("agt_customer_support", "ase_customer_support_001", limit=20), "agent-events"
        )
        first = trace.query.agent_events("agt_customer_support", "ase_customer_support_001", limit=4)
    assert made == {
        "events": with_ids_of(example["events"], made["events"]),
        "metadata": {"page_key": None, "total_count": 5},
    }
    assert [list(event) for event in made["events"]] == [list(event) for event in example["events"]]
    assert first.metadata.page_key == page_key_of(made["events"][3]["id"])
    assert page_key_of(example["events"][4]["id"]) == example["metadata"]["page_key"]


def test_ask_ai_logs(store_path: Path) -> None:
    """One turn whose scope carries the widget's attributes; the agent shows under its registered name."""
    example = load("ask-ai-logs.example.json")
    (row,) = example["data"]
    attributes = {
        key: row[key] for key in ("widget_id", "placement_id", "deployment_type", "referring_url", "interaction_type")
    }
    clock = FixedClock(at(row["timestamp"]))
    with AgentTrace(store=store_path, clock=clock) as trace:
        trace.register_agent("acme", row["ai_agent"])

        @trace.master
        def answer(question: str) -> str:
            clock.advance(2)
            return row["response"]

        with trace.scope(agent_key="acme", attributes=attributes):
            answer(row["prompt"])
        clock.set(at(example["meta"]["generated_at"]))
        window = {"start_date": "2026-05-01", "end_date": "2026-05-18"}
        made = document(trace.query.ask_ai_logs(**window), "ask-ai-logs")
        lately = document(trace.query.ask_ai_logs(), "ask-ai-logs")
    assert made == lately == {**example, "count": 1, "total_pages": 1}
    assert [list(log) for log in made["data"]] == [list(log) for log in example["data"]]


def test_action_logs(store_path: Path) -> None:
    """Two calls: one shows its input with its output, the other what it persisted; newest first, with milliseconds."""
    example = load("action-logs.example.json")
    navigate, search = example["logs"]
    clock = FixedClock(at("2025-06-20T11:58:35.041Z"))
    with AgentTrace(store=store_path, clock=clock) as trace:

        @trace.tool_call
        def search_clients(query: str) -> dict[str, int]:
            clock.set(at(search["createdAt"]))
            return {"results": search["payload"]["results"]}

        with trace.scope(session_id=example["sessionId"]):
            search_clients(search["payload"]["query"])
            with trace.tool_call("navigate", input={"to": "the beer"}) as call:
                clock.set(at(navigate["createdAt"]))
                call.payload(route=navigate["payload"]["route"])
        made = document(trace.query.action_logs(session_id=example["sessionId"]), "action-logs")
    assert made == {**example, "count": 2, "logs": with_ids_of(example["logs"], made["logs"])}
    assert [list(log) for log in made["logs"]] == [list(log) for log in example["logs"]]
