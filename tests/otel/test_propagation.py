"""Traces go on across HTTP, threads and queues, with the instrumentations that programs use."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider

import agenttrace
from agenttrace import AgentTrace
from agenttrace.otel import SpanProcessor


@pytest.fixture
def trace() -> Iterator[AgentTrace]:
    made = AgentTrace(store="memory://")
    yield made
    assert made.shutdown(20)


@pytest.fixture
def provider(trace: AgentTrace) -> TracerProvider:
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(SpanProcessor(trace))
    return made


async def test_a_trace_goes_on_over_http(trace: AgentTrace, provider: TracerProvider) -> None:
    """A turn calls a service, whose tool is below it: the client's and the server's spans are bridged."""
    app = FastAPI()

    @app.get("/weather")
    async def weather() -> str:
        with trace.tool_call("forecast"):
            return "sunny"

    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")
    HTTPXClientInstrumentor.instrument_client(client, tracer_provider=provider)
    try:
        with trace.master("turn", input="weather?") as turn:
            assert (await client.get("/weather")).status_code == 200
    finally:
        await client.aclose()
        FastAPIInstrumentor.uninstrument_app(app)
    root = trace.query.trace(turn.run_id)
    assert [run.name for run in root.walk()] == ["turn", "forecast"]


def test_headers_of_a_queue_carry_trace_and_scope(trace: AgentTrace, provider: TracerProvider) -> None:
    """What `inject` writes into a task's headers `extract` gives back in the worker, for foreign spans too."""
    headers: dict[str, str] = {}
    with trace.scope(session_id="ase_q", user_id="ann"), trace.master("turn", input="q") as turn:
        agenttrace.inject(headers)

    def worker() -> None:
        with agenttrace.extract(headers), provider.get_tracer("worker").start_as_current_span("task") as span:
            span.set_attribute("gen_ai.operation.name", "execute_tool")

    with ThreadPoolExecutor(1) as pool:
        pool.submit(worker).result()
    root = trace.query.trace(turn.run_id)
    task = root.children[0]
    assert (task.run_type, task.user_id, task.session_id) == ("tool_call", "ann", root.session_id)


def test_wrap_carries_foreign_spans_into_threads(trace: AgentTrace, provider: TracerProvider) -> None:
    """A span that a wrapped function begins in another thread is below the span around the call."""
    tracer = provider.get_tracer("lib")

    def work() -> None:
        tracer.start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()

    with trace.master("turn", input="q") as turn, ThreadPoolExecutor(1) as pool:
        pool.submit(agenttrace.wrap(work)).result()
    assert [run.name for run in trace.query.trace(turn.run_id).walk()] == ["turn", "chat"]


def test_two_processes_make_one_tree(trace: AgentTrace, provider: TracerProvider) -> None:
    """A parent in another process is a run of the same tree once both have arrived, in whichever order."""
    other = AgentTrace(store=trace._pipe().open_store_once())
    elsewhere = TracerProvider(shutdown_on_exit=False)
    elsewhere.add_span_processor(SpanProcessor(other))
    headers: dict[str, str] = {}
    with provider.get_tracer("here").start_as_current_span("agent") as agent:
        agent.set_attribute("gen_ai.operation.name", "invoke_agent")
        agenttrace.inject(headers)
        with agenttrace.extract(headers):
            elsewhere.get_tracer("there").start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
        assert other.flush(20)
        assert [run.name for run in trace.query.runs(run_type="prompt")] == ["chat"]
    assert trace.flush(20)
    runs = {run.name: run for run in trace.query.runs()}
    assert runs["chat"].parent_id == runs["agent"].id
    assert runs["agent"].run_type == "master"
