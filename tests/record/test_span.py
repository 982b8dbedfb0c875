"""Span: versions, statuses, content, events, and what `current()` gives."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import uuid
import weakref
from typing import Any

import pytest

from agenttrace.model import ids
from agenttrace.model.versions import RANK_END, RANK_START
from agenttrace.record.makers import Makers
from agenttrace.record.span import NOOP, current
from tests.record.recording import NOON, Recording

NOON_US = int(NOON.timestamp()) * 1_000_000


class Unprintable:
    """Raises where it should become a text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


# -- versions ------------------------------------------------------------------------------------------------


def test_a_block_writes_a_start_and_an_end(make: Makers, recording: Recording) -> None:
    """The start shows a running run; the end is a whole version of the same run."""
    with make.tool_call("tool", input=1) as span:
        recording.clock.advance(1.5)
        span.output = 2
    start, end = recording.versions()
    assert (start.record.rank, start.status, start.record.end) == (RANK_START, "running", None)
    assert (end.record.rank, end.status, end.record.end) == (RANK_END, "success", NOON_US + 1_500_000)
    assert start.record.start == end.record.start == NOON_US
    assert (start.span_id, start.trace_id, start.record.seq) == (end.span_id, end.trace_id, end.record.seq)
    assert start.content == {"input": 1}
    assert end.content == {"input": 1, "output": 2}
    assert end.record.end_seq > end.record.seq


def test_pending_start_and_end_are_three_versions(make: Makers, recording: Recording) -> None:
    """A run may be announced, then started, then ended by hand; revisions only grow."""
    span = make.tool_call("approve").pending()
    assert recording.run().status == "pending"
    recording.clock.advance(60)
    assert span.start() is span
    assert recording.run().status == "running"
    span.end(output="yes")
    versions = recording.versions()
    assert [one.status for one in versions] == ["pending", "running", "success"]
    assert [one.record.rank for one in versions] == [RANK_START, RANK_START, RANK_END]
    revisions = [one.record.revision for one in versions]
    assert revisions == sorted(set(revisions))
    assert recording.run().content["output"] == "yes"


def test_a_running_run_can_be_set_waiting_and_go_on(make: Makers, recording: Recording) -> None:
    """`pending()` on a running span sets it waiting, `start()` sets it running again."""
    with make.tool_call("approve") as span:
        span.pending()
        assert recording.run().status == "pending"
        span.start()
        assert recording.run().status == "running"
    assert recording.run().status == "success"


def test_a_block_ends_a_run_that_waits(make: Makers, recording: Recording) -> None:
    """A block ends its run, whether it waits or runs."""
    with make.tool_call("approve") as span:
        span.pending()
    assert recording.run().status == "success"


def test_a_decorated_call_ends_a_run_that_waits(make: Makers, recording: Recording) -> None:
    """A decorated call that set its own run waiting ends it by returning, as a block does."""

    @make.tool_call
    def approve() -> str:
        current().pending()
        return "yes"

    approve()
    assert recording.run().status == "success"


def test_a_pending_span_enters_a_block(make: Makers, recording: Recording) -> None:
    """A span that was announced starts where its block begins."""
    span = make.tool_call("later").pending()
    with span as same:
        assert same is span
        assert recording.run().status == "running"
    assert len(recording.versions()) == 3


def test_starting_twice_writes_once(make: Makers, recording: Recording) -> None:
    """A second start says nothing new."""
    make.tool_call("tool").start().start()
    assert len(recording.versions()) == 1


def test_only_the_first_end_counts(make: Makers, recording: Recording) -> None:
    """What is ended stays as it ended: later ends, starts and values change nothing."""
    with make.tool_call("tool") as span:
        span.end(output="first")
        before = list(recording.records)
        span.end(output="second", error="late")
        span.pending()
        span.start()
        span.output = "third"
        span.set("late", 1)
        span.update_name("other")
    assert recording.records == before
    run = recording.run("tool")
    assert (run.status, run.content["output"], run.attributes) == ("success", "first", {})


def test_an_end_without_a_start_is_a_whole_run(make: Makers, recording: Recording) -> None:
    """`end()` on a span that never began begins it first."""
    make.tool_call("tool").end(output=1)
    assert [one.status for one in recording.versions()] == ["running", "success"]


