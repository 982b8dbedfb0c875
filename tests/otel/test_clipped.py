"""Content beyond the limit: previews of it, in their places, and a mark on the run; nothing else is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from opentelemetry.sdk.trace import TracerProvider

from agenttrace.model.foreign import ForeignLog, ForeignSpan
from agenttrace.model.rows import RunRow
from agenttrace.model.wire import LOG, SPAN
from agenttrace.otel import SpanProcessor
from agenttrace.otel.clipped import preview_of
from agenttrace.otel.raw import RawWriter
from agenttrace.record.context import EMPTY
from agenttrace.store.protocol import RunFilter
from tests.otel.derive_cases import log, span
from tests.otel.otel_records import WORKSPACE, Collected, stored

CHAT = {"gen_ai.operation.name": "chat"}
AGENT = {"gen_ai.operation.name": "invoke_agent"}
LONG = "x" * 5_000
KEY = "sk-proj-" + "Zq8Rt3Lm" * 4


def run_of(foreign: ForeignSpan, *logs: ForeignLog, limit: int = 4_000) -> RunRow:
    """Return the run of one span that was received where little content is kept."""
    target = Collected()
    target.recorder.redact_with(None, enabled=True, limit=limit)
    raw = RawWriter(target.recorder)
    records = [(LOG, raw.log(each, EMPTY)) for each in logs]
    (run,) = stored([[*records, (SPAN, raw.span(foreign, EMPTY))]]).runs(RunFilter(workspace_id=WORKSPACE))
    return run


def message(role: str) -> list[dict[str, Any]]:
    return [{"role": role, "parts": [{"type": "text", "content": LONG}]}]


@pytest.mark.parametrize("written", [json.dumps, lambda value: value])
@pytest.mark.parametrize(
    ("kind", "attribute", "keys"),
    [
        (CHAT, "gen_ai.input.messages", ["history", "full_prompt"]),
        (CHAT, "gen_ai.output.messages", ["llm_response"]),
        (CHAT, "gen_ai.system_instructions", ["system_prompt"]),
        (AGENT, "gen_ai.input.messages", ["input"]),
        (AGENT, "gen_ai.output.messages", ["output"]),
        ({"openinference.span.kind": "LLM"}, "input.value", ["history", "full_prompt"]),
        ({"openinference.span.kind": "LLM"}, "output.value", ["llm_response"]),
        ({"ai.operationId": "ai.generateText.doGenerate"}, "ai.response.text", ["llm_response"]),
    ],
)
def test_messages(kind: dict[str, Any], attribute: str, keys: list[str], written: Callable[[Any], Any]) -> None:
    """A message shows what is left of them, and the run is marked."""
    run = run_of(span(1, None, {**kind, attribute: written(message("user"))}))
    content = orjson.loads(run.content or "{}")
    for key in keys:
        assert "xxxxx" in str(content[key])
        assert "truncated: 50" in str(content[key])
    assert orjson.loads(run.attributes or "{}") == {"data_parse_error": True}


def events_of(count: int) -> list[dict[str, Any]]:
    said = [{"name": "gen_ai.user.message", "time": 2, "attributes": {"content": f"m{n} {LONG}"}} for n in range(count)]
    answer = {"name": "gen_ai.choice", "time": 3, "attributes": {"message": "yo"}}
    error = {"exception.type": "E", "exception.message": "boom", "exception.stacktrace": LONG * 2}
    return [*said, answer, {"name": "exception", "time": 4, "attributes": error}]


@pytest.mark.parametrize("count", [1, 20])
def test_events(count: int) -> None:
    """All messages stay, and the exception, however many there are."""
    run = run_of(span(1, None, CHAT, events=events_of(count), status="error"), limit=60_000 if count > 1 else 4_000)
    content, error = orjson.loads(run.content or "{}"), orjson.loads(run.error or "{}")
    assert [text["content"].split()[0] for text in content["history"]] == [f"m{n}" for n in range(count)]
    assert content["llm_response"] == "yo"
    assert (error["type"], error["message"]) == ("E", "boom")
    assert error["stack"].startswith("xxx")
    assert "data_parse_error" in (run.attributes or "")


@pytest.mark.parametrize("body", [LONG, {"content": LONG}, {"role": "user", "content": LONG}])
def test_log_records(body: Any) -> None:
    """The body may be a text or an object; what stands beside a long value in it stays."""
    told = log(1, "gen_ai.user.message", body)
    said = log(1, "gen_ai.choice", {"message": {"content": "yo"}}, time=9)
    run = run_of(span(1, None, CHAT), told, said)
    content = orjson.loads(run.content or "{}")
    assert content["history"][0]["content"].startswith("xxx")
    assert content["llm_response"] == "yo"


def test_an_attribute_of_the_name_value() -> None:
    """Beside a name that is a secret's it is one, also where others are cut."""
    run = run_of(span(1, None, {**CHAT, "gen_ai.input.messages": LONG, "name": "password", "value": "hunter2 hunter3"}))
    attributes = orjson.loads(run.attributes or "{}")
    assert (run.run_type, attributes["value"]) == ("prompt", "[REDACTED]")


def test_secrets_in_events_that_are_cut() -> None:
    """What is left of them is redacted, and so is what stands beside them."""
    target = Collected()
    target.recorder.redact_with(None, enabled=True, limit=4_000)
    spans = TracerProvider(shutdown_on_exit=False)
    spans.add_span_processor(SpanProcessor(target))
    with spans.get_tracer("lib").start_as_current_span("work") as begun:
        begun.add_event("a", {"text": f"{KEY} {LONG}", "api_key": "hunter2", "other": f"key {KEY}"})
        begun.add_event("b", {"n": 1})
    written = target.records[-1][1]
    assert KEY.encode() not in written
    assert b"hunter2" not in written
    first, second = orjson.loads(written.rpartition(b"\n")[2])
    assert first["attributes"]["text"]["truncated"] is True
    assert (first["name"], second["attributes"]) == ("a", {"n": 1})


@pytest.mark.parametrize("text", ["é€😀" * 40, '\x01"\\\n' * 40])
def test_a_preview_may_end_anywhere(text: str) -> None:
    """In the middle of an escape, too."""
    whole = orjson.dumps(text).decode()
    for end in range(2, len(whole)):
        left = preview_of({"truncated": True, "bytes": 9, "preview": whole[:end]})
        assert left is not None
        assert text.startswith(left.removesuffix("… [truncated: 9 bytes]"))
