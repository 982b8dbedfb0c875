"""Recorder: switched off it does nothing, and its own defects never reach the program."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
import weakref
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from agenttrace.errors import InternalError
from agenttrace.record import quiet
from agenttrace.record.propagate import extract, inject, wrap
from agenttrace.record.recorder import Recorder
from agenttrace.record.span import NOOP, Quiet, Silent, Span, current
from tests.record.recording import Recording


@pytest.fixture
def off() -> Recording:
    """A recording that is switched off."""
    return Recording(enabled=False)


async def exercise(recording: Recording) -> list[Any]:
    """Use every form of recording once and return what the program sees of it."""
    make = recording.make
    seen: list[Any] = []

    @make.master(session_id="s")
    def plain(a: int) -> int:
        return a + 1

    @make.tool_call
    async def waiting(a: int) -> int:
        await asyncio.sleep(0)
        return a + 2

    @make.prompt
    def words() -> Iterator[str]:
        got = yield "a"
        yield str(got)

    @make.prompt
    async def async_words() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    @make.context
    def broken() -> None:
        raise ValueError("mine")

    seen += [plain(1), await waiting(1), [word async for word in async_words()]]
    stream = words()
    seen += [next(stream), stream.send("sent")]  # type: ignore[attr-defined]
    stream.close()  # type: ignore[attr-defined]
    try:
        broken()
    except ValueError as error:
        seen.append(str(error))
    with make.scope(workspace_id="w", attributes={"a": object()}), make.master("turn", input=object()) as turn:
        turn.thinking("hm")
        turn.message("out")
        turn.set("k", object())
        turn.output = ["out"]
        with make.prompt("engage", model="m") as prompt:
            prompt.response = "answer"
            prompt.usage(1, 2)
        async with make.tool_call("tool") as tool:
            tool.payload(a=1)
            tool.documents = [1]
        span = make.span("plan").pending().start()
        span.end(output=1)
        make.register_session("s", user_id="u")
        inject({})
        with extract({"baggage": "agenttrace.session_id=x"}):
            seen.append(wrap(plain)(2))
    seen += [turn.output, prompt.response, prompt.output, tool.documents]
    return seen


EXPECTED = [2, 3, ["a", "b"], "a", "sent", "mine", 3, ["out"], "answer", "answer", [1]]


async def test_switched_on_the_program_sees_this(recording: Recording) -> None:
    """What the tests below compare with."""
    assert await exercise(recording) == EXPECTED
    assert recording.records != []


async def test_switched_off_the_program_sees_the_same(off: Recording) -> None:
    """Results, exceptions and the values that were set on spans are the same, and nothing is recorded."""
    assert await exercise(off) == EXPECTED
    assert off.records == []


@pytest.mark.usefixtures("compiled_or_not")
def test_switched_off_every_maker_gives_what_decorates_and_is_entered(off: Recording) -> None:
    """With the arguments that it was given, for when recording is switched on."""
    make = off.make
    spans: list[Any] = [
        make.master("work", input=1),
        make.tool_call("work", input=1, tool_call_id="7"),
        make.context("work", query=1),
        make.prompt("work", history=[1], state_name="s", provider="p", tools=["t"]),
        make.predefined_behaviour("work", input=1, trigger="t"),
        make.span("plan", "work", input=1),
    ]
    decorated = [span(lambda: 5) for span in spans]
    for span in spans:
        assert type(span) is Silent
        assert isinstance(span, Span)
        with span as entered:
            assert entered is span
        with pytest.raises(KeyError, match="mine"), span:
            raise KeyError("mine")
        assert span.set("a", 1) is span.thinking("t") is span.usage(1, 2, cost=0.5, cached=3) is None
    off.recorder.enabled = True
    assert [call() for call in decorated] == [5] * 6
    runs = off.runs()
    kinds = ["master", "tool_call", "context", "prompt", "predefined_behaviour", "plan"]
    assert [run.type for run in runs] == kinds
    assert runs[1].content["tool_call_id"] == "7"
    assert (runs[3].content["state_name"], runs[3].content["tool_names"]) == ("s", ["t"])


def test_the_fields_of_a_silent_span_are_the_same_in_c() -> None:
    """And they are let go of with it."""
    assert set(quiet.QuietInPython.__slots__) <= set(dir(Quiet))
    recording = Recording(enabled=False)
    payload: list[Any] = []
    span: Any = recording.make.tool_call("work", input=payload)
    payload.append(span)
    span.output = span
    gone = weakref.ref(span)
    del span, payload
    gc.collect()
    assert gone() is None


def test_switched_off_a_span_is_inert(off: Recording) -> None:
    """A span of a recorder that is switched off is never current, open or known."""
    with off.make.tool_call("tool") as span:
        assert current() is NOOP
        assert not span.is_recording()
        assert span.run_id == "00000000-0000-0000-0000-000000000000"
        assert not span.get_span_context().is_valid
        assert inject({}) == {}


def test_decorated_functions_follow_the_switch(recording: Recording) -> None:
    """A function that was decorated before follows when recording is switched off and on."""

    @recording.make.tool_call
    def work() -> int:
        return 1

    recording.recorder.enabled = False
    assert work() == 1
    assert recording.records == []
    recording.recorder.enabled = True
    assert work() == 1
    assert recording.run().status == "success"


def test_switching_off_in_the_middle_breaks_nothing(recording: Recording) -> None:
    """An open span whose recorder is switched off ends without a record, and without an exception."""
    with recording.make.tool_call("tool") as span:
        recording.recorder.enabled = False
        span.output = 1
        span.thinking("hm")
    assert recording.run().status == "running"
    assert current() is NOOP


def test_switching_on_in_the_middle_breaks_nothing(off: Recording) -> None:
    """A block that was entered while switched off may be left while switched on."""
    with off.make.tool_call("tool"):
        off.recorder.enabled = True
    assert current() is NOOP


# -- internal errors -----------------------------------------------------------------------------------------


def fail(*_: Any, **__: Any) -> Any:
    """Stand for a defect of ours."""
    raise RuntimeError("a defect")


def broken_append(recorder: Recorder) -> None:
    recorder.append = fail


def broken_clock(recorder: Recorder) -> None:
    recorder.clock = fail


def broken_ids(recorder: Recorder) -> None:
    recorder.new_trace = fail
    recorder.new_span = fail


def broken_sequence(recorder: Recorder) -> None:
    recorder.sequence = fail


DEFECTS = [broken_append, broken_clock, broken_ids, broken_sequence]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
async def test_defects_of_ours_never_reach_the_program(defect: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever fails inside, the program sees what it always sees; the failures are counted and logged."""
    recording = Recording(strict=False)
    defect(recording.recorder)
    assert await exercise(recording) == EXPECTED
    assert recording.recorder.internal_errors > 0
    assert current() is NOOP
    logged = [record for record in caplog.records if record.name == "agenttrace"]
    assert logged
    assert len(logged) < recording.recorder.internal_errors


