"""Journal records made by hand, for tests of stores: what recording would have appended (`agenttrace.model.wire`).

Trace and span ids are integers; times are microseconds since the epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from agenttrace.model import ids
from agenttrace.model.rows import RANK_END, RANK_START
from agenttrace.model.wire import ENTITY, EVENT, RUN
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
    """Return one version of a run: its end where `end` is given, else its start; `more` are keys of the record.

    >>> kind, payload = run_record(7, end=2_000_000)
    >>> kind, b'"status":"success"' in payload
    (1, True)
    """
    record: dict[str, Any] = {"trace": f"{trace:032x}", "span": f"{span:016x}", "type": run_type, "name": name}
    if parent is not None:
        record["parent"] = f"{parent:016x}"
    ended = end is not None
    record |= {"start": start, "seq": seq, "status": status or ("success" if ended else "running")}
    record |= {"rank": rank or (RANK_END if ended else RANK_START), "rev": rev}
    if ended:
        record |= {"end": end, "end_seq": seq + 1}
    if scope is not None:
        record["scope"] = scope
    return RUN, _payload(record | more, content)


def event_record(
    span: int,
    *,
    trace: int = TRACE,
    type: str = "thinking",  # noqa: A002 - the record's own word
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
    id: str,  # noqa: A002 - the record's own word
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
