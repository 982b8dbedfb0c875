"""Attributes as redacted JSON behind the head of a record, in C where the package was built with a compiler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson

from agenttrace.record.capture import to_json
from agenttrace.record.clip import clip
from agenttrace.record.recorder import Recorder

__all__ = ["NATIVE", "AttributeWriter", "is_cut", "members", "members_in_python", "shortened"]

_MOST_KEYS: Final = 2048
_LONG: Final = 256
_LONGEST: Final = 1 << 16
_LAST: Final = 4  # long texts of one key: tool definitions, which name many a token, repeat from call to call
_MOST_BYTES: Final = 4 << 20  # of remembered long texts
_SMALL: Final = 10**12  # 13 digits may be a card number

_type: Callable[[Any], Any] = type

#: Gives one member, `"name":value`.
Member = Callable[[Any, Any], bytes]


def members_in_python(head: str, attributes: dict[str, Any], keys: dict[str, bytes], other: Member) -> bytes:  # noqa: ARG001
    """Return the head and, behind it, an object of what `other` gives for each attribute. `members` may do without."""
    return head.encode() + b"{%b}" % b",".join([other(name, value) for name, value in attributes.items()])


def _best() -> Callable[[str, dict[str, Any], dict[str, bytes], Member], bytes]:
    try:
        from agenttrace.otel import _members
    except ImportError:  # built without a compiler
        return members_in_python
    return _members.members


#: The same in C (`_members.c`): it asks `other` only for values that are not plain, or whose key is not in `keys`.
members: Final = _best()
#: Whether `members` is the compiled one.
NATIVE: Final = members is not members_in_python


class AttributeWriter:
    """Writes attributes as one JSON object, redacted and within the recorder's limit. Safe in several threads."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.forget()

    def forget(self) -> None:
        """Forget what is remembered: it was redacted by other rules."""
        self._keys: dict[str, bytes] = {}  # JSON of keys that are no secret's, with a colon; only ever added to
        self._long: dict[str, tuple[tuple[str, bytes], ...]] = {}  # lately written members of long texts, by name
        self._remembered = 0

    def write(self, head: str, attributes: dict[str, Any]) -> bytes:
        """Return the head and the attributes; where they are too large, the largest values give way to previews."""
        if "value" in attributes:  # it may stand beside a name that makes it a secret
            whole = self._recorder.capture(attributes)
            return head.encode() + (self._shortened(attributes) if is_cut(whole) else whole)
        record = members(head, attributes, self._keys, self._member)
        if len(record) - len(head) > self._recorder.max_content_bytes:
            return head.encode() + self._clipped(attributes)
        return record

    def _member(self, name: Any, value: Any) -> bytes:
        head = self._keys.get(name)
        if head is None:
            return self._first(name, value)
        kind = _type(value)
        if kind is str:
            return self._long_text(name, head, value) if _LONG < len(value) <= _LONGEST else self._plain(head, value)
        if (kind is int or kind is float) and -_SMALL < value < _SMALL:
            return head + orjson.dumps(value)
        if kind is tuple and len(value) == 1 and isinstance(value[0], str):
            return b"%b[%b]" % (head, self._recorder.capture(value[0]))
        return self._plain(head, value)

    def _plain(self, head: bytes, value: Any) -> bytes:
        return head + self._recorder.capture(value)

    def _long_text(self, name: str, head: bytes, text: str) -> bytes:
        known = self._long.get(name, ())
        for other, member in known:
            if other == text:
                return member
        member = self._plain(head, text)
        self._remembered += len(text)
        if self._remembered > _MOST_BYTES:
            self._long, self._remembered = {}, len(text)
        self._long[name] = ((text, member), *known[: _LAST - 1])
        return member

    def _first(self, name: Any, value: Any) -> bytes:
        """Return a member whose key is not known yet, or is one that must not be: a secret's, or nothing is plain."""
        recorder, text = self._recorder, name if isinstance(name, str) else str(name)
        redactor, head = recorder.redactor, recorder.capture(text) + b":"
        if redactor.gated and text and not redactor.secret_key(text) and len(text) <= 256:
            if len(self._keys) >= _MOST_KEYS:
                self._keys = {}
            self._keys[name] = head
        return head + recorder.attribute(text, value)

    def _shortened(self, attributes: dict[str, Any]) -> bytes:
        return self._recorder.redactor.json(to_json(shortened([attributes], self._recorder)[0]))

    def _clipped(self, attributes: dict[str, Any]) -> bytes:
        heads = [self._recorder.capture(str(name)) + b":" for name in attributes]
        values = {
            str(at): self._member(name, value)[len(head) :]
            for at, (head, (name, value)) in enumerate(zip(heads, attributes.items(), strict=True))
        }
        kept = clip(values, self._recorder.max_content_bytes).values()
        return b"{%b}" % b",".join(head + value for head, value in zip(heads, kept, strict=True))


def is_cut(captured: bytes) -> bool:
    """Return whether a captured value was too large, so that a preview of its JSON stands in its place."""
    return captured.startswith(b'{"truncated":true,"bytes":')


def shortened(groups: Sequence[dict[str, Any]], recorder: Recorder) -> list[dict[str, Any]]:
    """Return groups of attributes that all together keep within the limit: the largest values are previews.

    Only these are redacted.
    """
    values = {
        f"{at}:{name}": recorder.attribute(str(name), value)
        for at, group in enumerate(groups)
        for name, value in group.items()
    }
    kept = clip(values, recorder.max_content_bytes)
    return [
        {
            name: orjson.loads(kept[key]) if is_cut(kept[key]) else value
            for name, value in group.items()
            for key in [f"{at}:{name}"]
        }
        for at, group in enumerate(groups)
    ]
