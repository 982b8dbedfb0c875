"""The thorough part of redaction: JSON is parsed and walked, texts are searched for every pattern. Raises freely."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from agenttrace.record.assignments import redact_assignments
from agenttrace.record.patterns import redact_values
from agenttrace.record.walk import fragment

if TYPE_CHECKING:
    from agenttrace.record.redact import Extra
    from agenttrace.record.secretwords import SecretNames

__all__ = ["REDACTED", "Scrubber"]

REDACTED: Final = "[REDACTED]"

_BIG_NUMBER: Final = re.compile(rb"[0-9]{19}")
_ESCAPES: Final = re.compile(r"(?<!\\)\\++(?:u00([2-7][0-9a-fA-F])|/)")
_MAX_EMBEDDED = 8


class Scrubber:
    """Replaces secrets, see `redact.Redactor`, which has one where it needs it."""

    def __init__(self, names: SecretNames, extra: Extra | None, *, enabled: bool) -> None:
        self._names = names
        self._extra = extra
        self._enabled = enabled

    def text(self, text: str) -> str:
        """Return text with every secret replaced; the same object where there is none."""
        return self._string(None, text, 0)

    def json(self, data: bytes) -> bytes:
        """Return JSON with every secret replaced; the same object where there is none."""
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
