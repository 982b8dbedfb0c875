"""The way of a decorated call: its arguments and its result become the content of a span."""

# pyright: reportPrivateUsage=false
# What is written out here are methods of spans.

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from agenttrace.record.emission import begin, end, fill, opened

if TYPE_CHECKING:
    from agenttrace.record.arguments import Arguments
    from agenttrace.record.emission import Emission
    from agenttrace.record.options import Options
    from agenttrace.record.recorder import Recorder

__all__ = ["Begin", "Finish", "calls"]

_S = TypeVar("_S", bound="Emission")
Begin = Callable[[tuple[Any, ...], dict[str, Any]], _S]
Finish = Callable[[_S, Any], None]


def calls(
    kind: type[_S],
    recorder: Recorder,
    options: Options,
    arguments: Arguments,
    *,
    input_key: str | None,
    output_key: str | None,
) -> tuple[Begin[_S], Finish[_S]]:
    """Return two functions that begin and finish the spans of one decorated function; neither raises.

    The first takes the call's arguments, captures them under `input_key`, starts the span and makes it the current
    one. The second captures the result under `output_key`, unless the span has such a value already, and ends the
    span. Both do what `launch` and `finish` do, for a root or a child of ours in the usual scope.
    """
    names, count, read = arguments.names, arguments.count, arguments.read

    def begin_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> _S:
        span = opened(kind, recorder, options)
        try:
            if input_key is not None:
                plain = len(args) == count and not kwargs
                values = dict(zip(names, args)) if plain else read(args, kwargs)  # noqa: B905
                if not fill(span, input_key, values, False):
                    span._content[input_key] = recorder.capture(values)
            if not begin(span):
                span.token = span.launch()
        except Exception as error:  # noqa: BLE001
            recorder.failed(error, "begin")
        return span

    def begin_slowly(args: tuple[Any, ...], kwargs: dict[str, Any]) -> _S:
        span = kind(recorder, options)
        try:
            if input_key is not None and input_key not in options.content:
                span.keep(input_key, read(args, kwargs))
        except Exception as error:  # noqa: BLE001
            recorder.failed(error, "begin")
        span.token = span.launch()
        return span

    def finish(span: _S, result: Any) -> None:
        try:
            if output_key is not None and output_key not in span._content and not fill(span, output_key, result, False):
                span._content[output_key] = recorder.capture(result)
            if not end(span):
                span.finish()
        except Exception as error:  # noqa: BLE001
            recorder.failed(error, "finish")

    return begin_slowly if options.scope is not None or options.content else begin_call, finish
