"""The first step of the gate in Python: used where `_scan.h` could not be built, and for lone surrogates. Pure."""

from __future__ import annotations

import re
from typing import Final

from agenttrace.record.signs import COLON, EQUALS, ESCAPE, FORM, QUOTED

__all__ = ["look_in_python"]

# The cheap looks at both sides stand first; most dashes and underscores of ids and prose end there.
_DASHED: Final = re.compile(
    r"-(?<=[slapx][a-z]-)(?=[A-Za-z0-9_.-]{10})(?:(?<=sk-)|(?<=xai-)|(?<=pplx-)|(?<=glpat-)|(?<=xox[a-z]-)"
    r"|(?<=xapp-)|(?<=pypi-))"
)
_SCORED: Final = re.compile(
    r"_(?=[A-Za-z0-9+/=]{12})(?<=[opusrtecfkm8]_)(?:(?<=gh[opusr]_)|(?<=github_pat_)|(?<=_live_)|(?<=_test_)"
    r"|(?<=whsec_)|(?<=hf_)|(?<=gsk_)|(?<=npm_)|(?<=r8_)|(?<=agtk_))"
)
_CAPITAL_B: Final = re.compile(r"B(?:EGIN |earer|EARER|asic|ASIC)")
_ESCAPE: Final = re.compile(r"\\(?:/|u00[0-7])")

_CARD: Final = re.compile(r"[2-6](?:[ -]?[0-9]){12}")
_DIGITS: Final = bytes(48 if 48 <= byte < 58 else 32 for byte in range(256))
_THIRTEEN: Final = b"0" * 13


def look_in_python(text: str) -> int:
    """Return what has to be looked at more closely; ESCAPE alone where nothing could be a secret.

    Searching for one rare character is a memchr (about 40 ns a KB), searching for more is not (500 ns and more), so
    almost everything hangs on a single character first.
    """
    found = ESCAPE
    if '"' in text:
        found |= QUOTED
    if ":" in text:
        found |= COLON
    if "=" in text:
        found |= EQUALS
    return found | FORM if _has_form(text) else found


def _has_form(text: str) -> bool:
    return (
        ("J" in text and "eyJ" in text)
        or ("@" in text and "://" in text)
        or ("I" in text and _provider_key(text))
        or ("B" in text and _CAPITAL_B.search(text) is not None)
        or ("G" in text and "SG." in text)
        or ("\\" in text and _ESCAPE.search(text) is not None)
        or ("-" in text and _DASHED.search(text) is not None)
        or ("_" in text and _SCORED.search(text) is not None)
        or (("4" in text or "5" in text or "3" in text or "6" in text or "2" in text) and _card(text))
        or "bearer" in text
    )


def _card(text: str) -> bool:
    """Say whether 13 digits stand together, with single blanks or dashes between them."""
    return _THIRTEEN in text.encode("utf-8", "replace").translate(_DIGITS, b" -") and _CARD.search(text) is not None


def _provider_key(text: str) -> bool:
    return ("z" in text and "AIza" in text) or ("K" in text and "AKIA" in text) or ("S" in text and "ASIA" in text)
