"""SpanProcessor: spans of other libraries in this process become runs, and never disturb the program."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from opentelemetry import baggage, context
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult
from opentelemetry.trace import Status, StatusCode, Tracer

from agenttrace import AgentTrace
from agenttrace.model.run import Run
from agenttrace.model.wire import SPAN
from agenttrace.otel import SpanProcessor
from tests.otel.otel_records import Collected

KEY = "sk-proj-" + "Zq8Rt3Lm" * 4


@pytest.fixture
def trace() -> Iterator[AgentTrace]:
    made = AgentTrace(store="memory://")
    yield made
    assert made.shutdown(20)
    assert (made.stats().internal_errors, made.stats().dead_letters) == (0, 0)


@pytest.fixture
def tracer(trace: AgentTrace) -> Tracer:
    return tracer_of(trace)


def tracer_of(trace: Any, **options: Any) -> Tracer:
    provider = TracerProvider(shutdown_on_exit=False, **options)
    provider.add_span_processor(SpanProcessor(trace))
    return provider.get_tracer("lib", "1.0")


def runs(trace: AgentTrace) -> dict[str, Run]:
    return {run.name: run for run in trace.query.runs()}


def test_a_span_becomes_a_run(trace: AgentTrace, tracer: Tracer) -> None:
    with tracer.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}) as span:
        span.set_attribute("gen_ai.response.model", "gpt")
    run = runs(trace)["chat"]
    ids = span.get_span_context()
    assert (run.run_type, run.status) == ("prompt", "success")
    assert run.content is not None
    assert run.content["llm_model"] == "gpt"
    assert (run.trace_id, run.span_id) == (f"{ids.trace_id:032x}", f"{ids.span_id:016x}")


def test_an_open_span_shows_as_running(trace: AgentTrace, tracer: Tracer) -> None:
    span = tracer.start_span("chat", attributes={"gen_ai.operation.name": "chat"})
    assert runs(trace)["chat"].status == "running"
    span.end()
    assert runs(trace)["chat"].status == "success"


def test_ours_and_theirs_nest_in_any_mix(trace: AgentTrace, tracer: Tracer) -> None:
    """A foreign agent in a turn of ours, a tool of ours in that, and a foreign prompt in the tool: one tree."""
    with trace.master("turn", input="q"):  # noqa: SIM117 - one with a level
        with tracer.start_as_current_span("helper", attributes={"gen_ai.operation.name": "invoke_agent"}):
            with trace.tool_call("look_up"):
                with tracer.start_as_current_span("GET /"):  # a plain span is bridged
                    with tracer.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}):
                        pass
    found = runs(trace)
    root = trace.query.trace(found["turn"].id)
    assert [run.name for run in root.walk()] == ["turn", "helper", "look_up", "chat"]
    assert found["chat"].parent_id == found["look_up"].id
    assert found["look_up"].parent_id == found["helper"].id


def test_a_run_of_ours_below_a_plain_root(trace: AgentTrace, tracer: Tracer) -> None:
    """A request's span is no run, so the turn inside it is a root."""
    with tracer.start_as_current_span("GET /"), trace.master("turn", input="q"):
        pass
    assert [run.name for run in trace.query.runs()] == ["turn"]
    assert runs(trace)["turn"].parent_id is None or trace.query.trace(runs(trace)["turn"].id).name == "turn"


def test_ids_of_the_scope_are_the_runs(trace: AgentTrace, tracer: Tracer) -> None:
    """Those in force where a span began count, though it ends elsewhere."""
    with trace.scope(session_id="ase_one", user_id="ann", attributes={"widget_id": "w1"}):
        span = tracer.start_span("chat", attributes={"gen_ai.operation.name": "chat"})
    with trace.scope(session_id="ase_two"):
        span.end()
    run = runs(trace)["chat"]
    assert (run.user_id, run.attributes["widget_id"]) == ("ann", "w1")
    assert [session.key for session in trace.query.sessions()] == ["ase_one"]


def test_another_workspace_is_another_world(trace: AgentTrace, tracer: Tracer) -> None:
    """The scope's workspace keeps the span, and the default workspace does not show it."""
    other = "22222222-2222-4222-8222-222222222222"
    with trace.scope(workspace_id=other):
        tracer.start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
    assert list(trace.query.runs()) == []
    assert [run.name for run in trace.query.runs(workspace_id=other)] == ["chat"]


