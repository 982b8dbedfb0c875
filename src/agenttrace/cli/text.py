"""Recorded data as text that is safe to print: no control characters, one line, bounded. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

from agenttrace.model.jsontext import compact_json

__all__ = ["clean", "duration", "instant", "json_line", "one_line"]

# Control characters, lone surrogates, line and paragraph separators: a terminal acts on them, or cannot encode them.
_UNSAFE = frozenset({"Cc", "Cs", "Zl", "Zp"})
# These change the direction of the text around them, so that it reads as something else.
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_KEPT = frozenset("\n\t")
_NOT_ASCII = re.compile(r"[^\x20-\x7e]")


def clean(text: str) -> str:
    """Return the text with each character that a terminal might act on shown as a picture of it.

    Newlines and tabs stay.

    >>> clean("\\x1b[31mred")
    '␛[31mred'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_picture, text))


def _picture(char: str) -> str:
    if char in _KEPT or (unicodedata.category(char) not in _UNSAFE and char not in _DIRECTION):
        return char
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def one_line(value: Any, width: int = 60) -> str:
    """Return a value as one clean line of at most `width` characters: text as it is, anything else as JSON.

    >>> one_line({"query": "two\\nlines"})
    '{"query":"two\\\\nlines"}'
    >>> one_line("much too long", 8)
    'much to…'
    """
    text = value if isinstance(value, str) else compact_json(value)
    # What is cut anyway need not be cleaned: contents can be megabytes.
    line = " ".join(clean(text[: 4 * width]).split())
    whole = len(line) <= width and len(text) <= 4 * width
    return line if whole else line[: width - 1] + "…"


def duration(span: timedelta | None) -> str:
    """Return a span of time in the unit that suits it, or `…` while it lasts.

    >>> duration(timedelta(milliseconds=12)), duration(timedelta(seconds=75)), duration(None)
    ('12 ms', '1 min 15 s', '…')
    """
    if span is None:
        return "…"
    seconds = span.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms" if seconds < 0.9995 else "1 s"
    if seconds < 59.95:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def instant(when: datetime) -> str:
    """Return an instant as UTC to the millisecond.

    >>> instant(datetime(2024, 1, 15, 10, 35, tzinfo=UTC))
    '2024-01-15 10:35:00.000'
    """
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def json_line(document: Any) -> str:
    """Return a document as one line of JSON in ASCII, so that no terminal acts on what was recorded, at any depth.

    >>> json_line({"name": "caf\u00e9"})
    '{"name":"caf\\\\u00e9"}'
    """
    # Outside its strings JSON is ASCII, so every other character stands where an escape may stand.
    return _NOT_ASCII.sub(_escape, compact_json(document))


def _escape(found: re.Match[str]) -> str:
    units = found.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i] << 8 | units[i + 1]:04x}" for i in range(0, len(units), 2))
