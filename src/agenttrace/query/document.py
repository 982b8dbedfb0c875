"""What the documents of all views share: their base class, their timestamps, ids from bytes. Pure."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from agenttrace.model import times

__all__ = ["Document", "UtcTime", "optional_uuid_text", "uuid_of", "uuid_text"]


def _in_utc(instant: datetime) -> datetime:
    return instant if instant.tzinfo is UTC else times.utc(times.micros(instant))


#: An instant, in JSON as RFC 3339 text in UTC that ends in Z, without a fraction where it has none.
UtcTime = Annotated[datetime, AfterValidator(_in_utc)]


class Document(BaseModel):
    """A documented answer; `model_dump(mode="json")` is the document, under the documented names."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


def uuid_of(value: bytes | None) -> uuid.UUID | None:
    """Return the UUID of 16 bytes; None stays None."""
    return None if value is None else uuid.UUID(bytes=value)


def uuid_text(value: bytes) -> str:
    """Return the UUID of 16 bytes in its dashed form.

    >>> uuid_text(bytes(range(16)))
    '00010203-0405-0607-0809-0a0b0c0d0e0f'
    """
    digits = value.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def optional_uuid_text(value: bytes | None) -> str | None:
    """Return `uuid_text`; None stays None."""
    return None if value is None else uuid_text(value)