def test_baggage_names_ids_but_never_the_workspace(trace: AgentTrace, tracer: Tracer) -> None:
    """What a caller sends along is taken for what it says, save for the tenant."""
    carried = baggage.set_baggage("agenttrace.user_id", "ann")
    carried = baggage.set_baggage("agenttrace.workspace_id", "22222222-2222-4222-8222-222222222222", carried)
    tracer.start_span("chat", context=carried, attributes={"gen_ai.operation.name": "chat"}).end()
    assert runs(trace)["chat"].user_id == "ann"


def test_secrets_never_leave_the_traced_thread(tracer_records: tuple[Tracer, Collected]) -> None:
    """Names, attributes, events, messages of errors: all are redacted before they are appended."""
    tracer, target = tracer_records
    with tracer.start_as_current_span(f"call {KEY}", attributes={"api_key": "hunter2", "at_start": KEY}) as span:
        span.set_attribute("nested", orjson.dumps({"password": "hunter2", "text": f"Bearer {KEY}"}).decode())
        span.set_attribute("list", [KEY])
        span.add_event("happened", {"token": "hunter2", "text": KEY})
        span.set_status(Status(StatusCode.ERROR, f"refused {KEY}"))
    written = b"".join(payload for kind, payload in target.records if kind == SPAN)
    assert KEY.encode() not in written
    assert b"hunter2" not in written
    assert b"REDACTED" in written


@pytest.fixture
def tracer_records() -> tuple[Tracer, Collected]:
    target = Collected()
    return tracer_of(target), target


def test_a_secret_in_two_attributes_is_one(tracer_records: tuple[Tracer, Collected]) -> None:
    """A header as a name and a value is known by its name."""
    tracer, target = tracer_records
    tracer.start_span("call", attributes={"name": "Authorization", "value": "hunter2"}).end()
    assert b"hunter2" not in b"".join(payload for _, payload in target.records)


def test_rules_that_change_count_from_then_on(tracer_records: tuple[Tracer, Collected]) -> None:
    """What was remembered as clean is looked at again once other rules hold."""
    tracer, target = tracer_records
    tracer.start_span("plain", attributes={"color": "mauve"}).end()
    target.recorder.redact_with(lambda _, text: text.replace("mauve", "***"), enabled=True, limit=1 << 20)
    target.records.clear()
    tracer.start_span("plain", attributes={"color": "mauve"}).end()
    assert b"mauve" not in b"".join(payload for _, payload in target.records)


def test_repeated_long_texts_are_written_alike(tracer_records: tuple[Tracer, Collected]) -> None:
    """What is remembered of a text is what was written of it, secrets redacted."""
    tracer, target = tracer_records
    text = "Be polite. " * 50 + KEY
    for _ in range(3):
        tracer.start_span("plain", attributes={"system": text}).end()
    bodies = {payload.partition(b"\n")[2] for _, payload in target.records}
    assert len(bodies) == 1
    assert KEY.encode() not in bodies.pop()


def test_evicted_attributes_come_from_the_start(trace: AgentTrace) -> None:
    """At the SDK's limit the oldest attributes go, the kind of call among them; its start knew it."""
    tracer = tracer_of(trace, span_limits=SpanLimits(max_span_attributes=4))
    with tracer.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}) as span:
        for number in range(8):
            span.set_attribute(f"more.{number}", number)
    assert runs(trace)["chat"].run_type == "prompt"


def test_large_attributes_become_previews(trace: AgentTrace, tracer: Tracer) -> None:
    """A value beyond the bound is told by its beginning, the others stay whole."""
    with tracer.start_as_current_span("work", attributes={"gen_ai.operation.name": "plan", "small": "kept"}) as span:
        span.set_attribute("big", "x" * (3 << 20))
    run = runs(trace)["work"]
    assert run.attributes["small"] == "kept"
    assert run.attributes["big"]["truncated"] is True


