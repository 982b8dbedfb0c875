"""Runs leave as spans: same ids, nothing lost while an exporter fails, and back again they are the same runs."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from agenttrace import AgentTrace
from agenttrace.errors import ConfigurationError
from agenttrace.otel import SpanProcessor, otlp
from agenttrace.otel.export import run_of, span_of_row
from agenttrace.otel.files import import_file, requests
from agenttrace.otel.receive import Receiver
from agenttrace.otel.received import Malformed
from agenttrace.record.redact import Redactor
from agenttrace.store.batch import Batch
from agenttrace.store.memory import MemoryStore
from agenttrace.store.protocol import RunFilter
from tests.e2e.children import wait_until
from tests.otel.otel_records import WORKSPACE, Collected, events_of, runs_of, stored

#: What is not the same when a run has left and come back: see docs/otel.md.
CHANGED = ("seq", "end_seq", "turn_time", "service_id", "ingested_at", "is_root", "learnt", "via", "process_id")


class Taken(SpanExporter):
    """Keeps what it is given, once it has failed `failures` times."""

    def __init__(self, failures: int = 0, *, raises: bool = False) -> None:
        self.spans: list[ReadableSpan] = []
        self.calls = 0
        self.closed = False
        self._failures = failures
        self._raises = raises

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.calls += 1
        if self.calls <= self._failures:
            if self._raises:
                raise ConnectionError("nobody there")
            return SpanExportResult.FAILURE
        self.spans += spans
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self.closed = True


def record(trace: AgentTrace) -> None:
    with trace.scope(session_id="ase_s", agent_key="support", ai_contact_id="c-1", attributes={"widget_id": "w"}):  # noqa: SIM117
        with trace.master("answer", input={"question": "why?"}) as turn:
            with trace.context("retrieve", query="why?") as found:
                found.documents = [{"content": "because"}]
            with trace.prompt(
                "engage", model="gpt", system_prompt="Be polite.", history=[{"role": "user", "content": "x"}]
            ) as p:
                p.response = "because"
                p.usage(input_tokens=3, output_tokens=4)
            try:
                with trace.tool_call("look_up", input={"city": "Paris"}):
                    raise ValueError("no such city")
            except ValueError:
                pass
            turn.output = "because"


def test_runs_leave_as_spans_with_their_ids() -> None:
    """Trace and span ids, parents and times are those of the runs."""
    exporter = Taken()
    with AgentTrace(store="memory://", exporters=[exporter]) as trace:
        record(trace)
        runs = {run.name: run for run in trace.query.runs()}
    spans = {span.name: span for span in exporter.spans}
    assert spans.keys() == runs.keys()
    for name, span in spans.items():
        assert span.context is not None
        assert f"{span.context.span_id:016x}" == runs[name].span_id
        assert f"{span.context.trace_id:032x}" == runs[name].trace_id
    answer = spans["answer"].context
    assert answer is not None
    parent = spans["look_up"].parent
    assert parent is not None
    assert parent.span_id == answer.span_id
    assert exporter.closed


def test_names_are_opentelemetrys() -> None:
    exporter = Taken()
    with AgentTrace(store="memory://", exporters=[exporter]) as trace:
        record(trace)
    (prompt,) = (span for span in exporter.spans if span.name == "engage")
    attributes = dict(prompt.attributes or {})
    assert attributes["gen_ai.operation.name"] == "chat"
    assert attributes["gen_ai.usage.input_tokens"] == 3
    assert prompt.kind.name == "CLIENT"


@pytest.mark.parametrize("raises", [False, True], ids=["fails", "raises"])
def test_what_fails_is_tried_again(raises: bool) -> None:
    """Each run leaves once the exporter takes it, and the program has not waited."""
    exporter = Taken(3, raises=raises)
    trace = AgentTrace(store="memory://", exporters=[exporter])
    record(trace)
    wait_until(lambda: len(exporter.spans) >= 4)
    assert trace.shutdown(20)
    assert exporter.calls >= 4
    assert sorted(span.name for span in exporter.spans) == ["answer", "engage", "look_up", "retrieve"]


def test_a_down_exporter_does_not_hold_up_the_store() -> None:
    """What is recorded is found at once, though nobody takes it elsewhere."""
    exporter = Taken(10**9)
    trace = AgentTrace(store="memory://", exporters=[exporter])
    record(trace)
    assert trace.flush(20)
    assert len(list(trace.query.runs())) == 4
    assert trace.stats().internal_errors == 0
    trace.shutdown(0.2)


def test_a_slow_exporter_does_not_hold_up_the_store() -> None:
    """An export that hangs hangs in a thread of its own."""
    gate = threading.Event()

    class Slow(Taken):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            gate.wait(30)
            return super().export(spans)

    exporter = Slow()
    trace = AgentTrace(store="memory://", exporters=[exporter])
    record(trace)
    assert trace.flush(20)
    assert len(list(trace.query.runs())) == 4
    gate.set()
    assert trace.shutdown(20)
    assert len(exporter.spans) == 4


def test_what_waits_survives_the_process(tmp_path: Path) -> None:
    """What an exporter did not take stays on disk; the next process's exporter of that kind takes it."""
    first = AgentTrace(store=tmp_path / "a.db", exporters=[Taken(10**9)])
    record(first)
    assert first.flush(20)
    first.shutdown(0.5)
    journals = list((tmp_path / "a.db.journal.export").rglob("*.seg"))
    assert journals
    # The folder is locked until this process ends: adoption itself is the journal's, and tested there.


