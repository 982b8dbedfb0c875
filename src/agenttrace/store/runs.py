"""One RUN record (`model.wire`) becomes one row. Pure: no store, no clock.

Envelopes repeat from run to run, so what one means is remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple, cast
from zlib import crc32

import orjson

from agenttrace.model import ids
from agenttrace.model.rows import RunRow
from agenttrace.model.versions import RANK_END, RANK_START, version
from agenttrace.model.wire import PROMOTED, STATUSES, read_run
from agenttrace.store.scope import Scope, resolve

__all__ = [
    "LAST_TIME",
    "NATIVE",
    "Found",
    "add_rows",
    "hex_run_id",
    "in_time",
    "read_row",
    "read_row_in_python",
]

_NO_PROMOTED = (None, None, None, None)
#: The last microsecond of the year 9999, beyond which neither Python nor a database has timestamps.
LAST_TIME = 253_402_300_799_999_999
_LAST_SEQUENCE = (1 << 40) - 1
_REMEMBERED = 2048  # bytes up to which an envelope is remembered; longer ones hold errors, which do not repeat

#: The row of a record, the scope that it was in, and its flags (`model.wire`).
Found = tuple[RunRow, Scope, int]

Records = list[tuple[int, bytes]]
Runs = dict[tuple[bytes, bytes], RunRow]
Scopes = dict[Scope, int]


class Envelope(NamedTuple):
    """What a record's envelope means, ready for the row. `model/_rows.c` knows the order."""

    scope: Scope
    workspace_id: bytes
    run_type: str
    name: str
    given: tuple[str | bytes | None, ...]  # agent_key to service_id, as they stand in the row
    error: str | None
    attributes: str | None
    via: bytes | None


def read_row_in_python(payload: bytes, process: bytes, now: int) -> Found:
    """Do what `read_row` does."""
    record = read_run(payload)
    rank, trace, parent = record.rank, record.trace, record.parent
    if not RANK_START <= rank <= RANK_END:
        raise ValueError(f"not a version of a run: rank {rank}")
    prefix = _run_prefix(trace)
    above = None if parent is None or parent == record.span else _run_id(prefix, parent)
    text = record.envelope
    envelope = _known_envelope(text) if len(text) <= _REMEMBERED else _read_envelope(text)
    start, end, status, content = in_time(record.start), record.end, record.status, record.content
    values: tuple[Any, ...] = (
        envelope.workspace_id,
        _run_id(prefix, record.span),
        trace,
        record.span,
        above,
        above is None,
        envelope.run_type,
        envelope.name,
        status,
        start,
        None if end is None else max(in_time(end), start),
        version(rank, record.revision, crc32(payload)),
        process if status == "running" else None,
        in_time(record.turn),
        _sequence(record.seq),
        None if end is None else _sequence(record.end_seq),
        *envelope.given,
        now,
        content.decode("utf-8", "replace") if content else None,
        envelope.error,
        envelope.attributes,
    )
    return RunRow(*values, via=envelope.via), envelope.scope, record.flags


def hex_run_id(trace: str, span: str) -> bytes:
    """Return `ids.run_id` of ids in hex; raises ValueError where they are no such ids."""
    trace_id, span_id = bytes.fromhex(trace), bytes.fromhex(span)
    if len(trace_id) != 16 or len(span_id) != 8:
        raise ValueError(f"ids have 32 and 16 hex digits, got {trace!r} and {span!r}")
    return _run_id(_run_prefix(trace_id), span_id)


def in_time(value: int) -> int:
    """Return the nearest instant that a database can keep: the epoch to the end of the year 9999."""
    return value if 0 <= value <= LAST_TIME else min(max(value, 0), LAST_TIME)


@lru_cache(maxsize=4096)
def _run_prefix(trace: bytes) -> tuple[bytes, ...]:
    """Return the 8 bytes with which a trace's run ids begin, by the two highest bits of the span id."""
    least = ids.run_id(int.from_bytes(trace, "big"), 0)  # byte 7 ends with the two bits of the span id
    return tuple(least[:7] + bytes([least[7] | top]) for top in range(4))


