"""Scope: the ids and free attributes that spans inherit. Immutable values that remember what they look like as JSON."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping

import orjson

from agenttrace.model.ids import canonical, veiled
from agenttrace.model.wire import SCOPE_IDS
from agenttrace.record.options import clean
from agenttrace.record.state import ScopeFields

__all__ = ["EMPTY", "Scope"]

_SPREAD = tuple(name for name in SCOPE_IDS if name != "workspace_id")
_MAX_ENVELOPES = 1024


class Scope(ScopeFields):
    """Ids by name, as text, and attributes by key, as JSON. Never changed once made, so it may be shared freely."""

    __slots__ = ("_filled", "_ids_json", "_service", "_service_json", "attributes", "ids")

    def __init__(self, ids: dict[str, str], attributes: dict[str, bytes], service: str = "") -> None:
        self.ids = ids
        self._service = service  # the recording service's id, which every envelope names
        self.attributes = attributes
        self.envelopes = {}
        self._ids_json = f',"scope":{orjson.dumps(ids).decode()}' if ids else ""
        self._service_json = f',"service":"{service}"' if service else ""
        self._filled: tuple[Scope, Scope] | None = None

    def extended(
        self,
        ids: Mapping[str, object],
        attributes: Mapping[str, object] | None,
        to_json: Callable[[str, object], bytes],
        redact: Callable[[str], str] = str,
    ) -> Scope:
        """Return this scope with more ids and attributes, which win over the present ones; None changes nothing.

        A new workspace is a new world: no id of the old one is inherited into it.
        """
        known = {name: _text(value) for name, value in ids.items() if value is not None}
        if "workspace_id" in known:  # one spelling, so that equal workspaces compare equal
            known["workspace_id"] = canonical(known["workspace_id"])
        workspace = known.get("workspace_id")
        base = self
        if workspace is not None and workspace != self.ids.get("workspace_id", workspace):
            base = EMPTY
        extra = {redact(clean(key)): to_json(clean(key), value) for key, value in (attributes or {}).items()}
        return Scope({**base.ids, **known}, {**base.attributes, **extra}, self._service)

    def filled(self, other: Scope) -> Scope:
        """Return this scope with the ids of another that it lacks itself; the workspace and the attributes stay."""
        memo = self._filled
        if memo is not None and memo[0] is other:
            return memo[1]
        missing = {name: other.ids[name] for name in _SPREAD if name in other.ids and name not in self.ids}
        result = Scope({**self.ids, **missing}, self.attributes, self._service) if missing else self
        self._filled = (other, result)
        return result

    def same_workspace(self, other: Scope) -> bool:
        """Return whether both scopes name the same workspace."""
        return self.ids.get("workspace_id") == other.ids.get("workspace_id")

    def ids_json(self) -> str:
        """Return the envelope's `,"scope":{...}`, or nothing where no id is known."""
        return self._ids_json

    def envelope(self, static: str) -> bytes:
        """Return the envelope and its newline of a span that adds nothing of its own; made once a static part."""
        if len(self.envelopes) >= _MAX_ENVELOPES:
            self.envelopes.clear()
        made = self.envelopes[static] = self.special(static)
        return made

    def special(self, static: str, own: Mapping[str, bytes] | None = None, more: str = "") -> bytes:
        """Return the envelope of a span with attributes of its own, and with `more` members."""
        return f"{{{static}{self._ids_json}{self._service_json}{more}".encode() + self._attributes(own) + b"}\n"

    def _attributes(self, own: Mapping[str, bytes] | None) -> bytes:
        fragments = {**self.attributes, **own} if own else self.attributes
        if not fragments:
            return b""
        return b',"attributes":{' + b",".join([orjson.dumps(key) + b":" + fragments[key] for key in fragments]) + b"}"


def _text(value: object) -> str:
    # `isinstance` would run the code of a proxy.
    return str(value) if issubclass(type(value), uuid.UUID) else veiled(clean(value))


#: The scope outside every `scope(...)` block.
EMPTY = Scope({}, {})
