"""Wrap functions so that each call is a span: plain, async, generator and async generator functions.

The wrapper is of the function's own kind, with its signature and docstring. Around a generator the context is attached
for each step and never across a yield, so the consumer's own spans do not become the generator's children. What the
generator itself made current, by a block around a yield, is current again in its next step.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar, cast

from agenttrace.faults import ConfigurationError
from agenttrace.record.arguments import Arguments, split_arguments
from agenttrace.record.calls import calls
from agenttrace.record.context import CONTEXT, attach, current_context, detach
from agenttrace.record.fields import OUTPUT_KEY, PARAMETERS
from agenttrace.record.options import Options
from agenttrace.record.stream import Stream

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from agenttrace.record.recorder import Recorder
    from agenttrace.record.span import Span

__all__ = ["decorate"]


F = TypeVar("F", bound=Callable[..., Any])


def decorate(function: F, recorder: Recorder, options: Options, make: type[Span]) -> F:
    """Return the function wrapped so that each call is a span named after it.

    Raises ConfigurationError where the object is no function or method.
    """
    if isinstance(function, staticmethod | classmethod):
        method = cast("Any", function)
        return cast("F", type(method)(decorate(method.__func__, recorder, options, make)))
    if not callable(function) or inspect.isclass(function):
        raise ConfigurationError(f"function: only functions and methods can be decorated, got {function!r}")
    call = _Call(function, recorder, options, make)
    wrapper = _wrapper(function, call)
    return cast("F", functools.wraps(function)(wrapper))


def _wrapper(function: Callable[..., Any], call: _Call) -> Callable[..., Any]:
    kinds = (function, getattr(function, "__call__", None))  # noqa: B004 - an object's __call__ may be async
    if any(map(inspect.isasyncgenfunction, kinds)):
        return _async_generator(function, call)
    if any(map(inspect.iscoroutinefunction, kinds)):
        return _coroutine(function, call)
    if any(map(inspect.isgeneratorfunction, kinds)):
        return _generator(function, call)
    return _plain(function, call)


class _Call:
    """What the wrappers share: beginning the span of one call, and ending it. Nothing here raises."""

    def __init__(self, function: Callable[..., Any], recorder: Recorder, options: Options, make: type[Span]) -> None:
        options = options if options.name else options.renamed(_name_of(function))
        self.recorder = recorder
        self.options = options
        self._arguments = Arguments(function, options.ignore)
        self._output = OUTPUT_KEY.get(options.run_type, "output")
        self._keeps_output = options.capture and options.capture_output
        together = options.run_type not in PARAMETERS
        begin, self.finish = calls(
            make,
            recorder,
            options,
            self._arguments,
            input_key="input" if together and options.capture else None,
            output_key=self._output if self._keeps_output else None,
        )
        self.begin = begin if together or not options.capture else self._begin_split
        self._make = make

    def _begin_split(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span:
        """Begin a run whose arguments are content of their own, as a prompt's are."""
        span = self._make(self.recorder, self.options)
        try:
            values, secret = self._arguments.read(args, kwargs), self.recorder.redactor.secret_key
            for key, value in split_arguments(self.options.run_type, values, secret).items():
                if key not in self.options.content:
                    span.keep(key, value)
        except Exception as error:  # noqa: BLE001
            self.recorder.failed(error, "arguments")
        return span.__enter__()

    def stream(self) -> Stream:
        """Return a collector for what a generator yields."""
        return Stream(self.recorder.max_content_bytes, join=self.options.run_type == "prompt")

    def chunk(self, span: Span, stream: Stream, item: Any) -> None:
        """Keep one yielded item; the first one of a prompt gives its time to first token."""
        try:
            if stream.empty and self.options.run_type == "prompt":
                span.first_token()
            if self._keeps_output:
                stream.add(item)
            else:
                stream.empty = False
        except Exception as error:  # noqa: BLE001
            self.recorder.failed(error, "stream")

    def close(self, span: Span, stream: Stream, error: BaseException | None = None) -> None:
        """End a stream's span with what it yielded so far."""
        try:
            if self._keeps_output and not span.has(self._output):
                span.keep(self._output, stream.output())
        except Exception as defect:  # noqa: BLE001
            self.recorder.failed(defect, "stream")
        span.end(error=error)


