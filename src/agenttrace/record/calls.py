"""The way of a decorated call: what `emission` does for every span, written out for the usual case.

This is where tracing costs its microseconds, and each call that is not made is a tenth of one. A test holds that spans
of decorated calls write the same records as spans that are begun and finished step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeVar

from opentelemetry.context import Context

from agenttrace.model.rows import RANK_END
from agenttrace.model.wire import FIXED, NO_PARENT, RUN, VERSION
from agenttrace.record.arguments import Arguments
from agenttrace.record.context import CONTEXT, CURRENT, OURS, SCOPE
from agenttrace.record.emission import ENDED, FIRST_VERSION, HOME, IS_SUCCESS, NEW, RUNNING, Emission, joined
from agenttrace.record.fields import KEY_JSON
from agenttrace.record.options import Options
from agenttrace.record.recorder import Recorder

__all__ = ["Begin", "Call", "Finish"]

_S = TypeVar("_S")
Begin = Callable[[tuple[Any, ...], dict[str, Any]], _S]
Finish = Callable[[_S, Any], None]

_pack_fixed = FIXED.pack
_pack_version = VERSION.pack


class Call(Emission):
    """A span that one call of a decorated function begins and finishes."""

    __slots__ = ()

    @classmethod
    def calls(
        cls,
        recorder: Recorder,
        options: Options,
        arguments: Arguments,
        *,
        input_key: str | None,
        output_key: str | None,
    ) -> tuple[Begin[Self], Finish[Self]]:
        """Return two functions that begin and finish the spans of one decorated function; neither raises.

        The first takes the call's arguments, captures them under `input_key`, starts the span and makes it the current
        one. The second captures the result under `output_key`, unless the span has such a value already, and ends the
        span. Both do what `launch` and `finish` do, for a root or a child of ours in the usual scope.
        """
        new = cls.__new__
        names, count, read = arguments.names, arguments.count, arguments.read
        static = options.static
        input_json = KEY_JSON[input_key] if input_key else b""
        output_json = KEY_JSON[output_key] if output_key else b""
        get, enter = CONTEXT.get, CONTEXT.set

        def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Self:
            span = new(cls)
            span._recorder = recorder
            span._options = options
            span.token = span._extra = None
            span._span = b""
            span._state = span._revision = span._flags = NEW
            span._content = content = {}
            try:
                if input_key is None:
                    fragment = b""
                else:
                    plain = len(args) == count and not kwargs
                    values = dict(zip(names, args)) if plain else read(args, kwargs)  # noqa: B905
                    content[input_key] = fragment = recorder.capture_own(values)
                context = get()
                parent: Any = context.get(CURRENT)
                scope: Any = context.get(SCOPE) or recorder.scope
                if parent is None:
                    span._started_at = span._turn = turn = now = recorder.clock() // 1000
                    span._trace = trace = recorder.new_trace(now)
                    span._parent = span._root = None
                    above = NO_PARENT
                elif type(parent) is cls and parent._span and (root := parent._root or parent)._scope is scope:
                    span._started_at = now = recorder.clock() // 1000
                    span._turn = turn = parent._turn
                    span._trace = trace = parent._trace
                    span._parent = parent
                    span._root = root
                    above = parent._span
                else:
                    span.token = span.launch()
                    return span
                span._scope = scope
                span._generation = recorder.generation
                span._span = identity = recorder.new_span()
                span._fixed = fixed = _pack_fixed(trace, identity, above, now, turn, recorder.sequence())
                span._state = RUNNING
                span._revision = 1
                envelope = scope.envelopes.get(static) or scope.envelope(static)
                payload = b"".join((fixed, FIRST_VERSION, envelope, input_json, fragment))
                if len(payload) > recorder.max_content_bytes:
                    span._append(FIRST_VERSION)
                else:
                    recorder.append(RUN, payload)
                inside = context.copy()
                inside[CURRENT] = inside[OURS] = span
                span.token = enter(Context(inside))
            except Exception as error:  # noqa: BLE001
                recorder.failed(error, "begin")
            return span

        def begin_slowly(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Self:
            span = cls(recorder, options)
            try:
                if input_key is not None and input_key not in options.content:
                    span.keep(input_key, read(args, kwargs))
            except Exception as error:  # noqa: BLE001
                recorder.failed(error, "begin")
            span.token = span.launch()
            return span

        def finish(span: Self, result: Any) -> None:
            try:
                content = span._content
                if output_key is not None and output_key not in content:
                    content[output_key] = recorder.capture(result)
                if span._extra is not None or span._state != RUNNING or span._generation != recorder.generation:
                    span.finish()
                    return
                now = recorder.clock() // 1000
                if now < span._started_at:
                    now = span._started_at
                number = recorder.sequence()
                revision = span._revision
                span._state = ENDED
                span._revision = revision + 1
                span._ended_at = (now, number, IS_SUCCESS)
                version = _pack_version(now, number, revision | HOME, RANK_END, IS_SUCCESS, span._flags)
                scope, static = span._scope, span._options.static
                envelope = scope.envelopes.get(static) or scope.envelope(static)
                fragment = content.get(input_key)  # pyright: ignore[reportArgumentType] - None is no key
                if fragment is not None and output_key is not None and len(content) == 2:
                    payload = b"".join(
                        (span._fixed, version, envelope, input_json, fragment, output_json, content[output_key])
                    )
                else:
                    payload = joined(span._fixed, version, envelope, content)
                if len(payload) > recorder.max_content_bytes:
                    span._append(version)
                else:
                    recorder.append(RUN, payload)
            except Exception as error:  # noqa: BLE001
                recorder.failed(error, "finish")

        return begin_slowly if options.scope is not None or options.content else begin, finish
