"""The forms of secrets in text, as compiled patterns. Data and small pure functions; `record.redact` applies them.

Every pattern here has its counterpart in `record.gate`, which must let through whatever could match: a test holds that.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Final

__all__ = ["VALUE_PATTERNS", "redact_values"]

# A secret may follow an escaped line end of JSON that is embedded as text: `\nsk-...` with a real backslash.
_EDGE: Final = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4}))"
_DIGIT: Final = r"(?=[\w-]{0,200}[0-9])"  # bounded, so that no text makes it slow

_PEM: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)", re.S
)
_JWT: Final = re.compile(
    r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4}))eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*"
)
_BEARER: Final = re.compile(
    r"((?i:bearer)[ \t]+)((?=[^\s\"']*(?:[0-9]|[a-z][A-Z])|[^\s\"']{32})[A-Za-z0-9._~+/-]{16,}=*)"
)
_BASIC: Final = re.compile(r"(B(?:asic|ASIC)[ \t]+)([A-Za-z0-9+/]{8,}={0,2})")
_USERINFO: Final = re.compile(r"(://[^\s/@:\"'<>\\]*:)([^\s/@\"'<>]+)(?=@)")
_CARD_RUN: Final = re.compile(
    r"(?:(?<![\w.])|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4})|(?<![0-9]\.)(?<=\.))[2-6](?:[ -]?[0-9]){12,}+", re.A
)

_GROUP: Final = re.compile(r"[0-9]+")
_SHORTEST_GROUP, _MAX_GROUPS, _LONGEST_CARD, _PREFIX = 3, 7, 19, 4

_TOKENS: Final[tuple[tuple[str, str, str], ...]] = (
    # kind, the literal that must be there, the pattern
    ("api_key", "sk-", _EDGE + r"sk-" + _DIGIT + r"[A-Za-z0-9_-]{20,}"),
    ("api_key", "xai-", _EDGE + r"xai-[A-Za-z0-9]{20,}"),
    ("api_key", "pplx-", _EDGE + r"pplx-[A-Za-z0-9]{20,}"),
    ("gitlab_token", "glpat-", _EDGE + r"glpat-[A-Za-z0-9_.-]{16,}"),
    ("slack_token", "xox", _EDGE + r"xox[a-z]-" + _DIGIT + r"[A-Za-z0-9-]{10,}"),
    ("slack_token", "xapp-", _EDGE + r"xapp-" + _DIGIT + r"[A-Za-z0-9-]{10,}"),
    ("pypi_token", "pypi-A", _EDGE + r"pypi-A[A-Za-z0-9_-]{16,}"),
    ("github_token", "gh", _EDGE + r"gh[opusr]_[A-Za-z0-9]{20,}"),
    ("github_token", "github_pat_", _EDGE + r"github_pat_[A-Za-z0-9_]{20,}"),
    ("stripe_key", "k_", _EDGE + r"[srp]k_(?:live|test)_[A-Za-z0-9]{12,}"),
    ("stripe_key", "whsec_", _EDGE + r"whsec_[A-Za-z0-9+/=]{12,}"),
    ("huggingface_token", "hf_", _EDGE + r"hf_[A-Za-z0-9]{20,}"),
    ("api_key", "gsk_", _EDGE + r"gsk_[A-Za-z0-9]{20,}"),
    ("npm_token", "npm_", _EDGE + r"npm_[A-Za-z0-9]{20,}"),
    ("api_key", "r8_", _EDGE + r"r8_[A-Za-z0-9]{20,}"),
    ("agenttrace_key", "agtk_", _EDGE + r"agtk_[0-9a-f]{16}_[0-9a-f]{16,}"),
    ("google_key", "AIza", r"AIza[A-Za-z0-9_-]{30,}"),
    ("aws_key", "KIA", _EDGE + r"AKIA[A-Z0-9]{16}"),
    ("aws_key", "SIA", _EDGE + r"ASIA[A-Z0-9]{16}"),
    ("api_key", "SG.", _EDGE + r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
)


def _constant(kind: str) -> Callable[[re.Match[str]], str]:
    replacement = f"[REDACTED:{kind}]"
    return lambda _: replacement


def _basic(match: re.Match[str]) -> str:
    try:
        decoded = base64.b64decode(match[2] + "=" * (-len(match[2]) % 4))
    except ValueError:
        return match[0]
    return f"{match[1]}[REDACTED:basic]" if b":" in decoded else match[0]


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
    ("-----BEGIN", _PEM, _constant("private_key")),
    ("eyJ", _JWT, _constant("jwt")),
    *((literal, re.compile(pattern, re.A), _constant(kind)) for kind, literal, pattern in _TOKENS),
    ("", _BEARER, lambda match: f"{match[1]}[REDACTED:bearer]"),
    ("B", _BASIC, _basic),
    ("://", _USERINFO, lambda match: f"{match[1]}[REDACTED:password]"),
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
