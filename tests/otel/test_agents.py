"""AgentsProcessor: the calls that the OpenAI Agents SDK makes to a TracingProcessor, captured, become runs."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from agenttrace import AgentTrace
from agenttrace.otel import AgentsProcessor
from tests.otel.otel_records import Collected
from tests.otel.otel_replay import DATA

CALLS: list[list[Any]] = orjson.loads((DATA / "openai_agents_native.json").read_bytes())["events"]


class Exported:
    """What the SDK hands over: something with an export, and data with more than that."""

    def __init__(self, export: dict[str, Any], extra: dict[str, Any]) -> None:
        self._export = export
        self.trace_id = export.get("trace_id") or export["id"]
        self.span_data = SpanData(extra)

    def export(self) -> dict[str, Any]:
        return self._export


class SpanData:
    def __init__(self, extra: dict[str, Any]) -> None:
        self.input = extra.get("input")
        output = extra.get("response.output")
        self.response = None if output is None else Response(output)


class Response:
    def __init__(self, output: Any) -> None:
        self.output = output

    def model_dump(self) -> dict[str, Any]:
        return {"output": self.output}


def replay(processor: AgentsProcessor, calls: list[list[Any]] = CALLS) -> None:
    for name, export, *rest in calls:
        getattr(processor, f"on_{name}")(Exported(export, rest[0] if rest else {}))


def first_trace() -> list[list[Any]]:
    end = next(place for place, call in enumerate(CALLS) if call[0] == "trace_end")
    return CALLS[: end + 1]


def test_every_span_is_recorded_twice() -> None:
    """At its start and at its end."""
    target = Collected()
    replay(AgentsProcessor(target))
    assert len(target.records) == sum(call[0].startswith("span") for call in CALLS)


def test_agents_tools_and_prompts_are_runs() -> None:
    """The types are those of the SDK's span data, inputs and outputs as recorded."""
    with AgentTrace(store="memory://") as trace:
        replay(AgentsProcessor(trace), first_trace())
        runs = list(trace.query.runs())
    by_type = {run.run_type: run for run in runs}
    assert {"master", "tool_call", "prompt"} <= by_type.keys()
    tool = by_type["tool_call"].content
    assert tool is not None
    assert (tool["tool_name"], tool["input"]) == ("get_weather", {"city": "Paris"})
    assert all(run.status == "success" for run in runs)


def test_a_trace_goes_below_the_span_that_it_begins_in() -> None:
    """Ours, or another library's."""
    with AgentTrace(store="memory://") as trace:
        with trace.master("turn", input="q") as turn:
            replay(AgentsProcessor(trace), first_trace())
        assert len({run.trace_id for run in trace.query.runs()}) == 1
        root = trace.query.trace(turn.run_id)
        assert len(list(root.walk())) == len(list(trace.query.runs()))


def test_the_scope_is_the_runs() -> None:
    with AgentTrace(store="memory://") as trace, trace.scope(user_id="ann"):
        replay(AgentsProcessor(trace), first_trace())
        assert {run.user_id for run in trace.query.runs()} == {"ann"}


@pytest.mark.parametrize("broken", [None, object(), Exported({"id": "x"}, {})])
def test_nothing_is_raised_into_the_program(broken: Any) -> None:
    """Whatever is handed over, the agent goes on."""
    target = Collected()
    target.recorder.strict = False
    processor = AgentsProcessor(target)
    for call in (processor.on_trace_start, processor.on_span_start, processor.on_span_end, processor.on_trace_end):
        call(broken)
    processor.force_flush()
    processor.shutdown()


def test_traces_that_never_end_are_bounded() -> None:
    from agenttrace.otel import agents

    processor = AgentsProcessor(Collected())
    for number in range(agents._MOST + 5):
        processor.on_trace_start(Exported({"id": f"trace_{number}"}, {}))
    assert len(processor._traces) == agents._MOST
