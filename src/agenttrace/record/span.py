"""Span: the live object in the caller's hands, an OpenTelemetry span that writes its start and its end to the journal.

What a span writes is `model.wire`; how functions are wrapped in one is `decorate`; which content key a value has is
`fields`.
"""

# pyright: reportPrivateUsage=false
# The makers of spans are private to this room.

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, cast

from opentelemetry.trace import INVALID_SPAN_CONTEXT, SpanContext, Status, StatusCode, TraceFlags

from agenttrace.faults import let_through
from agenttrace.loading import LOADING
from agenttrace.model.ids import run_id
from agenttrace.record import failure
from agenttrace.record.context import CURRENT, OURS, current_context
from agenttrace.record.emission import Emission, begin, end, fill
from agenttrace.record.fields import INPUT_KEY, OUTPUT_KEY, SETTABLE
from agenttrace.record.options import UNSET, Options, clean
from agenttrace.record.recorder import Recorder
from agenttrace.record.state import ENDED, IS_PENDING, IS_RUNNING, NATIVE, NEW, PENDING, RUNNING

if TYPE_CHECKING:
    from agenttrace.record.makers import Makers

__all__ = ["NOOP", "Silent", "Span", "current", "silent"]

_LAST_INSTANT = 1 << 63  # nanoseconds
_KEYS = {"documents": "documents", "response": "llm_response"}
_NO_CONTENT: dict[str, str | None] = {"provider": None}

P = ParamSpec("P")
R = TypeVar("R")


