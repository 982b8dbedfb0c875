"""What travels on the OpenTelemetry context: the current span, our innermost span, and the scope.

Only public OpenTelemetry calls are used. Anything that carries the OpenTelemetry context (tasks, `wrap`, the threading
instrumentation) carries these along.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Final

from opentelemetry import context as otel_context
from opentelemetry import trace as otel_trace
from opentelemetry.context import Context

if TYPE_CHECKING:
    from agenttrace.record.scope import Scope

__all__ = [
    "BLOCKS",
    "CONTEXT",
    "CURRENT",
    "OURS",
    "SCOPE",
    "Attachment",
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
