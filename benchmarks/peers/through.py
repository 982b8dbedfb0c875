"""The turn through each library: how it is set up, and what its user writes. A class for each.

Each is set up with what it does by default, but for where it sends: `sink`, a URL on loopback. What it says of itself:
`package` (the distribution whose version is told), `imported` (how its user imports it), `counts` (a pattern that finds
a span in what it sends; empty: OTLP), `how` (what was configured).
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.content import ANSWER, ASKED, CHUNKS, FOUND, HISTORY, QUERY, QUESTION, RESPONSE, SPANS, SYSTEM, TOOLS

__all__ = ["PEERS", "Peer"]

MESSAGES = [{"role": "system", "content": SYSTEM}, *HISTORY]


class Peer:
    """A library, set up to send to a sink."""

    package = imported = how = counts = ""

    def __init__(self, folder: Path, sink: str) -> None:
        self.folder, self.sink = folder, sink

    def turn(self) -> None:
        """Record one turn."""
        raise NotImplementedError

    def settle(self) -> None:
        """Wait until all was sent."""
        raise NotImplementedError

    def found(self) -> int:
        """Return how many spans arrived."""
        asked = urllib.parse.urlencode({"of": self.counts})
        with urllib.request.urlopen(f"{self.sink}/received?{asked}") as answer:  # noqa: S310 - a sink of ours
            return json.load(answer)["spans"]

    def size(self) -> int:
        """Return the bytes of its store; 0 where it has none here."""
        return 0


class Langfuse(Peer):
    """Langfuse's SDK."""

    package, imported = "langfuse", "from langfuse import Langfuse"
    how = "`Langfuse(base_url=sink)`, its OTLP exporter; `start_as_current_observation`"

    def __init__(self, folder: Path, sink: str) -> None:
        super().__init__(folder, sink)
        from langfuse import Langfuse as Client

        self.client = Client(public_key="pk-lf-benchmark", secret_key="sk-lf-benchmark", base_url=sink)

    def turn(self) -> None:
        """Record one turn."""
        start = self.client.start_as_current_observation
        with start(name="answer", as_type="agent", input=QUESTION) as root:
            with start(name="retrieve", as_type="retriever", input=QUERY) as retrieval:
                retrieval.update(output=CHUNKS)
            with start(name="engage", as_type="generation", model="gpt-5", input=MESSAGES) as prompt:
                prompt.update(output=RESPONSE, usage_details={"input": 812, "output": 95})
            for name in TOOLS:
                with start(name=name, as_type="tool", input=ASKED) as call:
                    call.update(output=FOUND)
            root.update(output=ANSWER)

    def settle(self) -> None:
        """Wait until all was sent."""
        self.client.flush()


class Logfire(Peer):
    """Logfire's SDK."""

    package, imported = "logfire", "import logfire"
    how = "`logfire.configure(token=..., advanced=AdvancedOptions(base_url=sink))`, scrubbing on, console off"

    def __init__(self, folder: Path, sink: str) -> None:
        super().__init__(folder, sink)
        os.chdir(folder)  # it looks for its files where it is started
        import logfire

        logfire.configure(
            token="pylf_v1_us_benchmark",
            send_to_logfire=True,
            console=False,
            inspect_arguments=False,
            data_dir=folder,
            advanced=logfire.AdvancedOptions(base_url=sink),
        )
        self.logfire = logfire

    def turn(self) -> None:
        """Record one turn."""
        span = self.logfire.span
        with span("answer", input=QUESTION) as root:
            with span("retrieve", query=QUERY) as retrieval:
                retrieval.set_attribute("documents", CHUNKS)
            with span("engage", model="gpt-5", messages=MESSAGES) as prompt:
                prompt.set_attribute("response", RESPONSE)
                prompt.set_attribute("gen_ai.usage.input_tokens", 812)
                prompt.set_attribute("gen_ai.usage.output_tokens", 95)
            for name in TOOLS:
                with span(name, input=ASKED) as call:
                    call.set_attribute("output", FOUND)
            root.set_attribute("output", ANSWER)

    def settle(self) -> None:
        """Wait until all was sent."""
        self.logfire.force_flush(600_000)


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


class Eliot(Peer):
    """eliot, which writes a file of JSON lines."""

    package, imported = "eliot", "import eliot"
    how = "`to_file`, a JSON line when an action begins and one when it ends; no store"

    def __init__(self, folder: Path, sink: str) -> None:
        super().__init__(folder, sink)
        import eliot

        self.eliot, self.file = eliot, (folder / "eliot.log").open("w")
        eliot.to_file(self.file)

    def turn(self) -> None:
        """Record one turn."""
        start = self.eliot.start_action
        with start(action_type="answer", input=QUESTION) as root:
            with start(action_type="retrieve", query=QUERY) as retrieval:
                retrieval.add_success_fields(documents=CHUNKS)
            with start(action_type="engage", model="gpt-5", messages=MESSAGES) as prompt:
                prompt.add_success_fields(response=RESPONSE, input_tokens=812, output_tokens=95)
            for name in TOOLS:
                with start(action_type=name, input=ASKED) as call:
                    call.add_success_fields(output=FOUND)
            root.add_success_fields(output=ANSWER)

    def settle(self) -> None:
        """Wait until all was written."""
        self.file.flush()

    def found(self) -> int:
        """Return how many actions are in the file, begun and ended."""
        with (self.folder / "eliot.log").open() as lines:
            return sum(1 for _ in lines) // 2

    def size(self) -> int:
        """Return the bytes of the file."""
        return (self.folder / "eliot.log").stat().st_size


