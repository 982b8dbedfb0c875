"""Secrets that text assigns to a name: `password=x`, `api_key: x`, `?token=x`, `\\"password\\": \\"x\\"`. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TEXT_SIGN", "name_before", "redact_assignments"]

#: A colon that may stand between a name and its value in prose: not after a JSON key, not in a URL or a time of day.
TEXT_SIGN: Final = re.compile(r':(?<!":)(?!//)(?!(?<=[0-9]:)[0-9])')

_REACH = 64
_OPENING: Final = " \t\"'`\\*]"
_NAME: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
_ESCAPED: Final = re.compile(r"\A(?:[nrtbf]|u[0-9a-fA-F]{4})")
_SIGN: Final = re.compile(r':(?<=":)|:(?!//)(?!(?<=[0-9]:)[0-9])|=')
_VALUE: Final = re.compile(
    r"""[=>]{0,2}[ \t]*(?:
        (?P<quote>\\*["'`])(?P<quoted>.*?)(?:(?<!\\)(?P=quote)|\Z)
        | (?P<opening>[\[{])
        | (?P<bare>(?:(?i:bearer|basic|token|digest|apikey)[ \t]+)?(?:[^\s"'\\&]|\\(?![nrt"'\\]))+)
    )""",
    re.X | re.S,
)
_REST_OF_LINE: Final = re.compile(r"[^\r\n\"'\\]*")
_HARMLESS: Final = re.compile(
    r"(?i:true|false|null|none|undefined|str|string|int|integer|float|number|bool|boolean|bytes|object|any|optional)?"
    r"[,;)\]}.|]*\Z"
)
# Brackets, and whole strings, so that brackets in these do not count.
_BRACKET: Final = re.compile(r"""((?<!\\)\\*+["']).*?(?:(?<!\\)\1|\Z)|[\[\]{}]""", re.DOTALL)
_LONG_VALUES: Final = ("cookie", "passphrase")


def name_before(text: str, end: int) -> str:
    """Return the name that stands before the sign at `end`, "" where there is none: at most 64 characters of it.

    Quotes, backslashes and blanks between name and sign are skipped; a name of two words that ends in "key" is whole.
    """
    tail = text[end - _REACH if end > _REACH else 0 : end].rstrip(_OPENING)
    name = _last_word(tail)
    if name.lower() in ("key", "keys") and tail[-len(name) - 1 : -len(name)] == " ":
        return f"{_last_word(tail[: -len(name) - 1])} {name}"
    return name


def _last_word(text: str) -> str:
    head = text.rstrip(_NAME)
    word = text[len(head) :]
    # A line end or another character, escaped: its letters are no part of the word.
    return _ESCAPED.sub("", word, 1) if head[-1:] == "\\" else word


def redact_assignments(text: str, secret_name: Callable[[str], bool]) -> str:
    """Return the text with the values of secret names replaced; the same object where there is none.

    >>> redact_assignments("login?user=x&password=hunter2 now", lambda name: name == "password")
    'login?user=x&password=[REDACTED] now'
    """
    parts: list[str] = []
    done = 0
    for sign in _SIGN.finditer(text):
        if sign.start() < done or not secret_name(name := name_before(text, sign.start())):
            continue
        span = _value_span(text, sign.end(), name)
        if span is not None:
            parts += (text[done : span[0]], "[REDACTED]")
            done = span[1]
    return "".join((*parts, text[done:])) if parts else text


def _value_span(text: str, start: int, name: str) -> tuple[int, int] | None:
    """Return where the value after a sign begins and ends, or None where there is none to hide."""
    match = _VALUE.match(text, start)
    if match is None:
        return None
    if match["quote"]:
        return None if match["quoted"] in ("", "[REDACTED]") else match.span("quoted")
    if match["opening"]:
        return match.start("opening"), _closing(text, match.start("opening"))
    bare = match["bare"]
    if _HARMLESS.match(bare) or bare.startswith("[REDACTED"):
        return None
    begin, end = match.span("bare")
    if any(word in name.lower() for word in _LONG_VALUES):
        rest = _REST_OF_LINE.match(text, end)
        end = rest.end() if rest else end
    return begin, end


def _closing(text: str, start: int) -> int:
    """Return the end of the bracketed value at `start`; the end of the text where it does not close."""
    depth = 0
    for bracket in _BRACKET.finditer(text, start):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(bracket[0], 0)
        if depth == 0:
            return bracket.end()
    return len(text)
