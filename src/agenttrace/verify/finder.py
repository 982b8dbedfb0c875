"""Find secrets in what is stored, by the rules by which recording takes them out, and canaries. Pure.

What redaction would still change is a secret that was not taken out. What it leaves behind, as `[REDACTED:card]`, it
does not change again; neither counts the beginning of such a mark where a text was cut.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast
from urllib.parse import quote

import orjson

from agenttrace.model.secretforms import BEARER, EDGE, END, TOKENS
from agenttrace.model.wire import read_run
from agenttrace.record.assignments import assigned
from agenttrace.record.patterns import VALUE_PATTERNS
from agenttrace.record.redact import WITHHELD_JSON, Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Find", "Finder"]

_MARK: Final = "[REDACTED"
_KIND: Final = re.compile(r"\[REDACTED:([a-z_]+)\]")
_NAME: Final = re.compile(r"[A-Za-z0-9_. -]{1,64}\Z")
_MAX_EMBEDDED: Final = 8
_REACH: Final = 128
_SHORT_SIGNS: Final = ("sk-", "hf_", "gsk_", "r8_", "SG.", "fw_", "ntn_", "hv", "SK")
#: What is looked for in files as they are: forms that nothing but a secret has, whatever stands around them.
#: There one value follows another without anything between; short signs would be the ends of words.
_PLAIN_FORMS: Final = (
    *(
        (
            kind,
            sign,
            pattern if sign in _SHORT_SIGNS else re.compile(pattern.pattern.removeprefix(EDGE).removesuffix(END), re.A),
        )
        for kind, sign, pattern in TOKENS
    ),
    ("jwt", "eyJ", re.compile(r"eyJ[A-Za-z0-9_-]{8,}+(\.[A-Za-z0-9_-]{8,})?")),
    ("bearer", "earer", BEARER),
    ("private_key", "-----BEGIN", re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\r\n\\]")),
)


class Find(NamedTuple):
    """One secret: its kind, the name that gave it away, and a digest that tells equal ones in one report."""

    kind: str
    name: str | None
    digest: str


class Finder:
    """Finds secrets and canaries. Its digests are keyed with random bits, so they tell nothing to others."""

    def __init__(self, canaries: Iterable[str] = ()) -> None:
        self._key = os.urandom(16)
        self._redactor = Redactor()
        self._canaries = [(f"canary {place}", _spellings(text)) for place, text in enumerate(canaries, 1)]

    def value(self, value: object) -> Iterator[Find]:
        """Yield what is in a column's value: text, JSON text, or bytes, which may be a record."""
        if isinstance(value, str):
            yield from self._canaries_in(value.encode("utf-8", "surrogatepass"))
            yield from self._text(value, 0)
        elif isinstance(value, bytes | bytearray | memoryview):
            yield from self.record(bytes(cast("bytes", value)))

    def record(self, payload: bytes) -> Iterator[Find]:
        """Yield what is in a record of the journal, of whatever kind: lines of JSON, some after a few binary bytes."""
        yield from self._canaries_in(payload)
        for line in _lines(payload):
            yield from self._text(line.decode("utf-8", "replace"), 0)

    def plain(self, data: bytes) -> Iterator[Find]:
        """Yield what is in bytes of which nothing is known, as a file of a database: the unmistakable forms."""
        yield from self._canaries_in(data)
        text = data.decode("latin-1")
        for kind, literal, pattern in _PLAIN_FORMS:
            if literal in text:
                # A group that is left out says that it was none, found so that no part of it is looked at again.
                found = (match for match in pattern.finditer(text) if pattern.groups == 0 or match[match.re.groups])
                yield from (self._find(kind, match[0]) for match in found)

    def canaries(self, data: bytes) -> Iterator[Find]:
        """Yield the canaries that are in these bytes."""
        return self._canaries_in(data)

    def label(self, text: str) -> str:
        """Return a text of the store that may be shown: its digest, where there is a secret in it."""
        found = next(self.value(text), None)
        return text if found is None else f"<{found.digest}>"

    def _canaries_in(self, data: bytes) -> Iterator[Find]:
        for kind, spellings in self._canaries:
            if any(spelling in data for spelling in spellings):
                yield self._find(kind, kind)

    def _find(self, kind: str, secret: object, name: str | None = None) -> Find:
        data = secret if isinstance(secret, str) else json.dumps(secret, default=str)
        digest = hashlib.blake2b(data.encode("utf-8", "backslashreplace"), digest_size=4, key=self._key).hexdigest()
        return Find(kind, self._shown(name), digest)

    def _shown(self, name: str | None) -> str | None:
        return name if name and _NAME.match(name) and self._redactor.text(name) == name else None

    def _text(self, text: str, level: int) -> Iterator[Find]:
        value = _parsed(text) if level < _MAX_EMBEDDED else None
        if value is not None:
            data = text.encode("utf-8", "surrogatepass")
            redacted = self._redactor.json(data)
            if redacted == WITHHELD_JSON:  # too deep, say: as text then
                yield from self._in_text(text)
            elif redacted != data:
                yield from self._differences(value, json.loads(redacted), level)
        elif self._redactor.text(text) != text:
            yield from self._in_text(text)

    def _differences(self, before: Any, after: Any, level: int) -> Iterator[Find]:
        """Yield what redaction took out of a value; both have the same shape. Iterative: any depth."""
        todo: list[tuple[Any, Any, str | None]] = [(before, after, None)]
        while todo:
            old, new, name = todo.pop()
            if isinstance(old, dict) and isinstance(new, dict):
                pairs = zip(cast("dict[str, Any]", old).items(), cast("dict[str, Any]", new).items(), strict=True)
                for (old_key, old_value), (new_key, new_value) in pairs:
                    if old_key != new_key:
                        yield from self._in_text(old_key)
                    todo.append((old_value, new_value, old_key))
            elif isinstance(old, list) and isinstance(new, list):
                listed = cast("list[Any]", old)
                if len(listed) == 2 and isinstance(listed[0], str):  # a header as a pair
                    name = listed[0]
                todo += [(*pair, name) for pair in zip(listed, cast("list[Any]", new), strict=True)]
            elif old != new:
                yield from self._changed(old, new, name, level)

    def _changed(self, old: Any, new: Any, name: str | None, level: int) -> Iterator[Find]:
        if new == f"{_MARK}]":
            # What is left of a key that was a secret, as `[REDACTED:github_token]`, is no name of one.
            if not _is_cut_mark(old) and not _is_mark(name):
                yield self._find("named", old, name)
        elif isinstance(old, str):
            yield from self._text(old, level + 1)
        else:
            yield self._find("card", old)

    def _in_text(self, text: str) -> Iterator[Find]:
        """Yield what stands in a text that is no JSON."""
        for literal, pattern, replacement in VALUE_PATTERNS:
            if literal in text:
                for match in pattern.finditer(text):
                    kind = _KIND.search(replaced) if (replaced := replacement(match)) != match[0] else None
                    if kind is not None:
                        yield self._find(kind[1], match[0])
                text = pattern.sub(replacement, text)
        for name, start, end in assigned(text, self._redactor.names.secret):
            before = text[max(start - _REACH, 0) : start].rpartition(_MARK)[2]
            if not _is_cut_mark(text[start:end]) and not before.startswith(f":{name}]"):
                yield self._find("named", text[start:end], name)


