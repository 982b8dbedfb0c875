"""The published examples, reproduced to the field from records like those of the time.

Ids that agenttrace computes are taken from the answer; everything else is as published. Figures of the published
envelopes are of a larger data set: counts are those of the rows that are there.
"""

from __future__ import annotations

from typing import Any

from query_contracts import document, load
from query_recording import Recording
from query_rows import at

from agenttrace.query.reader import Query
from agenttrace.query.views.agent_events import page_key_of


def test_ask_ai_logs() -> None:
    """One row; the agent's name is the registered one."""
    example = load("ask-ai-logs.example.json")
    (row,) = example["data"]
    start, now = at(row["timestamp"]), at(example["meta"]["generated_at"])
    recording = Recording(now)
    recording.entity("agent", "acme", row["ai_agent"])
    attributes = {
        key: row[key] for key in ("widget_id", "placement_id", "deployment_type", "referring_url", "interaction_type")
    }
    content = {"input": {"question": row["prompt"]}, "output": row["response"]}
    scope = {"agent_key": "acme"}
    recording.run("master", "answer", start=start, end=start + 9, content=content, attributes=attributes, scope=scope)
    answer = Query(recording.written(), clock=lambda: now).ask_ai_logs(start_date="2026-05-01", end_date="2026-05-18")
    assert document(answer, "ask-ai-logs") == {**example, "count": 1, "total_pages": 1}


def test_action_logs() -> None:
    """One call that persisted its payload, and one whose payload is its input with its output."""
    example = load("action-logs.example.json")
    navigate, search = example["logs"]
    recording = Recording(at("2025-06-20T12:00:00Z"))
    scope = {"session_id": example["sessionId"]}
    query, results = search["payload"]["query"], search["payload"]["results"]
    for log, content in (
        (search, {"input": {"query": query}, "output": {"results": results}}),
        (navigate, {"input": {"to": "beer"}, "payload": navigate["payload"]}),
    ):
        end = at(log["createdAt"])
        recording.run("tool_call", log["type"], start=end - 700, end=end, content=content, scope=scope)
    made = document(Query(recording.written()).action_logs(session_id=example["sessionId"]), "action-logs")
    computed = [{**log, "id": other["id"]} for log, other in zip(example["logs"], made["logs"], strict=True)]
    assert made == {**example, "count": 2, "logs": computed}


def test_agent_events() -> None:
    """A turn with a thought and a tool call, under the documented keys."""
    example = load("agent-events.example.json")
    message, thought, call, result, answer = example["events"]
    times = [at(event["created_at"]) for event in example["events"]]
    recording = Recording(times[-1])
    scope = {"agent_key": "agt_customer_support", "session_id": "ase_customer_support_001"}
    turn = {"input": message["messages"], "output": answer["content"]}
    recording.run("master", "answer", start=times[0], end=times[4], content=turn, scope=scope)
    recording.event("thinking", {"content": thought["content"]}, time=times[1], scope=scope)
    tool: dict[str, Any] = {key: call[key] for key in ("tool_name", "tool_call_id", "tool_configuration")}
    content = {**tool, "input": call["tool_input"], "output": result["tool_output"]}
    recording.run("tool_call", "search", start=times[2], end=times[3], content=content, scope=scope)
    query = Query(recording.written())
    made = document(query.agent_events("agt_customer_support", "ase_customer_support_001", limit=20), "agent-events")
    computed = [{**event, "id": other["id"]} for event, other in zip(example["events"], made["events"], strict=True)]
    assert made == {"events": computed, "metadata": {"page_key": None, "total_count": 5}}
    assert [list(event) for event in made["events"]] == [list(event) for event in example["events"]]
    assert page_key_of("aev_agent_output_001") == example["metadata"]["page_key"]
