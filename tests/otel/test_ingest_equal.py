"""The same spans give the same runs: whichever way they come in, in whatever order, split and repetition."""

from __future__ import annotations

import pytest
from opentelemetry.context import set_value
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agenttrace.otel import SpanProcessor, otlp
from agenttrace.otel.receive import Receiver
from agenttrace.record.context import EMPTY, SCOPE
from tests.otel.otel_records import Collected, events_of, over_json, over_protobuf, replayed, runs_of, shuffled, stored
from tests.otel.otel_replay import Case, cases

every_case = pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)


def is_whole(case: Case) -> bool:
    """Return whether all spans of a case ended, with all their attributes."""
    ended = len(case.ended) == sum(step == "start" for step, _ in case.steps)
    return ended and not any(span.dropped_attributes for span in case.ended)


@pytest.mark.parametrize("case", list(filter(is_whole, cases())), ids=lambda case: case.name)
def test_starts_add_nothing_once_all_have_ended(case: Case) -> None:
    """What a span's end says is all there is to say, unless attributes were evicted or it never ended."""
    assert runs_of(stored([replayed(case)])) == runs_of(stored([replayed(case, starts=False)]))


@every_case
def test_protobuf_gives_the_same_runs(case: Case) -> None:
    """Spans that come over OTLP in protobuf are the runs that they are in process."""
    here, there = stored([replayed(case, starts=False)]), stored([over_protobuf(case)])
    assert runs_of(there) == runs_of(here)
    assert events_of(there) == events_of(here)


@every_case
def test_json_gives_the_same_runs(case: Case) -> None:
    """Spans that come over OTLP in JSON are the runs that they are in process."""
    here, there = stored([replayed(case, starts=False)]), stored([over_json(case)])
    assert runs_of(there) == runs_of(here)
    assert events_of(there) == events_of(here)


@every_case
def test_order_repetition_and_split_do_not_matter(case: Case) -> None:
    """Shuffled, partly twice, in several batches of several processes: the same runs and events."""
    records = replayed(case)
    whole = stored([records])
    for seed in range(4):
        pieces = stored(shuffled(records, seed))
        assert runs_of(pieces) == runs_of(whole)
        assert events_of(pieces) == events_of(whole)


@every_case
def test_one_record_a_batch(case: Case) -> None:
    """As they come while the program runs, each record in a transaction of its own."""
    records = replayed(case)
    whole, pieces = stored([records]), stored([record] for record in records)
    assert runs_of(pieces) == runs_of(whole)
    assert events_of(pieces) == events_of(whole)


@every_case
def test_a_span_that_comes_both_ways_is_one_run(case: Case) -> None:
    """A program may have the processor and an OTLP exporter to the same store."""
    here = replayed(case)
    assert runs_of(stored([here, over_protobuf(case)])) == runs_of(stored([over_protobuf(case), here]))
    assert events_of(stored([here, over_protobuf(case)])) == events_of(stored([here]))


def test_the_scope_of_a_span_stays_where_it_comes_over_otlp_too() -> None:
    """Whichever of the two has the greater hash."""
    target = Collected()
    spans, exporter = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    spans.add_span_processor(SpanProcessor(target))
    spans.add_span_processor(SimpleSpanProcessor(exporter))
    scope = EMPTY.extended({"user_id": "ann"}, {"plan": "pro"}, target.recorder.attribute)
    for _ in range(20):
        context = set_value(SCOPE, scope)
        spans.get_tracer("lib").start_span("chat", context, attributes={"gen_ai.operation.name": "chat"}).end()
    here = list(target.records)
    Receiver(target).take(otlp.read(encode_spans(exporter.get_finished_spans()).SerializeToString(), otlp.PROTOBUF))
    there = target.records[len(here) :]
    for batches in ([here, there], [there, here], [there, [record for record in here if b'"end":' not in record[1]]]):
        found = runs_of(stored(batches))
        assert [(run["user_id"], run["status"], run["attributes"]) for run in found] == [
            ("ann", "success", '{"plan":"pro"}')
        ] * 20
