"""Journal records of foreign spans, by each way in, and what a store makes of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from agenttrace.model.ids import DEFAULT_WORKSPACE
from agenttrace.model.rows import EventRow, RunRow
from agenttrace.otel import LogRecordProcessor, SpanProcessor, otlp
from agenttrace.otel.derive import derive
from agenttrace.otel.receive import Receiver
from agenttrace.record.recorder import Recorder
from agenttrace.store.batch import Batch
from agenttrace.store.memory import MemoryStore
from agenttrace.store.protocol import RunFilter
from tests.otel.otel_replay import Case, readable

WORKSPACE = DEFAULT_WORKSPACE.bytes
PROCESS = bytes(range(16))
Record = tuple[int, bytes]


class Collected:
    """Stands for an AgentTrace: keeps what is recorded."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.recorder = Recorder()
        self.recorder.append = lambda kind, payload: self.records.append((kind, payload))
        self.recorder.enabled = self.recorder.strict = True

    def flush(self, timeout: float = 5.0) -> bool:
        return True


def replayed(case: Case, *, starts: bool = True) -> list[Record]:
    """Return what the processors record of a case."""
    target = Collected()
    spans, logs = SpanProcessor(target), LogRecordProcessor(target)
    for step, value in case.steps:
        if step == "log":
            logs.on_emit(value)
        elif step == "end":
            spans.on_end(value)
        elif starts:
            spans.on_start(value)
    return target.records


def over_protobuf(case: Case) -> list[Record]:
    """Return what is recorded of a case's ended spans and its logs that come over OTLP in protobuf."""
    target = Collected()
    receiver = Receiver(target)
    receiver.take(otlp.read(trace_request(case), otlp.PROTOBUF))
    receiver.take(otlp.read(log_request(case), otlp.PROTOBUF, logs=True))
    return target.records


def over_json(case: Case) -> list[Record]:
    """Return what is recorded of a case's ended spans and its logs that come over OTLP in JSON."""
    target = Collected()
    receiver = Receiver(target)
    receiver.take(otlp.read(as_json(encode_spans(case.ended)), otlp.JSON))
    receiver.take(otlp.read(as_json(encode_logs([readable(log) for log in case.logs])), otlp.JSON, logs=True))
    return target.records


def trace_request(case: Case) -> bytes:
    return encode_spans(case.ended).SerializeToString()


def log_request(case: Case) -> bytes:
    return encode_logs([readable(log) for log in case.logs]).SerializeToString()


def as_json(message: Any) -> bytes:
    """Return a message in OTLP's JSON: protobuf's, with ids in hex."""
    return orjson.dumps(_with_hex_ids(MessageToDict(message)))


def _with_hex_ids(value: Any) -> Any:
    import base64

    if isinstance(value, list):
        return [_with_hex_ids(item) for item in value]
    if isinstance(value, dict):
        return {
            key: base64.b64decode(item).hex() if key in ("traceId", "spanId", "parentSpanId") else _with_hex_ids(item)
            for key, item in value.items()
        }
    return value


def stored(batches: Iterable[Sequence[Record]], *, store: MemoryStore | None = None) -> MemoryStore:
    """Return a store to which each of these batches was written, by a process of its own."""
    store = store or MemoryStore(clock=lambda: 1)
    store.open()
    for number, records in enumerate(batches):
        batch = Batch(derive=derive)
        for kind, payload in records:
            batch.add(kind, payload, process_id=bytes([number]) * 16, now=number + 1)
        store.write(batch)
    return store


def shuffled(records: Sequence[Record], seed: int) -> list[list[Record]]:
    """Return the records in another order, some of them twice, in several batches."""
    order = random.Random(seed)
    found = [*records, *order.sample(list(records), len(records) // 3)]
    order.shuffle(found)
    cuts = sorted(order.sample(range(len(found) + 1), min(3, len(found))))
    return [found[start:end] for start, end in zip([0, *cuts], [*cuts, len(found)], strict=True)]


def runs_of(store: MemoryStore, workspace: bytes = WORKSPACE) -> list[dict[str, Any]]:
    """Return all runs without what tells when and how often they were written, by id."""
    runs = store.runs(RunFilter(workspace_id=workspace))
    return [told(run) for run in sorted(runs, key=lambda run: run.id)]


def told(row: RunRow | EventRow) -> dict[str, Any]:
    names = (name for name in type(row).__dataclass_fields__ if name not in ("version", "ingested_at", "process_id"))
    return {name: getattr(row, name) for name in names}


def events_of(store: MemoryStore) -> list[dict[str, Any]]:
    """Return all visible events, those without a session too, by id."""
    rows = store._tables.events.values()
    return [told(row) for row in sorted(rows, key=lambda row: row.id) if not row.hidden]
