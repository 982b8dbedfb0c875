"""The turn through libraries that send OTLP: Langfuse, Logfire, Phoenix, AgentOps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from benchmarks.content import ANSWER, ASKED, CHUNKS, FOUND, QUERY, QUESTION, RESPONSE, TOOLS
from benchmarks.peers.peer import MESSAGES, Peer

__all__ = ["AgentOps", "Langfuse", "Logfire", "Phoenix"]


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


class AgentOps(Peer):
    """AgentOps' SDK, by its decorators."""

    package, imported = "agentops", "import agentops"
    how = "`init(exporter_endpoint=sink, instrument_llm_calls=False)`; decorators; OpenTelemetry 1.36"

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
