"""Ids: how trace ids, span ids, run UUIDs, session keys and event ids are made and read. Pure.

Trace ids are 128-bit and span ids 64-bit integers, as W3C Trace Context has them. Inside agenttrace a UUID travels as
its 16 bytes; it becomes a `uuid.UUID` or text at the rim.

Some ids are secrets: somebody names a session by a token, or a user by an API key. Such an id cannot just lose what is
secret in it, for what tells two users apart must go on doing so. So it is veiled, hidden in whole, and equal ids stay
equal: in each process, in the journal, in the store, and in the questions that are asked of it.
"""

from __future__ import annotations

import uuid
from functools import lru_cache
from typing import Final

from agenttrace.loading import LOADING, regex

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
    "is_telling",
    "run_id",
    "run_range",
    "sane",
    "service_id",
    "session_id",
    "session_key",
    "span_of",
    "time_id",
    "trace_range",
    "veiled",
    "workspace_id",
]

# These are written out, because making them would load OpenSSL where nothing else needs it.
#: The workspace of every span that names none: uuid5(NAMESPACE_URL, "urn:agenttrace:default-workspace").
DEFAULT_WORKSPACE = uuid.UUID("f6452aa2-0e25-5818-b977-4b0e086d171e")
_WORKSPACES = uuid.UUID("336220e6-6f8e-5f4d-842e-8638f73b694e")  # the same of "urn:agenttrace:workspace"
_SERVICES = uuid.UUID("8d5ff556-63ff-5fea-b51e-99d383ead0b9")  # of "urn:agenttrace:service"

AGENT_KEY = regex(r"agt_[0-9a-zA-Z_-]+\Z")
SESSION_KEY = regex(r"ase_[0-9a-zA-Z_-]+\Z")
EVENT_ID = regex(r"aev_[0-9a-zA-Z_-]+\Z")

_HEX_UUID = regex(r"(?:urn:uuid:)?\{?[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\}?\Z")
_OFF_PATTERN = regex(r"[^0-9a-zA-Z_-]")

#: Without one of these no text has one of the forms of `secretforms`; a test holds that.
_SIGNS: Final = (
    *("-----BEGIN", "://", ":AA", "AIza", "ASIC", "AccountKey=", "EARER", "KIA", "SG.", "SIA", "SK", "_v1_", "agtk_"),
    *("asic", "curl", "dapi", "earer", "eyJ", "fw_", "gho_", "ghp_", "ghr_", "ghs_", "ghu_", "github_pat_", "glpat-"),
    *("gsk_", "hf_", "hvb.", "hvs.", "k_live_", "k_test_", "lin_api_", "lsv2_", "npm_", "ntn_", "pcsk_", "pplx-"),
    *("pylf_v", "pypi-A", "r8_", "shp", "sig=", "sk-", "tvly-", "whsec_", "xai-", "xapp-", "xox", "ya29."),
)
_SHORTEST, _REMEMBERED, _UUID = 13, 512, 36
_BEFORE, _DIGITS = "[REDACTED:", 16

_VARIANT = 2 << 62
_VERSION_8 = 8 << 76
_LOW_12 = (1 << 12) - 1
_LOW_62 = (1 << 62) - 1
_SPAN_BITS = (3 << 64) | _LOW_62
_LAST_V7 = (1 << 48) * 1000 - 1


def _trace_bits(trace: int) -> int:
    """Return the 58 bits of a trace id that its runs' UUIDs carry: the top ones, or the next where those are zero."""
    top = trace >> 70
    return top if top else (trace >> 12) & ((1 << 58) - 1)


def run_id(trace: int, span: int) -> bytes:
    """Return the 16 bytes of a run's UUID (RFC 9562, version 8), computed from its W3C ids.

    `custom_a` holds trace bits 0 to 47, `custom_b` trace bits 48 to 57 and span bits 0 to 1, `custom_c` span bits 2 to
    63, bit 0 being the most significant. Where the top 58 bits of the trace id are zero (64-bit tracers), its next 58
    are taken.

    >>> uuid.UUID(bytes=run_id(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331))
    UUID('0af76519-16cd-843e-b7ad-6b7169203331')
    """
    bits = (_trace_bits(trace) << 64) | span
    return (
        ((bits >> 74) << 80) | _VERSION_8 | (((bits >> 62) & _LOW_12) << 64) | _VARIANT | (bits & _LOW_62)
    ).to_bytes(16, "big")