def test_the_end_may_be_told(make: Makers, recording: Recording) -> None:
    """`end_time` is in nanoseconds, as OpenTelemetry has it."""
    make.tool_call("tool").start().end(end_time=(NOON_US + 7) * 1000)
    assert recording.run().record.end == NOON_US + 7


def test_a_clock_that_goes_back_ends_no_run_before_it_began(make: Makers, recording: Recording) -> None:
    """The end is never before the start."""
    with make.tool_call("tool"):
        recording.clock.advance(-10)
    assert recording.run().record.end == NOON_US


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("no answer", {"type": "Error", "message": "no answer", "stack": None}),
        ({"type": "Timeout", "message": "30 s"}, {"type": "Timeout", "message": "30 s", "stack": None}),
        ({"code": 7}, {"type": "Error", "message": None, "stack": None, "code": 7}),
        (17, {"type": "Error", "message": "17", "stack": None}),
    ],
)
def test_an_end_with_an_error_is_failed(make: Makers, recording: Recording, given: Any, stored: Any) -> None:
    """A text or an object is an error too, in the documented form."""
    make.tool_call("tool").start().end(error=given)
    assert recording.run().status == "failed"
    assert recording.run().error == stored


def test_an_end_with_an_exception_is_failed(make: Makers, recording: Recording) -> None:
    """An exception that was never raised has a type and a message."""
    make.tool_call("tool").start().end(error=KeyError("x"))
    error = recording.run().error
    assert error is not None
    assert (recording.run().status, error["type"], error["message"]) == ("failed", "KeyError", "'x'")


def test_an_error_without_a_text_still_ends_the_run(make: Makers, recording: Recording) -> None:
    """An error whose text cannot be had is a failure all the same."""
    recording.recorder.strict = False
    make.tool_call("tool").start().end(error=Unprintable())
    assert recording.run().status == "failed"


def test_a_span_may_end_in_another_thread(make: Makers, recording: Recording) -> None:
    """The thread that ends a span need not be the one that began it."""
    span = make.tool_call("tool").start()
    thread = threading.Thread(target=lambda: span.end(output=1))
    thread.start()
    thread.join()
    assert recording.run().status == "success"


