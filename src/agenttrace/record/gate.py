"""The gate: one cheap look that says whether a text could hold a secret at all. Pure.

It must let through everything that `record.patterns`, `record.assignments` and key names could match, in plain text and
in JSON text; a property test holds that. Two steps: `look` passes over the text once and says what to look at more
closely, and the names that it found are judged by `names_secret`. Where the package was built with a C compiler `look`
is `_scan.h`; else it is `record.look`, which takes some microseconds a KB.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from agenttrace.loading import LOADING
from agenttrace.model.regex import regex
from agenttrace.record.signs import COLON, EQUALS, ESCAPE, FORM, QUOTED, TEXT_SIGN, name_before

if TYPE_CHECKING:
    from agenttrace.record.secretwords import SecretNames

__all__ = ["NATIVE", "look", "names_secret", "suspicious"]

_KEYS: Final = regex(r'"([^"]*+)(?=":)')
_KEY_END: Final = regex('":')

#: Headers as pairs, `["authorization","x"]`, and as objects, `{"name":"authorization","value":"x"}`.
_PAIR: Final = regex(r'\["([^"\\]{1,64})",')
_LABEL: Final = regex(r'"(?:name|key|header)":"([^"\\]{1,64})"')


def _best() -> Callable[[str], int | bytes]:
    try:
        from agenttrace.record import _native
    except ImportError:  # built without a compiler
        from agenttrace.record.look import look_in_python

        return look_in_python
    return _native.look


#: Return what has to be looked at more closely; where there is nothing, the text's JSON or ESCAPE. Raises
#: UnicodeEncodeError for a lone surrogate, or never.
look: Final = _best()
#: Whether `look` is the compiled one.
NATIVE: Final = look.__module__ != "agenttrace.record.look"


def suspicious(text: str, names: SecretNames) -> bool:
    """Say whether a text, or JSON text, may hold a secret. Never false where redaction would find one."""
    try:
        found = look(text)
    except UnicodeEncodeError:  # a lone surrogate
        with LOADING:
            from agenttrace.record.look import look_in_python
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


_EQUALS: Final = regex("=")


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