def test_a_defect_is_logged_once_for_each_kind(caplog: pytest.LogCaptureFixture) -> None:
    """The first of a kind is logged with its traceback; all are counted."""
    recorder = Recorder()
    for _ in range(3):
        recorder.failed(ValueError("x"), "start")
    recorder.failed(KeyError("x"), "start")
    recorder.failed(ValueError("x"), "end")
    assert recorder.internal_errors == 5
    assert len(caplog.records) == 3
    assert all(record.levelno == logging.WARNING and record.exc_info for record in caplog.records)
    assert "internal error in start" in caplog.records[0].getMessage()


def test_a_logging_handler_that_raises_does_not_reach_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the program's own logging does with a defect of ours."""
    recording = Recording(strict=False)
    recording.recorder.append = fail
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", fail)
    monkeypatch.setattr(logging.getLogger("agenttrace"), "handlers", [handler])
    with recording.make.master("turn"):
        pass
    assert recording.recorder.internal_errors == 2


def test_a_call_at_the_end_of_the_interpreter_runs(tmp_path: Path) -> None:
    """A finalizer may run when nothing can be imported or logged any more; what cannot be recorded then is left out."""
    program = """
import os, agenttrace
agenttrace.configure("sqlite:///" + os.path.abspath("late.db"))

@agenttrace.tool_call
def release(what, write=os.write):
    write(1, b"released")

class Held:
    def __init__(self):
        self.release = release

    def __del__(self):
        self.release(self)

held = Held()
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("released", "", 0)


def test_the_number_of_remembered_kinds_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """However many kinds of defects there are, the log and the memory stay bounded."""
    recorder = Recorder()
    for number in range(1500):
        recorder.failed(ValueError("x"), f"place {number}")
    assert recorder.internal_errors == 1500
    assert len(caplog.records) == 1000


def test_under_testing_defects_raise(recording: Recording, caplog: pytest.LogCaptureFixture) -> None:
    """A strict recorder raises InternalError from the defect."""
    recording.recorder.append = fail
    with pytest.raises(InternalError, match="a defect") as caught, recording.make.tool_call("tool"):
        pass
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_users_own_redaction_that_fails_withholds_the_value(caplog: pytest.LogCaptureFixture) -> None:
    """Where a redaction callable raises, the value is withheld, and the run is recorded."""
    recording = Recording(strict=False)
    recording.capture_with(fail)
    with recording.make.tool_call("tool", input="treasure"):
        pass
    assert b"treasure" not in b"".join(payload for _, payload in recording.records)
    assert recording.run().status == "success"
    assert recording.recorder.internal_errors > 0


def test_without_redaction_everything_is_kept(recording: Recording) -> None:
    """A redactor that is switched off leaves inputs, attributes, events and errors as they are."""
    recording.capture_with(redacts=False)
    with recording.make.master("turn", input={"password": "hunter2"}, attributes={"token": "t"}) as span:
        span.set("api_key", "k")
        span.thinking("password=hunter2")
        span.end(error="password=hunter2")
    run = recording.run()
    assert run.content["input"] == {"password": "hunter2"}
    assert run.attributes == {"token": "t", "api_key": "k"}
    assert (run.error or {})["message"] == "password=hunter2"
    assert recording.events()[0]["data"] == {"content": "password=hunter2"}


def test_the_service_is_recorded(recording: Recording) -> None:
    """A recorder that knows its service writes it into every run."""
    recording.recorder.serve("6f1b0e9e-7a52-5d0c-9d3e-3a8f4f6f2a10")
    with recording.make.tool_call("tool"):
        pass
    assert recording.run().envelope["service"] == "6f1b0e9e-7a52-5d0c-9d3e-3a8f4f6f2a10"


@pytest.mark.parametrize("value", [object(), {1: {2: 3}}, b"\0", float("nan"), "\ud800", {"\ud800": 1}, 10**30])
def test_any_value_can_be_recorded(recording: Recording, value: Any) -> None:
    """Odd values everywhere leave a run that can be read."""
    with recording.make.scope(attributes={"a": value}), recording.make.tool_call("tool", input=value) as span:
        span.output = value
        span.payload(value)
        span.set("b", value)
        span.message(value)
        span.add_event("e", {"v": value})
        span.end(error={"type": value, "message": value})
    assert recording.run().status == "failed"
    assert len(recording.events()) == 2
    assert set(recording.run().attributes) == {"a", "b"}