async def test_a_block_may_be_left_in_another_task(
    make: Makers, recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    """A span entered in one task and left in another ends, without a word in the log."""
    span = make.tool_call("tool")

    async def enter() -> None:
        await span.__aenter__()

    async def leave() -> None:
        await span.__aexit__(None, None, None)

    await asyncio.create_task(enter())
    await asyncio.create_task(leave())
    assert recording.run().status == "success"
    assert caplog.records == []


def test_blocks_left_in_the_wrong_order_are_closed(make: Makers, recording: Recording) -> None:
    """Spans need not end in the order of a stack."""

    def work() -> None:
        outer, inner = make.tool_call("outer"), make.tool_call("inner")
        outer.__enter__()
        inner.__enter__()
        outer.__exit__(None, None, None)
        inner.__exit__(None, None, None)
        assert current() is NOOP

    contextvars.copy_context().run(work)
    assert [run.status for run in recording.runs()] == ["success", "success"]
    assert recording.tree() == [("outer", [("inner", [])])]


def test_a_span_is_freed_without_the_garbage_collector(make: Makers) -> None:
    """Ended spans, and the values that they were given, go as soon as nobody holds them."""

    class Value:
        pass

    gc.disable()
    try:
        value = Value()
        known = weakref.ref(value)
        with make.master("turn") as span, make.tool_call("tool") as inner:
            inner.output = value
        del span, inner, value
        assert known() is None
    finally:
        gc.enable()


# -- identity ------------------------------------------------------------------------------------------------


def test_ids_are_known_before_the_start_and_stay(make: Makers, recording: Recording) -> None:
    """The ids of a span can be handed out before it starts; the record has the same ones."""
    span = make.tool_call("tool")
    before = span.run_id, span.trace_id, span.span_id
    assert recording.records == []
    with span:
        assert (span.run_id, span.trace_id, span.span_id) == before
    run = recording.run()
    assert (run.trace_id, run.span_id) == before[1:]
    assert uuid.UUID(before[0]).bytes == ids.run_id(int(run.trace_id, 16), int(run.span_id, 16))


def test_a_trace_id_begins_with_the_milliseconds(make: Makers) -> None:
    """New traces sort by their time."""
    assert int(make.master("turn").trace_id[:12], 16) == NOON_US // 1000


def test_children_share_the_trace_and_name_their_parent(make: Makers, recording: Recording) -> None:
    """A child has its parent's trace and span id; a root has no parent."""
    with make.master("turn") as turn, make.tool_call("tool") as tool, make.context("retrieve"):
        pass
    root, child, grandchild = recording.runs()
    assert root.parent_id is None
    assert (child.parent_id, grandchild.parent_id) == (turn.span_id, tool.span_id)
    assert len({run.trace_id for run in recording.runs()}) == 1
    assert not any(run.remote for run in recording.runs())


def test_siblings_and_later_roots_do_not_mix(make: Makers, recording: Recording) -> None:
    """Siblings hang on one parent; what is started after a root is a trace of its own."""
    for name in ("first", "second"):
        with make.master(name):
            for step in ("a", "b"):
                with make.tool_call(f"{name}_{step}"):
                    pass
    assert recording.tree() == [
        ("first", [("first_a", []), ("first_b", [])]),
        ("second", [("second_a", []), ("second_b", [])]),
    ]
    assert len({run.trace_id for run in recording.runs()}) == 2


def test_all_runs_of_a_turn_know_when_it_began(make: Makers, recording: Recording) -> None:
    """The turn time of every run is the start of its root."""
    with make.master("turn") as turn:
        recording.clock.advance(5)
        with make.tool_call("tool") as tool:
            assert tool.turn == turn.turn == NOON_US
    assert {run.record.turn for run in recording.runs()} == {NOON_US}
    with make.master("next"):
        pass
    assert recording.run("next").record.turn == NOON_US + 5_000_000


def test_sequences_order_what_one_instant_holds(make: Makers, recording: Recording) -> None:
    """With the clock held, starts, events and ends still have an order."""
    with make.master("turn") as turn:
        turn.thinking("one")
        with make.tool_call("tool"):
            turn.thinking("two")
    turn_run, tool_run = recording.runs()
    one, two = recording.events()
    order = [
        turn_run.record.seq,
        one["seq"],
        tool_run.record.seq,
        two["seq"],
        tool_run.record.end_seq,
        turn_run.record.end_seq,
    ]
    assert order == sorted(set(order))


# -- content -------------------------------------------------------------------------------------------------


def test_values_are_as_they_were_when_they_were_set(make: Makers, recording: Recording) -> None:
    """A later change of a list does not change what was recorded; reading gives back the object itself."""
    given = [1]
    with make.tool_call("tool", input=given) as span:
        given.append(2)
        span.output = given
        given.append(3)
        assert span.output is given
        assert span.input is given
    assert recording.run().content == {"input": [1], "output": [1, 2]}


def test_input_and_output_are_those_of_the_run_type(make: Makers, recording: Recording) -> None:
    """A context's input is its query and its output the documents, a prompt's output is the response."""
    with make.context("retrieve", query="q") as retrieval:
        assert (retrieval.input, retrieval.output, retrieval.documents) == ("q", None, None)
        retrieval.output = [{"id": 1}]
        assert retrieval.documents == [{"id": 1}]
        retrieval.input = "better q"
    with make.prompt("engage") as prompt:
        prompt.response = "hello"
        assert prompt.output == "hello"
    retrieved, prompted = recording.runs()
    assert retrieved.content == {"query": "better q", "documents": [{"id": 1}]}
    assert prompted.content["llm_response"] == "hello"


def test_end_sets_the_output_of_the_run_type(make: Makers, recording: Recording) -> None:
    """`end(output=...)` fills documents, response or output; None is a value."""
    make.context("a").start().end(output=[1])
    make.prompt("b").start().end(output="text")
    make.tool_call("c").start().end(output=None)
    assert recording.run("a").content == {"documents": [1]}
    assert recording.run("b").content["llm_response"] == "text"
    assert recording.run("c").content == {"output": None}


def test_captured_arguments_can_be_read_in_the_call(make: Makers) -> None:
    """Inside a decorated call `current().input` gives what was captured."""

    @make.tool_call
    def tool(query: str, k: int = 5) -> Any:
        return current().input

    assert tool("x") == {"query": "x", "k": 5}


def test_set_writes_content_keys_or_attributes(make: Makers, recording: Recording) -> None:
    """A key of the run type's content goes there, any other is an attribute."""
    with make.prompt("engage") as span:
        span.set("action", "call_tool")
        span.set("llm_model", "gpt-5")
        span.set("colour", {"r": 1})
    with make.tool_call("tool") as tool:
        tool.set("tool_name", "search")
        tool.set("action", "an attribute here")
    prompt, tooled = recording.runs()
    assert prompt.content == {"prompt_type": "engage", "action": "call_tool", "llm_model": "gpt-5"}
    assert prompt.attributes == {"colour": {"r": 1}}
    assert tooled.content == {"tool_name": "search"}
    assert tooled.attributes == {"action": "an attribute here"}


@pytest.mark.parametrize("key", ["state_name", "prompt_type"])
def test_what_prompts_are_found_by_is_in_the_envelope_when_set_late(
    make: Makers, recording: Recording, key: str
) -> None:
    """A state or type that is set on an open prompt is what the record is filtered by."""
    with make.prompt("engage") as span:
        span.set(key, "late")
    assert recording.run().content[key] == "late"
    assert recording.run().envelope[key] == "late"


@pytest.mark.parametrize("key", ["state_name", "prompt_type"])
def test_what_prompts_are_found_by_is_in_the_envelope_when_an_argument(
    make: Makers, recording: Recording, key: str
) -> None:
    """A state or type that is an argument of a decorated prompt is what the record is filtered by."""

    @make.prompt
    def engage(state_name: str, prompt_type: str) -> None:
        pass

    engage(state_name="given", prompt_type="given")
    assert recording.run().content[key] == "given"
    assert recording.run().envelope[key] == "given"


def test_own_attributes_win_over_the_scopes(make: Makers, recording: Recording) -> None:
    """An attribute set on the span hides the inherited one, for that span only."""
    with make.scope(attributes={"widget_id": "outer", "kept": 1}), make.tool_call("a") as span:
        span.set("widget_id", "own")
        with make.tool_call("b"):
            pass
    assert recording.run("a").attributes == {"widget_id": "own", "kept": 1}
    assert recording.run("b").attributes == {"widget_id": "outer", "kept": 1}


def test_odd_attribute_keys_do_not_lose_the_record(make: Makers, recording: Recording) -> None:
    """Lone surrogates, NUL and keys that are no text are kept as text that JSON can hold."""
    with make.tool_call("tool") as span:
        span.set("a\ud800\0", 1)
        span.set(7, 2)  # type: ignore[arg-type]
    assert recording.run().attributes == {"a\\ud800\0": 1, "7": 2}
    assert recording.run().status == "success"


def test_usage_adds_up_by_key(make: Makers, recording: Recording) -> None:
    """Counts of several calls stand together; a count given again wins; cost is its own key."""
    with make.prompt("engage") as span:
        span.usage(812, 95)
        span.usage(output_tokens=100, cached_tokens=7)
        span.usage(cost=0.25)
    content = recording.run().content
    assert content["usage"] == {"input_tokens": 812, "output_tokens": 100, "cached_tokens": 7}
    assert content["cost"] == 0.25


def test_usage_copes_with_what_was_set_before(make: Makers, recording: Recording) -> None:
    """A usage that is no object does not make `usage(...)` raise into the program."""
    with make.prompt("engage") as span:
        span.set("usage", "unknown")
        span.usage(input_tokens=1)
    assert recording.run().status == "success"


def test_a_payload_is_an_object_or_its_fields(make: Makers, recording: Recording) -> None:
    """A payload is given whole, as fields, or both."""
    with make.tool_call("a") as span:
        span.payload({"x": 1}, y=2)
    with make.tool_call("b") as span:
        span.payload(value=1)
    with make.tool_call("c") as span:
        span.payload([1, 2])
    assert [run.content["payload"] for run in recording.runs()] == [{"x": 1, "y": 2}, {"value": 1}, [1, 2]]


def test_update_name_renames_the_run(make: Makers, recording: Recording) -> None:
    """The end has the new name; the ids stay."""
    with make.tool_call("old") as span:
        span.update_name("new")
    assert [one.name for one in recording.versions()] == ["old", "new"]
    assert len(recording.runs()) == 1


def test_too_much_content_is_cut_to_previews(make: Makers, recording: Recording) -> None:
    """A value beyond the bound becomes its size, its hash and a preview; the run stays within the bound."""
    recording.capture_with(limit=20_000)
    with make.tool_call("tool", input="x " * 50_000) as span:
        span.output = "small"
    run = recording.run()
    assert run.content["input"]["truncated"] is True
    assert run.content["output"] == "small"
    assert len(run.payload) < 20_000


def test_values_that_fit_alone_and_not_together_are_cut(make: Makers, recording: Recording) -> None:
    """The bound holds for the content of a run, not for each value."""
    recording.capture_with(limit=20_000)
    with make.tool_call("tool", input="x " * 8_000) as span:
        span.output = "y " * 7_000
        span.payload("small")
    run = recording.run()
    assert run.content["input"]["truncated"] is True
    assert run.content["payload"] == "small"
    assert len(run.payload) <= 20_500


# -- events --------------------------------------------------------------------------------------------------


def test_events_carry_their_span_and_data(make: Makers, recording: Recording) -> None:
    """Thinking and messages are records of their own, with time, turn, scope and the span they belong to."""
    with make.scope(session_id="s1"), make.master("turn") as turn:
        recording.clock.advance(2)
        turn.thinking("hm")
        turn.message("half-way")
        turn.message({"text": "more"}, role="user")
    thinking, output, message = recording.events()
    assert thinking == {
        "trace": turn.trace_id,
        "span": turn.span_id,
        "time": NOON_US + 2_000_000,
        "seq": thinking["seq"],
        "turn": NOON_US,
        "type": "thinking",
        "scope": {"session_id": "s1"},
        "data": {"content": "hm"},
    }
    assert (output["type"], output["data"]) == ("agent_output", {"content": "half-way"})
    assert (message["type"], message["data"]) == ("input_message", {"content": {"text": "more"}})


def test_an_event_of_a_known_session_is_written_once(make: Makers, recording: Recording) -> None:
    """Where the session is known there is nothing to add later."""
    with make.master("turn", session_id="s1") as turn:
        turn.thinking("hm")
    assert len(recording.events()) == 1


def test_an_event_before_the_session_is_known_is_written_again(make: Makers, recording: Recording) -> None:
    """The same event, with the session, follows at the span's end once the session became known."""
    with make.master("turn") as turn:
        turn.thinking("hm")
        with make.scope(session_id="s1"), make.tool_call("tool"):
            pass
    first, second = recording.events()
    assert "scope" not in first
    assert second["scope"] == {"session_id": "s1"}
    assert {**second, "scope": None} == {**first, "scope": None}


def test_a_childs_early_event_takes_the_roots_session(make: Makers, recording: Recording) -> None:
    """A session that another span brings in reaches the events of a child that is still open."""
    with make.master("turn"), make.tool_call("outer") as outer:
        outer.thinking("hm")
        with make.scope(session_id="s1"), make.tool_call("inner"):
            pass
    assert [event.get("scope") for event in recording.events()] == [None, {"session_id": "s1"}]


def test_an_event_whose_session_never_shows_is_written_once(make: Makers, recording: Recording) -> None:
    """Without a session there is nothing to write again."""
    with make.master("turn") as turn:
        turn.thinking("hm")
    assert len(recording.events()) == 1


def test_thinking_takes_what_it_is_given(make: Makers, recording: Recording) -> None:
    """What is no text becomes one, and what cannot become one does not raise into the program."""
    recording.recorder.strict = False
    with make.master("turn") as turn:
        turn.thinking(42)  # type: ignore[arg-type]
        turn.thinking(Unprintable())  # type: ignore[arg-type]
    assert recording.events()[0]["data"] == {"content": "42"}
    assert recording.run().status == "success"


# -- current -------------------------------------------------------------------------------------------------


def test_current_is_the_innermost_open_span(make: Makers) -> None:
    """Inside nested blocks `current()` is the innermost one, outside of all the no-op."""
    assert current() is NOOP
    with make.master("turn") as turn:
        assert current() is turn
        with make.tool_call("tool") as tool:
            assert current() is tool
        assert current() is turn
    assert current() is NOOP


def test_current_is_never_a_span_that_has_ended(make: Makers) -> None:
    """After an early end `current()` is the nearest ancestor that is open."""
    with make.master("turn") as turn, make.tool_call("tool") as tool:
        tool.end()
        assert current() is turn
        turn.end()
        assert current() is NOOP


def test_a_span_started_by_hand_is_not_current(make: Makers, recording: Recording) -> None:
    """`start()` does not make a span the current one; what follows is no child of it."""
    span = make.tool_call("manual").start()
    assert current() is NOOP
    with make.tool_call("other"):
        pass
    span.end()
    assert recording.tree() == [("manual", []), ("other", [])]


def test_the_no_op_span_takes_everything() -> None:
    """Outside of spans every call is allowed and nothing comes of it."""
    span = current()
    with span as same:
        assert same is NOOP
    span.input = span.output = span.documents = span.response = 1
    assert span.start() is span.pending() is span
    span.payload(a=1)
    span.usage(1, 2, cost=3.0)
    span.thinking("x")
    span.message("x")
    span.set("k", 1)
    span.set_attribute("k", 1)
    span.set_attributes({"k": 1})
    span.add_event("e")
    span.update_name("n")
    span.end(output=1, error="x")
    assert span.run_id == str(uuid.UUID(int=0))
    assert (span.trace_id, span.span_id, span.turn) == ("0" * 32, "0" * 16, 0)
    assert not span.get_span_context().is_valid
    assert not span.is_recording()
    assert current() is NOOP


def test_the_no_op_span_keeps_nothing() -> None:
    """The one no-op span of the process holds on to nothing that it was given."""

    class BrokenError(Exception):
        pass

    error, value = BrokenError("x"), BrokenError("y")
    known = weakref.ref(error), weakref.ref(value)
    current().record_exception(error)
    current().output = value
    current().set("k", value)
    del error, value
    assert [one() for one in known] == [None, None]


def test_the_no_op_span_decorates(make: Makers) -> None:
    """A decorator that is the no-op leaves the function's behaviour alone."""
    assert NOOP(lambda x: x + 1)(2) == 3


async def test_tasks_inherit_the_current_span(make: Makers, recording: Recording) -> None:
    """What tasks start is a child of the span in which the tasks were made; they do not see each other."""

    async def work(name: str) -> None:
        with make.tool_call(name) as span:
            await asyncio.sleep(0)
            assert current() is span
            with make.context(f"{name}_retrieve"):
                await asyncio.sleep(0)

    with make.master("turn") as turn:
        await asyncio.gather(*(work(name) for name in "abc"))
        assert current() is turn
    assert recording.tree() == [("turn", [(name, [(f"{name}_retrieve", [])]) for name in "abc"])]


def test_threads_of_ones_own_start_new_traces(make: Makers, recording: Recording) -> None:
    """A thread without `wrap` knows nothing of the spans around it."""

    def work() -> None:
        assert current() is NOOP
        with make.master("inside"):
            pass

    with make.master("outside"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert recording.tree() == [("outside", []), ("inside", [])]
    assert len({run.trace_id for run in recording.runs()}) == 2


def test_many_threads_record_at_once(make: Makers, recording: Recording) -> None:
    """Spans of several threads do not mix, and no two records share a sequence number."""

    def work(number: int) -> None:
        for _ in range(20):
            with make.master(f"turn{number}"), make.tool_call(f"tool{number}"):
                pass

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tree = recording.tree()
    assert sorted(tree) == sorted((f"turn{n}", [(f"tool{n}", [])]) for n in range(4) for _ in range(20))
    sequences = [number for run in recording.runs() for number in (run.record.seq, run.record.end_seq)]
    assert len(set(sequences)) == 320