def test_two_exporters_take_alike() -> None:
    """One that is down does not keep the runs from the other."""
    good, bad = Taken(), Taken(10**9)
    trace = AgentTrace(store="memory://", exporters=[bad, good])
    record(trace)
    wait_until(lambda: len(good.spans) >= 4)
    trace.shutdown(0.2)
    assert bad.spans == []


def test_spans_of_others_do_not_leave_again() -> None:
    """They have exporters of their own."""
    exporter = Taken()
    with AgentTrace(store="memory://", exporters=[exporter]) as trace:
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SpanProcessor(trace))
        with trace.master("turn", input="q"), provider.get_tracer("lib").start_as_current_span("chat") as span:
            span.set_attribute("gen_ai.operation.name", "chat")
    assert [span.name for span in exporter.spans] == ["turn"]


def test_exporting_is_not_traced() -> None:
    """What an exporter does is hidden from instrumentations, so that no export makes another."""
    seen: list[Any] = []

    class Watching(Taken):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            from opentelemetry import context

            seen.append(dict(context.get_current()))
            return super().export(spans)

    with AgentTrace(store="memory://", exporters=[Watching()]) as trace:
        record(trace)
    assert any("suppress_instrumentation" in key for key in seen[0])


@pytest.mark.parametrize("exporter", ["console", object(), None])
def test_what_is_no_exporter_is_refused(exporter: Any) -> None:
    with pytest.raises(ConfigurationError, match="exporters"):
        AgentTrace(store="memory://", exporters=[exporter])


# -- there and back ----------------------------------------------------------------------------------------------------


def kept(store: MemoryStore) -> list[dict[str, Any]]:
    return [{name: value for name, value in run.items() if name not in CHANGED} for run in runs_of(store)]


def recorded(*, turns: int = 1) -> MemoryStore:
    target = Collected()
    from agenttrace.record.makers import Makers

    for _ in range(turns):
        record(Makers(target.recorder))  # type: ignore[arg-type]
    return stored([target.records])


def readable_rows(store: MemoryStore, names: Any = "gen_ai") -> list[ReadableSpan]:
    rows = store.runs(RunFilter(workspace_id=WORKSPACE))
    keys = {session.id: session.key for session in store._tables.entities.sessions.values()}
    return [span_of_row(row, keys.get(row.session_id or b""), names) for row in rows]


@pytest.mark.parametrize("names", ["gen_ai", "openinference"])
def test_export_and_ingest_give_the_same_runs(names: Any) -> None:
    """By OTLP in protobuf, into another store."""
    here = recorded()
    target = Collected()
    Receiver(target).take(otlp.read(encode_spans(readable_rows(here, names)).SerializeToString(), otlp.PROTOBUF))
    there = stored([target.records])
    assert list(map(whole, kept(there))) == list(map(whole, kept(here)))


def whole(run: dict[str, Any]) -> dict[str, Any]:
    """Return a run with its content and error as values, without what is null in them or stands beside them."""
    content, error = (orjson.loads(run[name] or "{}") for name in ("content", "error"))
    content.pop("prompt_type", None)
    return run | {"content": {key: value for key, value in content.items() if value is not None}, "error": error}


#: What redaction leaves as it is: what comes in is redacted, what was stored has been.
_REDACTOR = Redactor()


def _unsuspected(text: str) -> bool:
    return _REDACTOR.text(text) == text


