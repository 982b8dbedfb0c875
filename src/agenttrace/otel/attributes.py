"""Attributes as redacted JSON, quickly: what repeats from span to span is made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from agenttrace.record.clip import clip
from agenttrace.record.recorder import Recorder

__all__ = ["AttributeWriter"]

_MOST_KEYS: Final = 2048
_MOST_VALUES: Final = 256  # short texts of one key
_SHORT: Final = 64
_LONG: Final = 1 << 16
_LAST: Final = 4  # long texts of one key: system prompts and tool definitions repeat from call to call
_MOST_BYTES: Final = 4 << 20  # of remembered long texts
_SMALL: Final = 10**12  # 13 digits may be a card number
_type: Callable[[Any], Any] = type
_dumps: Final = orjson.dumps

Pair = tuple[str, bytes]


class _Key:
    """One attribute's key: its JSON with a colon, and members of values that were written lately."""

    __slots__ = ("long", "short", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.short: dict[str, bytes] = {}
        self.long: tuple[Pair, ...] = ()


class AttributeWriter:
    """Writes attributes as one JSON object, redacted and within the recorder's limit. Safe in several threads."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._keys: dict[str, _Key] = {}  # of keys that are no secret's
        self._remembered = 0

    def forget(self) -> None:
        """Forget what is remembered: it was redacted by other rules."""
        self._keys.clear()
        self._remembered = 0

    def write(self, attributes: Mapping[str, Any]) -> bytes:
        """Return the attributes; where they are too large, the largest values give way to previews."""
        if "value" in attributes:  # it may stand beside a name that makes it a secret
            return self._recorder.capture(dict(attributes))
        known, members = self._keys.get, list[bytes]()
        add = members.append
        for name, value in attributes.items():
            key = known(name)
            kind = _type(value)
            if key is None:
                add(self._first(name, value))
            elif kind is str:
                add(key.short.get(value) or self._text(key, value))
            elif kind is int and -_SMALL < value < _SMALL:
                add(b"%b%d" % (key.text, value))
            else:
                add(key.text + self._other(key, kind, value))
        data = b",".join(members)
        if len(data) > self._recorder.max_content_bytes:
            data = self._clipped(attributes, members)
        return b"{%b}" % data

    def _text(self, key: _Key, text: str) -> bytes:
        for known, member in key.long:
            if known == text:
                return member
        size = len(text)
        member = key.text + self._recorder.capture(text)
        if size <= _SHORT:
            if len(key.short) >= _MOST_VALUES:
                key.short.clear()
            key.short[text] = member
        elif size <= _LONG:
            self._remembered += size
            if self._remembered > _MOST_BYTES:
                self.forget()
            key.long = ((text, member), *key.long[: _LAST - 1])
        return member

    def _other(self, key: _Key, kind: Any, value: Any) -> bytes:
        if kind is bool:
            return b"true" if value else b"false"
        if kind is float and -_SMALL < value < _SMALL:
            return _dumps(value)
        if kind is tuple and len(value) == 1 and _type(value[0]) is str:
            return b"[%b]" % (key.short.get(value[0]) or self._text(key, value[0]))[len(key.text) :]
        return self._recorder.capture(value)

    def _first(self, name: Any, value: Any) -> bytes:
        """Return a member whose key is not known yet, or is one that must not be: a secret's, or nothing is plain."""
        recorder, text = self._recorder, name if isinstance(name, str) else str(name)
        redactor, head = recorder.redactor, recorder.capture(text) + b":"
        if redactor.gated and text and not redactor.secret_key(text) and len(text) <= 256:
            if len(self._keys) >= _MOST_KEYS:
                self.forget()
            self._keys[name] = _Key(head)
        return head + recorder.attribute(text, value)

    def _clipped(self, attributes: Mapping[str, Any], members: list[bytes]) -> bytes:
        heads = [self._recorder.capture(str(name)) + b":" for name in attributes]
        values = {str(at): member[len(head) :] for at, (head, member) in enumerate(zip(heads, members, strict=True))}
        kept = clip(values, self._recorder.max_content_bytes).values()
        return b",".join(head + value for head, value in zip(heads, kept, strict=True))
