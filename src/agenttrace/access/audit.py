"""The audit log's records: who read what. They go to the journal, so a read writes nothing to the database itself."""

from __future__ import annotations

import os
import random
import re
from typing import TYPE_CHECKING

import orjson

from agenttrace.model.ids import veiled
from agenttrace.model.jsontext import compact_json
from agenttrace.model.wire import AUDIT, write_note

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["AuditTrail"]

#: Bounds of what one record holds: filters are what callers send.
_MOST_FILTERS = 32
_LONGEST_NAME = 64
_LONGEST_VALUE = 500

_MOST_NAMES = 1_000
_SMALL = 1_000_000_000
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\Z")


# No system call: it would hand the GIL to another thread, in the middle of every request.
_random = random.Random()  # noqa: S311 - ids, not secrets # nosec B311
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


class AuditTrail:
    """Notes reads and changes in the journal. May be called from any thread; never blocks, never raises.

    `attribute(name, value)` returns a filter's JSON with secrets redacted; `clock` returns microseconds.
    """

    def __init__(
        self,
        append: Callable[[int, bytes], None],
        *,
        clock: Callable[[], int],
        attribute: Callable[[str, object], bytes],
    ) -> None:
        self._append = append
        self._clock = clock
        self._attribute = attribute
        self._names: dict[str, bytes] = {}
        self._callers: dict[tuple[str | None, ...], bytes] = {}

    def note(
        self,
        action: str,
        *,
        workspace_id: str,
        user_id: str | None = None,
        key_id: str | None = None,
        role: str | None = None,
        filters: Mapping[str, object] | None = None,
        rows: int = 0,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        """Note one action of a caller: on which filters (those that are None do not count), with how many rows."""
        # The random bits are made here, so that a record that is delivered twice is one row.
        caller = self._callers.get((action, workspace_id, user_id, key_id, role))
        if caller is None:
            caller = self._caller(action, workspace_id, user_id, key_id, role)
        request, asked = _line(request_id), self._filters(filters or {})
        self._append(AUDIT, write_note((self._clock(), _random.getrandbits(64), rows, status, caller, request, asked)))

    def _caller(self, *who: str | None) -> bytes:
        """Return who did what as a line of JSON; remembered, up to a bound."""
        action, workspace, user, key, role = who
        user = None if user is None else veiled(user)
        line = _line({"action": action, "workspace": workspace, "user": user, "key": key, "role": role})
        if len(self._callers) < _MOST_NAMES:
            self._callers[who] = line
        return line

    def _name(self, name: str) -> bytes:
        """Return a filter's name as JSON and a colon, nothing for the name of a secret; remembered, up to a bound."""
        is_secret = self._attribute(name, "x") != b'"x"' or len(name) > _LONGEST_NAME
        if len(self._names) < _MOST_NAMES:
            self._names[name] = b"" if is_secret else orjson.dumps(name) + b":"
        return b"" if is_secret else orjson.dumps(name) + b":"

    def _filters(self, filters: Mapping[str, object]) -> bytes:
        given = [(name, value) for name, value in filters.items() if value is not None][:_MOST_FILTERS]
        return b"{" + b",".join(self._member(name, value) for name, value in given) + b"}"

    def _member(self, name: str, value: object) -> bytes:
        # A UUID or a small number under a harmless name holds no secret: the search for one costs more than the rest.
        if (type(value) is int and -_SMALL < value < _SMALL) or (type(value) is str and _UUID.match(value)):
            harmless = self._names.get(name)
            if harmless is None:
                harmless = self._name(name)
            if harmless:
                return harmless + orjson.dumps(value)
        return orjson.dumps(name[:_LONGEST_NAME]) + b":" + self._attribute(name, _short(value))


def _line(value: object) -> bytes:
    return compact_json(value).encode("utf-8", "backslashreplace")


def _short(value: object) -> object:
    """Return numbers and flags as they are, and anything else as text of bounded length."""
    if isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"
