"""What travels on the OpenTelemetry context: the current span, our innermost span, and the scope.

Only public OpenTelemetry calls are used. Anything that carries the OpenTelemetry context (tasks, `wrap`, the threading
instrumentation) carries these along.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from typing import Final

import orjson
from opentelemetry import context as otel_context
from opentelemetry import trace as otel_trace
from opentelemetry.context import Context

from agenttrace.model.ids import canonical, veiled
from agenttrace.model.wire import SCOPE_IDS
from agenttrace.record.options import clean
from agenttrace.record.state import ScopeFields

__all__ = [
    "BLOCKS",
    "CONTEXT",
    "CURRENT",
    "EMPTY",
    "OURS",
    "SCOPE",
    "Attachment",
    "Scope",
    "attach",
    "current_context",
    "detach",
    "with_scope",
]

#: Context key of our innermost span, which a foreign span inside it does not hide.
OURS = "agenttrace-span"
#: Context key of the `Scope` in force.
SCOPE = "agenttrace-scope"
#: Context key of the blocks that set it, each with the context outside of it.
BLOCKS = "agenttrace-blocks"

_SPREAD = tuple(name for name in SCOPE_IDS if name != "workspace_id")
_MAX_ENVELOPES = 1024

Attachment = Token[Context]

attach = otel_context.attach
current_context = otel_context.get_current


def _variable() -> ContextVar[Context]:
    """Return the variable in which OpenTelemetry keeps its context, as the token of its public `attach` names it."""
    token = otel_context.attach(otel_context.get_current())
    token.var.reset(token)
    return token.var


#: OpenTelemetry's context variable: where `attach` and `get_current` would come out, without the calls between.
CONTEXT: Final = _variable()


def _span_key() -> str:
    """Return the key under which OpenTelemetry keeps the current span, as its own public setter shows it."""
    (key,) = otel_trace.set_span_in_context(otel_trace.INVALID_SPAN, Context())
    return key


#: Context key of OpenTelemetry's current span.
CURRENT: Final = _span_key()


def with_scope(context: Context, scope: Scope) -> Context:
    """Return the context with the scope in force."""
    return Context(context, **{SCOPE: scope})


def detach(token: Attachment | None) -> bool:
    """Give back what `attach` returned; return False where this is another context, in which nothing was attached.

    A generator may be closed, and a span ended, in another task than it began in. OpenTelemetry's own `detach` logs a
    failure then; there is nothing to undo there, so this does not.
    """
    if token is None:
        return True
    try:
        token.var.reset(token)
    except (ValueError, RuntimeError):  # created in another context; already used
        return False
    return True


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
