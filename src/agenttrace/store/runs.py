"""One RUN record (`model.wire`) becomes one row. Pure: no store, no clock.

In two steps, since most starts are superseded by their end before they are written: `read_run` checks a record and
says which version of which run it is; `run_row` makes the row, and does not fail.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from agenttrace.model import ids
from agenttrace.model.rows import RANK_END, RANK_START, RunRow, version
from agenttrace.model.wire import PROMOTED
from agenttrace.store.scope import Scope, resolve

__all__ = ["Draft", "hex_run_id", "hex_trace", "in_time", "read_run", "run_row"]

_STATUSES = frozenset(("pending", "running", "success", "failed"))
_NO_PROMOTED = (None, None, None, None)
#: The last microsecond of the year 9999, beyond which neither Python nor a database has timestamps.
_LAST_MICROSECOND = 253_402_300_799_999_999
_LAST_SEQUENCE = (1 << 40) - 1

_REQUIRED: dict[str, type] = {
    "trace": str,
    "span": str,
    "type": str,
    "name": str,
    "start": int,
    "seq": int,
    "status": str,
    "rank": int,
    "rev": int,
}
_OPTIONAL: dict[str, type] = {
    "parent": str,
    "turn": int,
    "end": int,
    "end_seq": int,
    "scope": dict,
    "attributes": dict,
}
_TYPES = _REQUIRED | _OPTIONAL

#: Keys and value types of records that were found good: a record of the same shape needs no second look.
_good_shapes: set[tuple[Any, ...]] = set()


class Draft(NamedTuple):
    """A checked version of a run that is no row yet."""

    version: int
    id: bytes
    parent_id: bytes | None
    scope: Scope
    record: dict[str, Any]
    content: str | None
    process_id: bytes
    now: int


def read_run(record: dict[str, Any], content: str | None, digest: int, process: bytes, now: int) -> Draft:
    """Return a record as a checked version; raises ValueError, TypeError or KeyError where it is not understood."""
    if (*record, *map(type, record.values())) not in _good_shapes:
        _check_shape(record)
    rank, trace, span, parent = record["rank"], record["trace"], record["span"], record.get("parent")
    if record["status"] not in _STATUSES or not RANK_START <= rank <= RANK_END:
        raise ValueError(f"unknown status {record['status']!r} or rank {rank!r}")
    run = hex_run_id(trace, span)
    above = None if parent is None or parent == span else hex_run_id(trace, parent)
    return Draft(
        version(rank, record["rev"], digest), run, above, resolve(record.get("scope")), record, content, process, now
    )


def run_row(draft: Draft) -> RunRow:
    """Return the row of a checked version."""
    number, run, parent, scope, record, content, process, now = draft
    get, start, status = record.get, record["start"], record["status"]
    attributes: dict[str, Any] | None = get("attributes")
    end, end_seq, error, service = get("end"), get("end_seq"), get("error"), get("service")
    prompt_type, state_name, provider = get("prompt_type"), get("state_name"), get("provider")
    start = start if 0 <= start <= _LAST_MICROSECOND else in_time(start)
    if scope.originals:
        attributes = {**scope.originals, **(attributes or {})}
    interaction, widget, placement, deployment = _promoted(attributes) if attributes else _NO_PROMOTED
    return RunRow(
        scope.workspace_id,
        run,
        hex_trace(record["trace"]),
        bytes.fromhex(record["span"]),
        parent,
        parent is None,
        record["type"],
        record["name"],
        status,
        start,
        None if end is None else max(in_time(end), start),
        number,
        process if status == "running" else None,
        in_time(get("turn", start)),
        _sequence(record["seq"]),
        None if end_seq is None else _sequence(end_seq),
        scope.agent_key,
        scope.session_id,
        scope.conversation_id,
        scope.call_sid,
        scope.ai_contact_id,
        scope.user_id,
        scope.team_id,
        None if prompt_type is None else str(prompt_type),
        None if state_name is None else str(state_name),
        interaction,
        widget,
        placement,
        deployment,
        str(get("source") or "agenttrace"),
        None if provider is None else str(provider),
        None if service is None else _service_id(str(service)),
        now,
        content,
        None if error is None else orjson.dumps(error).decode(),
        orjson.dumps(attributes).decode() if attributes else None,
    )


def hex_run_id(trace: str, span: str) -> bytes:
    """Return `ids.run_id` of ids in hex, several times as fast; raises ValueError where they are no such ids."""
    run = bytes.fromhex(_run_prefix(trace, span[:1]) + span[1:])
    if len(run) != 16 or len(span) != 16:
        raise ValueError(f"a span id has 16 hex digits, got {span!r}")
    return run


@lru_cache(maxsize=1024)
def hex_trace(trace: str) -> bytes:
    """Return the 16 bytes of a trace id in hex; raises ValueError where it is none."""
    value = bytes.fromhex(trace)
    if len(trace) != 32 or len(value) != 16:
        raise ValueError(f"a trace id has 32 hex digits, got {trace!r}")
    return value


def in_time(value: int) -> int:
    """Return the nearest instant that a database can keep: the epoch to the end of the year 9999."""
    return value if 0 <= value <= _LAST_MICROSECOND else min(max(value, 0), _LAST_MICROSECOND)


@lru_cache(maxsize=4096)
def _run_prefix(trace: str, nibble: str) -> str:
    """Return the 17 hex digits with which a trace's run ids begin, by the first hex digit of the span id."""
    number = int.from_bytes(hex_trace(trace), "big")
    return ids.run_id(number, int(nibble, 16) << 60).hex()[:17]


@lru_cache(maxsize=64)
def _service_id(text: str) -> bytes:
    return ids.entity_id(ids.DEFAULT_WORKSPACE.bytes, text)


def _check_shape(record: dict[str, Any]) -> None:
    for name in _REQUIRED:
        if name not in record:
            raise KeyError(name)
    for name, value in record.items():
        kind = _TYPES.get(name)
        if kind is not None and type(value) is not kind:
            raise TypeError(f"{name}: got {value!r}")
    if len(_good_shapes) >= 1024:
        _good_shapes.clear()
    _good_shapes.add((*record, *map(type, record.values())))


def _promoted(attributes: dict[str, Any]) -> tuple[str | None, ...]:
    return tuple(map(_optional_text, map(attributes.get, PROMOTED)))


def _optional_text(value: object) -> str | None:
    return value if value is None or type(value) is str else str(value)


def _sequence(value: int) -> int:
    return value if 0 <= value <= _LAST_SEQUENCE else min(max(value, 0), _LAST_SEQUENCE)
