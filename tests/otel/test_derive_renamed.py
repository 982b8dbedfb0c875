"""What is called what does not matter: tools, agents, models, ids, libraries and spans get other names.

All of the captures mean the same under them.
"""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agenttrace.model.foreign import ForeignLog, ForeignSpan
from agenttrace.otel.derive import derive
from tests.otel.derive_cases import AGENTS, EMITTERS, Trace, captured

#: What the captured programs call their tools, agents and models, and how their ids begin; longer ones come first.
NAMES = [
    "weather_agent",
    "second_agent",
    "get_weather",
    "fail_tool",
    "fake-model",
    "fake-2026",
    "LangGraph",
    "delegate",
]
NAMES += ["explode", "triage", "flaky", "call_", "fake", "u-9", "s-3"]

words = st.lists(
    st.from_regex(r"\A[b-hj-km-z]{2}[a-z_]{0,9}[0-9]{2}\Z"), min_size=len(NAMES), max_size=len(NAMES), unique=True
)


class Renaming:
    """New names for what a trace holds; span ids keep their order, by which equal times are told apart."""

    def __init__(self, trace: Trace, words: list[str], library: str) -> None:
        self.words = dict(zip(NAMES, (f"q{word}" for word in words), strict=True))
        self.library = library
        known = {span.span_id for span in trace.spans} | {span.parent_id for span in trace.spans if span.parent_id}
        self.ids = {old: (1 << 40 | place).to_bytes(8, "big") for place, old in enumerate(sorted(known))}
        self.pattern = re.compile("|".join(rf"{name}(?=\d)" if name == "call_" else name for name in NAMES))

    def of(self, value: Any) -> Any:
        """Return a value with all names in its texts replaced, and span ids."""
        if isinstance(value, str):
            return self.pattern.sub(lambda found: self.words[found.group()], value)
        if isinstance(value, dict):
            return {self.of(key): self.of(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.of(item) for item in value]
        return self.ids.get(value, value) if isinstance(value, bytes) else value

    def span(self, span: ForeignSpan) -> ForeignSpan:
        named = {name: self.of(getattr(span, name)) for name in ("span_id", "parent_id", "name", "status_message")}
        held = {name: self.of(getattr(span, name)) for name in ("attributes", "start_attributes", "events")}
        return replace(span, **named, **held, scope_name=self.library + span.scope_name)

    def log(self, log: ForeignLog) -> ForeignLog:
        named = {name: self.of(getattr(log, name)) for name in ("span_id", "body", "attributes")}
        return replace(log, **named)


def meaning(spans: list[ForeignSpan], logs: list[ForeignLog]) -> dict[str, Any]:
    derived = asdict(derive(spans, logs))
    for run in derived["runs"]:
        del run["source"]
        run["attributes"].pop("agent_id", None)
    return derived


@pytest.mark.parametrize("emitter", [*EMITTERS, AGENTS])
@settings(max_examples=2, deadline=None)
@given(words, st.sampled_from(["", "lib.", "opentelemetry.instrumentation."]))
def test_names_say_nothing(emitter: str, words: list[str], library: str) -> None:
    """Spans under other names mean the same under those names."""
    for trace in captured(emitter):
        renaming = Renaming(trace, words, library)
        spans, logs = list(map(renaming.span, trace.spans)), list(map(renaming.log, trace.logs))
        assert meaning(spans, logs) == renaming.of(meaning(trace.spans, trace.logs))
