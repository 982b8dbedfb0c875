"""Journal records made by hand, for tests of stores: what recording would have appended (`agenttrace.model.wire`).

Trace and span ids are integers; times are microseconds since the epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from agenttrace.model import ids
from agenttrace.model.rows import RANK_END, RANK_START
from agenttrace.model.wire import ENTITY, EVENT, REMOTE, RUN, SPREAD, RunRecord, write_run
from agenttrace.store.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PROCESS", "TRACE", "Record", "batch_of", "entity_record", "event_record", "run_record", "run_uuid"]

Record = tuple[int, bytes]

#: A trace id as agenttrace makes them: 48 bits of milliseconds, then 80 others.
TRACE = (1_750_000_000_000 << 80) | 0x1234567890ABCDEF

#: The recording process of records that name none.
PROCESS = bytes(range(16))


def run_record(
    span: int,
    *,
    trace: int = TRACE,
    parent: int | None = None,
    run_type: str = "tool_call",
    name: str = "work",
    start: int = 1_000_000,
    seq: int = 1,
    status: str | None = None,
    end: int | None = None,
    rank: int | None = None,
    rev: int = 0,
    scope: dict[str, Any] | None = None,
    content: dict[str, Any] | None = None,
    **more: Any,
) -> Record:
    """Return one version of a run: its end where `end` is given, else its start; `more` are members of the envelope,
    and `turn`, `end_seq`, `remote` and `spread`.

    >>> kind, payload = run_record(7, name="look_up", end=2_000_000)
    >>> kind, b'"name":"look_up"' in payload
    (1, True)
    """
    ended = end is not None
    fields: dict[str, Any] = {"type": run_type, "name": name, "scope": scope, **more}
    flags = (REMOTE if fields.pop("remote", False) else 0) | (SPREAD if fields.pop("spread", False) else 0)
    turn, end_seq = fields.pop("turn", start), fields.pop("end_seq", seq + 1 if ended else 0)
    record = RunRecord(
        trace=trace.to_bytes(16, "big"),
        span=span.to_bytes(8, "big"),
        parent=None if parent is None else parent.to_bytes(8, "big"),
        start=start,
        end=end,
        turn=turn,
        seq=seq,
        end_seq=end_seq,
        revision=rev,
        rank=rank or (RANK_END if ended else RANK_START),
        status=status or ("success" if ended else "running"),
        flags=flags,
        envelope=orjson.dumps({key: value for key, value in fields.items() if value is not None}),
        content=b"" if content is None else orjson.dumps(content),
    )
    return RUN, write_run(record)


def event_record(
    span: int,
    *,
    trace: int = TRACE,
    type: str = "thinking",
    time: int = 1_500_000,
    seq: int = 5,
    scope: dict[str, Any] | None = None,
    content: dict[str, Any] | None = None,
    **more: Any,
) -> Record:
    """Return one event of a span."""
    record: dict[str, Any] = {"trace": f"{trace:032x}", "span": f"{span:016x}", "type": type, "time": time, "seq": seq}
    return EVENT, _payload(record | {"scope": scope or {}} | more, content)


def entity_record(
    entity: str,
    id: str,
    *,
    time: int = 1_000_000,
    scope: dict[str, Any] | None = None,
    **more: Any,
) -> Record:
    """Return the registration of a contact, a session or an agent."""
    return ENTITY, _payload({"entity": entity, "id": id, "time": time, "scope": scope or {}} | more, None)


def batch_of(*records: Record, process_id: bytes = PROCESS, now: int = 9_000_000) -> Batch:
    """Return a batch of these records of one process."""
    return _fill(Batch(), records, process_id, now)


def run_uuid(span: int, trace: int = TRACE) -> bytes:
    """Return the 16 bytes of a run's id."""
    return ids.run_id(trace, span)


def _fill(batch: Batch, records: Iterable[Record], process_id: bytes, now: int) -> Batch:
    for kind, payload in records:
        batch.add(kind, payload, process_id=process_id, now=now)
    return batch


def _payload(record: dict[str, Any], content: dict[str, Any] | None) -> bytes:
    head = orjson.dumps(record)
    return head if content is None else head + b"\n" + orjson.dumps(content)
