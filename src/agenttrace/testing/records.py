"""Journal records made by hand, for tests of stores: what recording would have appended (`agenttrace.model.wire`).

Trace and span ids are integers; times are microseconds since the epoch.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any
from zlib import crc32

import orjson

from agenttrace.model import ids
from agenttrace.model.versions import RANK_END, RANK_START
from agenttrace.model.wire import (
    AUDIT,
    ENTITY,
    EVENT,
    KEY_USED,
    LOG,
    REMOTE,
    RUN,
    SPAN,
    SPREAD,
    RunRecord,
    write_note,
    write_run,
)
from agenttrace.store.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "PROCESS",
    "TRACE",
    "Record",
    "audit_record",
    "batch_of",
    "entity_record",
    "event_record",
    "key_used_record",
    "log_record",
    "run_record",
    "run_uuid",
    "span_record",
]

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


def audit_record(
    number: int,
    *,
    action: str = "run_logs.queried",
    time: int = 1_000_000,
    workspace: str = str(ids.DEFAULT_WORKSPACE),
    filters: dict[str, Any] | None = None,
    rows: int = 1,
    **more: Any,
) -> Record:
    """Return a note of the audit log; `more` are user, key, role, status and request."""
    status, request = more.pop("status", None), more.pop("request", None)
    caller = orjson.dumps({"action": action, "workspace": workspace, **more})
    return AUDIT, write_note((time, number, rows, status, caller, orjson.dumps(request), orjson.dumps(filters or {})))


def key_used_record(key: str, *, time: int = 1_000_000, workspace: str = str(ids.DEFAULT_WORKSPACE)) -> Record:
    """Return that an API key was used."""
    return KEY_USED, _payload({"key": key, "workspace": workspace, "time": time}, None)


def span_record(
    span: int,
    *,
    trace: int = TRACE,
    parent: int | None = None,
    name: str = "work",
    start: int = 1_000_000,
    end: int | None = None,
    scope: dict[str, Any] | None = None,
    attributes: dict[str, Any] | None = None,
    events: list[dict[str, Any]] | None = None,
    place: int | None = None,
    **more: Any,
) -> Record:
    """Return one version of another library's span; `more` are members of its head.

    Of several ends of one span that say as much the one with the greatest `place` (0 to 15) wins, where all have one.
    """
    head = {"trace": f"{trace:032x}", "span": f"{span:016x}", "name": name, "start": start, "end": end, "scope": scope}
    head |= {"parent": None if parent is None else f"{parent:016x}", **more}
    lines = [attributes or {}, *([events] if events else [])]
    told = {key: value for key, value in head.items() if value is not None}
    salted = (b"\n".join(map(orjson.dumps, (told | {"salt": salt}, *lines))) for salt in count())
    # Which of two ends wins is decided by their hashes, so one is looked for that begins with the place.
    return SPAN, next(payload for payload in salted if place is None or crc32(payload) >> 28 == place)


def log_record(
    span: int, *, trace: int = TRACE, time: int = 1_500_000, name: str = "event", body: Any = None, **more: Any
) -> Record:
    """Return one log record inside another library's span."""
    head = {"trace": f"{trace:032x}", "span": f"{span:016x}", "time": time, "name": name, **more}
    return LOG, orjson.dumps(head) + b"\n" + orjson.dumps({"body": body, "attributes": {}})


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
