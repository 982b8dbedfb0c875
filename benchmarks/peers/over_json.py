"""The turn through libraries that send JSON of their own: LangSmith, openai-agents, Opik."""

from __future__ import annotations

import json
import os
from pathlib import Path

from benchmarks.content import ANSWER, ASKED, CHUNKS, FOUND, QUERY, QUESTION, RESPONSE, TOOLS
from benchmarks.peers.peer import MESSAGES, Peer

__all__ = ["LangSmith", "OpenAIAgents", "Opik"]


class LangSmith(Peer):
    """LangSmith's SDK."""

    package, imported = "langsmith", "from langsmith import Client, trace"
    how = "`Client(api_url=sink)`, compressed multipart ingest; `with trace(...)`"
    counts = r'name="post\.[0-9a-f-]{36}"'

    def __init__(self, folder: Path, sink: str) -> None:
        super().__init__(folder, sink)
        os.environ["LANGSMITH_TRACING"] = "true"
        from langsmith import Client, trace

        self.client, self.trace = Client(api_url=sink, api_key="lsv2_benchmark"), trace

    def turn(self) -> None:
        """Record one turn."""
        trace, client = self.trace, self.client
        with trace("answer", "chain", inputs={"input": QUESTION}, client=client) as root:
            with trace("retrieve", "retriever", inputs={"query": QUERY}, client=client) as retrieval:
                retrieval.end(outputs={"documents": CHUNKS})
            with trace("engage", "llm", inputs={"messages": MESSAGES}, client=client) as prompt:
                usage = {"input_tokens": 812, "output_tokens": 95, "total_tokens": 907}
                prompt.end(outputs={"output": RESPONSE, "usage_metadata": usage})
            for name in TOOLS:
                with trace(name, "tool", inputs=ASKED, client=client) as call:
                    call.end(outputs={"output": FOUND})
            root.end(outputs={"output": ANSWER})

    def settle(self) -> None:
        """Wait until all was sent."""
        self.client.flush()


class OpenAIAgents(Peer):
    """The tracing of openai-agents."""

    package, imported = "openai-agents", "from agents import tracing"
    how = "`BatchTraceProcessor(BackendSpanExporter(endpoint=sink))`, as by default"
    counts = r'"object": ?"trace\.span"'

    def __init__(self, folder: Path, sink: str) -> None:
        super().__init__(folder, sink)
        from agents import tracing
        from agents.tracing.processors import BackendSpanExporter, BatchTraceProcessor

        exporter = BackendSpanExporter(api_key="sk-benchmark", endpoint=f"{sink}/v1/traces/ingest")
        self.tracing, self.processor = tracing, BatchTraceProcessor(exporter)
        tracing.set_trace_processors([self.processor])

    def turn(self) -> None:
        """Record one turn."""
        tracing = self.tracing
        with tracing.trace("turn"), tracing.custom_span("answer", {"input": QUESTION}) as root:
            with tracing.custom_span("retrieve", {"query": QUERY}) as retrieval:
                retrieval.span_data.data["documents"] = CHUNKS
            usage = {"input_tokens": 812, "output_tokens": 95}
            with tracing.generation_span(input=MESSAGES, model="gpt-5", usage=usage) as prompt:
                prompt.span_data.output = [{"role": "assistant", "content": RESPONSE}]
            for name in TOOLS:
                with tracing.function_span(name, input=json.dumps(ASKED)) as call:
                    call.span_data.output = json.dumps(FOUND)
            root.span_data.data["output"] = ANSWER

    def settle(self) -> None:
        """Wait until all was sent."""
        self.processor.force_flush()


class Opik(Peer):
    """Opik's SDK: a trace, and spans in it."""

    package, imported = "opik", "import opik"
    how = "`OPIK_URL_OVERRIDE=sink`, Sentry off; `start_as_current_trace` for the root, else `start_as_current_span`"
    counts = r'"start_time"'

    def __init__(self, folder: Path, sink: str) -> None:
        super().__init__(folder, sink)
        os.environ |= {"HOME": str(folder), "OPIK_URL_OVERRIDE": f"{sink}/api", "OPIK_PROJECT_NAME": "benchmark"}
        import opik

        self.opik = opik

    def turn(self) -> None:
        """Record one turn."""
        start = self.opik.start_as_current_span
        with self.opik.start_as_current_trace("answer", input={"input": QUESTION}) as root:
            with start("retrieve", input={"query": QUERY}) as retrieval:
                retrieval.output = {"documents": CHUNKS}
            with start("engage", type="llm", input={"messages": MESSAGES}, model="gpt-5") as prompt:
                prompt.output = {"output": RESPONSE}
                prompt.usage = {"prompt_tokens": 812, "completion_tokens": 95, "total_tokens": 907}
            for name in TOOLS:
                with start(name, type="tool", input=ASKED) as call:
                    call.output = {"output": FOUND}
            root.output = {"output": ANSWER}

    def settle(self) -> None:
        """Wait until all was sent."""
        self.opik.flush_tracker()
