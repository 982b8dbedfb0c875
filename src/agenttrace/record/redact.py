"""Redaction: no secret leaves the traced thread. A cheap gate first; parsing and patterns only where it opens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, cast

import orjson

from agenttrace.record.assignments import redact_assignments
from agenttrace.record.capture import to_json
from agenttrace.record.gate import suspicious
from agenttrace.record.marks import sane
from agenttrace.record.patterns import redact_values
from agenttrace.record.secretwords import SecretNames
from agenttrace.record.walk import fragment

__all__ = ["REDACTED", "WITHHELD", "WITHHELD_JSON", "Extra", "OnError", "Redactor"]

REDACTED: Final = "[REDACTED]"
WITHHELD: Final = "[WITHHELD: redaction failed]"
WITHHELD_JSON: Final = b'"[WITHHELD: redaction failed]"'

#: The user's own redaction: (key or None, text) -> the text to keep.
Extra = Callable[[str | None, str], str]
OnError = Callable[[Exception], None]

_BIG_NUMBER: Final = re.compile(rb"[0-9]{19}")
_ESCAPES: Final = re.compile(r"(?<!\\)\\++(?:u00([2-7][0-9a-fA-F])|/)")
_MAX_EMBEDDED = 8


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

    @property
    def enabled(self) -> bool:
        """Whether anything is redacted at all."""
        return self._enabled

    @property
    def gated(self) -> bool:
        """Whether a text that the gate does not suspect needs no further look."""
        return self._gated

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
                return self._parsed(data) if suspicious(data.decode(), self._names) else data
            return data if self._extra is None else self._parsed(data)
        except Exception as error:  # noqa: BLE001 - fails closed
            self._report(error)
            return WITHHELD_JSON

    def text(self, text: str) -> str:
        """Return text with every secret replaced; the same object where there is none."""
        try:
            if self._gated:
                return self._string(None, text, 0) if suspicious(text, self._names) else text
            return text if self._extra is None else self._string(None, text, 0)
        except Exception as error:  # noqa: BLE001 - fails closed
            self._report(error)
            return WITHHELD

    def text_json(self, text: str) -> bytes:
        """Return the redacted JSON of one text: what `json` returns for it, without decoding it first."""
        try:
            data = orjson.dumps(text)
            if self._gated and not suspicious(text, self._names):
                return data
        except Exception:  # noqa: BLE001 - a lone surrogate
            text = sane(text)
        return self.json(to_json(self.text(text))) if self._gated else self.json(to_json(text))

    def secret_key(self, name: str) -> bool:
        """Say whether a key of this name holds a secret. Answers are remembered, up to a bound."""
        return self._names.secret(name)

    def _report(self, error: Exception) -> None:
        if self._on_error is not None:
            with suppress(Exception):  # reporting must not break what it reports on
                self._on_error(error)

    def _parsed(self, data: bytes) -> bytes:
        value = json.loads(data) if _BIG_NUMBER.search(data) else orjson.loads(data)
        redacted, changed = self._walk(value, 0)
        return orjson.dumps(redacted) if changed else data

    def _walk(self, root: Any, level: int) -> tuple[Any, bool]:
        """Return the redacted value and whether anything in it changed. Iterative: any depth."""
        top: list[Any] = [root]
        todo: list[tuple[Any, Any, str | None]] = [(top, 0, None)]
        changed = False
        while todo:
            holder, place, key = todo.pop()
            old = holder[place]
            kind = cast("type[Any]", type(old))
            if kind is str:
                new = self._string(key, old, level)
                if new is not old and new != old:
                    holder[place] = new
                    changed = True
            elif kind is dict:
                renamed, hid = self._keys(old, level)
                changed |= hid
                holder[place] = renamed
                todo.extend((renamed, name, name) for name in renamed)
            elif kind is list:
                if len(old) == 2 and type(old[0]) is str and self._hides(old[0], old[1]):  # a header as a pair
                    old[1] = REDACTED
                    changed = True
                todo.extend((old, i, key) for i in range(len(old)))
            elif kind is int:
                new = self._number(old)
                if new is not old:
                    holder[place] = new
                    changed |= type(new) is str
        return top[0], changed

    def _keys(self, old: dict[str, Any], level: int) -> tuple[dict[str, Any], bool]:
        """Return a dict without secret values and without secrets in its keys, and whether it differs."""
        result: dict[str, Any] = {}
        changed = False
        for key, value in old.items():
            name = self._string(None, key, level)
            if self._hides(key, value):
                value = REDACTED
                changed = True
            if name != key:
                changed = True
                while name in result or name in old:
                    name += "'"
            result[name] = value
        if "value" in old:
            label = old.get("name") or old.get("key") or old.get("header")
            if type(label) is str and self._hides(label, old["value"]):
                result["value"] = REDACTED
                changed = True
        return result, changed

    def _hides(self, key: str, value: Any) -> bool:
        plain = value is None or value is True or value is False or value == REDACTED
        return self._enabled and not plain and self._names.secret(key)

    def _number(self, number: int) -> Any:
        if self._enabled and number > 10**12:
            digits = str(number)
            if redact_values(digits) != digits:
                return "[REDACTED:card]"
        if not -(1 << 63) <= number < 1 << 64:
            return fragment(str(number).encode())
        return number

    def _string(self, key: str | None, text: str, level: int) -> str:
        if self._enabled:
            text = self._built_in(text, level)
        if self._extra is not None and level == 0:
            text = self._extra(key, text)
            if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError("redact: the callable must return a text")
        return text

    def _built_in(self, text: str, level: int) -> str:
        embedded = self._embedded(text, level)
        if embedded is not None:
            return embedded
        readable = _ESCAPES.sub(_unescaped, text) if "\\" in text else text
        redacted = redact_assignments(redact_values(readable), self._names.secret)
        return text if redacted == readable else redacted

    def _embedded(self, text: str, level: int) -> str | None:
        """Return the redacted form of a text that is a JSON object or list in whole; None for other text."""
        if text[:1] not in ("{", "[", '"') or level >= _MAX_EMBEDDED:
            return None
        try:
            value = orjson.loads(text)
        except ValueError:
            return None
        redacted, changed = self._walk(value, level + 1)
        return orjson.dumps(redacted).decode() if changed else text


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else "/"
