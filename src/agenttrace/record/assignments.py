"""Secrets that text assigns to a name: `password=x`, `api_key: x`, `?token=x`, `\\"password\\": \\"x\\"`. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from agenttrace.record.secretwords import name_before

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["assigned", "redact_assignments"]

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


def redact_assignments(text: str, secret_name: Callable[[str], bool]) -> str:
    """Return the text with the values of secret names replaced; the same object where there is none.

    >>> redact_assignments("login?user=x&password=hunter2 now", lambda name: name == "password")
    'login?user=x&password=[REDACTED] now'
    """
    parts: list[str] = []
    done = 0
    for _, start, end in assigned(text, secret_name):
        parts += (text[done:start], "[REDACTED]")
        done = end
    return "".join((*parts, text[done:])) if parts else text


def assigned(text: str, secret_name: Callable[[str], bool]) -> Iterator[tuple[str, int, int]]:
    """Yield each secret name that has a value in the text, and where that begins and ends.

    >>> list(assigned("user=x&password=hunter2", lambda name: name == "password"))
    [('password', 16, 23)]
    """
    done = 0
    for sign in _SIGN.finditer(text):
        if sign.start() < done or not secret_name(name := name_before(text, sign.start())):
            continue
        span = _value_span(text, sign.end(), name)
        if span is not None:
            yield name, *span
            done = span[1]


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
