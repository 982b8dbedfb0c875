"""Secrets in text, by their form: what each is replaced by. Small pure functions; `record.redact` applies them.

The forms themselves are in `model.secretforms`, but for card numbers.

Every pattern here has its counterpart in `record.gate`, which must let through whatever could match: a test holds that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from agenttrace.model.secretforms import (
    BASIC,
    BEARER,
    JWT,
    PEM,
    TOKENS,
    USER_OPTION,
    USERINFO,
    has_credentials,
    is_of_curl,
)

__all__ = ["VALUE_PATTERNS", "redact_values"]

_CARD_RUN: Final = re.compile(
    r"(?:(?<![\w.])|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4})|(?<![0-9]\.)(?<=\.))[2-6](?:[ -]?[0-9]){12,}+", re.A
)

_GROUP: Final = re.compile(r"[0-9]+")
_SHORTEST_GROUP, _MAX_GROUPS, _LONGEST_CARD, _PREFIX = 3, 7, 19, 4


def _constant(kind: str) -> Callable[[re.Match[str]], str]:
    replacement = f"[REDACTED:{kind}]"
    return lambda _: replacement


def _basic(match: re.Match[str]) -> str:
    return f"{match[1]}[REDACTED:basic]" if has_credentials(match) else match[0]


def _user_option(match: re.Match[str]) -> str:
    return f"{match[1]}[REDACTED:password]" if is_of_curl(match) else match[0]


def _luhn(digits: str) -> bool:
    total = sum(map(int, digits[-1::-2]))
    return (total + sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])) % 10 == 0


def _lengths(digits: str) -> tuple[int, ...]:
    """Return the lengths that a card of this issuer prefix can have, longest first."""
    two, three, four = int(digits[:2]), int(digits[:3]), int(digits[:4])
    if two in (34, 37):
        return (15,)
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return (16,)
    if two in (36, 38, 39) or 300 <= three <= 305 or four == 3095:
        return (19, 18, 17, 16, 14)
    if digits[0] == "4":
        return (19, 16, 13)
    if four == 6011 or 644 <= three <= 659 or 3528 <= four <= 3589 or two == 62:
        return (19, 18, 17, 16)
    if four in _MAESTRO:
        return (19, 18, 17, 16, 15, 14, 13)
    return ()


_MAESTRO: Final = frozenset({5018, 5020, 5038, 5612, 5893, 6304, 6390, 6759, 6761, 6762, 6763})


def _cards(match: re.Match[str]) -> str:
    """Redact the card numbers in a run of digits with single separators; a card begins and ends at a digit group.

    Groups of fewer than three digits are no part of a card: tables and vectors of small numbers have millions of them.
    """
    run = match[0]
    after = match.string[match.end() : match.end() + 2]
    glued = (
        (after[:1].isascii() and after[:1].isalnum()) or after[:1] == "_" or (after[:1] == "." and after[1:].isdigit())
    )
    last = len(run) - 1 if glued else len(run)
    groups = [(group.start(), group.end()) for group in _GROUP.finditer(run)]
    parts: list[str] = []
    done = place = 0
    while place < len(groups):
        end = _last_group(run, groups, place, last)
        if end:
            parts += (run[done : groups[place][0]], "[REDACTED:card]")
            done = groups[end - 1][1]
        place = end or place + 1
    return "".join((*parts, run[done:])) if parts else run


def _last_group(run: str, groups: list[tuple[int, int]], first: int, last: int) -> int:
    """Return the number of the group behind the longest card that begins with this group, 0 where none does."""
    digits, found, lengths = "", 0, ()
    for number in range(first, min(first + _MAX_GROUPS, len(groups))):
        start, end = groups[number]
        if end - start < _SHORTEST_GROUP or len(digits) + end - start > _LONGEST_CARD or end > last:
            break
        digits += run[start:end]
        lengths = lengths or (_lengths(digits) if len(digits) >= _PREFIX else ())
        if len(digits) in lengths and _luhn(digits):
            found = number + 1
    return found


Replacement = Callable[[re.Match[str]], str]

#: (a literal without which the pattern cannot match, the pattern, what replaces a match), in order of application.
VALUE_PATTERNS: Final[tuple[tuple[str, re.Pattern[str], Replacement], ...]] = (
    ("-----BEGIN", PEM, _constant("private_key")),
    ("eyJ", JWT, _constant("jwt")),
    *((literal, pattern, _constant(kind)) for kind, literal, pattern in TOKENS),
    ("", BEARER, lambda match: f"{match[1]}[REDACTED:bearer]"),
    ("B", BASIC, _basic),
    ("://", USERINFO, lambda match: f"{match[1]}[REDACTED:password]"),
    ("curl", USER_OPTION, _user_option),
    ("", _CARD_RUN, _cards),
)


def redact_values(text: str) -> str:
    """Return the text with every secret that is known by its form replaced; the same object where there is none.

    >>> redact_values("card 4111 1111 1111 1111, order 1700000000000")
    'card [REDACTED:card], order 1700000000000'
    """
    for literal, pattern, replacement in VALUE_PATTERNS:
        if literal in text:
            replaced = pattern.sub(replacement, text)
            if replaced != text:
                text = replaced
    return text
