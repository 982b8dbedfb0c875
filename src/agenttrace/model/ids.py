"""Ids: how trace ids, span ids, run UUIDs, session keys and event ids are made and read. Pure.

Trace ids are 128-bit and span ids 64-bit integers, as W3C Trace Context has them. Inside agenttrace a UUID travels as
its 16 bytes; it becomes a `uuid.UUID` or text at the rim.
"""

from __future__ import annotations

import uuid

from agenttrace.model.regex import regex
from agenttrace.model.uuids import HEX_UUID, LOW_62, VARIANT, as_uuid, canonical, run_id, sane, service_id
from agenttrace.model.veil import veiled

__all__ = [
    "AGENT_KEY",
    "DEFAULT_WORKSPACE",
    "EVENT_ID",
    "SESSION_KEY",
    "agent_key",
    "as_uuid",
    "canonical",
    "entity_id",
    "event_id",
    "run_id",
    "run_range",
    "service_id",
    "session_id",
    "session_key",
    "span_of",
    "time_id",
    "trace_range",
    "workspace_id",
]

# These two are written out, because making them would load OpenSSL where nothing else needs it.
#: The workspace of every span that names none: uuid5(NAMESPACE_URL, "urn:agenttrace:default-workspace").
DEFAULT_WORKSPACE = uuid.UUID("f6452aa2-0e25-5818-b977-4b0e086d171e")

AGENT_KEY = regex(r"agt_[0-9a-zA-Z_-]+\Z")
SESSION_KEY = regex(r"ase_[0-9a-zA-Z_-]+\Z")
EVENT_ID = regex(r"aev_[0-9a-zA-Z_-]+\Z")

_OFF_PATTERN = regex(r"[^0-9a-zA-Z_-]")
_WORKSPACES = uuid.UUID("336220e6-6f8e-5f4d-842e-8638f73b694e")  # the same of "urn:agenttrace:workspace"

_LOW_80 = (1 << 80) - 1
_LOW_70 = (1 << 70) - 1
_SPAN_BITS = (3 << 64) | LOW_62
_LAST_V7 = (1 << 48) * 1000 - 1


def span_of(run: bytes) -> int:
    """Return the span id that a run's UUID carries.

    >>> hex(span_of(run_id(1 << 127, 0xB7AD6B7169203331)))
    '0xb7ad6b7169203331'
    """
    value = int.from_bytes(run, "big")
    return (((value >> 64) & 3) << 62) | (value & LOW_62)


def trace_range(trace: int) -> tuple[bytes, bytes]:
    """Return the lowest and highest run UUID that a trace's runs can have (other traces may share the range).

    >>> low, high = trace_range(1 << 127)
    >>> low <= run_id(1 << 127, 5) <= high
    True
    """
    return run_id(trace, 0), run_id(trace, (1 << 64) - 1)


def run_range(run: bytes) -> tuple[bytes, bytes]:
    """Return the lowest and highest run UUID that the runs of a run's trace can have.

    >>> run_range(run_id(1 << 127, 7)) == trace_range(1 << 127)
    True
    """
    value = int.from_bytes(run, "big")
    return (value & ~_SPAN_BITS).to_bytes(16, "big"), (value | _SPAN_BITS).to_bytes(16, "big")


def workspace_id(value: str | uuid.UUID | None) -> bytes:
    """Return a workspace's 16 bytes: a UUID as it is, other text by uuid5, nothing as the default workspace."""
    if value is None or value == "":
        return DEFAULT_WORKSPACE.bytes
    known = as_uuid(value)
    return (known or uuid.uuid5(_WORKSPACES, sane(veiled(str(value))))).bytes


def entity_id(workspace: bytes, value: str | uuid.UUID) -> bytes:
    """Return the 16 bytes of a contact or conversation: a UUID as it is, other text as uuid5(workspace, text)."""
    known = as_uuid(value)
    return (known or uuid.uuid5(uuid.UUID(bytes=workspace), sane(veiled(str(value))))).bytes


def session_id(workspace: bytes, value: str | uuid.UUID) -> bytes:
    """Return a session's 16 bytes from any of its spellings: the UUID, `ase_` + UUID, or the user's own text.

    >>> ws = DEFAULT_WORKSPACE.bytes
    >>> u = "a63ab83d-2bb8-42ab-8374-23b8e1e276e3"
    >>> session_id(ws, u) == session_id(ws, "ase_" + u) == session_id(ws, "ase_" + u.replace("-", ""))
    True
    """
    if isinstance(value, str) and value.startswith("ase_") and HEX_UUID.match(value[4:]):
        return uuid.UUID(value[4:]).bytes
    return entity_id(workspace, value)


def session_key(workspace: bytes, value: str | uuid.UUID) -> str:
    """Return a session's key: the text itself where it fits the documented pattern, else `ase_` + its UUID.

    >>> session_key(DEFAULT_WORKSPACE.bytes, "ase_customer_support_001")
    'ase_customer_support_001'
    """
    if isinstance(value, str) and SESSION_KEY.match(veiled(value)) and not HEX_UUID.match(value[4:]):
        return value
    return f"ase_{uuid.UUID(bytes=session_id(workspace, value))}"


def agent_key(value: str) -> str:
    """Return an agent's key in the documented pattern.

    >>> agent_key("support"), agent_key("agt_support"), agent_key("my agent")
    ('agt_support', 'agt_support', 'agt_my_agent')
    """
    value = veiled(value)
    bare = value[4:] if value.startswith("agt_") else value
    return "agt_" + (_OFF_PATTERN.sub("_", bare) or "_")


def event_id(time: int, sequence: int, span: int) -> str:
    """Return an event's id; ids sort as text by (time in µs, process sequence), then by span.

    >>> event_id(1, 0, 0) < event_id(1, 1, 0) < event_id(2, 0, 0)
    True
    """
    return f"aev_{max(time, 0):014x}{sequence & 0xFFFFFFFFFF:010x}{span:016x}"


def time_id(time: int, rest: int) -> bytes:
    """Return the 16 bytes of a UUID (RFC 9562, version 7) that sorts by its time in microseconds, then by `rest`.

    The milliseconds stand in `unix_ts_ms`, the microseconds as a fraction in `rand_a` (method 3 of section 6.2), the
    low 62 bits of `rest` in `rand_b`.

    >>> time_id(1_000_001, 0) < time_id(1_000_001, 1) < time_id(1_000_002, 0)
    True
    """
    milliseconds, micros = divmod(min(max(time, 0), _LAST_V7), 1000)
    bits = (milliseconds << 80) | (7 << 76) | ((micros * 4096 // 1000) << 64) | VARIANT | (rest & LOW_62)
    return bits.to_bytes(16, "big")
