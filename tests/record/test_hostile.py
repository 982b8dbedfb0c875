"""Values that raise at every look at them, headers in pairs, tables of digits: nothing breaks, hangs or leaks."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from agenttrace.record.makers import Makers
from agenttrace.record.patterns import redact_values
from agenttrace.record.redact import Redactor
from tests.record.recording import Recording

KEY = "sk-proj-Ab12Cd34Ef56Gh78Ij90Kl12Mn34"


class Proxy:
    """Raises at every look at it, as a proxy outside of its request does."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("outside of a request")


class Panic(BaseException):
    """As an extension written in Rust raises it: no Exception."""


class Panicking:
    """Panics at every look at it, and when it is described."""

    def __getattribute__(self, name: str) -> Any:
        raise Panic(name)

    def __repr__(self) -> str:
        raise Panic("repr")

    def __sizeof__(self) -> int:
        raise Panic("size")


class Untold(Exception):
    """An exception without a message."""

    def __str__(self) -> str:
        raise Panic("str")


class Model:
    """What pydantic models have."""

    def model_dump(self, **_: Any) -> Any:
        raise Panic("model")


#: Made in the test: pytest looks at what a module has, too.
PANICKING: dict[str, Callable[[], Any]] = {
    "object": Panicking,
    "item": lambda: [Panicking()],
    "member": lambda: {"a": Panicking()},
    "key": lambda: {Panicking(): 1},
    "set": lambda: {Panicking()},
    "exception": Untold,
    "model": Model,
}


@pytest.mark.parametrize("kind", PANICKING)
def test_values_that_panic_change_nothing(kind: str, make: Makers, recording: Recording) -> None:
    """A BaseException of the value's own code costs what is known of the value, and reaches nobody."""
    value = PANICKING[kind]()

    @make.tool_call
    def work(given: Any) -> Any:
        return given

    assert work(value) is value
    with make.prompt("p", tools=value, history=value) as span:
        span.input = span.response = value
        span.payload(value)
        span.set("a", value)
        span.set("password", value)
        span.thinking(value)
        span.message(value)
    with make.master("m", user_id=value), make.scope(session_id=value, attributes={"a": value}):
        pass
    assert all(run.status == "success" for run in recording.runs())
    assert recording.run("work").content.keys() == {"input", "output"}


def test_chunks_that_panic_change_nothing(make: Makers, recording: Recording) -> None:
    """Neither when they are kept nor when they are joined."""

    @make.prompt
    def words() -> Iterator[Any]:
        yield "a"
        yield Panicking()

    assert len(list(words())) == 2
    assert recording.run().content["llm_response"] == "a"


def test_a_panic_does_not_replace_the_programs_exception(make: Makers, recording: Recording) -> None:
    """The very exception that was raised comes out, and fails the run."""
    raised = Untold()

    @make.tool_call
    def work() -> None:
        raise raised

    with pytest.raises(Untold) as caught:
        work()
    assert caught.value is raised
    with pytest.raises(Untold), make.span("block"):
        raise raised
    make.span("hand").start().end(error=Panicking())
    assert [(run.status, (run.error or {})["type"]) for run in recording.runs()] == [
        *[("failed", "Untold")] * 2,
        ("failed", "Error"),
    ]


def test_a_redaction_that_panics_withholds(caplog: pytest.LogCaptureFixture) -> None:
    """As one that raises an Exception does."""
    recording = Recording(strict=False)

    def redact(key: str | None, text: str) -> str:
        raise Panic(text)

    recording.capture_with(redact)
    with recording.make.master("turn", input="hello"):
        pass
    assert recording.run().content["input"] == "[WITHHELD: redaction failed]"
    assert "hello" not in caplog.text


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_what_ends_or_interrupts_the_program_is_let_through(kind: type[BaseException], make: Makers) -> None:
    """These are no fault of the value, wherever they come up."""

    class Interrupted:
        def __repr__(self) -> str:
            raise kind

    with pytest.raises(kind), make.span("plan") as span:
        span.input = Interrupted()