def _run_id(prefix: tuple[bytes, ...], span: bytes) -> bytes:
    """Return `ids.run_id`, several times as fast."""
    top = span[0]
    return prefix[top >> 6] + _VARIANT[top & 0x3F] + span[1:]


_VARIANT = tuple(bytes([0x80 | low]) for low in range(64))


def _read_envelope(text: bytes) -> Envelope:
    found: Any = orjson.loads(text)
    if not isinstance(found, dict):
        raise TypeError(f"envelope: no JSON object, got {text!r}")
    fields = cast("dict[str, Any]", found)
    run_type, name, get = fields["type"], fields["name"], fields.get
    scope, attributes = resolve(_optional_object(get("scope"))), _optional_object(get("attributes"))
    if type(run_type) is not str or type(name) is not str:
        raise TypeError(f"envelope: type and name are texts, got {run_type!r} and {name!r}")
    if scope.originals:
        attributes = {**scope.originals, **(attributes or {})}
    error, service = get("error"), get("service")
    given = (
        scope.agent_key,
        scope.session_id,
        scope.conversation_id,
        scope.call_sid,
        scope.ai_contact_id,
        scope.user_id,
        scope.team_id,
        _optional_text(get("prompt_type")),
        _optional_text(get("state_name")),
        *(tuple(_optional_text(attributes.get(key)) for key in PROMOTED) if attributes else _NO_PROMOTED),
        str(get("source") or "agenttrace"),
        _optional_text(get("provider")),
        None if service is None else ids.entity_id(ids.DEFAULT_WORKSPACE.bytes, str(service)),
    )
    return Envelope(
        scope,
        scope.workspace_id,
        run_type,
        name,
        given,
        None if error is None else orjson.dumps(error).decode(),
        orjson.dumps(attributes).decode() if attributes else None,
        _via(get("via")),
    )


_known_envelope = lru_cache(maxsize=4096)(_read_envelope)


def _via(value: object) -> bytes | None:
    return bytes.fromhex(value) if isinstance(value, str) and len(value) == 16 else None


def _optional_object(value: Any) -> dict[str, Any] | None:
    if value is not None and type(value) is not dict:
        raise TypeError(f"envelope: expected a JSON object, got {value!r}")
    return cast("dict[str, Any] | None", value)


def _optional_text(value: object) -> str | None:
    return value if value is None or type(value) is str else str(value)


def _sequence(value: int) -> int:
    return value if 0 <= value <= _LAST_SEQUENCE else min(max(value, 0), _LAST_SEQUENCE)


def _add_none(_records: Records, first: int, *_: object) -> int:
    """Add nothing, and say so: whoever adds record by record adds them all."""
    return first


def _best() -> tuple[Callable[[bytes, bytes, int], Found], Callable[..., int]]:
    try:
        from agenttrace.model import _rows
    except ImportError:  # built without a compiler
        return read_row_in_python, _add_none
    # Where it could not be loaded when the rows were, they are Python's.
    if not issubclass(RunRow, _rows.RunFields):  # pyright: ignore[reportUnnecessaryIsInstance]
        return read_row_in_python, _add_none
    how = (_known_envelope, _read_envelope, RunRow, STATUSES)
    return partial(_rows.read, *how, read_row_in_python), partial(_rows.add, *how)


#: `read_row(payload, process, now)`: return a record as the row of one version, and the scope and flags that it has.
#: Raises ValueError, TypeError or KeyError where the record is not understood.
read_row: Callable[[bytes, bytes, int], Found]
#: `add_rows(records, first, end, needless, process, now, runs, scopes)`: add records as rows, by (workspace, id), and
#: their scopes with the least time of each, from the place `first` on, but for those at places in `needless`. Return
#: the place of the first that is no RUN record, is not understood, has flags, or whose run is there; `end` if none is.
add_rows: Callable[[Records, int, int, set[int], bytes, int, Runs, Scopes], int]
read_row, add_rows = _best()
#: Whether that is the compiled one.
NATIVE: Final = read_row is not read_row_in_python