class MLflow(Peer):
    """MLflow's tracing."""

    package, imported = "mlflow", "import mlflow"
    how = "asynchronous logging, its SQLite store; `with mlflow.start_span(...)`"

    def __init__(self, folder: Path, sink: str) -> None:
        super().__init__(folder, sink)
        os.chdir(folder)
        os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "true"
        import mlflow

        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.set_experiment("benchmark")
        self.mlflow = mlflow

    def turn(self) -> None:
        """Record one turn."""
        start = self.mlflow.start_span
        with start("answer", span_type="AGENT") as root:
            root.set_inputs({"input": QUESTION})
            with start("retrieve", span_type="RETRIEVER") as retrieval:
                retrieval.set_inputs({"query": QUERY})
                retrieval.set_outputs(CHUNKS)
            with start("engage", span_type="CHAT_MODEL") as prompt:
                prompt.set_inputs({"model": "gpt-5", "messages": MESSAGES})
                prompt.set_outputs(RESPONSE)
                usage = {"input_tokens": 812, "output_tokens": 95, "total_tokens": 907}
                prompt.set_attribute("mlflow.chat.tokenUsage", usage)
            for name in TOOLS:
                with start(name, span_type="TOOL") as call:
                    call.set_inputs(ASKED)
                    call.set_outputs(FOUND)
            root.set_outputs({"output": ANSWER})

    def settle(self) -> None:
        """Wait until all is stored."""
        self.mlflow.flush_trace_async_logging()

    def found(self) -> int:
        """Return how many spans are in the store."""
        with contextlib.closing(sqlite3.connect(self.folder / "mlflow.db")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return connection.execute("SELECT count(*) FROM spans").fetchone()[0]

    def size(self) -> int:
        """Return the bytes of the store and of the files beside it."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())


class Phoenix(Peer):
    """Phoenix's client, arize-phoenix-otel."""

    package, imported = "arize-phoenix-otel", "from phoenix.otel import register"
    how = "`register(endpoint=sink, batch=True)`, OTLP over HTTP; its server is not there"

    def __init__(self, folder: Path, sink: str) -> None:
        super().__init__(folder, sink)
        from phoenix.otel import register

        self.provider = register(
            endpoint=f"{sink}/v1/traces", project_name="benchmark", protocol="http/protobuf", batch=True, verbose=False
        )
        self.tracer = self.provider.get_tracer("benchmark")

    def turn(self) -> None:
        """Record one turn."""
        start = self.tracer.start_as_current_span
        with start("answer", openinference_span_kind="agent") as root:
            root.set_input(QUESTION)
            with start("retrieve", openinference_span_kind="retriever") as retrieval:
                retrieval.set_input(QUERY)
                retrieval.set_output(CHUNKS)
            with start("engage", openinference_span_kind="llm") as prompt:
                prompt.set_input(MESSAGES)
                prompt.set_attribute("llm.model_name", "gpt-5")
                prompt.set_output(RESPONSE)
                prompt.set_attribute("llm.token_count.prompt", 812)
                prompt.set_attribute("llm.token_count.completion", 95)
            for name in TOOLS:
                with start(name, openinference_span_kind="tool") as call:
                    call.set_input(ASKED)
                    call.set_output(FOUND)
            root.set_output(ANSWER)

    def settle(self) -> None:
        """Wait until all was sent."""
        self.provider.force_flush(600_000)


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


class AgentOps(Peer):
    """AgentOps' SDK, by its decorators."""

    package, imported = "agentops", "import agentops"
    how = "`init(exporter_endpoint=sink, instrument_llm_calls=False)`; decorators; sends at the end of a trace"

    def __init__(self, folder: Path, sink: str) -> None:
        super().__init__(folder, sink)
        os.chdir(folder)
        import agentops
        from agentops.sdk.decorators import operation, tool, trace

        agentops.init(
            api_key="00000000-0000-4000-8000-000000000000",
            endpoint=sink,
            exporter_endpoint=f"{sink}/v1/traces",
            auto_start_session=False,
            instrument_llm_calls=False,
            log_session_replay_url=False,
        )

        @operation(name="retrieve")
        def retrieve(query: str) -> Any:
            return CHUNKS

        @operation(name="engage")
        def engage(model: str, messages: Any) -> str:
            return RESPONSE

        calls = [tool(name=name)(lambda asked: FOUND) for name in TOOLS]

        @trace(name="answer")
        def answer(question: str) -> str:
            retrieve(QUERY)
            engage("gpt-5", MESSAGES)
            for call in calls:
                call(ASKED)
            return ANSWER

        self.answer = answer

    def turn(self) -> None:
        """Record one turn."""
        self.answer(QUESTION)

    def settle(self) -> None:
        """Wait until all was sent."""
        from opentelemetry import trace

        trace.get_tracer_provider().force_flush(600_000)  # type: ignore[attr-defined]


PEERS: dict[str, type[Peer]] = {
    "Langfuse": Langfuse,
    "Logfire": Logfire,
    "LangSmith": LangSmith,
    "openai-agents": OpenAIAgents,
    "eliot": Eliot,
    "MLflow": MLflow,
    "Phoenix": Phoenix,
    "Opik": Opik,
    "AgentOps": AgentOps,
}
assert SPANS == 5