@pytest.mark.parametrize(
    "value",
    ["\ud800", "\x00", b"\xff\xfe", float("nan"), 1 << 70, [], {}, {"a": {"b": [None, b"x"]}}, "[" * 5000, ["a", 1]],
    ids=repr,
)
def test_any_value_is_taken(trace: AgentTrace, tracer: Tracer, value: Any) -> None:
    """No attribute breaks a span, wherever it stands."""
    with tracer.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}) as span:
        span.set_attribute("gen_ai.input.messages", value)
        span.set_attribute("other", value)
        span.add_event("event", {"value": value})
    assert runs(trace)["chat"].run_type == "prompt"


def test_nothing_is_raised_into_the_program() -> None:
    """A journal that fails costs the record, not the span."""
    target = Collected()
    target.recorder.strict = False
    target.recorder.append = lambda kind, payload: 1 / 0  # type: ignore[assignment,return-value]
    with tracer_of(target).start_as_current_span("work"):
        pass
    assert target.recorder.internal_errors == 2


def test_a_switched_off_recorder_takes_nothing() -> None:
    target = Collected()
    target.recorder.enabled = False
    tracer_of(target).start_span("work").end()
    assert target.records == []


def test_an_exception_is_the_runs_error(trace: AgentTrace, tracer: Tracer) -> None:
    with pytest.raises(ValueError, match="too small"):  # noqa: SIM117
        with tracer.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}):
            raise ValueError("too small")
    run = runs(trace)["chat"]
    assert run.status == "failed"
    assert run.error is not None
    assert (run.error["type"], "too small" in run.error["message"]) == ("ValueError", True)


class RecordOnly(Sampler):
    """Records spans, and lets none of them leave."""

    def should_sample(self, *given: Any, **__: Any) -> SamplingResult:
        return SamplingResult(Decision.RECORD_ONLY, given[4])

    def get_description(self) -> str:
        return "record only"


@pytest.mark.parametrize(("respect", "expected"), [(False, ["tool", "turn"]), (True, [])])
def test_an_unsampled_parent_hides_nothing_unless_told_to(respect: bool, expected: list[str]) -> None:
    """Sampling of others is none of ours; `respect_sampling` makes it so."""
    with AgentTrace(store="memory://", respect_sampling=respect) as trace:
        tracer = tracer_of(trace, sampler=ALWAYS_OFF)

        @trace.tool_call
        def tool() -> None:
            trace_of_turn.thinking("hm")

        with tracer.start_as_current_span("request"), trace.master("turn", input="q") as trace_of_turn:
            tool()
        assert sorted(run.name for run in trace.query.runs()) == expected


@pytest.mark.parametrize(("respect", "expected"), [(False, 1), (True, 0)])
def test_spans_that_are_recorded_but_not_sampled(respect: bool, expected: int) -> None:
    with AgentTrace(store="memory://", respect_sampling=respect) as trace:
        tracer = tracer_of(trace, sampler=RecordOnly())
        tracer.start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
        assert len(list(trace.query.runs())) == expected


def test_spans_of_many_threads(trace: AgentTrace, tracer: Tracer) -> None:
    """Each thread's spans arrive, each once."""

    def work(number: int) -> None:
        for index in range(50):
            with tracer.start_as_current_span(f"{number}-{index}", attributes={"gen_ai.operation.name": "chat"}):
                pass

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(trace.query.runs())) == 200


def test_scopes_of_spans_that_never_end_are_bounded() -> None:
    """Of the many that are left open only so many are remembered."""
    from agenttrace.otel import opened

    spans = opened.OpenSpans(Collected().recorder)
    scope = opened.Scope({"user_id": "u"}, {})
    for number in range(opened._MOST + 10):
        spans.begin(number, scope)
    assert len(spans._scopes) == opened._MOST
    assert spans.end(opened._MOST + 5) is scope
    assert spans.end(3) is spans._recorder.scope


def test_flush_waits_for_the_store(trace: AgentTrace) -> None:
    """`force_flush` of a provider brings what was recorded into the store."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor(trace))
    provider.get_tracer("lib").start_span("chat").end()
    assert provider.force_flush()
    assert trace.stats().pending == 0
    provider.shutdown()


def test_the_context_of_the_caller_counts(trace: AgentTrace, tracer: Tracer) -> None:
    """A span that is started in a context given by hand has that context's scope and parent."""
    with trace.scope(user_id="ann"):
        given = context.get_current()
    tracer.start_span("chat", context=given, attributes={"gen_ai.operation.name": "chat"}).end()
    assert runs(trace)["chat"].user_id == "ann"