TEXT = st.text(st.characters(codec="utf-8"), max_size=12).filter(
    lambda text: not _REDACTOR.secret_key(text) and _REDACTOR.text(text) == text
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53), 1 << 53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
).filter(lambda value: _unsuspected(orjson.dumps(value).decode()))  # a number may look like a card's


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["master", "tool_call", "context", "prompt", "predefined_behaviour", "plan"]),
    content=st.dictionaries(
        st.sampled_from(["input", "output", "query", "documents", "history", "llm_response", "system_prompt"]), VALUES
    ),
    failed=st.booleans(),
)
def test_any_run_comes_back(kind: str, content: dict[str, Any], failed: bool) -> None:
    """Whatever its content, a run that left as OTLP JSON and came back is equal."""
    from agenttrace.testing.records import run_record

    error = {"type": "ValueError", "message": "no", "stack": None} if failed else None
    given = {key: value for key, value in content.items() if value is not None}
    batch = Batch()
    more = {"error": error, "prompt_type": "work" if kind == "prompt" else None}
    kind_, payload = run_record(
        7, run_type=kind, name="work", end=2_000_000, status="failed" if failed else "success", content=given, **more
    )
    batch.add(kind_, payload, process_id=bytes(16), now=1)
    here, there = MemoryStore(), MemoryStore()
    for store in (here, there):
        store.open()
    here.write(batch)
    import_file(io.BytesIO(b"\n".join(requests(here, WORKSPACE))), there)  # type: ignore[arg-type]
    assert whole(kept(there)[0]) == whole(kept(here)[0])


def test_a_free_attribute_names_no_id() -> None:
    """An attribute of the user's own that is called like an id does not become it."""
    target = Collected()
    from agenttrace.record.makers import Makers

    trace = Makers(target.recorder)
    with trace.scope(conversation_id="c-1", ai_contact_id="contact-1"), trace.master("answer") as turn:  # type: ignore[arg-type]
        turn.set("conversation_id", "another")
    (row,) = stored([target.records]).runs(RunFilter(workspace_id=WORKSPACE))
    assert run_of(row).scope_ids["ai_contact_id"] == "contact-1"
    assert "another" not in run_of(row).scope_ids.values()


@pytest.mark.parametrize("names", ["gen_ai", "openinference"])
def test_thoughts_leave_in_files_and_come_back(names: Any) -> None:
    """Those of any run of a session, each at its time, as a span event."""
    target = Collected()
    from agenttrace.record.makers import Makers

    trace = Makers(target.recorder)
    with trace.scope(session_id="ase_s"), trace.master("answer") as turn:  # type: ignore[arg-type]
        turn.thinking("First the guide.")
        with trace.prompt("engage") as prompt:  # type: ignore[arg-type]
            prompt.thinking("Then the answer.")
        turn.thinking("Done.")
    here, there = stored([target.records]), MemoryStore()
    there.open()
    lines = list(requests(here, WORKSPACE, names=names))  # type: ignore[arg-type]
    import_file(io.BytesIO(b"\n".join(lines)), there)  # type: ignore[arg-type]
    assert thoughts_of(here) == thoughts_of(there)
    assert [data for _, _, data in thoughts_of(there)] == ["First the guide.", "Then the answer.", "Done."]
    spans = [span for line in lines for span in otlp.read_json(line).spans]
    assert {event["name"] for span in spans for event in span.events} == {"agenttrace.thinking"}


def thoughts_of(store: MemoryStore) -> list[tuple[int, bytes, Any]]:
    events = [event for event in events_of(store) if event["type"] == "thinking"]
    return [(each["created_at"], each["run_id"], orjson.loads(each["data"])["content"]) for each in events]


# -- files -------------------------------------------------------------------------------------------------------------


def test_a_store_leaves_as_lines_and_comes_back() -> None:
    """Page by page; doing it twice changes nothing."""
    here, there = recorded(turns=200), MemoryStore()
    there.open()
    lines = list(requests(here, WORKSPACE))  # type: ignore[arg-type]
    assert len(lines) == 2
    for _ in range(2):
        found = import_file(io.BytesIO(b"\n".join(lines)), there)  # type: ignore[arg-type]
        assert (found.spans, found.rejected) == (800, 0)
    assert len(kept(there)) == len(kept(here)) == 800


def test_a_document_of_many_lines_is_read_whole() -> None:
    here, there = recorded(), MemoryStore()
    there.open()
    (line,) = requests(here, WORKSPACE)  # type: ignore[arg-type]
    pretty = orjson.dumps(orjson.loads(line), option=orjson.OPT_INDENT_2)
    assert import_file(io.BytesIO(pretty), there).spans == 4  # type: ignore[arg-type]


def test_an_empty_file_holds_nothing() -> None:
    """A store without ended runs leaves as one."""
    there = MemoryStore()
    there.open()
    for empty in (b"", b"\n\n"):
        assert import_file(io.BytesIO(empty), there).spans == 0  # type: ignore[arg-type]


def test_a_file_that_is_none_is_refused() -> None:
    there = MemoryStore()
    there.open()
    with pytest.raises(Malformed):
        import_file(io.BytesIO(b"SQLite format 3\x00"), there)  # type: ignore[arg-type]
