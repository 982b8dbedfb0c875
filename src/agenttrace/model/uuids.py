"""UUIDs as recording needs them: how they are read and spelt, and those of runs and services. Pure.

Inside agenttrace a UUID travels as its 16 bytes, see `ids`, which has all the others.
"""

from __future__ import annotations

import uuid
from functools import lru_cache

from agenttrace.model.regex import regex
from agenttrace.model.veil import veiled

__all__ = ["HEX_UUID", "LOW_62", "VARIANT", "as_uuid", "canonical", "run_id", "sane", "service_id"]

HEX_UUID = regex(r"(?:urn:uuid:)?\{?[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\}?\Z")
# Written out, because making it would load OpenSSL where nothing else needs it: of "urn:agenttrace:service".
_SERVICES = uuid.UUID("8d5ff556-63ff-5fea-b51e-99d383ead0b9")

LOW_62 = (1 << 62) - 1
VARIANT = 2 << 62
_LOW_12 = (1 << 12) - 1
_VERSION_8 = 8 << 76


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
    return (((bits >> 74) << 80) | _VERSION_8 | (((bits >> 62) & _LOW_12) << 64) | VARIANT | (bits & LOW_62)).to_bytes(
        16, "big"
    )


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
    return uuid.UUID(text) if HEX_UUID.match(text) else None


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