def test_what_a_signal_handler_raises_is_let_through(make: Makers) -> None:
    """A watchdog raises a BaseException of its own into whatever runs, so that no `except Exception` stops it."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Panic("too late")

    class Slow:
        def __repr__(self) -> str:
            signal.raise_signal(signal.SIGUSR1)
            return "slow"

    before = signal.signal(signal.SIGUSR1, stop)
    try:
        with pytest.raises(Panic, match="too late"), make.span("plan") as span:
            span.input = Slow()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_hostile_values_are_taken_everywhere(make: Makers) -> None:
    """No maker, setter or end raises."""
    with make.prompt("p", tools=[Proxy(), "search"], history=[Proxy()]) as span:
        span.response = Proxy()
        span.payload(Proxy())
        span.set("a", Proxy())
        span.set_status(Proxy())  # type: ignore[arg-type]
    assert span.output is not None


def test_one_hostile_tool_or_chunk_costs_itself_only(make: Makers, recording: Recording) -> None:
    """The others are recorded."""

    @make.prompt
    def engage(model: str, tools: list[Any]) -> Iterator[Any]:
        yield "Hello "
        yield Proxy()
        yield "you"

    list(engage("gpt-5", [Proxy(), "search"]))
    content = recording.run().content
    assert content["tool_names"] == ["Proxy", "search"]
    assert (content["llm_model"], content["llm_response"]) == ("gpt-5", "Hello you")


@pytest.mark.parametrize("end", [{"end_time": "soon"}, {"end_time": 10**40}, {"error": Proxy()}, {"error": KeyError}])
def test_an_end_is_always_written(end: dict[str, Any], make: Makers, recording: Recording) -> None:
    """Whatever `end` was given."""
    make.span("plan").start().end(**end)
    assert recording.run().status == ("failed" if "error" in end else "success")


def test_no_error_is_no_failure(make: Makers, recording: Recording) -> None:
    """`error=False` says that there was none; an exception class names one."""
    make.span("plan").start().end(error=False)
    assert recording.run().status == "success"


def test_payload_fields_add_up(make: Makers, recording: Recording) -> None:
    """As token counts do; a whole value replaces them."""
    with make.tool_call("work") as span:
        span.payload(a=1)
        span.payload(b=2)
    assert recording.run().content["payload"] == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Zz9SECRET"), ("accept", "text/html")],
        {"headers": [["x-api-key", "Zz9SECRET"]]},
        [{"name": "Authorization", "value": "Zz9SECRET"}],
        {"env": [{"key": "DB_PASSWORD", "value": "Zz9SECRET"}]},
        (["password", "Zz9SECRET"], 1),
    ],
)
def test_headers_in_pairs_are_redacted(headers: Any, make: Makers, recording: Recording) -> None:
    """As pairs and as objects with a name and a value."""
    with make.tool_call("http", input=headers):
        pass
    assert "Zz9SECRET" not in str(recording.run().content)
    assert "REDACTED" in str(recording.run().content)


def test_keys_and_providers_are_redacted(make: Makers, recording: Recording) -> None:
    """A secret that is a name reaches no disk either."""
    with make.scope(attributes={KEY: 1}), make.prompt("p", provider=KEY) as span:
        span.set(KEY, 2)
    assert KEY.encode() not in b"".join(payload for _, payload in recording.records)


def test_a_callable_that_gives_no_text_withholds() -> None:
    """A forgotten `return` must not destroy every text unseen."""
    errors: list[BaseException] = []
    redactor = Redactor(lambda key, text: None, on_error=errors.append)  # type: ignore[arg-type, return-value]
    assert redactor.json(b'"hello"') == b'"[WITHHELD: redaction failed]"'
    assert len(errors) == 1


@pytest.mark.parametrize("row", ["4 ", "41 ", "4111 ", "4111-", "4"])
def test_tables_of_digits_are_looked_through_once(row: str) -> None:
    """They hold no card, unless groups make one up; a hundred thousand numbers are no burden."""
    text = row * 100_000
    redacted = redact_values(text)
    if row.strip(" -") != "4111":
        assert redacted == text


def test_a_card_among_numbers_is_found() -> None:
    """Unbroken or in groups, between other numbers."""
    assert redact_values("17 4111 1111 1111 1111 42") == "17 [REDACTED:card] 42"
    assert redact_values("1 2 4111111111111111, 3") == "1 2 [REDACTED:card], 3"
    assert redact_values("3782 822463 10005") == "[REDACTED:card]"


@pytest.mark.parametrize("room", ["gevent.timeout", "greenlet", "trio._core", "_pytest.outcomes"])
def test_what_ends_a_task_is_the_programs(room: str, recording: Recording) -> None:
    """Packages that cancel by exceptions of their own are understood as asyncio is."""
    cancelled: Any = type("Cancelled", (BaseException,), {"__module__": room})

    def redact(_key: str | None, text: str) -> str:
        raise type("Mine", (cancelled,), {})(text)

    recording.capture_with(redact)
    with pytest.raises(cancelled):
        recording.make.span("x", input="text")