def as_uuid(value: str | uuid.UUID) -> uuid.UUID | None:
    """Return the UUID that a value is or spells, or None.

    >>> as_uuid("A63AB83D-2BB8-42AB-8374-23B8E1E276E3"), as_uuid("support")
    (UUID('a63ab83d-2bb8-42ab-8374-23b8e1e276e3'), None)
    """
    if isinstance(value, uuid.UUID):
        return value
    return _read_uuid(value)


@lru_cache(maxsize=1024)
def _read_uuid(text: str) -> uuid.UUID | None:
    return uuid.UUID(text) if _HEX_UUID.match(text) else None


def canonical(value: str) -> str:
    """Return a UUID in its lower-case, dashed form, and any other text as it is, or veiled.

    >>> canonical("A63AB83D2BB842AB837423B8E1E276E3"), canonical("team-1")
    ('a63ab83d-2bb8-42ab-8374-23b8e1e276e3', 'team-1')
    """
    known = as_uuid(value)
    return veiled(value) if known is None else str(known)


def service_id(value: str | uuid.UUID) -> str:
    """Return a service's UUID as text: a UUID as it is, a name by uuid5."""
    known = as_uuid(value)
    return str(known or uuid.uuid5(_SERVICES, sane(str(value))))


def sane(text: str) -> str:
    """Return a text that UTF-8 can hold: lone surrogates are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def veiled(text: str) -> str:
    """Return an id as it is, or hidden where it has the form of a secret: equal ids stay equal, different ones differ.

    What is hidden stays as it is when it is hidden again. The digest is made without a key, since every process has to
    come to the same: a secret that can be guessed can be found by trying.

    >>> veiled("user-1"), veiled("ghp_" + "0123456789" * 3)
    ('user-1', '[REDACTED:github_token-d1c638224a2bb24a]')
    """
    if len(text) < _SHORTEST and "://" not in text:
        return text
    if len(text) == _UUID and text[8] == text[13] == "-" and _is_hex(text):
        return text  # as most ids are: none of the signs is made of hex digits
    return _remembered(text) if len(text) <= _REMEMBERED else _veil(text)


def is_telling(text: str) -> bool:
    """Return whether a text that may have been redacted still tells what it names from everything else.

    >>> is_telling("user-1"), is_telling("[REDACTED:card]"), is_telling(veiled("ghp_" + "0123456789" * 3))
    (True, False, True)
    """
    if "[REDACTED" not in text:
        return "[WITHHELD" not in text
    kind, dash, digest = text.removeprefix(_BEFORE).removesuffix("]").rpartition("-")
    return text == f"{_BEFORE}{kind}{dash}{digest}]" and len(digest) == _DIGITS and "[" not in kind


def _is_hex(text: str) -> bool:
    try:
        return bool(bytes.fromhex(text.replace("-", "")))
    except ValueError:
        return False


def _veil(text: str) -> str:
    if not any(map(text.__contains__, _SIGNS)):
        return text
    # Loaded at first use: most programs never have such an id.
    with LOADING:
        from agenttrace.model.secretforms import hidden
    return hidden(text)


_remembered = lru_cache(maxsize=4096)(_veil)


def span_of(run: bytes) -> int:
    """Return the span id that a run's UUID carries.

    >>> hex(span_of(run_id(1 << 127, 0xB7AD6B7169203331)))
    '0xb7ad6b7169203331'
    """
    value = int.from_bytes(run, "big")
    return (((value >> 64) & 3) << 62) | (value & _LOW_62)


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
    if isinstance(value, str) and value.startswith("ase_") and _HEX_UUID.match(value[4:]):
        return uuid.UUID(value[4:]).bytes
    return entity_id(workspace, value)


def session_key(workspace: bytes, value: str | uuid.UUID) -> str:
    """Return a session's key: the text itself where it fits the documented pattern, else `ase_` + its UUID.

    >>> session_key(DEFAULT_WORKSPACE.bytes, "ase_customer_support_001")
    'ase_customer_support_001'
    """
    if isinstance(value, str) and SESSION_KEY.match(veiled(value)) and not _HEX_UUID.match(value[4:]):
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
    bits = (milliseconds << 80) | (7 << 76) | ((micros * 4096 // 1000) << 64) | _VARIANT | (rest & _LOW_62)
    return bits.to_bytes(16, "big")
