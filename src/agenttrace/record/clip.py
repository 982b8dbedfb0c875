"""Clip: keep the content of one run within its bound. What is too large becomes its size, its hash and a preview."""

from __future__ import annotations

import hashlib
from typing import Final

import orjson

from agenttrace.record.capture import to_json
from agenttrace.record.redact import WITHHELD, Redactor

__all__ = ["MARGIN", "MAX_CONTENT", "PREVIEW", "clip", "to_clean_clipped"]

#: Default bound for the content of one run, in bytes.
MAX_CONTENT: Final = 1 << 20
#: Characters of the JSON text that a preview shows.
PREVIEW: Final = 2048
#: Bytes beyond the bound that are still redacted, so that a secret across the cut is seen whole.
MARGIN: Final = 1 << 16


def clip(fragments: dict[str, bytes], limit: int = MAX_CONTENT) -> dict[str, bytes]:
    """Return the fragments, with the largest replaced until their sizes add up to at most `limit` bytes.

    A replaced value is a JSON object: {"truncated": true, "bytes": size of the whole JSON, "hash":
    "blake2b:..." (16 bytes, over the first `limit` bytes), "preview": its first 2,048 characters}. Where even that
    does not fit, everything that gets smaller by it is replaced. The fragments must be redacted already. Returns the
    same dict where all fits.
    """
    total = sum(map(len, fragments.values()))
    if total <= limit:
        return fragments
    result = dict(fragments)
    for key in sorted(fragments, key=lambda key: len(fragments[key]), reverse=True):
        whole = fragments[key]
        short = _truncated(whole, len(whole), limit)
        if len(short) < len(whole):
            result[key] = short
            total += len(short) - len(whole)
        if total <= limit:
            break
    return result


def to_clean_clipped(value: object, redactor: Redactor, limit: int = MAX_CONTENT) -> bytes:
    """Return the redacted JSON of anything, truncated as in `clip` where it has more than `limit` bytes.

    Of a JSON that is far too large only the part that is kept, and 64 KiB more, is redacted; secrets are found there by
    their form and by the names before them, as in any text. Never raises an Exception.
    """
    if type(value) is str and len(value) <= limit >> 3:
        return redactor.text_json(value)
    data = to_json(value)
    if len(data) <= limit + MARGIN:
        clean = redactor.json(data)
        return clean if len(clean) <= limit else _truncated(clean, len(data), limit)
    prefix = data[: limit + MARGIN].decode("utf-8", "ignore")
    return _truncated(_kept(prefix, redactor, limit), len(data), limit)


def _kept(prefix: str, redactor: Redactor, limit: int) -> bytes:
    """Return the redacted beginning of a JSON text whose end is cut off at a random place.

    The last part of it is dropped: a secret of which only the head is left there would not be known.
    """
    clean = redactor.text(prefix)
    if clean == WITHHELD:
        return clean.encode()
    return clean[: max(len(clean) - MARGIN // 2, 0)].encode("utf-8", "backslashreplace")[:limit]


def _truncated(clean: bytes, size: int, limit: int) -> bytes:
    kept = clean[:limit]
    digest = hashlib.blake2b(kept, digest_size=16).hexdigest()
    preview = kept[: 4 * PREVIEW].decode("utf-8", "ignore")[:PREVIEW]
    return orjson.dumps({"truncated": True, "bytes": size, "hash": f"blake2b:{digest}", "preview": preview})