class Span(Emission):
    """One run while it happens: a decorator, a context manager (sync and async), or started and ended by hand.

    Nothing here raises into the traced program, blocks, or waits for I/O. A span may be ended in another thread or
    task than it began in. Values are serialised and redacted when they are set.

    >>> import agenttrace
    >>> with agenttrace.AgentTrace(store="memory://") as trace:
    ...     with trace.span("plan", "outline") as span:
    ...         span.output = ["one", "two"]
    >>> span.output
    ['one', 'two']
    """

    # -- identity ----------------------------------------------------------------------------------

    @property
    def run_id(self) -> str:
        """The run's UUID as text; computed from the W3C ids, so it is known before the run is stored."""
        if not self._known():
            return str(uuid.UUID(int=0))
        return str(uuid.UUID(bytes=run_id(int.from_bytes(self._trace, "big"), int.from_bytes(self._span, "big"))))

    @property
    def trace_id(self) -> str:
        """The W3C trace id: 32 lower-case hex digits."""
        return self._trace.hex() if self._known() else "0" * 32

    @property
    def span_id(self) -> str:
        """The W3C span id: 16 lower-case hex digits."""
        return self._span.hex() if self._known() else "0" * 16

    def get_span_context(self) -> SpanContext:
        """Return the span's OpenTelemetry SpanContext, always sampled."""
        known = None if self._extra is None else self._extra.otel_context
        if known is None:
            if not self._known():
                return INVALID_SPAN_CONTEXT
            flags = TraceFlags(TraceFlags.SAMPLED)
            trace, span = int.from_bytes(self._trace, "big"), int.from_bytes(self._span, "big")
            known = self.extra().otel_context = SpanContext(trace, span, is_remote=False, trace_flags=flags)
        return known

    @property
    def turn(self) -> int:
        """Start of the turn's root, in microseconds since the epoch."""
        return self._turn if self._known() else 0

    def innermost_open(self) -> Span | None:
        """Return this span, or the nearest of its ancestors in this process that has not ended."""
        span: Any = self
        while span is not None and span._state == ENDED:
            span = span._parent
        return span

    def is_recording(self) -> bool:
        """Return whether the span has begun and not ended."""
        return self._state in (PENDING, RUNNING)

    # -- life --------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Begin the run, or set a pending one running; return the span. Does not make it the current span."""
        recorder = self._recorder
        if self._state >= RUNNING or not recorder.enabled:
            return self
        try:
            self._known()
            self._state = RUNNING
            self._write_start(IS_RUNNING)
            self._remember()
        except Exception as error:  # noqa: BLE001
            recorder.failed(error, "start")
        return self

    def pending(self) -> Self:
        """Announce the run without starting it (or set a running one waiting, as for an approval); return the span.

        A pending run belongs to no process: it outlives this one, and is never closed as abandoned.
        """
        recorder = self._recorder
        if self._state >= ENDED or not recorder.enabled:
            return self
        try:
            self._known()
            if self._state == NEW:
                self.extra().announced = True
            self._state = PENDING
            self._write_start(IS_PENDING)
        except Exception as error:  # noqa: BLE001
            recorder.failed(error, "pending")
        return self

    def end(self, end_time: int | None = None, *, output: Any = UNSET, error: Any = None) -> None:
        """End the run; only the first call counts.

        Args:
            end_time: nanoseconds since the epoch, as OpenTelemetry has it; now if left out.
            output: sets `output` (for a context its documents, for a prompt its response) first.
            error: an exception, a text or an object with `type` and `message`: the run is `failed`.
        """
        if self._state == ENDED or not self._recorder.enabled:
            return
        if self._state != RUNNING and self._state != PENDING:
            self.start()
        if output is not UNSET:
            self._set(OUTPUT_KEY.get(self._options.run_type, "output"), output)
        if error is not None and error is not False:
            try:
                self.extra().error = failure.reason(error)
            except BaseException as defect:  # noqa: BLE001 - a proxy may raise at any look; it has failed all the same
                let_through(defect)
                self.extra().error = {"type": "Error", "message": None, "stack": None}
        given = type(end_time) is int and 0 <= end_time < _LAST_INSTANT
        try:
            self._write_end(end_time // 1000 if given and end_time is not None else self._recorder.clock() // 1000)
        except Exception as defect:  # noqa: BLE001
            self._recorder.failed(defect, "end")

    def _enter_block(self) -> Self:
        """Start the span and make it the current one."""
        try:
            if begin(self):
                return self
        except Exception as error:  # noqa: BLE001
            self._recorder.failed(error, "start")
            return self
        if self._recorder.enabled and self._state != ENDED:
            self.token = self.launch()
        return self

    def _exit_block(
        self, _kind: type[BaseException] | None, error: BaseException | None, _frames: TracebackType | None
    ) -> None:
        """End the span, as failed where an exception leaves the block; the exception goes on unchanged."""
        try:
            try:
                if error is None and end(self):
                    return
            except Exception as defect:  # noqa: BLE001
                self._recorder.failed(defect, "end")
            self.end(error=error)
        finally:
            self.leave()

    if TYPE_CHECKING:

        def __enter__(self) -> Self: ...
        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
        ) -> None: ...

    elif not NATIVE:  # else they are those of `_native.c`, which leave to these what is not usual
        __enter__, __exit__ = _enter_block, _exit_block

    async def __aenter__(self) -> Self:
        """Start the span and make it the current one."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        """End the span as `__exit__` does."""
        self.__exit__(kind, error, frames)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function: each call becomes a span with this span's settings. See `decorate`."""
        # Loaded at first use: whoever makes spans by blocks alone does without.
        with LOADING:
            from agenttrace.record.decorate import decorate
        return decorate(function, self._recorder, self._options.with_content(self._values), Span)

    # -- content -----------------------------------------------------------------------------------

    @property
    def input(self) -> Any:
        """What went in, as last set. A context's input is its query."""
        return self._value(INPUT_KEY.get(self._options.run_type, "input"))

    @input.setter
    def input(self, value: Any) -> None:
        key = INPUT_KEY.get(self._options.run_type, "input")
        if not fill(self, key, value, True):
            self._set(key, value)

    @property
    def output(self) -> Any:
        """What came out, as last set. A context's output is its documents, a prompt's its response."""
        return self._value(OUTPUT_KEY.get(self._options.run_type, "output"))

    @output.setter
    def output(self, value: Any) -> None:
        key = OUTPUT_KEY.get(self._options.run_type, "output")
        if not fill(self, key, value, True):
            self._set(key, value)

    @property
    def documents(self) -> Any:
        """What a retrieval found, as last set."""
        return self._value("documents")

    @documents.setter
    def documents(self, value: Any) -> None:
        if not fill(self, "documents", value, True):
            self._set("documents", value)

    @property
    def response(self) -> Any:
        """What the model answered, as last set."""
        return self._value("llm_response")

    @response.setter
    def response(self, value: Any) -> None:
        if not fill(self, "llm_response", value, True):
            self._set("llm_response", value)

    def payload(self, value: Any = UNSET, /, **fields: Any) -> None:
        """Persist this as the payload of the tool call's action log: an object, or the fields of one."""
        if value is UNSET:
            before = self._value("payload")
            self._set("payload", {**cast("dict[str, Any]", before), **fields} if type(before) is dict else fields)
        else:
            self._set("payload", {**value, **fields} if type(value) is dict else value)

    def usage(
        self,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        *,
        cost: float | None = None,
        **counts: Any,
    ) -> None:
        """Add token counts, and the cost in US dollars where it is known, to the prompt."""
        before = self._value("usage")
        usage = cast("dict[str, Any]", before).copy() if isinstance(before, dict) else {}
        if input_tokens is not None:
            usage["input_tokens"] = input_tokens
        if output_tokens is not None:
            usage["output_tokens"] = output_tokens
        if counts:
            usage.update((key, value) for key, value in counts.items() if value is not None)
        if not fill(self, "usage", usage, True):
            self._set("usage", usage)
        if cost is not None:
            self._set("cost", cost)

    def set(self, key: str, value: Any) -> None:
        """Set an attribute of the run, or one of its type's content keys (`span.set("action", "call_tool")`)."""
        key = self._recorder.redactor.text(clean(key))
        if key in SETTABLE.get(self._options.run_type, ()):
            self._set(key, value)
            return
        if self._open():
            extra = self.extra()
            if extra.attributes is None:
                extra.attributes = {}
            extra.attributes[key] = self._recorder.attribute(key, value)

    # -- events ------------------------------------------------------------------------------------

    def thinking(self, text: str) -> None:
        """Write a `thinking` event: what the agent thinks at this instant."""
        self._event("thinking", {"content": clean(text)})

    def message(self, content: Any, *, role: str = "assistant") -> None:
        """Write a message inside the turn: an `agent_output` event, or an `input_message` for role `user`."""
        if role == "user":
            self._event("input_message", {"content": content})
        else:
            self._event("agent_output", {"content": content})

    # -- OpenTelemetry -----------------------------------------------------------------------------

    def set_attribute(self, key: str, value: Any) -> None:
        """Set an attribute (OpenTelemetry's name for `set`)."""
        self.set(key, value)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set several attributes."""
        for key, value in attributes.items():
            self.set(key, value)

    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None) -> None:
        """Write a `log` event; `timestamp` in nanoseconds."""
        data = {"name": name, "attributes": attributes or {}}
        self._event("log", data, None if timestamp is None else timestamp // 1000)

    def update_name(self, name: str) -> None:
        """Give the run another name."""
        if self._open():
            self._options = self._options.renamed(self._recorder.redactor.text(clean(name)))

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Mark the run as failed where the status is ERROR."""
        if not self._open():
            return
        code = getattr(status, "status_code", status) if type(status) is Status else status
        if code is StatusCode.ERROR:
            text = status.description if type(status) is Status else description
            self.extra().failed = text or ""
        elif code is StatusCode.OK:
            self.extra().failed = None

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Write a `log` event of the exception; it becomes the run's error if the status is set to ERROR."""
        del escaped  # deprecated by OpenTelemetry
        if not self._open():
            return
        self.extra().exception = exception
        data = {"exception.type": type(exception).__name__, "exception.message": clean(exception)}
        self.add_event("exception", {**data, **(attributes or {})}, timestamp)

    def add_link(self, context: SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        """Write a `log` event that names the linked span."""
        ids = {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
        self.add_event("link", {**ids, **(attributes or {})})


if NATIVE and not TYPE_CHECKING:
    from agenttrace.record._native import Held

    # What is assigned most is kept without a call of the setter; what is not plain still goes there.
    for _name, _key, _by_type in (
        ("input", "input", INPUT_KEY),
        ("output", "output", OUTPUT_KEY),
        ("documents", "documents", {}),
        ("response", "llm_response", {}),
    ):
        setattr(Span, _name, Held(getattr(Span, _name), _key, _by_type))


class _Noop(Span):
    _inert = True


NOOP = _Noop(Recorder(), Options("noop", "noop"))
"""A span on which everything is a no-op: what `current()` gives outside every span."""


def current() -> Span:
    """Return the innermost open span, or a span object on which everything is a no-op.

    >>> current().thinking("nobody listens")
    """
    context = current_context()
    span: Any = context.get(CURRENT)
    if not isinstance(span, Span):  # a foreign span inside ours
        span = context.get(OURS)
    return NOOP if span is None else span.innermost_open() or NOOP


if TYPE_CHECKING or not NATIVE:
    from agenttrace.record.quiet import QuietInPython as Quiet
else:
    from agenttrace.record import _native

    Quiet = _native.Quiet


class Silent(Quiet):
    """A span that keeps nothing: what a span maker gives while recording is switched off, for a fraction of the cost.

    Everything on it is a no-op, but that what is set can be read back. A function that it decorates is recorded once
    recording is switched on.
    """

    async def __aenter__(self) -> Self:
        """Do nothing."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        """Do nothing; an exception goes on unchanged."""

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function as a real span does."""
        given = self._content()
        content = {key: value for key, value in given.items() if key is not None}
        if self._run_type == "prompt" and "model" in self._key_of:  # made in C, where the name is not among the words
            content["prompt_type"] = self._name
        return self._makers._made(self._run_type, self._name, content, given.get(None))(function)

    def usage(self, input_tokens: int | None = None, output_tokens: int | None = None, **_: Any) -> None:
        """Do nothing."""

    @property
    def __class__(self) -> type[Span]:  # pyright: ignore[reportIncompatibleMethodOverride] - who asks with `isinstance` gets the answer of a span
        return Span

    def __getattr__(self, name: str) -> Any:
        """Give what was set under another name or given at first; else what a span has on which all is a no-op."""
        key = self._key(name)
        if key is None:
            return getattr(NOOP, name)
        for alias in ("output", "documents", "response"):
            if self._key(alias) == key:
                with suppress(AttributeError):
                    return object.__getattribute__(self, alias)
        given = self._content().get(key, UNSET)
        return None if given is UNSET else given

    def _content(self) -> dict[str | None, Any]:
        """Return what was given by content key; by None what is no content."""
        keys = (self._key_of.get(word, word) for word in self._words)
        return dict(zip(keys, self._given, strict=True))

    def _key(self, name: str) -> str | None:
        """Return the content key that a property of spans sets, None for other names."""
        if name == "input":
            return INPUT_KEY.get(self._run_type, "input")
        return OUTPUT_KEY.get(self._run_type, "output") if name == "output" else _KEYS.get(name)


def silent(makers: Makers, run_type: str, name: str, content: dict[str, Any], provider: str | None) -> Silent:
    """Return a span that keeps nothing."""
    span = Silent()
    span._makers, span._run_type, span._name = makers, run_type, name
    span._words, span._given, span._key_of = (*content, "provider"), (*content.values(), provider), _NO_CONTENT
    return span
