"""Log records of one microsecond keep their order, by each way in, and equal ones stay apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson
import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from agenttrace.model.rows import LogRow
from agenttrace.model.wire import SPAN
from agenttrace.otel import LogRecordProcessor, otlp, places
from agenttrace.otel.raw import RawWriter
from agenttrace.otel.receive import Receiver
from agenttrace.record.context import EMPTY
from agenttrace.store.memory import MemoryStore
from tests.otel.derive_cases import TRACE, ident, log, span
from tests.otel.otel_records import WORKSPACE, Collected, Record, as_json, runs_of, shuffled, stored

START = 1_795_293_789_506_228_000
Said = Sequence[tuple[int, str, str]]  # nanoseconds, role, text
HAND_BY_HAND: Said = [(1, "user", "z"), (100, "assistant", "m"), (200, "user", "a")]
AT_ONCE: Said = [(0, "user", "yes"), (0, "assistant", "and?"), (0, "user", "yes")]


def in_process(said: Said) -> list[Record]:
    target = Collected()
    logs = LoggerProvider(shutdown_on_exit=False)
    logs.add_log_record_processor(LogRecordProcessor(target))
    context = SpanContext(int.from_bytes(TRACE, "big"), 1, is_remote=False, trace_flags=TraceFlags(1))
    inside = set_span_in_context(NonRecordingSpan(context))
    for nanoseconds, role, text in said:
        logs.get_logger("lib").emit(
            LogRecord(
                timestamp=START + nanoseconds,
                context=inside,
                event_name=f"gen_ai.{role}.message",
                body={"content": text},
            )
        )
    return target.records


def request(said: Said) -> ExportLogsServiceRequest:
    made = ExportLogsServiceRequest()
    records = made.resource_logs.add().scope_logs.add().log_records
    for nanoseconds, role, text in said:
        record = records.add(trace_id=TRACE, span_id=ident(1), time_unix_nano=START + nanoseconds)
        record.event_name = f"gen_ai.{role}.message"
        record.body.string_value = text
    return made


def over_protobuf(said: Said) -> list[Record]:
    target = Collected()
    Receiver(target).take(otlp.read(request(said).SerializeToString(), otlp.PROTOBUF, logs=True))
    return target.records


def over_json(said: Said) -> list[Record]:
    target = Collected()
    Receiver(target).take(otlp.read(as_json(request(said)), otlp.JSON, logs=True))
    return target.records


def chat() -> Record:
    return SPAN, RawWriter(Collected().recorder).span(span(1, None, {"gen_ai.operation.name": "chat"}), EMPTY)


def history(store: MemoryStore) -> list[tuple[str, str]]:
    (run,) = runs_of(store)
    return [(message["role"], message["content"]) for message in orjson.loads(run["content"])["history"]]


@pytest.mark.parametrize("said", [HAND_BY_HAND, AT_ONCE])
@pytest.mark.parametrize("way", [in_process, over_protobuf, over_json])
def test_messages_of_one_microsecond(said: Said, way: Callable[[Said], list[Record]]) -> None:
    """Whatever order the records arrive in, twice or not."""
    records = [chat(), *way(said)]
    for batches in ([records], [records[::-1]], *(shuffled(records, seed) for seed in range(4))):
        assert history(stored(batches)) == [(role, text) for _, role, text in said]


def test_a_later_instant_is_later_whenever_it_comes() -> None:
    """In a request before that of the sooner one."""
    first, second, third = HAND_BY_HAND
    batches = [over_protobuf([third]), over_json([second]), over_protobuf([first]), [chat()]]
    assert history(stored(batches)) == [(role, text) for _, role, text in HAND_BY_HAND]


def test_a_request_that_is_sent_again_adds_nothing() -> None:
    store = stored([over_protobuf(AT_ONCE), over_protobuf(AT_ONCE), over_json(AT_ONCE)])
    logs: list[LogRow] = store.logs(WORKSPACE, TRACE)
    assert len(logs) == 3


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_MOST", 2)
    known = places.Places()
    for time in range(9):
        known.give(log(1, "event", "x", time + 1))
    assert len(known._seen) <= 2