def _is_mark(name: str | None) -> bool:
    return name is not None and name.startswith(_MARK)


def _is_cut_mark(value: object) -> bool:
    """Return whether this is what redaction leaves behind, or the beginning of it at the end of a text that was cut."""
    return isinstance(value, str) and (value.startswith(_MARK) or _MARK.startswith(value.strip("\\\"'`… ")))


def _parsed(text: str) -> Any:
    if text[:1] not in ("{", "[", '"'):
        return None
    try:
        return orjson.loads(text)
    except ValueError:
        return None


def _lines(payload: bytes) -> Iterator[bytes]:
    try:
        run = read_run(payload)
    except (ValueError, IndexError):
        for line in payload.split(b"\n"):
            begin = line.find(b"{")
            yield line[max(begin, 0) :]
        return
    yield from (run.envelope, run.content)


def _spellings(text: str) -> tuple[bytes, ...]:
    """Return the ways in which a text may stand in JSON, in JSON inside of JSON, and in a URL."""
    once, ascii_once = json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]
    twice = json.dumps(once, ensure_ascii=False)[1:-1]
    ways = (text, once, ascii_once, twice, text.replace("/", "\\/"), quote(text, safe=""))
    return tuple(dict.fromkeys(way.encode("utf-8", "surrogatepass") for way in ways))