def _name_of(function: Any) -> str:
    """Return a function's name; of a partial its function's, of a callable object its type's."""
    bare = getattr(function, "func", function)
    return getattr(bare, "__name__", None) or type(bare).__name__


def _plain(function: Callable[..., Any], call: _Call) -> Callable[..., Any]:
    recorder, begin, finish, reset = call.recorder, call.begin, call.finish, CONTEXT.reset

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not recorder.enabled:
            return function(*args, **kwargs)
        span = begin(args, kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            span.end(error=error)
            raise
        else:
            finish(span, result)
            return result
        finally:
            token = span.token
            if token is not None:  # what `leave` does, written out
                span.token = None
                try:  # noqa: SIM105 - a context manager costs more than the rest
                    reset(token)
                except (ValueError, RuntimeError):
                    pass

    return wrapper


def _coroutine(function: Callable[..., Any], call: _Call) -> Callable[..., Any]:
    recorder, begin, finish, reset = call.recorder, call.begin, call.finish, CONTEXT.reset

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not recorder.enabled:
            return await function(*args, **kwargs)
        span = begin(args, kwargs)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            span.end(error=error)
            raise
        else:
            finish(span, result)
            return result
        finally:
            token = span.token
            if token is not None:  # what `leave` does, written out
                span.token = None
                try:  # noqa: SIM105 - a context manager costs more than the rest
                    reset(token)
                except (ValueError, RuntimeError):
                    pass

    return wrapper


class _Inside:
    """One step of a generator: its span is current, or what a block made so that it held open over the last yield."""

    __slots__ = ("_entered", "_held", "_span", "_token")

    def __init__(self, span: Span) -> None:
        self._span = span
        self._held: Context | None = None

    def __enter__(self) -> None:
        self._token = self._span.launch() if self._held is None else attach(self._held)
        self._entered = current_context()

    def __exit__(self, *_: object) -> None:
        left = current_context()
        if left is not self._entered:
            self._held = left
        detach(self._token)


def _generator(function: Callable[..., Any], call: _Call) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        if not call.recorder.enabled:
            whole: Generator[Any, Any, Any] = function(*args, **kwargs)
            return (yield from whole)
        span, stream = call.begin(args, kwargs), call.stream()
        span.leave()
        inside = _Inside(span)
        generator = function(*args, **kwargs)
        step: Callable[..., Any] = generator.__next__
        given: tuple[Any, ...] = ()
        while True:
            try:
                with inside:
                    item = step(*given)
            except StopIteration as stop:
                call.close(span, stream)
                return stop.value
            except BaseException as error:
                call.close(span, stream, error)
                raise
            if given and isinstance(given[0], GeneratorExit):
                call.close(span, stream, RuntimeError("generator ignored GeneratorExit"))
            call.chunk(span, stream, item)
            try:
                sent = yield item
            except BaseException as thrown:  # noqa: BLE001 - it is the generator's to handle, GeneratorExit as well
                step, given = generator.throw, (thrown,)
            else:
                step, given = (generator.__next__, ()) if sent is None else (generator.send, (sent,))

    return wrapper


def _async_generator(function: Callable[..., Any], call: _Call) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        if not call.recorder.enabled:
            span, stream, inside = None, None, nullcontext()
        else:
            span, stream = call.begin(args, kwargs), call.stream()
            span.leave()
            inside = _Inside(span)
        generator = function(*args, **kwargs)
        step: Callable[..., Any] = generator.__anext__
        given: tuple[Any, ...] = ()
        while True:
            try:
                with inside:
                    item = await step(*given)
            except StopAsyncIteration:
                if span and stream:
                    call.close(span, stream)
                return
            except BaseException as error:
                if span and stream:
                    call.close(span, stream, error)
                raise
            if span and stream:
                call.chunk(span, stream, item)
            try:
                sent = yield item
            except GeneratorExit as closed:
                try:
                    with inside:
                        await generator.aclose()
                except BaseException as error:
                    if span and stream:
                        call.close(span, stream, error)
                    raise
                if span and stream:
                    call.close(span, stream, closed)
                raise
            except BaseException as thrown:  # noqa: BLE001 - it is the generator's to handle
                step, given = generator.athrow, (thrown,)
            else:
                step, given = (generator.__anext__, ()) if sent is None else (generator.asend, (sent,))

    return wrapper
