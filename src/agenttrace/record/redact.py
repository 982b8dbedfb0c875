"""Redaction: no secret leaves the traced thread. A cheap gate first; parsing and patterns (`scrub`) where it opens.

The gate is one look that says whether a text could hold a secret at all. It must let through everything that
`record.patterns`, `record.assignments` and key names could match, in plain text and in JSON text; a property test holds
that. Two steps: `look` passes over the text once and says what to look at more closely, and the names that it found are
judged by `names_secret`. Where the package was built with a C compiler `look` is `_scan.h`; else it is `record.look`,
which takes some microseconds a KB.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import orjson

from agenttrace.faults import let_through
from agenttrace.loading import LOADING, regex
from agenttrace.record.secretwords import COLON, EQUALS, ESCAPE, FORM, QUOTED, TEXT_SIGN, SecretNames, name_before

if TYPE_CHECKING:
    from agenttrace.record.scrub import Scrubber

__all__ = ["NATIVE", "WITHHELD", "WITHHELD_JSON", "Extra", "OnError", "Redactor", "look", "names_secret", "suspicious"]

WITHHELD: Final = "[WITHHELD: redaction failed]"
WITHHELD_JSON: Final = b'"[WITHHELD: redaction failed]"'

#: The user's own redaction: (key or None, text) -> the text to keep.
Extra = Callable[[str | None, str], str]
OnError = Callable[[BaseException], None]

_EQUALS: Final = regex("=")
_KEYS: Final = regex(r'"([^"]*+)(?=":)')
_KEY_END: Final = regex('":')

#: Headers as pairs, `["authorization","x"]`, and as objects, `{"name":"authorization","value":"x"}`.
_PAIR: Final = regex(r'\["([^"\\]{1,64})",')
_LABEL: Final = regex(r'"(?:name|key|header)":"([^"\\]{1,64})"')


class Redactor:
    """Replaces secrets in JSON and in text, by key name and by form. Safe in several threads; never raises.

    `extra` is called with (key or None, text) for every string after the built-in rules, and returns the text to keep;
    with an `extra`, every value is parsed. Where redaction fails the whole value is withheld, and `on_error` hears why.
    """

    def __init__(self, extra: Extra | None = None, enabled: bool = True, on_error: OnError | None = None) -> None:
        self._extra = extra
        self._enabled = enabled
        self._on_error = on_error
        self._names = SecretNames()
        self._gated = enabled and extra is None
        self._scrubber: Scrubber | None = None

    @property
    def enabled(self) -> bool:
        """Whether anything is redacted at all."""
        return self._enabled

    @property
    def gated(self) -> bool:
        """Whether a text that the gate does not suspect needs no further look."""
        return self._gated

    @property
    def has_extra(self) -> bool:
        """Whether every text is for a callable of the user's to see."""
        return self._extra is not None

    @property
    def names(self) -> SecretNames:
        """What is known about which names are secrets' names."""
        return self._names

    def json(self, data: bytes) -> bytes:
        """Return JSON with every secret replaced; the same object where there is none.

        The value of a secret key becomes "[REDACTED]" (booleans and null stay), the secret part of a string
        "[REDACTED:kind]". Key order, and numbers of any size, stay.
        """
        try:
            if self._gated:
                return self._thorough().json(data) if suspicious(data.decode(), self._names) else data
            return data if self._extra is None else self._thorough().json(data)
        except BaseException as error:  # noqa: BLE001 - fails closed
            let_through(error)
            self._report(error)
            return WITHHELD_JSON

    def text(self, text: str) -> str:
        """Return text with every secret replaced; the same object where there is none."""
        try:
            if self._gated:
                return self._thorough().text(text) if suspicious(text, self._names) else text
            return text if self._extra is None else self._thorough().text(text)
        except BaseException as error:  # noqa: BLE001 - fails closed
            let_through(error)
            self._report(error)
            return WITHHELD

    def text_json(self, text: str) -> bytes:
        """Return the redacted JSON of one text: what `json` returns for it, without decoding it first."""
        try:
            data = orjson.dumps(text)
            if self._gated and not suspicious(text, self._names):
                return data
        except Exception:  # noqa: BLE001 - a lone surrogate # nosec B110
            pass
        with LOADING:
            from agenttrace.record.capture import to_json
            from agenttrace.record.marks import sane
        text = sane(text)
        return self.json(to_json(self.text(text))) if self._gated else self.json(to_json(text))

    def secret_key(self, name: str) -> bool:
        """Say whether a key of this name holds a secret. Answers are remembered, up to a bound."""
        return self._names.secret(name)

    def _thorough(self) -> Scrubber:
        made = self._scrubber
        if made is None:
            # Loaded at first use: most programs never write anything that looks like a secret.
            with LOADING:
                from agenttrace.record.scrub import Scrubber
            made = self._scrubber = Scrubber(self._names, self._extra, enabled=self._enabled)
        return made

    def _report(self, error: BaseException) -> None:
        if self._on_error is not None:
            with suppress(Exception):  # reporting must not break what it reports on
                self._on_error(error)


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
