"""The scope in which each open foreign span began: what its end is recorded under, wherever that happens."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry import baggage
from opentelemetry.context import Context

from agenttrace.model.wire import SCOPE_IDS
from agenttrace.record.context import SCOPE, Scope, current_context
from agenttrace.record.recorder import Recorder

__all__ = ["OpenSpans", "open_spans", "scope_in"]

_MOST = 1 << 16  # open spans that are remembered; of older ones, which nobody ends, the scope is forgotten
_PREFIX = "agenttrace."
_BAGGAGE = {_PREFIX + name: name for name in SCOPE_IDS[1:]}  # whoever may name the tenant may write into any


class OpenSpans:
    """Scopes by span id, only where one was in force. Safe in several threads."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._scopes: dict[int, Scope] = {}

    def begin(self, span: int, scope: Scope) -> None:
        """Remember the scope of a span that begins in another than the recorder's own."""
        if len(self._scopes) >= _MOST:
            with suppress(RuntimeError):  # another thread came in between
                self._scopes.pop(next(iter(self._scopes)), None)
        self._scopes[span] = scope

    def scope(self, span: int) -> Scope:
        """Return the scope in which a span began; the recorder's own where none was in force."""
        return self._scopes.get(span) or self._recorder.scope

    def end(self, span: int) -> Scope:
        """Return the scope in which a span began, and forget it."""
        return self._scopes.pop(span, None) or self._recorder.scope


def _baggage_key() -> str:
    """Return the key under which OpenTelemetry keeps baggage, as its own public setter shows it."""
    (key,) = baggage.set_baggage("key", "value", Context())
    return key


_RECEIVED = _baggage_key()
_known: WeakKeyDictionary[Recorder, OpenSpans] = WeakKeyDictionary()


def open_spans(recorder: Recorder) -> OpenSpans:
    """Return the open spans of a recorder, which its processors share."""
    known = _known.get(recorder)
    if known is None:
        known = _known.setdefault(recorder, OpenSpans(recorder))
    return known


def scope_in(context: Context | None, recorder: Recorder) -> Scope:
    """Return the scope that a context carries, with the ids that came in its baggage."""
    known: Any = current_context() if context is None else context
    scope: Any = known.get(SCOPE) or recorder.scope
    received = known.get(_RECEIVED)
    if not received:
        return scope
    ids = {_BAGGAGE[key]: str(value) for key, value in received.items() if key in _BAGGAGE}
    return scope.extended({**ids, **scope.ids}, None, recorder.attribute, recorder.redactor.text) if ids else scope
