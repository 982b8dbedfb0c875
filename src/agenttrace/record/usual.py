"""The usual way of a span: how a root, or a child of ours in its root's scope, begins and ends when nothing is special.

This is where tracing costs its microseconds. It does what `emission` does step by step, in one go; what is not usual is
left to `emission`. Where the package was built with a C compiler the functions are those of `_native.c`, and only tests
load these: they hold that all ways write the same records.
"""

# pyright: reportPrivateUsage=false
# A span's fields are private to this room.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry.context import Context

from agenttrace.model.wire import FIXED, NO_PARENT, RANK_END, RUN, VERSION
from agenttrace.record.context import CONTEXT, CURRENT, OURS, SCOPE
from agenttrace.record.emission import FIRST_VERSION, Emission, parts
from agenttrace.record.fields import ENVELOPE_KEYS
from agenttrace.record.options import UNSET
from agenttrace.record.quick import plain
from agenttrace.record.state import ENDED, HOME, IS_SUCCESS, NEW, RUNNING

if TYPE_CHECKING:
    from agenttrace.record.options import Options
    from agenttrace.record.recorder import Recorder

__all__ = ["begin_in_python", "end_in_python", "fill_in_python", "opened_in_python"]

_S = TypeVar("_S", bound="Emission")

_pack_fixed = FIXED.pack
_pack_version = VERSION.pack
_get, _enter, _reset = CONTEXT.get, CONTEXT.set, CONTEXT.reset


def opened_in_python(kind: type[_S], recorder: Recorder, options: Options, values: dict[str, Any] | None = None) -> _S:
    """Return a new span with these values by content key, but those that are None or UNSET."""
    span = kind.__new__(kind)
    span._recorder, span._options = recorder, options
    span._state = span._revision = span._flags = NEW
    span._span, span._extra, span.token = b"", None, None
    span._content, span._values = {}, {}
    if values:
        for key, value in values.items():
            if value is not None and value is not UNSET:
                span._set(key, value)
    return span


def fill_in_python(span: Emission, key: str, value: Any, remember: bool) -> bool:
    """Keep a value's JSON for this content key, and with `remember` the value itself for who reads it back.

    Returns False, with nothing done, where the value, the key or the span is not so simple.
    """
    recorder = span._recorder
    if not recorder.enabled or span._state == ENDED or recorder.heads is None or key in ENVELOPE_KEYS:
        return False
    json = plain(value, recorder.heads, recorder.max_content_bytes)
    if type(json) is not bytes:
        return False
    span._content[key] = json
    if remember:
        span._values[key] = value
    return True


def begin_in_python(span: Emission) -> bool:
    """Start a new span and make it the current one; return False, with nothing done, where that is not so simple."""
    recorder = span._recorder
    if span._state != NEW or span._span or span._extra is not None or not recorder.enabled:
        return False
    options = span._options
    if options.scope is not None:
        return False
    context = _get()
    parent: Any = context.get(CURRENT)
    scope: Any = context.get(SCOPE) or recorder.scope
    if parent is None:
        root = None
        started = turn = recorder.clock() // 1000
        trace, above = recorder.new_trace(started), NO_PARENT
    elif type(parent) is type(span) and parent._span and (root := parent._root or parent)._scope is scope:
        started = recorder.clock() // 1000
        turn, trace, above = parent._turn, parent._trace, parent._span
    else:
        return False
    identity = recorder.new_span()
    fixed = _pack_fixed(trace, identity, above, started, turn, next(recorder.sequence))
    span._scope, span._root, span._parent, span._flags = scope, root, parent, 0
    span._generation = recorder.generation
    span._started_at, span._turn, span._trace, span._span, span._fixed = started, turn, trace, identity, fixed
    span._state, span._revision = RUNNING, 1
    _append(span, FIRST_VERSION)
    inside = context.copy()
    inside[CURRENT] = inside[OURS] = span
    span.token = _enter(Context(inside))
    return True


def end_in_python(span: Emission) -> bool:
    """End a running span that did not fail, and make current again what was current before it.

    Returns False, with nothing done, where that is not so simple.
    """
    recorder = span._recorder
    if span._state != RUNNING or span._extra is not None or span._generation != recorder.generation:
        return False
    if not recorder.enabled:
        return False
    now = recorder.clock() // 1000
    if now < span._started_at:
        now = span._started_at
    number, revision = next(recorder.sequence), span._revision
    span._state, span._revision = ENDED, revision + 1
    span._end_time, span._end_number, span._end_status = now, number, IS_SUCCESS
    _append(span, _pack_version(now, number, revision | HOME, RANK_END, IS_SUCCESS, span._flags))
    token = span.token
    if token is not None:
        span.token = None
        try:
            _reset(token)
        except (ValueError, RuntimeError):  # another context, in which nothing was attached; see `context.detach`
            span.leave_elsewhere(token)
    return True


def _append(span: Emission, version: bytes) -> None:
    recorder, scope, static = span._recorder, span._scope, span._options.static
    envelope = scope.envelopes.get(static) or scope.envelope(static)
    pieces = parts(span._fixed, version, envelope, span._content)
    if sum(map(len, pieces)) > recorder.max_content_bytes:
        span.append_version(version)
    else:
        recorder.append_parts(RUN, *pieces)
