"""The gate: one cheap look that says whether a text could hold a secret at all. Pure.

It must let through everything that `record.patterns`, `record.assignments` and key names could match, in plain text and
in JSON text; a property test holds that. Two steps: `look` passes over the text once and says what to look at more
closely, and the names that it found are judged by `names_secret`. Where the package was built with a C compiler `look`
is `_look.c`; else it is `look_in_python`, which takes about three times as long.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from agenttrace.record.assignments import TEXT_SIGN, name_before

if TYPE_CHECKING:
    from agenttrace.record.secretwords import SecretNames

__all__ = ["ESCAPE", "FORM", "NATIVE", "look", "look_in_python", "names_secret", "suspicious"]

#: What `look` says: the sum of those that hold.
FORM: Final = 1  # something has the form of a secret
QUOTED: Final = 2  # a name may stand in quotes
COLON: Final = 4  # a name may stand before a colon
EQUALS: Final = 8  # a name may stand before an equals sign
ESCAPE: Final = 16  # JSON may have to write a character in another way

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
_KEYS: Final = re.compile(r'"([^"]*+)(?=":)')
_KEY_END: Final = re.compile('":')

#: Headers as pairs, `["authorization","x"]`, and as objects, `{"name":"authorization","value":"x"}`.
_PAIR: Final = re.compile(r'\["([^"\\]{1,64})",')
_LABEL: Final = re.compile(r'"(?:name|key|header)":"([^"\\]{1,64})"')

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


def _best() -> Callable[[str], int | bytes]:
    try:
        from agenttrace.record import _look
    except ImportError:  # built without a compiler
        return look_in_python
    return _look.look


#: Return what has to be looked at more closely; where there is nothing, the text's JSON or ESCAPE. Raises
#: UnicodeEncodeError for a lone surrogate, or never.
look: Final = _best()
#: Whether `look` is the compiled one.
NATIVE: Final = look is not look_in_python


def suspicious(text: str, names: SecretNames) -> bool:
    """Say whether a text, or JSON text, may hold a secret. Never false where redaction would find one."""
    try:
        found = look(text)
    except UnicodeEncodeError:  # a lone surrogate
        found = look_in_python(text)
    return type(found) is int and found != ESCAPE and names_secret(text, found, names)


def names_secret(text: str, found: int, names: SecretNames) -> bool:
    """Say whether what `look` found in the text has the form of a secret, or stands behind a secret's name."""
    return bool(
        found & FORM
        or (found & QUOTED and _quoted(text, names))
        or (found & COLON and _assigned(text, TEXT_SIGN, names))
        or (found & EQUALS and _assigned(text, _EQUALS, names))
    )


_EQUALS: Final = re.compile("=")


def _card(text: str) -> bool:
    """Say whether 13 digits stand together, with single blanks or dashes between them."""
    return _THIRTEEN in text.encode("utf-8", "replace").translate(_DIGITS, b" -") and _CARD.search(text) is not None


def _provider_key(text: str) -> bool:
    return ("z" in text and "AIza" in text) or ("K" in text and "AKIA" in text) or ("S" in text and "ASIA" in text)


def _quoted(text: str, names: SecretNames) -> bool:
    """Say whether a secret's name stands in quotes: as a key, first in a pair, or as the name beside a value."""
    return (
        _keyed(text, names)
        or ("[" in text and '["' in text and any(map(names.secret, _PAIR.findall(text))))
        or ('"value"' in text and any(map(names.secret, _LABEL.findall(text))))
    )


def _keyed(text: str, names: SecretNames) -> bool:
    """Say whether a secret's name stands before any `":`, at C speed where all names there are known."""
    if not names.quoted.issuperset(found := _KEYS.findall(text)):
        if any(map(names.secret, found)) or _assigned(text, _KEY_END, names, 1):
            return True
        names.learn_quoted([name for name in found if not names.secret(name_before(name, len(name)))])
    first = text.find('"')
    return text[first + 1 : first + 2] == ":" and names.secret(name_before(text, first))


def _assigned(text: str, sign: re.Pattern[str], names: SecretNames, shift: int = 0) -> bool:
    """Say whether a secret's name stands before any such sign (`shift` characters after where the sign matches)."""
    match = sign.search(text)
    while match is not None:
        if names.secret(name_before(text, match.start() + shift)):
            return True
        match = sign.search(text, match.end())
    return False
