"""OTLP in: bodies are read, inflated and refused as the protocol says, and never break anything."""

from __future__ import annotations

import gzip
import json
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from agenttrace.otel import otlp
from agenttrace.otel.otlp_write import request_of
from agenttrace.otel.received import Malformed, TooLarge, Unsupported
from tests.otel.otel_records import trace_request
from tests.otel.otel_replay import cases

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN: dict[str, Any] = {
    "traceId": TRACE,
    "spanId": "b7ad6b7169203331",
    "name": "chat",
    "kind": 3,
    "startTimeUnixNano": "1795293789506228383",
    "endTimeUnixNano": "1795293789527241353",
    "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}],
    "status": {"code": 2, "message": "refused"},
}


def request(*spans: Any) -> bytes:
    document = {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "lib"}, "spans": list(spans)}]}]}
    return json.dumps(document).encode()


def test_times_are_cut_to_microseconds() -> None:
    (span,) = otlp.read_json(request(SPAN)).spans
    assert (span.start, span.end) == (1795293789506228, 1795293789527241)
    assert (span.kind, span.status, span.status_message) == ("client", "error", "refused")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"stringValue": "x"}, "x"),
        ({"boolValue": True}, True),
        ({"intValue": "9223372036854775807"}, 9223372036854775807),
        ({"intValue": 5}, 5),
        ({"doubleValue": 2.5}, 2.5),
        ({"doubleValue": "Infinity"}, float("inf")),
        ({"arrayValue": {"values": [{"intValue": "1"}, {}]}}, [1, None]),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"stringValue": "b"}}]}}, {"a": "b"}),
        ({"bytesValue": "AAE="}, b"\x00\x01"),
        ({}, None),
        ({"stringValue": None}, None),
        ({"intValue": "many"}, "many"),
        ({"bytesValue": "not base64!"}, "not base64!"),
        ({"newValue": 1}, {"newValue": 1}),
    ],
)
def test_values_of_every_kind(value: Any, expected: Any) -> None:
    """A value that is not what its kind says is kept as it came."""
    span = {**SPAN, "attributes": [{"key": "k", "value": value}]}
    assert otlp.read_json(request(span)).spans[0].attributes == {"k": expected}


@pytest.mark.parametrize(
    "change",
    [
        {"traceId": ""},
        {"traceId": "0" * 32},
        {"traceId": TRACE[:-1]},
        {"traceId": 7},
        {"spanId": None},
        {"spanId": "zz" * 8},
        {"startTimeUnixNano": "soon"},
        {"startTimeUnixNano": -1},
        {"startTimeUnixNano": {}},
        {"endTimeUnixNano": 1 << 70},
        {"parentSpanId": "xyz"},
    ],
)
def test_a_span_that_cannot_be_read_is_counted(change: dict[str, Any]) -> None:
    """The others of the request are taken."""
    received = otlp.read_json(request({**SPAN, **change}, SPAN))
    assert (len(received.spans), received.rejected) == (1, 1)


def test_unknown_fields_are_ignored() -> None:
    assert len(otlp.read_json(request({**SPAN, "later": [1], "kind": 99, "events": 5, "links": {}})).spans) == 1


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b'{"stringValue": "half \\ud83d"}', "half \\ud83d"),
        (b'{"stringValue": "bad \xff"}', "bad \\udcff"),
        (b'{"doubleValue": NaN}', None),
        (b'{"doubleValue": -Infinity}', None),
    ],
)
def test_what_json_cannot_say_costs_no_span(written: bytes, read: Any) -> None:
    """Many writers cut a text inside an emoji, or write numbers that JSON lacks."""
    odd = request({**SPAN, "attributes": [{"key": "k", "value": "ODD"}]}, SPAN).replace(b'"ODD"', written)
    received = otlp.read_json(odd)
    assert received.rejected == 0
    assert [span.attributes for span in received.spans] == [{"k": read}, {"gen_ai.operation.name": "chat"}]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'"x"', b"\xff", b"[" * 5000])
def test_a_body_that_is_no_request_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        otlp.read(body, otlp.JSON)


def test_values_of_any_depth_are_taken() -> None:
    """What is nested too deep becomes text."""
    value: Any = {"stringValue": "x"}
    for _ in range(200):
        value = {"arrayValue": {"values": [value]}}
    (span,) = otlp.read_json(request({**SPAN, "attributes": [{"key": "deep", "value": value}]})).spans
    assert "stringValue" in str(span.attributes["deep"])


def test_other_types_are_unsupported() -> None:
    with pytest.raises(Unsupported):
        otlp.read(b"", "text/plain")


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
def test_bodies_are_inflated_within_their_bound(pack: Any) -> None:
    name = "gzip" if pack is gzip.compress else "deflate"
    assert otlp.inflate(pack(b"x" * 1000), name, 1000) == b"x" * 1000
    with pytest.raises(TooLarge):
        otlp.inflate(pack(b"x" * 1001), name, 1000)


def test_a_gzip_bomb_is_not_inflated() -> None:
    """A kilobyte that would become a gigabyte costs no more than its bound."""
    stream = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(stream.compress(bytes(1 << 20)) for _ in range(64)) + stream.flush()
    with pytest.raises(TooLarge):
        otlp.inflate(bomb, "gzip", 1 << 20)


def test_members_of_gzip_are_read_one_after_the_other() -> None:
    assert otlp.inflate(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", 10) == b"ab"


@pytest.mark.parametrize(
    "body", [b"no gzip", gzip.compress(b"x" * 100)[:-9], gzip.compress(b"x") + b"rest"], ids=["none", "cut", "more"]
)
def test_damaged_gzip_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        otlp.inflate(body, "gzip", 1000)


def test_other_encodings_are_unsupported() -> None:
    with pytest.raises(Unsupported):
        otlp.inflate(b"", "br", 10)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_malformed(body: bytes) -> None:
    for kind in (otlp.JSON, otlp.PROTOBUF):
        for logs in (False, True):
            with suppress(Malformed):
                otlp.read(body, kind, logs=logs)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_damage_to_a_request_is_confined(data: st.DataObject) -> None:
    """Bytes that are changed, cut or added anywhere in a real request make it malformed at most."""
    body = bytearray(trace_request(cases()[0]))
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Malformed):
        otlp.read(bytes(body[: data.draw(st.integers(0, len(body)))]), otlp.PROTOBUF)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), 1 << 63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from([*SPAN, "parentSpanId", "events", "links", "flags"]), JSON_VALUES, max_size=6))
def test_any_values_in_a_span_are_taken_or_counted(changes: dict[str, Any]) -> None:
    received = otlp.read_json(request({**SPAN, **changes}))
    assert len(received.spans) + received.rejected == 1


def test_a_partial_success_is_readable() -> None:
    answer = ExportTraceServiceResponse.FromString(otlp.protobuf_success(300, "not read"))
    assert (answer.partial_success.rejected_spans, answer.partial_success.error_message) == (300, "not read")


@pytest.mark.parametrize("case", cases()[:12], ids=lambda case: case.name)
def test_what_is_written_is_read_back(case: Any) -> None:
    """Spans that leave as JSON come back as they were."""
    spans = otlp.read(trace_request(case), otlp.PROTOBUF).spans
    back = otlp.read_json(request_of(spans)).spans
    assert sorted(back, key=lambda span: span.span_id) == sorted(spans, key=lambda span: span.span_id)
