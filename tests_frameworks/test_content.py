"""The pages are right about what switches content on and off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests_frameworks.framework_pages import Recorded, run, shown

OPENINFERENCE = {"OPENINFERENCE_HIDE_INPUTS": "true", "OPENINFERENCE_HIDE_OUTPUTS": "true"}
LANGSMITH = {"LANGSMITH_TRACING": "true", "LANGSMITH_TRACING_MODE": "otel"}
LATEST = "gen_ai_latest_experimental"
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

OFF = [
    ("agent-framework:agent", {}),
    ("langchain:genai", {}),
    ("langchain:langsmith", LANGSMITH | {"LANGSMITH_HIDE_INPUTS": "true", "LANGSMITH_HIDE_OUTPUTS": "true"}),
    ("langchain:openinference", OPENINFERENCE),
    ("llama-index:agent", OPENINFERENCE),
    ("openai-agents:native", {"OPENAI_AGENTS_TRACE_INCLUDE_SENSITIVE_DATA": "false"}),
    ("openai:genai", {}),
    ("openai:openinference", OPENINFERENCE),
    ("openai:openllmetry", {"TRACELOOP_TRACE_CONTENT": "false"}),
    ("openai:v2", {}),
    ("smolagents:agent", OPENINFERENCE),
    ("strands:agent", {"OTEL_SEMCONV_STABILITY_OPT_IN": f"{LATEST},gen_ai_unredacted_attributes="}),
]
OTHERWISE_ON = [
    ("openai:v2", {"OTEL_SEMCONV_STABILITY_OPT_IN": LATEST, CAPTURE: "span_only"}),
    ("strands:agent", {"OTEL_SEMCONV_STABILITY_OPT_IN": LATEST}),
]


def recorded_with(name: str, environment: dict[str, str], folder: Path, api: str) -> Recorded:
    return run(replace(shown()[name], environment=environment), folder, api)


def said(recorded: Recorded) -> str:
    """Return all that prompts hold of a conversation."""
    keys = ("system_prompt", "history", "full_prompt", "llm_response")
    return str([(prompt.content or {}).get(key) for prompt in recorded.of("prompt") for key in keys])


@pytest.mark.parametrize(("name", "environment"), OFF, ids=[name for name, _ in OFF])
def test_content_is_left_out(name: str, environment: dict[str, str], tmp_path: Path, api: str) -> None:
    """What is off by default, or switched off as the page says, has prompts without words."""
    recorded = recorded_with(name, environment, tmp_path, api)
    assert recorded.of("prompt")
    assert "weather" not in said(recorded)
    assert "sunny" not in said(recorded)


@pytest.mark.parametrize(("name", "environment"), OTHERWISE_ON, ids=[name for name, _ in OTHERWISE_ON])
def test_the_newer_form_has_the_same_content(name: str, environment: dict[str, str], tmp_path: Path, api: str) -> None:
    """Where there are two forms, the one that the page's example does not use is understood as well."""
    assert "sunny" in said(recorded_with(name, environment, tmp_path, api))
